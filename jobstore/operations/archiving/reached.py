"""What all places together have: what the spool may forget, and which writes are acknowledged."""

from __future__ import annotations

from collections.abc import Sequence

from jobstore.engines.log import Kept, Mark
from jobstore.operations.archiving.beginnings import Beginnings
from jobstore.operations.archiving.carriers import Carrier

# Of the room that may wait beside the store, so much may wait for places that are away, and so many
# pieces: each look at the spool looks at each of them.
_SHARE = 0.5
_MOST_PIECES = 2000


def acknowledgeable(kept: Kept, carriers: Sequence[Carrier], beginnings: Beginnings) -> Mark | None:
    """Return up to where one place alone gives everything back: the own folder, if there is no
    other."""
    couriers = [each.courier for each in carriers]
    others = [each for each in couriers if not each.is_own]
    marks = [
        each.mark
        for each in others or couriers
        if each.mark is not None
        and each.mark.generation == kept.mark.generation
        and beginnings.serve(each)
    ]
    return max(marks, default=None)


def forgettable(kept: Kept, carriers: Sequence[Carrier]) -> Mark | None:
    """Return the last piece that every place has, but for the last one of all, which is told by."""
    if kept.octets > kept.limit * _SHARE or len(kept.segments) > _MOST_PIECES:
        # The own folder has what places lack that are away.
        carriers = [each for each in carriers if each.is_well] or carriers
    ranks = {(each.generation, each.number): at for at, each in enumerate(kept.segments)}
    last = len(kept.segments) - 1
    held = []
    for each in carriers:
        mark = each.courier.mark
        held.append(-1 if mark is None else last if mark == kept.mark else ranks.get(mark, -1))
    gone = min(held, default=-1) - 1
    if gone < 0:
        return None
    return Mark(kept.segments[gone].generation, kept.segments[gone].number)
