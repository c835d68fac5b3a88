"""Running a service: the process that listens, and its workers, which answer.

Workers are forked, so that they begin at once and share what was imported. One that ends is
replaced; at SIGHUP all are replaced by ones that have read the settings anew, and the old ones
answer what they accepted.
"""

from __future__ import annotations

import asyncio
import logging
import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import NoReturn

from jobstore.connecting import connect
from jobstore.errors import JobStoreError
from jobstore.operations import logs
from jobstore.service.listening import listening, most_connections
from jobstore.service.working import tls, work
from jobstore.settings.sections import Settings

_log = logs.get("service")

# Seconds that a worker may take to begin, those after which one is well, and the longest pause
# between two that end before they are.
_BEGINNING = 60.0
_WELL = 10.0
_LONGEST_PAUSE = 30.0
# Seconds beyond service.stop_seconds, in which the store is closed.
_CLOSING = 10.0


def serve(
    load: Callable[[], Settings],
    told: Callable[[str], object],
    warned: Callable[[str], object],
) -> None:
    """Serve the store until SIGINT or SIGTERM; a second one ends it at once.

    ``load`` gives the settings, and is called again at SIGHUP. ``told`` hears the addresses when
    they are answered at, and that settings were read again; ``warned`` what goes wrong later.

    Raises InvalidSettings, JobStoreError where nothing can listen there, and what opening the
    store raises.
    """
    settings = load()
    _check(settings)
    with ExitStack() as stack:
        sockets = [stack.enter_context(each) for each in listening(settings.service)]
        _Supervisor(settings, sockets, load, told, warned).run()


def _check(settings: Settings) -> None:
    """Raise what would keep a worker from beginning."""
    tls(settings.service)
    store = settings.store

    async def open() -> None:
        async with connect(store.url, options=store.options, sources=settings.rules):
            pass

    asyncio.run(open())


@dataclass(slots=True)
class _Worker:
    """A worker; ``saying`` becomes readable when it is ready, or has ended."""

    pid: int
    saying: int
    begun_at: float = field(default_factory=time.monotonic)
    ready: bool = False


