"""How long a thread keeps the interpreter to itself while a store is open.

One thread runs Python at a time; who wants a turn asks the one who has it after the interpreter's
switch interval, 5 ms by default. A read needs several turns, beside a writer whose thread and whose
callers always want one. The interval belongs to the whole process: it is shortened when the
first store opens, and what stood there before comes back when the last one closes.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable
from threading import RLock


class _Turns:
    """The intervals, in seconds, that open stores ask for; the shortest holds."""

    def __init__(self) -> None:
        # Whoever asks may be collected as garbage, and so give up, at any line here.
        self._lock = RLock()
        self._asked: list[float] = []
        self._before = self._ours = 0.0

    def ask(self, seconds: float) -> None:
        with self._lock:
            if not self._asked:
                self._before = self._ours = sys.getswitchinterval()
            self._asked.append(seconds)
            self._apply()

    def give_up(self, seconds: float) -> None:
        with self._lock:
            self._asked.remove(seconds)
            self._apply()

    def _apply(self) -> None:
        # Where the program has set another one meanwhile, that is its own choice.
        if sys.getswitchinterval() == self._ours:
            sys.setswitchinterval(min((self._before, *self._asked)))
            self._ours = sys.getswitchinterval()


_turns = _Turns()


def shorten(owner: object, seconds: float) -> Callable[[], object]:
    """Let turns take at most ``seconds`` until what is returned is called, or ``owner`` is gone.

    0 changes nothing, and neither does a longer interval than the program's own.
    """
    if not seconds:
        return bool
    _turns.ask(seconds)
    return weakref.finalize(owner, _turns.give_up, seconds)
