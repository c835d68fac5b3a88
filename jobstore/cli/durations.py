"""Lengths of time as people write them: ``90m``, ``24h``, ``7d``."""

from __future__ import annotations

import re

import typer

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
_WRITTEN = re.compile(r"(\d{1,9})([smhdw])")
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
