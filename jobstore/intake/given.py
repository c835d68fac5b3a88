"""What comes in, with its own names, and what of it is told not to have been taken as it came."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple


class Omission(NamedTuple):
    """A value that was not taken as it came: left out, cut or turned round.

    ``field`` is the field it was meant for, ``name`` what the source calls it, ``kind`` the
    type of the value; ``reason`` completes the sentence "<field> ...".
    """

    field: str
    name: str
    kind: str
    reason: str


class Translated(dict[str, Any]):
    """The fields that a mapping made of a row.

    ``origin`` gives a field's own name at the source and its raw value, or ``None`` where they
    are the field's; it is asked only about values that are left out. ``broken`` is what the
    mapping itself left out. ``own_id`` is the row's own id where its address has another.
    ``written_at`` is when the row was written, which ``3 days ago`` counts from where nobody says
    when the posting was seen.
    """

    origin: Callable[[str], tuple[str, Any] | None] | None = None
    broken: Sequence[Omission] = ()
    own_id: str | None = None
    written_at: datetime | None = None
