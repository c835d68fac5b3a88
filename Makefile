# `make help` lists the targets. Everything that needs packages sets them up by itself.

PYTHON ?= python3
STORE ?= sqlite:///jobs.db
# What the store of deploy, health, backup, restore and monitor is for, and their settings.
ENVIRONMENT ?= development
CONFIG ?= $(wildcard deploy/$(ENVIRONMENT)/config.yaml)
# Postings in the store that benchmarks measure.
SCALE ?= 100000
# The figures that benchmarks are held to, and how many runs they are made of.
BASE ?= benchmarks/baseline.json
RUNS ?= 10
# Processes that run tests side by side: one more than two processors keep busy, since tests wait
# for disks and for processes.
WORKERS ?= 3
# How long each of torture, soak and fuzz takes, and what their choices follow from.
MINUTES ?= 5
SEED ?=

# The folder with the programs of another PostgreSQL server.
POSTGRES ?= /usr/lib/postgresql/15/bin

VENV := .venv
BIN := $(VENV)/bin
PIP := PIP_CONSTRAINT=constraints.txt PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/python -m pip install --quiet --editable
READY := $(VENV)/.ready

# What was asked for is passed on even if it is empty, as from a variable that is not set: then it
# is refused. A STORE that was asked for goes before that of CONFIG.
asked = $(filter-out undefined file,$(origin $(1)))
OPERATED := $(if $(CONFIG)$(call asked,CONFIG),--config '$(CONFIG)') $(if $(call asked,STORE),--store '$(STORE)')

.DEFAULT_GOAL := help
.PHONY: help setup demo test coverage test-postgres test-postgres-15 test-partitioned test-browser test-cluster check
.PHONY: migrate rollback migrate-status deploy health backup restore monitor
.PHONY: bench bench-compare bench-baseline bench-smoke bench-postgres bench-growth
.PHONY: torture soak fuzz clean

help: ## list the targets
	@sed -n 's/^\([a-z0-9-]*\):[^#]*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

setup: $(READY) ## make .venv and install jobstore and its tools into it

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("jobstore needs Python 3.11 or newer; say PYTHON=...") if sys.version_info < (3, 11) else 0'
	$(PYTHON) -m venv $(VENV)
	$(PIP) '.[dev]'
	@touch $@

demo: $(READY) ## a tour on made-up postings: search, latencies, an alert, a backup and its restore
	@$(BIN)/jobstore demo --auto

test: $(READY) ## run the whole test suite
	$(BIN)/python -m pytest --numprocesses=$(WORKERS) --dist=worksteal

coverage: $(READY) ## the same, and measure what it reaches; fails below 95% of lines and branches
	$(BIN)/python -m pytest --numprocesses=$(WORKERS) --dist=worksteal --cov --cov-report=term

test-postgres: $(READY) ## run the tests that need a PostgreSQL server, which they start
	$(BIN)/python -m pytest --numprocesses=$(WORKERS) --dist=worksteal -k postgres

test-postgres-15: ## the same on the server of Debian 12 (package postgresql-15), or on that in POSTGRES
	JOBSTORE_TEST_POSTGRES_BIN='$(POSTGRES)' $(MAKE) test-postgres

test-partitioned: $(READY) ## run the contract suite on PostgreSQL with its large tables in partitions
	JOBSTORE_TEST_POSTGRES_PARTITIONS=4 $(BIN)/python -m pytest --numprocesses=$(WORKERS) -k postgresql tests/contract

test-browser: $(READY) ## look at the page in Chromium (Debian's chromium and chromium-driver)
	$(BIN)/python -m pytest tests/service/browser

test-cluster: $(READY) ## kill, freeze and cut off servers under 100 writers; see README for packages
	$(BIN)/python -m tests.cluster

check: $(READY) ## lint, types, import layers, security scan
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict jobstore
	$(BIN)/lint-imports
	$(BIN)/bandit --quiet --recursive --configfile pyproject.toml jobstore
	.ci/traces

migrate: $(READY) ## bring the schema of STORE up to date
	$(BIN)/jobstore migrate up --store '$(STORE)'

rollback: $(READY) ## take back the last migration of STORE, after a backup; YES=1 does not ask
	$(BIN)/jobstore migrate down --store '$(STORE)' $(if $(YES),--yes)

migrate-status: $(READY) ## show the migrations of STORE
	$(BIN)/jobstore migrate status --store '$(STORE)'

deploy: $(READY) ## deploy to ENVIRONMENT (development, staging, production) as CONFIG says
	$(BIN)/jobstore deploy --environment '$(ENVIRONMENT)' $(OPERATED)

health: $(READY) ## look how well the store of ENVIRONMENT is
	$(BIN)/jobstore health $(OPERATED)

backup: $(READY) ## back up the store of ENVIRONMENT
	$(BIN)/jobstore backup create $(OPERATED)

restore: $(READY) ## restore the newest backup, or NAME, to the new file TO
	$(BIN)/jobstore restore $(if $(call asked,NAME),'$(NAME)') $(if $(call asked,TO),--to '$(TO)') $(OPERATED)

monitor: $(READY) ## watch what goes on in the store of ENVIRONMENT
	$(BIN)/jobstore monitor $(OPERATED)

bench: $(READY) ## measure speed at SCALE postings; fails when a promise or a figure of BASE does
	$(BIN)/python -m benchmarks run --scale $(SCALE) --base '$(BASE)'

bench-compare: $(READY) ## measure what BASE holds; it may be the JSON file of an earlier run, too
	$(BIN)/python -m benchmarks compare --base '$(BASE)'

bench-baseline: $(READY) ## make the figures of SCALE in BASE anew, of RUNS runs on a quiet machine
	$(BIN)/python -m benchmarks baseline --scale $(SCALE) --runs $(RUNS) --base '$(BASE)'

bench-smoke: $(READY) ## see that all measuring works, and judge no time
	$(BIN)/python -m benchmarks run --scale 10000 --rounds 1 --unjudged
	$(BIN)/python -m benchmarks beside --scale 10000 --rounds 1 --unjudged --only "title search"
	$(BIN)/python -m benchmarks waits --scale 10000 --short

bench-postgres: $(READY) ## measure PostgreSQL at SCALE beside bare psycopg and SQLAlchemy, on a server of its own
	$(BIN)/python -m pip install --quiet -c constraints.txt 'sqlalchemy[asyncio]>=2.0'
	$(BIN)/python -m benchmarks postgres --scale $(SCALE) --rounds 3

bench-growth: $(READY) ## bytes, copies and partitions of a PostgreSQL store as it grows
	$(BIN)/python -m benchmarks.growth

torture: $(READY) ## bad days for MINUTES, from SEED: kills, power cuts, faults, flips; see CONTRIBUTING
	$(BIN)/python -m tests.torture --minutes $(MINUTES) $(if $(SEED),--seed '$(SEED)')

soak: $(READY) ## work for MINUTES and draw memory, descriptors, threads, WAL and p99 over time
	$(BIN)/python -m tests.soak --minutes $(MINUTES)

fuzz: $(READY) ## hand in what nobody would write, for MINUTES, from SEED
	$(BIN)/python -m tests.fuzz --minutes $(MINUTES) $(if $(SEED),--seed '$(SEED)')

clean: ## remove .venv, caches and build products
	rm -rf $(VENV) build dist htmlcov .coverage .coverage.* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
