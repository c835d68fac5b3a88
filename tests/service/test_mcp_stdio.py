"""MCP over standard input and output: a process that an agent starts."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest
from mcp import Client, StdioServerParameters
from typer.testing import CliRunner

from jobstore.cli.main import app
from tests.service.agents import call, refused
from tests.service.test_mcp_definitions import READING

POSTING = {"source": "a", "source_job_id": "1", "title": "Cook", "company": "Acme"}


def command(url: str, *more: str) -> list[str]:
    """The command that an agent runs."""
    return [sys.executable, "-m", "jobstore", "mcp", "--store", url, *more]


async def test_an_agent_starts_its_own_server(migrated_url: str) -> None:
    program, *arguments = command(migrated_url)
    # An old client, which begins with a handshake.
    parameters = StdioServerParameters(command=program, args=arguments)
    async with Client(parameters, mode="legacy") as client:
        listed = [each.name for each in (await client.list_tools()).tools]
        assert listed == [*READING, "acknowledge"]
        error = await refused(client, "upsert_jobs", {"jobs": [POSTING]})
        found = await call(client, "search_jobs", query="cook")
    assert "--allow-writes" in error["message"]
    assert found["total_results"] == 0


def test_a_store_that_is_not_there_is_told(store_url: str) -> None:
    result = CliRunner().invoke(app, ["mcp", "--store", store_url])
    assert (result.exit_code, result.stdout) == (1, "")
    assert "jobstore migrate up" in result.stderr


@pytest.mark.parametrize("ending", ["input", "signal"])
def test_broken_lines_do_not_end_it(migrated_url: str, ending: str) -> None:
    process = subprocess.Popen(
        command(migrated_url),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    ping = b'{"jsonrpc": "2.0", "id": 5, "method": "ping"}\n'
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b'{"broken\n\xff\xfe\n[]\n\n' + ping)
        process.stdin.flush()
        # Nothing but the protocol is on its output.
        assert process.stdout.readline() == b'{"jsonrpc":"2.0","id":5,"result":{}}\n'
        if ending == "signal":
            # Although it waits for a line.
            process.send_signal(signal.SIGINT)
            process.wait(60)
        output, errors = process.communicate(timeout=60)
        assert (process.returncode, output) == (int(ending == "signal"), b"")
        assert b"Traceback" not in errors
    finally:
        process.kill()
        process.communicate()
