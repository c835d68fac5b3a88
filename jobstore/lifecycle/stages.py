"""The states of an application: which one may follow which, and how far each is.

Pure: no store is known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from jobstore.records import ApplicationState, ApplicationStatistics

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

FUNNEL = (_S.SAVED, _S.APPLIED, _S.INTERVIEWING, _S.OFFERED, _S.ACCEPTED)
"""The way of an application, step by step."""

LIVE = (_S.SAVED, _S.APPLIED, _S.INTERVIEWING, _S.OFFERED)
"""The states of which something may still come."""


def is_allowed(before: ApplicationState | None, after: ApplicationState) -> bool:
    """Tell whether a state may follow another one; ``None`` is before the first."""
    return after in (BEGINNINGS if before is None else TRANSITIONS[before])


def reached(states: Iterable[ApplicationState]) -> int:
    """Return how many steps of the funnel an application has taken beyond the first."""
    return max((FUNNEL.index(each) for each in states if each in FUNNEL), default=0)


def is_sent(states: Iterable[ApplicationState]) -> bool:
    """Tell whether somebody who hires knows of an application."""
    return reached(states) > 0


def counted(rows: Iterable[tuple[str, int, int]]) -> ApplicationStatistics:
    """Return statistics of how many applications are in a state and have :func:`reached` a step."""
    rows = list(rows)
    states = {state: sum(number for each, _, number in rows if each == state) for state in _S}
    return ApplicationStatistics(
        by_state={state.value: number for state, number in states.items() if number},
        reached={
            state.value: sum(number for _, far, number in rows if far >= step)
            for step, state in enumerate(FUNNEL)
        }
        if rows
        else {},
    )
