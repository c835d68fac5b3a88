"""``python -m tests.cluster``: stores on several servers, of which some are killed or hang.

Each act has 100 writers, does something to their server, and counts: what was acknowledged is
there, once, and writers go on by themselves. The exit code is 1 when one of them fails. An act
whose programs are not installed says so, and is not counted as passed.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from jobstore import EngineOptions, migrating
from tests.cluster import patroni, pooler
from tests.fixtures.cluster import cluster, servers
from tests.fixtures.endless_writers import Writers
from tests.fixtures.postgres import URL

WRITERS = 100
# Enough for an election: Patroni waits 20 seconds until a leader that is silent counts as gone.
PATIENT = EngineOptions(busy_timeout=120, read_timeout=120)
# Acknowledged writes before each blow, and after it.
SOME = 2000
DEBIAN = sorted(Path("/usr/lib/postgresql").glob("*/bin"))


class CannotRun(Exception):
    """Something is not installed; the text says what, and how to get it."""


def need(programs: Sequence[str], packages: str) -> None:
    missing = [each for each in programs if shutil.which(each) is None]
    if missing:
        raise CannotRun(f"no {', '.join(missing)} here; apt-get install {packages}")


def blocking(work: Callable[[], object]) -> Awaitable[object]:
    return asyncio.to_thread(work)


async def killed() -> str:
    """The primary is killed, and its synchronous standby is promoted."""
    with cluster("jobs") as pair:
        url = pair.url("jobs")
        migrating.up(url)
        async with Writers(url, WRITERS, options=PATIENT) as writers:
            await writers.more(SOME)
            await blocking(pair.fail_over)
            await writers.more(SOME)
        return await told(writers)


async def frozen() -> str:
    """The primary hangs; the standby is promoted; the old one wakes up, and is ended for good."""
    with cluster("jobs") as pair:
        url = pair.url("jobs")
        migrating.up(url)
        async with Writers(url, WRITERS, options=PATIENT) as writers:
            await writers.more(SOME)
            await blocking(pair.primary.freeze)
            await blocking(pair.standby.promote)
            await writers.more(SOME)
            await blocking(pair.primary.thaw)
            await writers.more(SOME)
            await blocking(pair.primary.kill)
            await writers.more(SOME)
        return await told(writers)


async def behind_a_pooler() -> str:
    """A pooler lends five sessions to four stores, transaction by transaction; it is restarted."""
    need([pooler.PROGRAM], "pgbouncer")
    with servers() as made:
        server = made.running("one")
        server.execute("CREATE DATABASE jobs")
        with pooler.Pooler(server, sessions=5) as before:
            url = before.url("jobs")
            migrating.up(url)
            async with Writers(url, WRITERS, stores=4, options=PATIENT) as writers:
                await writers.more(SOME)
                await blocking(before.restart)
                await writers.more(SOME)
            return await told(writers)


async def contract_behind_a_pooler() -> str:
    """The whole contract suite runs through a pooler."""
    need([pooler.PROGRAM], "pgbouncer")
    with servers() as made, pooler.Pooler(made.running("one"), sessions=5) as before:
        command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "-k", "postgresql"]
        done = await asyncio.to_thread(
            subprocess.run,
            [*command, "tests/contract"],
            env={**os.environ, URL: before.url("postgres")},
            capture_output=True,
            text=True,
            check=False,
        )
        lines = done.stdout.splitlines() or [done.stderr]
        assert done.returncode == 0, "\n".join(lines[-40:])
        return lines[-1]


async def elected() -> str:
    """Patroni's leader is killed, comes back, and its successor is cut off from all others."""
    need(patroni.PROGRAMS, "patroni etcd-server python3-etcd postgresql-15 iproute2")
    if os.geteuid() != 0:
        raise CannotRun("only root may make network namespaces")
    if not DEBIAN:
        raise CannotRun("no server of Debian here; apt-get install postgresql-15")
    with patroni.nodes(DEBIAN[-1]) as nodes:
        url = nodes.url()
        migrating.up(url)
        async with Writers(url, WRITERS, options=PATIENT) as writers:
            await writers.more(SOME)
            first = await asyncio.to_thread(nodes.primary)
            await blocking(first.kill)
            await writers.more(SOME)
            first.start(nodes)
            await blocking(nodes.synchronous)
            second = await asyncio.to_thread(nodes.primary)
            second.cut_off(True)
            await writers.more(SOME)
            second.cut_off(False)
            await writers.more(SOME)
        return await told(writers)


async def told(writers: Writers) -> str:
    await writers.check()
    errors = ", ".join(f"{number} {kind}" for kind, number in writers.errors.items()) or "no errors"
    return (
        f"{len(writers.acknowledged):,} acknowledged, 0 missing, 0 twice, {errors} for callers; "
        f"longest silence {writers.longest:.1f} s"
    )


class Act(NamedTuple):
    name: str
    run: Callable[[], Awaitable[str]]


ACTS = (
    Act("killed", killed),
    Act("frozen", frozen),
    Act("pooler", behind_a_pooler),
    Act("pooler-contract", contract_behind_a_pooler),
    Act("patroni", elected),
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.cluster", description=__doc__)
    parser.add_argument("--only", choices=[act.name for act in ACTS], action="append")
    chosen = parser.parse_args().only
    failed = False
    for name, act in ACTS:
        if chosen and name not in chosen:
            continue
        began = time.monotonic()
        try:
            outcome, verdict = asyncio.run(_coroutine(act)), "passed"
        except CannotRun as error:
            outcome, verdict = str(error), "NOT RUN"
        except Exception as error:
            outcome, verdict, failed = f"{type(error).__name__}: {error}", "FAILED", True
        print(f"{name:16} {verdict:8} {time.monotonic() - began:6.1f} s  {outcome}", flush=True)
    sys.exit(failed)


async def _coroutine(act: Callable[[], Awaitable[str]]) -> str:
    return await act()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
