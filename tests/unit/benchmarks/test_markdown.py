"""Results in the README: between the marks, and nothing else is touched."""

from __future__ import annotations

import json

from benchmarks import markdown

MACHINE = {
    "processor": "A processor",
    "cores": 2,
    "memory": 8 << 30,
    "system": "Linux",
    "python": "3.11",
    "sqlite": "3.40",
    "load": [0.1, 0.1, 0.1],
    "revision": "abc",
}
TIMES = {"p50": 0.1, "p95": 0.2, "p99": 0.3, "max": 0.4, "per_second": 1000.0}
READ = {"alone": TIMES, "sqlite": TIMES, "hop": TIMES, "carried": TIMES, "ratio": 1.25}
RUN = {
    "scale": 1000,
    "machine": MACHINE,
    "reads": {
        "100": {"get": {**READ, "alone": {**TIMES, "p50": 0.05}}},
        "1000": {"get": READ},
    },
    "at_once": {"get": TIMES},
    "writes": {
        "alone": {"upsert new": TIMES},
        "per_second": {"upsert new": 5000.0},
        "stall": {"p50": 0.1, "p99": 1.0, "max": 2.0},
    },
    "ratios": {"import against executemany": 0.7},
    "opening": {"open": 3.0, "close": 1.0},
    "import": {"rows": 1000, "seconds": 1.0, "per_second": 1000.0, "memory": 80 << 20},
    "memory": {
        "rows": 1000,
        "build_per_second": 900.0,
        "build_memory": 90 << 20,
        "stream_per_second": 2000.0,
        "stream_memory": 60 << 20,
    },
    "space": {
        "bytes_per_posting": 4000.0,
        "ratio": 1.6,
        "raw_description": 2500.0,
        "parts": {"row": 300.0},
    },
    "gates": [
        {"kind": "promise", "name": "get, p99 ms", "value": 9, "limit": 50, "holds": True},
        {"kind": "goal", "name": "get, p50 ms", "value": 0.1, "limit": 0.5, "holds": True},
        {"kind": "goal", "name": "find, p50 ms", "value": 0.9, "limit": 0.5, "holds": False},
    ],
}
PEERS = {
    "scale": 1000,
    "machine": MACHINE,
    "ways": {
        "jobstore": {
            **dict.fromkeys(markdown.OPERATIONS, TIMES),
            "100 gets": 9.0,
            "upsert": 8.0,
            "unchanged": 7.0,
        }
    },
    "bulk": {"sqlite-utils": 6.0},
}


def test_results_stand_between_the_marks(tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text(f"Method\n\n{markdown.BEGIN}\nold\n{markdown.END}\nThe end\n")
    (tmp_path / "1000.json").write_text(json.dumps(RUN))
    (tmp_path / "latest.json").write_text("not read")
    (tmp_path / "peers.json").write_text(json.dumps(PEERS))
    markdown.publish(tmp_path, readme)
    text = readme.read_text()
    assert text.startswith(f"Method\n\n{markdown.BEGIN}\n")
    assert text.endswith(f"{markdown.END}\nThe end\n")
    assert "\nold\n" not in text
    assert "| get | 0.100 | 0.200 | 0.300 | 0.400 | 0.100 | 0.100 | 0.100 | 1.25 | 2.00 |" in text
    assert "Promised: 1 of 1 hold\n" in text
    assert "Reached before" not in text
    assert "Wished for: 1 of 2 hold:\n\n- find, p50 ms: 0.9, to be 0.5\n" in text
    assert "| sqlite-utils | 6 |" in text
    markdown.publish(tmp_path, readme)
    assert readme.read_text() == text


PROFILE = {
    "scale": 1000,
    "machine": MACHINE,
    "parts": {
        "get": {"gateway": 0.3, "sql": 0.1, "python": 0.05, "hop": 0.08, "waiting": 0.07},
    },
}


def test_a_profile_is_published_beside_the_runs(tmp_path):
    (tmp_path / "profile-1000.json").write_text(json.dumps(PROFILE))
    readme = tmp_path / "README.md"
    readme.write_text(f"{markdown.BEGIN}\n{markdown.END}\n")
    markdown.publish(tmp_path, readme)
    assert "| get | 0.300 | 0.100 | 0.050 | 0.080 | 0.070 |" in readme.read_text()


BESIDE = {
    "scale": 1000,
    "machine": MACHINE,
    "beside": {"get": {"alone": TIMES, "writers here": {**TIMES, "p99": 30.0}}},
    "rates": {"writers here": {"alone": 2000.0, "reading": 1800.0, "ratio": 0.9}},
    "gates": [
        {"kind": "promise", "name": "get, p99 ms", "value": 30, "limit": 25, "holds": False},
    ],
}


def test_reads_beside_writers_are_published_after_the_runs(tmp_path):
    (tmp_path / "beside-1000.json").write_text(json.dumps(BESIDE))
    (tmp_path / "beside-unjudged.json").write_text("not read")
    readme = tmp_path / "README.md"
    readme.write_text(f"{markdown.BEGIN}\n{markdown.END}\n")
    markdown.publish(tmp_path, readme)
    text = readme.read_text()
    assert "| get | 0.10 | 0.30 | 0.10 | 30.00 |" in text
    assert "| writers here | 2,000 | 1,800 | 0.90 |" in text
    assert "Promised: 0 of 1 hold:\n\n- get, p99 ms: 30, to be 25\n" in text


LOST = {
    "rounds": 3, "acknowledged": 4000, "missing": 70, "missing_p50": 40, "seconds": 0.91,
    "seconds_p50": 0.5, "restored_in": 3.0,
}  # fmt: skip
PRICE = {
    "per_second": 900.0, "p50_ms": 1.0, "p99_ms": 2.0, "writer_us": 300.0, "archiver_us": 100.0,
    "server_us": 50.0,
}  # fmt: skip
ARCHIVE = {
    "machine": MACHINE,
    "writers": 100,
    "rounds": 3,
    "loss": {"on": LOST, "wait": {**LOST, "missing": 0, "missing_p50": 0}},
    "price": {"off": {**PRICE, "per_second": 1000.0}, "on": PRICE},
}


def test_what_archiving_costs_and_saves_is_published(tmp_path):
    (tmp_path / "archive.json").write_text(json.dumps(ARCHIVE))
    readme = tmp_path / "README.md"
    readme.write_text(f"{markdown.BEGIN}\n{markdown.END}\n")
    markdown.publish(tmp_path, readme)
    text = readme.read_text()
    assert "| on | 3 | 4,000 | 40 / 70 | 0.50 / 0.91 |" in text
    assert "| on | 900 | 0.90 | 1.0 / 2.0 | 300 | 100 | 50 |" in text


def test_every_line_of_a_table_has_the_same_number_of_cells():
    sections = (
        markdown.run_section(RUN),
        markdown.profile_section(PROFILE),
        markdown.peers_section(PEERS),
        markdown.beside_section(BESIDE),
        markdown.archive_section(ARCHIVE),
    )
    for text in sections:
        for block in text.split("\n\n"):
            lines = [line for line in block.splitlines() if line.startswith("|")]
            assert len({line.count("|") for line in lines}) <= 1
