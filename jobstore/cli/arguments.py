"""The rule for every argument and option of every command: it is not empty, and it is UTF-8.

A shell makes an empty argument of a variable that is not set. Nobody means that, and it might be
taken for no limit, the current folder or everything. It is refused here, before any command sees
it.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import typer

from jobstore.settings import is_utf8

_EMPTY = "must not be empty; leave it out, or see whether a variable of the shell is not set"
_NOT_UTF8 = "is not UTF-8; write it in UTF-8, or give the file another name"


def strict(command: Any) -> None:
    """Make a command, and all below it, refuse arguments that are empty, blank or not UTF-8.

    Only typed ones: an empty variable of the environment counts as not set.
    """
    for parameter in command.params:
        parameter.consume_value = partial(_consumed, parameter.consume_value)
    for below in getattr(command, "commands", {}).values():
        strict(below)


def _consumed(consume: Any, ctx: Any, opts: Any) -> Any:
    value, source = consume(ctx, opts)
    for text in value if isinstance(value, list | tuple) else (value,):
        if isinstance(text, str):
            if not text.strip() and source.name == "COMMANDLINE":
                raise typer.BadParameter(_EMPTY)
            if not is_utf8(text):
                raise typer.BadParameter(_NOT_UTF8)
    return value, source
