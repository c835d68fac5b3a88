"""The references on health, monitoring, alerts and maintenance: every command of them runs.

What their tables say is what there is.
"""

from __future__ import annotations

import json
import re
import runpy
import shlex
import shutil
import time
from functools import partial
from pathlib import Path

import pytest

from jobstore.operations import health
from jobstore.operations.alerts.delivering import send_once
from jobstore.operations.alerts.notifications import Notification
from jobstore.operations.logs import LOGS
from jobstore.operations.monitoring import reading
from jobstore.operations.monitoring.history import DAY
from jobstore.settings.alerting import DEFAULT_RULES
from jobstore.settings.loading import load
from jobstore.settings.sections import Settings
from tests.contract.cli.commands import answer, run, said
from tests.operations.backups import new_keys
from tests.operations.damaging import tamper
from tests.operations.guides import PATIENT, Machine, blocks
from tests.operations.receivers import webhook
from tests.operations.watching import settings_for

# The command has no thread when it forks; the process of the tests has some.
pytestmark = pytest.mark.filterwarnings(
    "ignore:This process .* is multi-threaded:DeprecationWarning"
)

SECRET = "a secret of the webhook"

# Whatever the disk of this machine has, and however quick an operation is.
QUIET = PATIENT | {
    "JOBSTORE_URL": "sqlite:///jobs.db",
    "JOBSTORE_ALERTS__RULES": '[{"name": "disk-free", "enabled": false}]',
    "JOBSTORE_LOGGING__SLOW_MS": "0.001",
    "COLUMNS": "120",
}


@pytest.fixture(scope="module")
def prepared(
    tmp_path_factory: pytest.TempPathFactory, repository: Path, quick_jobstore: Path
) -> Path:
    """A folder with a store that was used, backed up and watched."""
    folder = tmp_path_factory.mktemp("prepared")
    shutil.copy(repository / "examples/postings.jsonl", folder)
    done = Machine(folder / "machine", repository, quick_jobstore).run(
        "export JOBSTORE_MONITORING__ENABLED=true\n"
        "jobstore import --quiet postings.jsonl\n"
        "jobstore backup create --quiet\n"
        "jobstore backup verify --restore --quiet\n"
        "jobstore search engineer --json > /dev/null\n"
        "jobstore alerts check --quiet\n",
        folder,
        **QUIET,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return folder


@pytest.fixture
def folder(prepared: Path, tmp_path: Path) -> Path:
    """The same for one test."""
    copy = tmp_path / "here"
    shutil.copytree(prepared, copy)
    return copy


@pytest.fixture
def machine(tmp_path: Path, repository: Path, quick_jobstore: Path) -> Machine:
    return Machine(tmp_path / "machine", repository, quick_jobstore)


def page_of(repository: Path, name: str) -> Path:
    return repository / "docs" / f"{name}.md"


def commands(page: Path) -> str:
    """Return all commands of a page, each once, without what is said of them."""
    lines = "".join(text for _, text in blocks(page)).splitlines()
    return "\n".join(dict.fromkeys(line.partition(" # ")[0].strip() for line in lines))


def rows(page: Path, heading: str) -> list[list[str]]:
    """Return the cells of the table that follows a heading."""
    text = page.read_text(encoding="utf-8").split(f"\n{heading}\n", 1)[1]
    table = re.search(r"(?:^\|.*\n)+", text, re.MULTILINE)
    assert table
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in table[0].splitlines()[2:]]


def names(cells: list[str]) -> list[str]:
    return [name for cell in cells for name in re.findall(r"`([^`]+)`", cell)]


