"""Runs commands in the process of the tests, and makes rows for them."""

from __future__ import annotations

import json
import re
from typing import Any

from typer.testing import CliRunner, Result

from jobstore.cli.main import app

DEMO = 500


def run(*arguments: str, stdin: str | bytes | None = None) -> Result:
    """Run a command; nothing it does may end in a traceback."""
    result = CliRunner().invoke(app, list(arguments), input=stdin)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert "Traceback" not in result.stderr
    return result


def answer(*arguments: str, stdin: str | bytes | None = None) -> Any:
    """Run a command that succeeds with ``--json``; return what it prints."""
    result = run(*arguments, "--json", stdin=stdin)
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def shown(result: Result) -> str:
    """What a command gave people, on one line."""
    return " ".join(result.stdout.split())


def said(result: Result) -> str:
    """What a command told people besides the name of the store, on one line, without frames."""
    return " ".join(unannounced(result.stderr).replace("│", " ").split())


def unannounced(told: str) -> str:
    """Return what people were told without the line that names the store and its environment."""
    announced = re.match(r"Store: \w+://[^\n]+ \((development|staging|production)\)\n", told)
    return told[announced.end() :] if announced else told


def posting(number: int, **fields: Any) -> dict[str, Any]:
    return {
        "source": "board",
        "source_job_id": str(number),
        "title": f"Engineer {number}",
        "company": "Acme",
    } | fields


def lines(*postings: Any) -> str:
    return "".join(json.dumps(each) + "\n" for each in postings)
