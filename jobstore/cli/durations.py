"""Lengths of time as people write them: ``90m``, ``24h``, ``7d``, ``10 minutes ago``."""

from __future__ import annotations

import re

import typer

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
_WRITTEN = re.compile(r"(\d{1,9})([smhdw])")
_AGO = re.compile(
    r"(\d{1,9}) ?(s|sec|seconds?|m|min|minutes?|h|hours?|d|days?|w|weeks?) ago", re.ASCII
)
_LONGEST = 100 * 366 * 86_400


def read_duration(text: str, option: str) -> int:
    """Return the seconds that ``text`` says; without any the command ends as wrong usage."""
    found = _WRITTEN.fullmatch(text.strip().lower())
    seconds = int(found[1]) * _UNITS[found[2]] if found else 0
    if not 0 < seconds <= _LONGEST:
        raise typer.BadParameter(
            "write a number and s, m, h, d or w: 90m, 24h, 7d", param_hint=option
        )
    return seconds


def seconds_ago(text: str) -> int | None:
    """Return how many seconds ago ``10 minutes ago`` or ``90s ago`` is; ``None`` for others."""
    found = _AGO.fullmatch(" ".join(text.lower().split()))
    if found is None:
        return None
    seconds = int(found[1]) * _UNITS[found[2][0]]
    return seconds if seconds <= _LONGEST else None