def code(page: Path, language: str) -> list[str]:
    pattern = rf"^```{language}\n(.*?)^```"
    return re.findall(pattern, page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def test_the_table_of_checks_has_those_that_there_are(
    machine: Machine, folder: Path, repository: Path
) -> None:
    done = machine.run("jobstore health --json", folder, **QUIET)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["status"] == "pass"
    told = names([row[0] for row in rows(page_of(repository, "health"), "## Checks")])
    assert sorted(told) == sorted(report["checks"])
    helped = run("health", "--help").stdout
    assert all(f'"{name}"' in helped for name in report)


def test_what_is_run_as_a_probe_is_alive_and_says_so(
    machine: Machine, folder: Path, repository: Path
) -> None:
    # In a table the bar of the shell has a backslash before it.
    text = page_of(repository, "health").read_text(encoding="utf-8").replace("\\|", "|")
    probes = re.findall(r"jobstore health --quiet .+?\|\| \[ \$\? -eq 1 \]", text)
    assert len(probes) == 3
    assert {*re.findall(r"--only ([a-z-]+)", text)} <= {*health.COMPONENTS}
    # A warning is alive, what fails is not.
    warned = QUIET | {"JOBSTORE_HEALTH__DISK_WARN_PERCENT": "100"}
    failed = warned | {"JOBSTORE_HEALTH__DISK_FAIL_PERCENT": "100"}
    assert machine.run(probes[0], folder, **warned).returncode == 0
    assert machine.run(probes[0], folder, **failed).returncode != 0


def test_every_command_about_monitoring(
    machine: Machine, folder: Path, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = page_of(repository, "monitoring")
    picture, _, others = commands(page).partition("\n")
    done = machine.run(f"{others}\njobstore monitor trend --json\n", folder, **QUIET)
    assert done.returncode == 0, done.stderr
    assert "Nothing was recorded" not in done.stdout
    # However long ago the store was used: here the picture is one of a day.
    monkeypatch.setattr(reading, "frame", partial(reading.frame, window=DAY))
    monkeypatch.chdir(folder)
    for name, value in QUIET.items():
        monkeypatch.setenv(name, value)
    _, *arguments = shlex.split(picture)
    told = run(*arguments).stdout
    assert told.count(" operations/s ") == 1
    assert "Nobody records" not in told
    assert (folder / "trend.svg").read_text().startswith("<svg ")
    exposed = (folder / "jobstore.prom").read_text()
    metrics = names([row[0] for row in rows(page, "## Metrics")])
    assert {*metrics} == {*re.findall(r"^# TYPE (\S+) ", exposed, re.MULTILINE)}
    assert answer(*arguments)["at"].endswith("Z")
    (trend,) = (json.loads(line) for line in done.stdout.splitlines() if line.startswith("{"))
    helped = run("monitor", "trend", "--help").stdout
    assert all(f'"{name}"' in helped for name in (*trend, *trend["points"][0]))


def test_every_command_about_alerts(
    machine: Machine, folder: Path, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    for name, value in QUIET.items():
        monkeypatch.setenv(name, value)
    told = ""
    for line in commands(page_of(repository, "alerts")).splitlines():
        # In this process, which is quicker than starting one for each.
        if line.startswith("jobstore "):
            done = run(*shlex.split(line)[1:])
            assert done.exit_code == 0, f"{line}: {said(done)}"
            told += done.stdout + done.stderr
        else:
            other = machine.run(line, folder)
            assert other.returncode == 0, f"{line}: {other.stderr}"
            told += other.stdout
    assert "shape=" in told
    assert "gives the store back: 500 postings" in told


def test_the_table_of_rules_is_what_they_are_by_default(repository: Path) -> None:
    page = page_of(repository, "alerts")
    found = {names(row[:1])[0]: row for row in rows(page, "## The rules")}
    assert [*found] == [rule["name"] for rule in DEFAULT_RULES]
    for rule in DEFAULT_RULES:
        _, raised, over, severity = found[rule["name"]]
        if rule["measure"] == "checks":
            words = {"warn": "warns", "fail": "fails"}[rule.get("verdict", "fail")]
            assert f" {words}" in raised
            assert all(each in raised for each in rule.get("checks", ()))
        elif rule["measure"] == "closed_applications":
            assert f" {rule['above']} " in raised
        else:
            assert f" {rule['above']} " in raised
            assert f" {rule['clear']} " in over
            assert (rule["window_minutes"], rule["min_count"]) == (5, 20)
        assert severity == rule.get("severity", "warning")
    # What the head of the table says of all, and the text of those about traffic.
    text = page.read_text(encoding="utf-8")
    assert "of 5 minutes and at least 20 operations" in " ".join(text.split())
    evaluated = Settings().alerts.rules
    assert {(each.for_minutes, each.clear_minutes) for each in evaluated} == {(2, 5)}


@pytest.mark.parametrize("rule", [each["name"] for each in DEFAULT_RULES])
def test_every_alert_has_what_to_do(rule: str, repository: Path) -> None:
    text = page_of(repository, "alerts").read_text(encoding="utf-8").split("\n## What to do\n")[1]
    heading = rf"^### (?:[\w-]+, )*{rule}(?:, [\w-]+)*\n"
    section = re.search(heading + r"(.*?)(?=^### |\Z)", text, re.DOTALL | re.MULTILINE)
    assert section
    first = re.search(r"^```sh\n(jobstore|df) ", section[1], re.MULTILINE)
    assert first, "no command to begin with"


def test_the_check_of_every_failing_check_is_told(repository: Path) -> None:
    told = names([row[0] for row in rows(page_of(repository, "alerts"), "### health-failing")])
    checks = rows(page_of(repository, "health"), "## Checks")
    failing = [name for row in checks if row[-1] for name in names(row[:1])]
    assert "store:responseTime" in failing
    for name in failing:
        assert name in told or f"{name.partition(':')[0]}:..." in told


def test_what_the_configuration_for_production_suggests_is_right(
    repository: Path, tmp_path: Path
) -> None:
    text = (repository / "deploy/production/config.yaml").read_text(encoding="utf-8")
    file = tmp_path / "config.yaml"
    key = new_keys(tmp_path / "key.txt").public
    file.write_text(re.sub(r"^( *)#(?! \S)", r"\1", text, flags=re.M).replace("age1...", key))
    secrets = {"ALERT_WEBHOOK_URL": "https://example.com/x", "ALERT_WEBHOOK_SECRET": SECRET}
    given = load(file, environment=secrets | {"SMTP_PASSWORD": "p"}).settings
    assert given.backup.recipients == (key,)
    assert len(given.backup.places) == len(given.backup.place_options) == 2
    assert [rule.above for rule in given.alerts.rules if rule.name == "latency-warning"] == [40]
    assert [sink.type for sink in given.alerts.sinks] == ["log", "webhook", "email"]


def test_a_webhook_knows_what_is_genuine_as_the_example_does(
    repository: Path, tmp_path: Path
) -> None:
    example = runpy.run_path(str(repository / "examples/alert_receiver.py"))
    is_genuine = example["is_genuine"]
    with webhook() as receiver:
        sink = {"type": "webhook", "url": receiver.url, "secret": SECRET}
        settings = settings_for(tmp_path, alerts={"sinks": [sink]})
        for at in (time.time(), time.time() - 3600):
            test = Notification.of("test", at, "This is a test.")
            assert [each.error for each in send_once(settings, ["webhook"], test, at)] == [None]
    fresh, old = receiver.headers
    body = receiver.bodies[0]
    assert is_genuine(SECRET, fresh, body)
    assert not is_genuine(SECRET, old, receiver.bodies[1])
    assert not is_genuine("another", fresh, body)
    assert not is_genuine(SECRET, fresh, body.replace(b"test", b"fire"))
    assert not is_genuine(SECRET, {}, body)
    assert {*json.loads(body)} <= {*re.findall(r"``(\w+)``", example["__doc__"])}


def test_every_command_about_maintenance(machine: Machine, folder: Path, repository: Path) -> None:
    page = page_of(repository, "maintenance")
    examine, repair, join, aside, vacuum = [text for _, text in blocks(page)]
    done = machine.run(examine, folder, **QUIET)
    assert done.returncode == 0, done.stderr
    found = {each["name"] for each in json.loads(done.stdout)["findings"]}
    told = {*names([row[1] for row in rows(page, "## Examining")])}
    assert told - {"quick_check", "integrity_check"} == found

    tamper(folder / "jobs.db", "UPDATE counter SET amount = amount + 1 WHERE kind = 'total'")
    assert machine.run(examine, folder, **QUIET).returncode == 1
    done = machine.run(repair, folder, **QUIET)
    assert done.returncode == 0, done.stderr
    assert "Recounted the counters." in done.stdout
    assert len([*folder.glob("jobs.db.before-repair-*")]) == 1

    done = machine.run(join, folder, **QUIET)
    assert done.returncode == 0, done.stderr

    left = aside.split("sqlite:///")[1].strip()
    shutil.copyfile(folder / "jobs.db", folder / left)
    done = machine.run(aside, folder, **QUIET)
    assert done.returncode == 0, done.stderr

    done = machine.run(vacuum, folder, **QUIET)
    assert done.returncode == 0, done.stderr
    assert '"waiting": false' in done.stdout
    assert {*re.findall(r"`(\w+)\.log`", page.read_text())} == {*LOGS}
