"""The command that speaks with an agent over standard input and output."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Annotated

import typer

from jobstore.cli.calling import Call, takes_call
from jobstore.cli.serve import the_extra


@partial(takes_call, json=False)
def mcp(
    call: Call,
    allow_writes: Annotated[
        bool,
        typer.Option(
            "--allow-writes",
            metavar="",
            help="Also let it keep applications, judge duplicates and store postings.",
        ),
    ] = False,
    as_text: Annotated[
        bool,
        typer.Option(
            "--as-text",
            metavar="",
            help="Answer with text, for programs that do not show structures to their model.",
        ),
    ] = False,
) -> None:
    """Serve the store to an agent on this machine, over standard input and output (MCP).

    An agent starts this command by itself; docs/agents.md has the settings of the usual ones. It
    ends with its input.
    """
    with the_extra():
        from jobstore.service.mcp.standard import serve

    with call.operating() as settings:
        asyncio.run(serve(settings, allow_writes=allow_writes, as_text=as_text))
