"""What deploys the service holds together: each metric that is named exists, each file is read."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from jobstore.operations.figures import figures
from jobstore.settings.sections import Settings

_METRIC = re.compile(r"\bjobstore_[a-z_]+")


def _known(url: str) -> set[str]:
    text = figures(Settings.model_validate({"store": {"url": url}}))
    found = set()
    for name, kind in re.findall(r"^# TYPE (\S+) (\S+)", text, re.MULTILINE):
        endings = ("_bucket", "_sum", "_count") if kind == "histogram" else ("",)
        found |= {name + ending for ending in endings}
    return found


def _named(value: Any) -> set[str]:
    """Return the metrics in the expressions of rules or of a dashboard."""
    if isinstance(value, dict):
        texts = [each for name, each in value.items() if name in ("expr", "query")]
        own = {found for each in texts if isinstance(each, str) for found in _METRIC.findall(each)}
        return own.union(*map(_named, value.values()))
    return set().union(*map(_named, value)) if isinstance(value, list) else set()


def test_rules_and_dashboard_name_metrics_that_there_are(
    repository: Path, migrated_url: str
) -> None:
    known = _known(migrated_url)
    rules = yaml.safe_load((repository / "deploy/prometheus/jobstore.rules.yml").read_text())
    board = json.loads((repository / "deploy/grafana/jobstore.json").read_text())
    for named in (_named(rules), _named(board)):
        assert len(named) > 8
        assert named <= known
    recorded = {each["record"] for each in rules["groups"][0]["rules"] if "record" in each}
    used = re.findall(r"\bjobstore:[a-z_0-9:]+", json.dumps(rules))
    assert {*used} == recorded
    # Every panel is drawn from the store and the environment that were chosen.
    expressions = [each["expr"] for panel in board["panels"] for each in panel["targets"]]
    assert all("$store" in each and "$environment" in each for each in expressions)
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])


def test_alerts_lead_to_commands_and_pages_that_there_are(repository: Path) -> None:
    rules = yaml.safe_load((repository / "deploy/prometheus/jobstore.rules.yml").read_text())
    alerts = [each for each in rules["groups"][0]["rules"] if "alert" in each]
    assert all(each["annotations"].keys() == {"summary", "description"} for each in alerts)
    for page in re.findall(r"docs/\S+\.md", json.dumps(alerts)):
        assert (repository / page).exists()


@pytest.mark.parametrize("what", ["rules", "config"])
def test_prometheus_takes_its_files(what: str, repository: Path) -> None:
    tool = shutil.which("promtool")
    folder = repository / "deploy/prometheus"
    names = {"rules": "jobstore.rules.yml", "config": "prometheus.yml"}
    read = yaml.safe_load((folder / names[what]).read_text())
    assert read
    if tool is not None:
        done = subprocess.run(
            [tool, "check", what, names[what]], cwd=folder, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr


def test_containers_start_commands_that_there_are_on_files_that_are_sent(repository: Path) -> None:
    composed = yaml.safe_load((repository / "deploy/container/compose.yaml").read_text())
    ours = {name: each for name, each in composed["services"].items() if name != "postgres"}
    assert ours.keys() == {"migrate", "service", "agent"}
    for each in ours.values():
        assert each["image"] == "localhost/jobstore"
        assert each["build"]["dockerfile"] == "deploy/container/Containerfile"
        assert each["cap_drop"] == ["ALL"]
        command = [*each["command"], "--help"]
        done = subprocess.run(
            [sys.executable, "-m", "jobstore", *command], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        assert {volume.partition(":")[0] for volume in each["volumes"]} <= composed[
            "volumes"
        ].keys()
    built = (repository / "deploy/container/Containerfile").read_text()
    sent = set((repository / ".dockerignore").read_text().split())
    copied = re.findall(r"^COPY (?!--from)(.*)$", built, re.MULTILINE)
    for line in copied:
        *sources, _ = line.split()
        for source in sources:
            assert (repository / source).exists()
            assert f"!{source}" in sent
    # No step runs as root once the program is there.
    assert built.rindex("USER 10001") > built.rindex("RUN ")
