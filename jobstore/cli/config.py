"""``jobstore config``: the settings that hold, and whether a configuration is right.

Talks to people and programs; reading and checking is in :mod:`jobstore.settings.loading`, which
is imported when a command runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from jobstore.cli.calling import Call, takes_call
from jobstore.cli.common import JsonOption
from jobstore.cli.output import complain, counted, print_json, table
from jobstore.json_text import to_json

if TYPE_CHECKING:
    from jobstore.settings.loading import Loaded
    from jobstore.settings.sections import Settings

app = typer.Typer(no_args_is_help=True)


@app.command()
@takes_call
def show(call: Call) -> None:
    """Show the settings that hold, and where each of them comes from; no secret is shown.

    Later ones win: defaults, the YAML file, .env, the environment, flags.

    JSON: {"environment", "files", "settings": [{"name", "value", "origin", "where",
    "variable"}]}; origin is default, file, dotenv, environment or flag.
    """
    from jobstore.settings import reference

    loaded = call.loaded
    values = _values(loaded.settings)
    found = [(key, values[key.name], loaded.origins[key.name]) for key in reference.all_keys()]
    settings = [
        {"name": key.name, "value": value, "variable": key.variable}
        | {"origin": origin.kind, "where": origin.where}
        for key, value, origin in found
    ]
    rows = [
        (key.name, (_words(value), style), (origin.where, style))
        for key, value, origin in found
        for style in ["dim" if origin.kind == "default" else ""]
    ]
    answer = _head(loaded) | {"settings": settings}
    call.give(answer, lambda: table(["setting", "value", "from"], rows))


@app.command()
@takes_call
def check(call: Call) -> None:
    """Check the settings: every key, type and range, in all the places they come from.

    The exit code is 2 when something is wrong; a warning leaves it at 0.

    JSON: {"ok", "faults": [{"field", "reason"}], "warnings", "environment", "files"}; without
    the last two when something is wrong.
    """
    from jobstore.errors import InvalidSettings

    try:
        loaded = call.loaded
    except InvalidSettings as error:
        if call.json:
            faults = [{"field": each.field, "reason": each.reason} for each in error.faults]
            print_json({"ok": False, "faults": faults, "warnings": []})
        else:
            for fault in error.faults:
                complain(str(fault))
        raise typer.Exit(2) from None
    warnings = [*_warnings(loaded)]
    for warning in warnings:
        call.say(f"Warning: {warning}")
    own = sum(origin.kind != "default" for origin in loaded.origins.values())
    read = " and ".join(map(str, loaded.files)) or "no file"
    made = f"{loaded.settings.environment}, {counted(own, 'setting')} given, {read} read"
    answer = {"ok": True, "faults": [], "warnings": warnings} | _head(loaded)
    call.report(answer, f"The settings are right: {made}.")


@app.command()
def keys(json: JsonOption = False) -> None:
    """List all settings with what is allowed, as Markdown on standard output.

    JSON: {"settings": [{"name", "variable", "allowed", "meaning"}]}.
    """
    from jobstore.settings import reference

    if not json:
        return print(reference.markdown(), end="")
    listed = [
        {"name": key.name, "variable": key.variable}
        | {"allowed": key.allowed, "meaning": key.meaning}
        for key in reference.all_keys()
    ]
    return print_json({"settings": listed})


def _head(loaded: Loaded) -> dict[str, Any]:
    files = [str(file) for file in loaded.files]
    return {"environment": loaded.settings.environment, "files": files}


def _warnings(loaded: Loaded) -> Iterator[str]:
    """Yield warnings about settings that are allowed, but hardly meant."""
    from jobstore.settings.advice import warnings_of

    settings = loaded.settings
    for file in loaded.files:
        if file.stat().st_mode & 0o077 and _holds_secrets(file, settings):
            # A file of root that a group reads would be out of reach with mode 600.
            remedy = "move them to .env and write ${NAME} in their place"
            if file.name == ".env":
                remedy = "say chmod 600"
            yield f"{file} has secrets in it and others may read it; {remedy}."
    yield from warnings_of(settings)


def _holds_secrets(file: Path, settings: Settings) -> bool:
    from jobstore.operations.logs.redaction import secrets_of

    text = file.read_text(encoding="utf-8-sig")
    return any(secret and secret in text for secret in secrets_of(settings))


def _values(settings: Settings) -> dict[str, Any]:
    """Return the values by dotted name as JSON has them, secrets as asterisks."""
    from jobstore.operations.logs import redactor
    from jobstore.settings.reference import SECTIONS

    content = settings.model_dump(mode="json")
    content["paths"]["state"] = str(settings.state_folder)
    content["backup"]["folder"] = str(settings.backups_folder)
    # A credential may stand where it does not belong, such as in a command's arguments.
    clean = redactor(settings).whole
    values = {
        f"{section}.{name}" if name else section: _cleaned(value, clean)
        for section, inner in content.items()
        for name, value in (inner.items() if section in SECTIONS else [("", inner)])
    }
    # The engine knows which part is secret; the account's name is none.
    return values | {"store.url": str(settings.store.address)}


def _cleaned(value: Any, clean: Callable[[str], str]) -> Any:
    if isinstance(value, dict):
        return {name: _cleaned(item, clean) for name, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_cleaned(item, clean) for item in value]
    if isinstance(value, str):
        # Paths and variables may hold bytes that are no text.
        return clean(value.encode("utf-8", "backslashreplace").decode())
    return value


def _words(value: Any) -> str:
    if value is None or value in ([], {}):
        return "none"
    if isinstance(value, list):
        return "\n".join(map(_words, value))
    if isinstance(value, dict) and "measure" in value:
        if value["measure"] == "checks":
            about = f"{', '.join(value.get('checks', ())) or 'all checks'} {value['verdict']}"
        else:
            about = f"{value['measure']} above {value['above']:g}"
        return f"{value['name']}: {about}{'' if value['enabled'] else ', off'}"
    return value if isinstance(value, str) else to_json(value)
