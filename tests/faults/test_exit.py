"""The end of the interpreter: a store that nobody closed does not hold it up."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from subprocess import Popen

import pytest

import jobstore
from jobstore import Outcome
from tests.engines.harness import Harness
from tests.fixtures.postings import posting

Start = Callable[..., Popen[str]]

# A guard against hanging for ever, far above what a loaded machine needs.
PATIENCE = 300

BEGINNING = """
import asyncio, sys, warnings
warnings.simplefilter("ignore", ResourceWarning)
import jobstore
kept = []

def posting(number):
    return {"source": "board", "source_job_id": str(number), "title": "x" , "company": "y",
            "description": "word " * 1000}

async def main():
    store = await jobstore.connect(sys.argv[1])
    KEEP
    for number in range(30):
        await store.upsert(posting(number))
    await store.search()
    print("stored", flush=True)
    END

asyncio.run(main())
"""
ENDS = {
    "exception": "raise ZeroDivisionError",
    "sys.exit": "sys.exit(3)",
    "return": "return",
    "in a transaction": "tx = store.transaction(); await tx.__aenter__(); raise ZeroDivisionError",
    "writing": "kept.extend(asyncio.create_task(store.upsert(posting(n))) for n in range(1000))\n"
    "    await asyncio.sleep(0); raise ZeroDivisionError",
    "reading": "kept.extend(asyncio.create_task(store.search()) for n in range(500))\n"
    "    await asyncio.sleep(0); raise ZeroDivisionError",
    "streaming": "stream = store.stream(); kept.append(stream); await anext(stream); 1 / 0",
    "filling": "await store.upsert_many(posting(n) if n < 900 else 1 / 0 for n in range(1000))",
}


@pytest.mark.parametrize("keep", ["", "kept.append(store)"], ids=["dropped", "kept"])
@pytest.mark.parametrize("end", ENDS)
async def test_an_unclosed_store_does_not_hold_up_the_exit(
    each_url: str, each_engine: Harness, start_python: Start, end: str, keep: str
) -> None:
    code = BEGINNING.replace("KEEP", keep or "pass").replace("END", ENDS[end])
    process = start_python(code, each_url)

    output, _ = process.communicate(timeout=PATIENCE)

    assert output.startswith("stored")
    wanted = {"sys.exit": 3, "return": 0}
    assert process.returncode == wanted.get(end, 1), output
    # What was acknowledged is there, and the store goes on.
    async with jobstore.connect(each_url) as store:
        assert await store.count() >= 30
        assert (await store.upsert(posting("next"))).outcome is Outcome.INSERTED
    each_engine.check(each_url)


async def test_a_loop_that_ends_before_its_store_leaves_no_hanging_process(
    each_url: str, start_python: Start
) -> None:
    code = """
import asyncio, sys, warnings
warnings.simplefilter("ignore", ResourceWarning)
import jobstore

async def opened():
    return await jobstore.connect(sys.argv[1])

store = asyncio.run(opened())
try:
    asyncio.run(store.count())
except jobstore.StoreClosed as error:
    print("StoreClosed:", error)
"""
    process = start_python(code, each_url)

    output, _ = process.communicate(timeout=PATIENCE)

    assert output.startswith("StoreClosed: The store was opened on another event loop")
    assert process.returncode == 0


def test_a_store_that_was_not_closed_is_told_of(each_url: str, start_python: Start) -> None:
    code = """
import asyncio, gc, sys
import jobstore

async def main():
    store = await jobstore.connect(sys.argv[1])
    del store
    gc.collect()

asyncio.run(main())
"""
    process = start_python("import warnings; warnings.simplefilter('always')\n" + code, each_url)

    output, _ = process.communicate(timeout=PATIENCE)

    assert "a JobStore was not closed" in output
    assert process.returncode == 0
    assert output.count("ResourceWarning") == 1, output


def test_the_interrupt_of_a_terminal_keeps_what_was_acknowledged(
    each_url: str, each_engine: Harness, start_python: Start
) -> None:
    code = """
import asyncio, itertools, sys
import jobstore

async def main():
    async with jobstore.connect(sys.argv[1]) as store:
        for number in itertools.count():
            await store.upsert({"source": "board", "source_job_id": str(number), "title": "x",
                                "company": "y"})
            print(number, flush=True)

asyncio.run(main())
"""
    with start_python(code, each_url) as process:
        assert process.stdout is not None
        told = [process.stdout.readline() for _ in range(50)]
        process.send_signal(signal.SIGINT)
        # Not communicate(): it knows nothing of the lines that readline() has read ahead.
        output = process.stdout.read()

    numbers = [
        line for line in [*told, *output.splitlines(keepends=True)] if line.strip().isdigit()
    ]
    assert "KeyboardInterrupt" in output

    async def count() -> int:
        async with jobstore.connect(each_url) as store:
            return await store.count()

    assert asyncio.run(count()) - len(numbers) in (0, 1)
    each_engine.check(each_url)
