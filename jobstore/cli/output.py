"""Output: results go to standard output, all other messages to standard error.

Only form lives here; the commands decide what is said. Texts of postings come from strangers, so
everything passes :func:`plain` on its way to a terminal, and none of it is ever read as markup.
Messages for people pass it wherever they go; :func:`guard` does that for the rest, such as exports,
tracebacks and messages of libraries. Files and pipes get exports as they are.
"""

from __future__ import annotations

import codecs
import io
import json
import re
import sys
from collections.abc import Collection, Iterable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TextIO

import typer

from jobstore.json_text import escaped, to_json
from jobstore.sizes import readable_size

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.segment import Segment
    from rich.table import Table
    from rich.text import Text

# The columns of a table that goes to no terminal.
_UNBOUNDED = 1_000_000
# The most columns of a snippet that are shown.
_EXCERPT = 150

# Controls that a terminal may obey (ECMA-48, C0 and C1), and those that reorder text
# (Unicode TR 9): harmless in a store, not on a screen.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")

_NOT_ASCII = re.compile("[^\x00-\x7f]+")


class _Guarded(io.BufferedIOBase):
    """Passes on to a terminal what is written to it, without what the terminal would obey."""

    def __init__(self, terminal: TextIO) -> None:
        self.terminal = terminal
        self.name = terminal.name
        decode = codecs.getincrementaldecoder(terminal.encoding)("replace")
        # A carriage return would let a text write over what stands before it.
        self._decoder = io.IncrementalNewlineDecoder(decode, translate=True)

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.terminal.write(plain(self._decoder.decode(bytes(data))))
        return len(data)

    def flush(self) -> None:
        self.terminal.flush()

    def fileno(self) -> int:
        return self.terminal.fileno()

    def isatty(self) -> bool:
        return self.terminal.isatty()


