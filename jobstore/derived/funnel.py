"""The way of an application, and how many applications have come how far on it.

Pure: an engine counts, and what may follow what is known to :mod:`jobstore.lifecycle.stages`.
"""

from __future__ import annotations

from collections.abc import Iterable

from jobstore.records import ApplicationState, ApplicationStatistics

_S = ApplicationState

FUNNEL = (_S.SAVED, _S.APPLIED, _S.INTERVIEWING, _S.OFFERED, _S.ACCEPTED)
"""The way of an application, step by step."""
LIVE = (_S.SAVED, _S.APPLIED, _S.INTERVIEWING, _S.OFFERED)
"""The states of which something may still come."""


def reached(states: Iterable[ApplicationState]) -> int:
    """Return how many steps of the funnel an application has taken beyond the first."""
    return max((FUNNEL.index(each) for each in states if each in FUNNEL), default=0)


def applications_counted(rows: Iterable[tuple[str, int, int]]) -> ApplicationStatistics:
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
