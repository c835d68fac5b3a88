"""The commands about tokens: who may ask the service."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from jobstore.cli.calling import Call, takes_call
from jobstore.cli.durations import read_duration
from jobstore.cli.output import counted, fail_if, table
from jobstore.moments import for_people

app = typer.Typer(no_args_is_help=True)

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="What the token is called.")]


class ScopeOption(StrEnum):
    """What a token is good for."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


@app.command()
@takes_call
def create(
    call: Call,
    name: NameArgument,
    scope: Annotated[
        ScopeOption,
        typer.Option("--scope", metavar="SCOPE", help="read, write, or admin, who also deletes."),
    ] = ScopeOption.READ,
    expires: Annotated[
        str,
        typer.Option(
            "--expires", metavar="TIME", help="How long it is good, as 12h or 90d; or never."
        ),
    ] = "90d",
) -> None:
    """Make a token, and show it this once: only its hash is kept.

    Whoever sends it as "Authorization: Bearer TOKEN" may do what its scope says. No token can make
    another one. It is good for the service of this store: give the same --store or --config, in
    the same folder, as jobstore serve has.

    JSON: {"name", "scope", "token"}.
    """
    from jobstore.engines import is_there
    from jobstore.operations import tokens

    seconds = None if expires == "never" else read_duration(expires, "--expires", "never")
    text = tokens.create(call.settings.operations_db, name, scope.value, seconds)
    if not is_there(call.settings.store.address):
        call.say("There is no store there yet. Is it the one that is served?")
    call.say("Keep it now; it is not shown again.")
    call.give({"name": name, "scope": scope, "token": text}, text)


@app.command("list")
@takes_call
def list_(call: Call) -> None:
    """List the tokens: what each may do, until when, and when it was used last.

    JSON: {"tokens": [{"name", "scope", "made_at", "expires_at", "used_at"}]}.
    """
    from jobstore.operations import tokens

    found = [*tokens.tokens(call.settings.operations_db).values()]
    columns = ("Name", "Scope", "Made", "Expires", "Last used")

    def rows() -> list[tuple[str, ...]]:
        return [
            (
                each.name,
                each.scope,
                for_people(each.made_at),
                for_people(each.expires_at) if each.expires_at else "never",
                for_people(each.used_at) if each.used_at else "never",
            )
            for each in found
        ]

    call.give({"tokens": found}, lambda: table(columns, rows()) if found else "There is no token.")


@app.command()
@takes_call
def revoke(
    call: Call,
    names: Annotated[list[str], typer.Argument(metavar="NAME", help="What they are called.")],
) -> None:
    """Forget tokens: a running service refuses them within a second.

    JSON: {"revoked": [NAME]}.
    """
    from jobstore.operations import tokens

    path = call.settings.operations_db
    gone = {name: tokens.revoke(path, name) for name in names}
    revoked = [name for name, was in gone.items() if was]
    call.report({"revoked": revoked}, f"Revoked {counted(len(revoked), 'token')}.")
    fail_if(f"There is no token {name!r}." for name, was in gone.items() if not was)
