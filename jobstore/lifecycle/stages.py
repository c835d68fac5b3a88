"""The states of an application: which one may follow which.

Pure: no store is known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from jobstore.derived.funnel import reached
from jobstore.records import ApplicationState

_S = ApplicationState

BEGINNINGS = (_S.SAVED, _S.APPLIED, _S.INTERVIEWING)
"""What an application may begin with: somebody who hires may have spoken first."""

TRANSITIONS: Mapping[ApplicationState, tuple[ApplicationState, ...]] = {
    _S.SAVED: (_S.APPLIED, _S.INTERVIEWING, _S.WITHDRAWN),
    _S.APPLIED: (_S.INTERVIEWING, _S.OFFERED, _S.REJECTED, _S.WITHDRAWN, _S.NO_RESPONSE),
    _S.INTERVIEWING: (_S.OFFERED, _S.REJECTED, _S.WITHDRAWN, _S.NO_RESPONSE),
    _S.OFFERED: (_S.ACCEPTED, _S.DECLINED, _S.REJECTED),
    # Who was silent, or had said no, may come back.
    _S.NO_RESPONSE: (_S.INTERVIEWING, _S.OFFERED, _S.REJECTED, _S.WITHDRAWN),
    _S.REJECTED: (_S.INTERVIEWING, _S.OFFERED),
    _S.ACCEPTED: (_S.DECLINED,),
    _S.DECLINED: (),
    _S.WITHDRAWN: (),
}
"""Which states may follow each."""


def is_allowed(before: ApplicationState | None, after: ApplicationState) -> bool:
    """Tell whether a state may follow another one; ``None`` is before the first."""
    return after in (BEGINNINGS if before is None else TRANSITIONS[before])


def is_sent(states: Iterable[ApplicationState]) -> bool:
    """Tell whether somebody who hires knows of an application."""
    return reached(states) > 0
