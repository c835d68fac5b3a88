"""What goes out: messages and tables to standard error, JSON to standard output.

Only form lives here; what is said is decided by the commands. Texts of postings come from
strangers, so everything passes :func:`plain` on its way to a terminal, and nothing of it is
ever read as markup. What is said to people does so wherever it goes; :func:`guard` sees to the
rest, such as exports, tracebacks and what libraries say. Files and pipes get exports as they are.
"""

from __future__ import annotations

import codecs
import dataclasses
import io
import json
import re
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TextIO
from uuid import UUID

from jobstore.json_text import escaped

if TYPE_CHECKING:
    from rich.console import Console
    from rich.segment import Segment
    from rich.text import Text

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
        if isinstance(stream, io.TextIOWrapper) and stream.isatty():
            stream.reconfigure(errors="backslashreplace")
            text = io.TextIOWrapper(
                _Guarded(stream), stream.encoding, "backslashreplace", line_buffering=True
            )
            setattr(sys, name, text)


def console() -> Console:
    """Return a console on standard error; it minds NO_COLOR and the terminal's width.

    Texts that must not be broken, such as an address to copy, may be wider.
    """
    from rich.console import Console

    class Screen(Console):
        def render(self, *arguments: Any, **options: Any) -> Iterable[Segment]:
            for segment in super().render(*arguments, **options):
                text = segment.text if segment.control else plain(segment.text)
                yield segment._replace(text=text)

        def print(self, *objects: Any, **options: Any) -> None:
            super().print(*objects, **{"crop": False, **options})

    past = getattr(sys.stderr, "buffer", None)
    file = past.terminal if isinstance(past, _Guarded) else None
    return Screen(stderr=True, file=file, highlight=False, soft_wrap=False)


def say(message: str, *, quiet: bool = False) -> None:
    """Tell people something, on standard error."""
    if not quiet:
        print(plain(message), file=sys.stderr)


def complain(message: str) -> None:
    """Tell people what went wrong, on one line of standard error."""
    print(f"Error: {' '.join(plain(message).split())}", file=sys.stderr)


def plain(text: object) -> str:
    """Return ``text`` without anything that a terminal would obey."""
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", str(text))


def folded(text: str) -> Text:
    """Return ``text`` for a cell of a table: a path too long for a line goes on in the next."""
    from rich.text import Text

    return Text(plain(text), overflow="fold")


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
    sys.stdout.write(text + "\n")


def to_json(value: Any) -> str:
    """Return JSON (RFC 8259) for records, mappings and lists of them.

    Decimals are numbers with all their digits, times ISO 8601 in UTC with ``Z``, ids text.
    """
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return json.dumps(iso(value))
    if isinstance(value, UUID | date):
        return json.dumps(str(value))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return to_json({each.name: getattr(value, each.name) for each in dataclasses.fields(value)})
    if isinstance(value, Mapping):
        pairs = (
            f"{json.dumps(str(name), ensure_ascii=False)}: {to_json(item)}"
            for name, item in value.items()
        )
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(to_json, value))}]"
    return json.dumps(value, ensure_ascii=False)


def iso(moment: datetime) -> str:
    """Return ISO 8601 in UTC, with ``Z``."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


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
