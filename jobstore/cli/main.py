"""The ``jobstore`` command itself: its groups, what it does about errors, its exit codes.

No command's work is done here.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import warnings
from asyncio import CancelledError
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from jobstore import wrong_values
from jobstore.cli import (
    agent,
    alerts,
    applying,
    archive,
    backup,
    config,
    copying,
    deleting,
    demo,
    deploy,
    doctor,
    drilling,
    duplicates,
    exporting,
    gone,
    health,
    history,
    importing,
    inspecting,
    mcp,
    migrate,
    monitor,
    restoring,
    run_due,
    runs,
    searches,
    searching,
    serve,
    tokens,
    vacuum,
)
from jobstore.cli.arguments import strict
from jobstore.cli.output import complain, guard, say
from jobstore.errors import InvalidQuery, InvalidSettings, JobStoreError

EXIT_CODES = """\
Exit codes: 0 done; 1 failed, interrupted, answered with no, a file could not be read, every row
of an import rejected, or nobody reads the output any more; 2 wrong usage, or --yes is missing
and nobody can be asked, or the settings are wrong.

A command's result goes to standard output, as JSON with --json; progress, questions, hints and
errors go to standard error.

Environment: JOBSTORE_URL is the store when --store is not given, JOBSTORE_CONFIG
the file of the settings, NO_COLOR turns colours off.
"""

# How typer ends when Ctrl-C comes while it reads the command line.
_INTERRUPTED = 130
# Groups, and the command that each is told beside: typer would list them behind all commands.
_BEFORE = {
    "duplicates": "apply",
    "searches": "watch",
    "monitor": "doctor",
    "alerts": "doctor",
    "backup": "restore",
    "archive": "restore",
    "migrate": "deploy",
    "config": "deploy",
    "deployments": "rollback",
}
# Commands whose arguments are the text of a search.
_TAKE_TEXT = ("search", "count", "export")


class Commands(TyperGroup):
    """The command group; whatever a command raises ends here, as one line and an exit code."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        strict(self)

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of all commands, those of one job beside each other."""
        names = [name for name in super().list_commands(ctx) if name not in _BEFORE]
        for group, command in _BEFORE.items():
            names.insert(names.index(command), group)
        return names

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            result = super().invoke(ctx)
            # Output that cannot be written is noticed here, not at the interpreter's exit.
            sys.stdout.flush()
        except (InvalidQuery, InvalidSettings) as error:
            _fail(ctx, str(error), 2)
        except JobStoreError as error:
            _fail(ctx, str(error), 1)
        except (KeyboardInterrupt, CancelledError):
            # asyncio forgets an interruption that comes while it begins: it cancels what it was to
            # run, and does not say why. One may also come between the making of a coroutine and
            # its first step.
            warnings.filterwarnings("ignore", "coroutine .* was never awaited", RuntimeWarning)
            _fail(ctx, "Interrupted.", 1)
        except BrokenPipeError:
            # The reader of the output has closed it.
            _abandon_output()
            raise typer.Exit(1) from None
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            _fail(ctx, f"{where}{error.strerror or error}", 1)
        except (typer.Exit, typer.Abort):
            raise
        except Exception as error:
            if _is_usage_error(error):
                _in_words(error)
                _hint(ctx, error)
                raise
            _fail(ctx, f"Unexpected {type(error).__name__}: {error} (jobstore --debug ...)", 1)
        return result


def _is_usage_error(error: Exception) -> bool:
    # typer carries a click of its own or uses the installed one; both name a code.
    return hasattr(error, "exit_code")


def _in_words(error: Any) -> None:
    """Let a usage error that pydantic found say what is wrong in our words, not in its."""
    if (errors := getattr(error.__cause__, "errors", None)) is not None:
        error.message = wrong_values.reasons(errors())


def _hint(ctx: Any, error: Any) -> None:
    """Tell how to exclude a word, if an unknown option looks like one."""
    option = getattr(error, "option_name", "--")
    if ctx.invoked_subcommand in _TAKE_TEXT and not option.startswith("--"):
        error.message += " (write -- before a text that begins with a dash)"


def _fail(ctx: Any, message: str, code: int) -> NoReturn:
    if ctx.params.get("debug"):
        import traceback

        say(traceback.format_exc())
    complain(message)
    raise typer.Exit(code) from None


def _abandon_output() -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def _version(wanted: bool) -> None:
    if wanted:
        from jobstore import __version__

        print(f"jobstore {__version__}")
        raise typer.Exit


app = typer.Typer(
    name="jobstore",
    cls=Commands,
    no_args_is_help=True,
    epilog=EXIT_CODES,
    add_completion=False,
    # Help without frames: it starts twice as fast, and errors of usage stay on one line.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def jobstore(
    debug: Annotated[
        bool, typer.Option("--debug", metavar="", help="Show tracebacks of errors.")
    ] = False,
    version: Annotated[
        bool,
        typer.Option(
            "--version", metavar="", callback=_version, is_eager=True, help="Show the version."
        ),
    ] = False,
) -> None:
    """Store job postings, search them, and pass them on."""


app.add_typer(migrate.app, name="migrate", help="Bring a store's schema up to date, or back.")
app.add_typer(config.app, name="config", help="Show and check the settings.")
app.add_typer(monitor.app, name="monitor")
app.add_typer(alerts.app, name="alerts", help="Show, evaluate, silence and test alerts.")
app.add_typer(
    duplicates.app, name="duplicates", help="Find postings that are one opening, and decide."
)
app.add_typer(backup.app, name="backup", help="Make, list, verify and prune backups.")
app.add_typer(
    archive.app, name="archive", help="The log of every write: how it stands, run it, stop it."
)
app.add_typer(tokens.app, name="tokens", help="Say who may ask the service, and how much.")
app.command("inspect")(inspecting.inspect)
app.command("import")(importing.import_)
app.command("search")(searching.search)
app.command("recent")(searching.recent)
app.command("show")(searching.show)
app.command("history")(history.history)
app.command("apply")(applying.apply)
app.command("applications")(applying.applications)
app.add_typer(searches.app, name="searches", help="Save searches, list and remove them.")
app.command("watch")(searches.watch)
app.command("count")(searching.count)
app.command("stats")(searching.stats)
app.command("export")(exporting.export)
app.command("copy")(copying.copy)
app.command("delete")(deleting.delete)
app.command("runs")(runs.runs)
app.command("gone")(gone.gone)
app.command("expire")(runs.expire)
app.command("prune")(history.prune)
app.command("health")(health.health)
app.command("doctor")(doctor.doctor)
app.command("vacuum")(vacuum.vacuum)
app.command("restore")(restoring.restore)
app.command("drill")(drilling.drill)
app.command("deploy")(deploy.deploy)
app.add_typer(deploy.app, name="deployments", help="List and show what was deployed when.")
app.command("rollback")(deploy.rollback)
app.command("run-due")(run_due.run_due)
app.command("agent")(agent.agent)
app.command("serve")(serve.serve)
app.command("mcp")(mcp.mcp)
app.command("demo")(demo.demo)


class _Told(logging.Handler):
    """Shows people what is logged."""

    def emit(self, record: logging.LogRecord) -> None:
        say(f"Warning: {record.getMessage()}")


def main() -> None:
    """Run the command line; the process ends with its exit code."""
    sys.unraisablehook = _unraisable
    try:
        guard()
        # Logs go into files; where a command writes none, they do not belong on the terminal.
        logging.getLogger("jobstore").addHandler(logging.NullHandler())
        # But whoever is there has to know that postings are missing.
        logging.getLogger("jobstore.sqlite").addHandler(_Told(logging.WARNING))
        app()
    except (KeyboardInterrupt, CancelledError):
        code: Any = _INTERRUPTED
    except SystemExit as ended:
        code = ended.code
    # Nothing is left that could be interrupted; the interpreter would say so at its end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # One inside of an exec, as dataclasses call it, would have the interpreter end by the signal
    # although it was answered; another exec makes it forget that.
    exec("")  # noqa: S102  # nosec B102
    if code == _INTERRUPTED:
        complain("Interrupted.")
        code = 1
    sys.exit(code)


def _unraisable(raised: sys.UnraisableHookArgs) -> None:
    """Interrupt again where an interruption came at a moment at which Python cannot raise it.

    Such as while an object is taken away: Python would tell of it, and go on.
    """
    if raised.exc_type is not KeyboardInterrupt:
        sys.__unraisablehook__(raised)
        return
    main_thread = threading.main_thread().ident or 0
    again = threading.Timer(0.01, signal.pthread_kill, (main_thread, signal.SIGINT))
    again.daemon = True
    again.start()
