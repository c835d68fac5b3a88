"""Waiting for what may never answer: a hung disk, a file that is a pipe, a lock nobody gives up.

Threads here are daemons. One that hangs is left behind: neither its caller nor the exit of the
interpreter waits for it. So nothing that must be finished may run on one. What is looked at
again and again leaves one thread behind, not one each time.
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable, Coroutine, Hashable
from concurrent.futures import Future
from contextlib import suppress
from threading import Thread
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

# The threads that were left behind, by what they look at.
_left: dict[Hashable, Thread] = {}

# Seconds that a thread which has answered may take to clean up.
_CLEANING = 1.0


async def apart(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run ``function`` on a thread of its own and return its result.

    When the caller is cancelled, the thread goes on alone.
    """
    answer: Future[T] = Future()
    _start(lambda: _settle(answer, lambda: function(*args, **kwargs)))
    return await asyncio.wrap_future(answer)


async def apart_once(key: Hashable, function: Callable[[], T]) -> T:
    """Do as :func:`apart`, but raise TimeoutError while one of that key was left behind."""
    thread, answer = _begin(key, function)
    try:
        return await asyncio.wrap_future(answer)
    except asyncio.CancelledError:
        _left[key] = thread
        raise


def within(seconds: float, key: Hashable, function: Callable[[], T]) -> T:
    """Run ``function`` on a thread of its own and return its result; blocks.

    Raises TimeoutError when there is none after ``seconds``; the thread is then left behind, and
    while it is, TimeoutError is raised at once for the same ``key``.
    """
    thread, answer = _begin(key, function)
    try:
        return answer.result(seconds)
    except TimeoutError:
        _left[key] = thread
        raise


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


def _begin(key: Hashable, function: Callable[[], T]) -> tuple[Thread, Future[T]]:
    left = _left.pop(key, None)
    if left is not None and left.is_alive():
        _left[key] = left
        raise TimeoutError(errno.ETIMEDOUT, "there is no answer since an earlier look")
    answer: Future[T] = Future()
    return _start(lambda: _settle(answer, function)), answer


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
