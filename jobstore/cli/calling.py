"""How a command was called: for which store, and in which form it answers.

A command that takes ``call: Call`` has --store, --config, --json and --quiet, and answers by it:
its result goes to standard output, all other messages to standard error.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from jobstore.cli.common import (
    ConfigOption,
    JsonOption,
    QuietOption,
    StoreOption,
    announce,
    with_store,
)
from jobstore.cli.output import print_json, say, show

if TYPE_CHECKING:
    from rich.console import RenderableType

    from jobstore.cli.progress import Steps
    from jobstore.settings.loading import Loaded
    from jobstore.settings.sections import Settings
    from jobstore.store import JobStore

T = TypeVar("T")

Form = str | Callable[[], "RenderableType"]
"""A result for people: lines, or a function that makes something rich can print."""


@dataclass
class Call:
    """What a command was called with."""

    store: str | None = None
    config: str | None = None
    json: bool = False
    quiet: bool = False
    flags: dict[str, Any] = field(default_factory=dict)
    """What options of the command say about settings, by their names; None is no value."""

    @functools.cached_property
    def loaded(self) -> Loaded:
        """The settings that hold, and where each comes from. Raises InvalidSettings."""
        return self.load()

    def load(self) -> Loaded:
        """Return the settings as they are read now. Raises InvalidSettings."""
        from jobstore.settings.loading import load

        return load(self.config, flags={"store.url": self.store, **self.flags})

    @functools.cached_property
    def settings(self) -> Settings:
        """The settings that hold; the first use prints which store they are about.

        Raises InvalidSettings.
        """
        announce(self.loaded.settings, quiet=self.silent)
        return self.loaded.settings

    @property
    def silent(self) -> bool:
        """Whether only the result and errors are printed."""
        return self.quiet or self.json

    def say(self, message: str) -> None:
        """Tell people something that is not the result, on standard error."""
        say(message, quiet=self.silent)

    def give(self, value: Any, form: Form) -> None:
        """Print what was asked for: ``value`` as JSON, or ``form`` for people."""
        if self.json:
            print_json(value)
        else:
            show(form if isinstance(form, str) else form())

    def report(self, value: Any, form: Form) -> None:
        """Print what was done; with --quiet, nothing but JSON."""
        if self.json or not self.quiet:
            self.give(value, form)

    def steps(self) -> Steps:
        """Return a display for the progress of some work."""
        from jobstore.cli.progress import Steps

        return Steps(quiet=self.silent)

    def run(
        self, work: Callable[[JobStore], Coroutine[Any, Any, T]], *, migrate: bool = False
    ) -> T:
        """Open the store, run ``work(store)`` to its end, close the store, return the result."""
        return with_store(self.settings, work, migrate=migrate)

    @contextmanager
    def operating(self) -> Iterator[Settings]:
        """Give the settings, with the log files open."""
        from jobstore.operations.logs import Logs

        with Logs(self.settings):
            yield self.settings


def takes_call(
    command: Callable[..., None], *, json: bool = True, store: bool = True
) -> Callable[..., None]:
    """Replace the parameter ``call`` of a command by the options of a :class:`Call`.

    Without ``json`` there is no --json: the result has a form of its own. Without ``store`` the
    command opens none, and is not told of one.
    """
    options: dict[str, tuple[Any, Any]] = {
        **({"store": (StoreOption, None), "config": (ConfigOption, None)} if store else {}),
        **({"json": (JsonOption, False)} if json else {}),
        "quiet": (QuietOption, False),
    }
    return replaced(command, "call", options, lambda given: Call(**given), last=True)


def replaced(
    command: Callable[..., None],
    name: str,
    options: Mapping[str, tuple[Any, Any]],
    make: Callable[[dict[str, Any]], Any],
    *,
    last: bool = False,
) -> Callable[..., None]:
    """Return a command that has ``options`` in the place of its parameter ``name``.

    ``options`` are annotations and defaults by name; ``make`` makes the parameter of their values.
    They come first in the signature, or ``last``.
    """
    signature = inspect.signature(command, eval_str=True)
    kind = inspect.Parameter.KEYWORD_ONLY
    own = [each.replace(kind=kind) for each in signature.parameters.values() if each.name != name]
    added = [
        inspect.Parameter(option, kind, default=default, annotation=annotation)
        for option, (annotation, default) in options.items()
    ]
    parameters = [*own, *added] if last else [*added, *own]

    @functools.wraps(command)
    def wrapper(**given: Any) -> None:
        made = make({option: given.pop(option) for option in options})
        command(**{name: made}, **given)

    # typer reads both to build its options.
    wrapper.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    wrapper.__annotations__ = {each.name: each.annotation for each in parameters}
    return wrapper