class _Supervisor:
    """Keeps as many workers as the settings say."""

    def __init__(
        self,
        settings: Settings,
        sockets: list[socket.socket],
        load: Callable[[], Settings],
        told: Callable[[str], object],
        warned: Callable[[str], object],
    ) -> None:
        self._settings = settings
        self._sockets = sockets
        self._load = load
        self._told = told
        self._warned = warned
        self._workers: list[_Worker] = []
        # Those that the workers replace, until these are ready, and their settings.
        self._before: list[_Worker] = []
        self._settings_before = settings
        # Those that are ending.
        self._ending: list[_Worker] = []
        self._failures = 0
        self._not_before = 0.0
        self._announced = False
        self._stops = 0
        self._reloads = False
        self._selector = selectors.DefaultSelector()
        # Its workers end when nobody holds the other end any more.
        self._alive, self._living = os.pipe()

    def run(self) -> None:
        """Serve until a signal ends it."""
        with self._signals():
            while not self._stops:
                self._keep()
                self._wait(1.0)
                self._reap()
                self._judge()
                if self._reloads and not self._before:
                    self._reloads = False
                    self._reload()
            self._stop()

    def _keep(self) -> None:
        """Have as many workers as there should be."""
        wanted = self._settings.service.workers
        while len(self._workers) < wanted and time.monotonic() >= self._not_before:
            self._workers.append(self._fork())

    def _fork(self) -> _Worker:
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(reading)
            self._work(writing)
        os.close(writing)
        made = _Worker(pid, reading)
        self._selector.register(reading, selectors.EVENT_READ, made)
        return made

    def _work(self, saying: int) -> NoReturn:
        """Be a worker; never returns."""
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.close(self._living)
            # A worker has logs of its own, as its settings say.
            logging.getLogger("jobstore").handlers.clear()
            for each in (*self._workers, *self._before, *self._ending):
                os.close(each.saying)
            self._selector.close()
            most = most_connections(self._settings.service)
            work(self._settings, self._sockets, most, lambda: _say(saying), self._alive)
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
        except BaseException as error:
            _log.exception("a worker failed", exc_info=error)
        finally:
            with suppress(OSError, ValueError):
                sys.stderr.flush()
            # What the parent would do at its end is not ours to do.
            os._exit(code)

    def _wait(self, seconds: float) -> None:
        """Wait for a signal, or for a worker to say that it is ready."""
        for key, _ in self._selector.select(seconds):
            worker: _Worker | None = key.data
            if worker is None:
                with suppress(BlockingIOError):
                    os.read(key.fd, 4096)
            else:
                worker.ready = os.read(worker.saying, 1) != b""
                self._selector.unregister(worker.saying)

    def _reap(self) -> None:
        """See which workers have ended."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            for those in (self._workers, self._before, self._ending):
                for each in [each for each in those if each.pid == pid]:
                    those.remove(each)
                    with suppress(KeyError):
                        self._selector.unregister(each.saying)
                    os.close(each.saying)
                    if those is not self._ending:
                        self._ended(each, os.waitstatus_to_exitcode(status))

    def _ended(self, worker: _Worker, code: int) -> None:
        """Take note of a worker that should not have ended."""
        _log.error("a worker ended", process=worker.pid, code=code)
        if not self._announced:
            raise JobStoreError(
                "The service could not begin; monitoring.log in "
                f"{self._settings.logs_folder} says why."
            )
        if worker.ready and time.monotonic() - worker.begun_at > _WELL:
            self._failures = 0
        elif self._before:
            # Those before it are still there.
            self._take_back("a worker ended as it began")
            return
        else:
            self._failures += 1
            pause = min(_LONGEST_PAUSE, 0.25 * 2**self._failures)
            self._not_before = time.monotonic() + pause

    def _judge(self) -> None:
        """Go on when workers have begun."""
        wanted = self._settings.service.workers
        if len(self._workers) == wanted and all(each.ready for each in self._workers):
            if not self._announced:
                self._announced = True
                self._told(self._greeting())
            if self._before:
                self._end(self._before)
                self._before = []
                _log.info("the settings were read again", workers=wanted)
                self._told("The settings were read again.")
        elif self._before and time.monotonic() - self._workers[0].begun_at > _BEGINNING:
            self._take_back(f"workers did not begin within {_BEGINNING:g} seconds")

    def _reload(self) -> None:
        """Replace all workers by ones with the settings as they are now."""
        try:
            settings = self._load()
            _check(settings)
        except JobStoreError as error:
            self._complain(str(error))
            return
        given, now = settings.service, self._settings.service
        if (given.host, given.port) != (now.host, now.port):
            self._warned("service.host and service.port hold from the next start on.")
        self._settings_before, self._settings = self._settings, settings
        self._before, self._workers = self._workers, []
        self._failures, self._not_before = 0, 0.0

    def _take_back(self, why: str) -> None:
        self._end(self._workers)
        self._workers, self._before = self._before, []
        self._settings = self._settings_before
        self._complain(f"{why}; monitoring.log says more")

    def _complain(self, why: str) -> None:
        _log.error("the settings were not read again", error=why)
        self._warned(f"The settings stay as they were: {why}")

    def _end(self, those: list[_Worker]) -> None:
        for each in those:
            os.kill(each.pid, signal.SIGTERM)
        self._ending += those

    def _stop(self) -> None:
        """End all workers; at a second signal, or when they take too long, at once."""
        self._end([*self._workers, *self._before])
        self._workers, self._before = [], []
        for each in self._sockets:
            # Nobody waits to be accepted any more.
            each.close()
        until = time.monotonic() + self._settings.service.stop_seconds + _CLOSING
        killed = False
        while self._ending:
            if not killed and (self._stops > 1 or time.monotonic() > until):
                killed = True
                for worker in self._ending:
                    os.kill(worker.pid, signal.SIGKILL)
            self._wait(0.1)
            self._reap()

    def _greeting(self) -> str:
        root = self._settings.service.root_path
        behind = f" A proxy has to serve it as {root}/." if root else ""
        return f"Serving {' and '.join(self._addresses())}.{behind} Ctrl-C ends it."

    def _addresses(self) -> Iterator[str]:
        kind = "http" if self._settings.service.certificate is None else "https"
        for each in self._sockets:
            host, port = each.getsockname()[:2]
            shown = f"[{host}]" if ":" in host else host
            yield f"{kind}://{shown}:{port}/"

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """Take note of signals, and wake up at each."""

        def stop(*_: object) -> None:
            self._stops += 1

        def reload(*_: object) -> None:
            self._reloads = True

        waking, woken = socket.socketpair()
        waking.setblocking(False)
        woken.setblocking(False)
        handlers = {
            signal.SIGINT: stop,
            signal.SIGTERM: stop,
            signal.SIGHUP: reload,
            # So that the end of a worker wakes up, too.
            signal.SIGCHLD: lambda *_: None,
        }
        self._selector.register(woken, selectors.EVENT_READ, None)
        before = {number: signal.signal(number, each) for number, each in handlers.items()}
        signal.set_wakeup_fd(waking.fileno(), warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(-1)
            for number, handler in before.items():
                signal.signal(number, handler)
            for worker in (*self._workers, *self._before, *self._ending):
                with suppress(ProcessLookupError):
                    os.kill(worker.pid, signal.SIGKILL)
            self._selector.close()
            waking.close()
            woken.close()
            os.close(self._alive)
            os.close(self._living)


def _say(place: int) -> None:
    os.write(place, b"1")
    os.close(place)
