"""Waiting for what may never answer: a hung disk, a file that is a pipe, a lock nobody gives up.

Threads here are daemons. One that hangs is left behind: neither its caller nor the exit of the
interpreter waits for it. So nothing that must be finished may run on one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from threading import Thread
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

# Seconds that a thread which has answered may take to clean up.
_CLEANING = 1.0


async def apart(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run ``function`` on a thread of its own and return its result.

    When the caller is cancelled, the thread goes on alone.
    """
    answer: Future[T] = Future()
    _start(lambda: _settle(answer, lambda: function(*args, **kwargs)))
    return await asyncio.wrap_future(answer)


def loop_apart(main: Callable[[], Coroutine[Any, Any, T]], timeout: float) -> T:
    """Run ``main()`` on an event loop on a thread of its own, and return its result.

    Raises TimeoutError when there is none after ``timeout`` seconds; the loop is then left to
    itself, with everything that hangs in it.
    """
    answer: Future[T] = Future()

    async def answered() -> None:
        try:
            result = await main()
        except BaseException as error:
            answer.set_exception(error)
        else:
            answer.set_result(result)

    thread = _start(lambda: asyncio.run(answered()))
    result = answer.result(timeout)
    thread.join(_CLEANING)
    return result


def _start(work: Callable[[], object]) -> Thread:
    thread = Thread(target=work, name="jobstore-apart", daemon=True)
    thread.start()
    return thread


def _settle(answer: Future[T], work: Callable[[], T]) -> None:
    try:
        result = work()
    except BaseException as error:
        # Who waited may have given up meanwhile; then nobody is told.
        with suppress(Exception):
            answer.set_exception(error)
    else:
        with suppress(Exception):
            answer.set_result(result)
