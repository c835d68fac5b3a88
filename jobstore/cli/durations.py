"""Times and lengths of time as people write them: ``90m``, ``7d``, ``10 minutes ago``."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime

import typer

from jobstore.moments import iso

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
_WRITTEN = re.compile(r"(\d{1,9})([smhdw])")
_AGO = re.compile(
    r"(\d{1,9}) ?(s|sec|seconds?|m|min|minutes?|h|hours?|d|days?|w|weeks?) ago", re.ASCII
)
_LONGEST = 100 * 366 * 86_400


def read_duration(text: str, option: str, otherwise: str = "") -> int:
    """Return the seconds that ``text`` says; without any the command ends as wrong usage.

    ``otherwise`` is a word that the option takes as well.
    """
    found = _WRITTEN.fullmatch(text.strip().lower())
    if found is None:
        reason = "write a number and s, m, h, d or w: 90m, 24h, 7d"
        raise typer.BadParameter(
            reason + (f", or {otherwise}" if otherwise else ""), param_hint=option
        )
    seconds = int(found[1]) * _UNITS[found[2]]
    if not 0 < seconds <= _LONGEST:
        raise typer.BadParameter(
            f"{text.strip()} is out of range: 1s to {_LONGEST // 86_400}d", param_hint=option
        )
    return seconds


def read_second(text: str, say: Callable[[str], object]) -> int | None:
    """Return the Unix second that ``--at`` says, ``None`` for ``latest``.

    ``say`` is told where a fraction was cut off. Without any the command ends as wrong usage.
    """
    words = " ".join(text.lower().split())
    if words == "latest":
        return None
    if found := _AGO.fullmatch(words):
        seconds = int(found[1]) * _UNITS[found[2][0]]
        if seconds <= _LONGEST:
            return math.floor(time.time()) - seconds
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise typer.BadParameter(
            "write a time as 2026-03-01T12:00:00, '10 minutes ago', or latest", param_hint="--at"
        ) from None
    if not 1970 <= moment.year <= 9000:
        raise typer.BadParameter("write a time from 1970 on", param_hint="--at")
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    if moment.microsecond:
        moment = moment.replace(microsecond=0)
        say(f"Moments are whole seconds: {iso(moment)} is taken.")
    return math.floor(moment.timestamp())