def guard() -> None:
    """Make everything that this process writes to a terminal pass :func:`plain`.

    Only :func:`console` writes past it, since it makes colours itself.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if not isinstance(stream, io.TextIOWrapper):
            continue
        # What a terminal or a pipe cannot hold is written as an escape.
        stream.reconfigure(errors="backslashreplace")
        if stream.isatty():
            text = io.TextIOWrapper(
                _Guarded(stream), stream.encoding, "backslashreplace", line_buffering=True
            )
            setattr(sys, name, text)


def console(stream: TextIO | None = None) -> Console:
    """Return a console on ``stream``; it minds NO_COLOR and the terminal's width.

    Without ``stream`` it is standard output. Texts that must not be broken, such as an address to
    copy, may be wider than the terminal.
    """
    from rich.console import Console

    class Screen(Console):
        def render(self, *arguments: Any, **options: Any) -> Iterable[Segment]:
            for segment in super().render(*arguments, **options):
                text = segment.text if segment.control else plain(segment.text)
                yield segment._replace(text=text)

        def print(self, *objects: Any, **options: Any) -> None:
            super().print(*objects, **{"crop": False, **options})

    stream = stream or sys.stdout
    past = getattr(stream, "buffer", None)
    file = past.terminal if isinstance(past, _Guarded) else stream
    return Screen(file=file, highlight=False, soft_wrap=False)


def show(result: RenderableType) -> None:
    """Print a result for people on standard output; a text is printed as it stands.

    In a file or a pipe nothing is cut or wrapped.
    """
    if isinstance(result, str):
        print(plain(result), flush=True)
        return
    screen = console()
    if screen.is_terminal:
        screen.print(result)
        return
    screen.width = _UNBOUNDED
    with screen.capture() as captured:
        screen.print(result)
    print("\n".join(line.rstrip() for line in captured.get().splitlines()), flush=True)


def table(
    columns: Sequence[str],
    rows: Iterable[Sequence[str | tuple[str, str] | RenderableType]],
    *,
    right: Collection[str] = (),
    title: str | None = None,
) -> Table:
    """Return a table for :func:`show`; there is no head where no column has a name.

    A cell is a text, a text and its style, or what rich can print. On a narrow terminal the last
    column goes on in further lines. ``right`` are the columns that hold figures.
    """
    from rich.table import Table
    from rich.text import Text

    made = Table(
        title=title, title_justify="left", title_style="bold", show_header=any(columns),
        header_style="dim", box=None, pad_edge=False, padding=(0, 2, 0, 0),
    )  # fmt: skip
    for name in columns[:-1]:
        made.add_column(name, justify="right" if name in right else "left", no_wrap=True)
    last = columns[-1]
    made.add_column(last, justify="right" if last in right else "left", overflow="fold")

    def cell(given: str | tuple[str, str] | RenderableType) -> RenderableType:
        text, style = given if isinstance(given, tuple) else (given, "")
        return Text(plain(text), style) if isinstance(text, str) else text

    for row in rows:
        made.add_row(*map(cell, row))
    return made


def say(message: str, *, quiet: bool = False) -> None:
    """Tell people something, on standard error."""
    if not quiet:
        print(plain(message), file=sys.stderr)


def fail_if(errors: Iterable[str]) -> None:
    """Complain of each error, and end the command with exit code 1 if there is one."""
    errors = list(errors)
    for each in errors:
        complain(each)
    if errors:
        raise typer.Exit(1)


def complain(message: str) -> None:
    """Tell people what went wrong, on one line of standard error."""
    print(f"Error: {_line(message)}", file=sys.stderr)


def warn(message: str) -> None:
    """Tell people what is worth knowing of what was done, on one line of standard error."""
    print(f"Warning: {_line(message)}", file=sys.stderr)


def _line(message: str) -> str:
    return " ".join(plain(message).split())


def plain(text: object) -> str:
    """Return ``text`` without anything that a terminal would obey."""
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", str(text))


def marked(snippet: str) -> Text:
    """Return a snippet with its ``**words**`` in bold, cut to a line or two around the first."""
    from rich.text import Text

    text = Text(style="not bold dim")
    for index, part in enumerate(" ".join(plain(snippet).split()).split("**")):
        text.append(part, style="bold not dim" if index % 2 else "")
    first = next((span.start for span in text.spans), 0)
    start = (
        text.plain.find(" ", max(0, first - _EXCERPT // 2), first) + 1
        if first > _EXCERPT // 2
        else 0
    )
    text = text[start:]
    text.truncate(_EXCERPT, overflow="ellipsis")
    return Text("…").append_text(text) if start else text


def print_json(value: Any) -> None:
    """Print ``value`` as one line of JSON on standard output.

    Control characters are escaped, since it may be a terminal. Where that takes no UTF-8, all
    but ASCII is escaped (RFC 8259, section 7).
    """
    text = escaped(to_json(value))
    if codecs.lookup(sys.stdout.encoding or "utf-8").name != "utf-8":
        text = _NOT_ASCII.sub(lambda found: json.dumps(found[0])[1:-1], text)
    print(text, flush=True)


def salary(posting: Any) -> str:
    """Return a salary for people, such as ``USD 90,000-120,000 a year``; ``""`` if none."""
    low, high = posting.salary_min, posting.salary_max
    if low is None and high is None:
        return plain(posting.salary_text or "")
    if low is None:
        amount = f"up to {_amount(high)}"
    elif high is None:
        amount = f"from {_amount(low)}"
    else:
        amount = _amount(low) if low == high else f"{_amount(low)}-{_amount(high)}"
    period = f"a{'n' if posting.salary_period == 'hour' else ''} {posting.salary_period}"
    return " ".join(
        filter(None, (posting.salary_currency, amount, period if posting.salary_period else None))
    )


def _amount(amount: Decimal) -> str:
    return f"{amount:,f}" if amount == amount.to_integral_value() else f"{amount:,.2f}"


def words(value: str | None) -> str:
    """Return an enum's value for people: ``full_time`` is ``full time``."""
    return (value or "").replace("_", " ")


def counted(number: int, one: str) -> str:
    """Return ``1 posting`` or ``1,234 postings``."""
    return f"{number:,} {one}{'' if number == 1 else 's'}"


def size(octets: float | None) -> str:
    """Return a number of bytes for people."""
    return "unknown" if octets is None else readable_size(octets)
