"""The command that serves a store to agents and people."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from jobstore.cli.calling import Call, takes_call
from jobstore.cli.output import complain

if TYPE_CHECKING:
    from jobstore.settings.sections import Settings


@contextmanager
def the_extra() -> Iterator[None]:
    """Say what to install where the block imports what is not there. Raises JobStoreError."""
    from jobstore.errors import JobStoreError

    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        raise JobStoreError(
            f"The service needs {package}; install it: pip install 'jobstore[service]'."
        ) from None


@partial(takes_call, json=False)
def serve(
    call: Call,
    host: Annotated[
        str | None, typer.Option("--host", metavar="HOST", help="Listen there [service.host].")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option("--port", metavar="PORT", help="On that port; 0: a free one [service.port]."),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option("--workers", metavar="N", help="In N processes [service.workers]."),
    ] = None,
    root_path: Annotated[
        str | None,
        typer.Option(
            "--root-path",
            metavar="PATH",
            help="The path that a proxy takes off, such as /jobs [service.root_path].",
        ),
    ] = None,
    allow_writes: Annotated[
        bool,
        typer.Option(
            "--allow-writes", metavar="", help="Agents whose token allows it may write over MCP."
        ),
    ] = False,
) -> None:
    """Serve the store over HTTP: REST below /v1, MCP at /mcp, and a page.

    Listens on this machine alone, unless the settings say otherwise (section service). Ends at
    Ctrl-C or SIGTERM, after what it accepted is answered; the second one ends it at once. SIGHUP
    reads the settings and certificates again, and replaces the workers.
    """
    with the_extra():
        from jobstore.service.serving import serve

    flags = {"host": host, "port": port, "workers": workers, "root_path": root_path}
    flags["mcp_writes"] = allow_writes or None
    call.flags = {f"service.{name}": value for name, value in flags.items()}

    def load() -> Settings:
        return call.load().settings

    with call.operating():
        serve(load, call.say, complain)
