"""The command that serves a store to agents and people."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from jobstore.cli.calling import Call, takes_call


@partial(takes_call, json=False)
def serve(
    call: Call,
    allow_writes: Annotated[
        bool,
        typer.Option(
            "--allow-writes", metavar="", help="Agents whose token allows it may write over MCP."
        ),
    ] = False,
) -> None:
    """Serve the store over HTTP: REST below /v1, MCP at /mcp, and a page.

    Listens on this machine alone, unless the settings say otherwise (section service). Ends at
    Ctrl-C or SIGTERM, after what it accepted is answered.
    """
    from jobstore.service.serving import serve

    with call.operating() as settings:
        if allow_writes:
            service = settings.service.model_copy(update={"mcp_writes": True})
            settings = settings.model_copy(update={"service": service})
        where = f"http://{settings.service.host}:{settings.service.port}/"
        call.say(f"Serving {where} (Ctrl-C ends it).")
        serve(settings)
