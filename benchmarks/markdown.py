"""Results as Markdown, and their place in README.md: between two marks, rewritten as a whole.

Figures come from the JSON files of runs, never from hand.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.report import FOLDER, KINDS

README = FOLDER.parent / "README.md"
BEGIN, END = "<!-- results: python -m benchmarks publish -->", "<!-- end of results -->"

OPERATIONS = ("get", "find", "count", "title", "company", "recent", "statistics", "complex")
"""What the other ways are asked as well."""

Results = Mapping[str, Any]


def publish(folder: Path = FOLDER, readme: Path = README) -> None:
    """Put the results of all sizes and of the other ways into the README."""
    runs = sorted(_sized(folder, ""), key=_last)
    parts = [run_section(_read(path)) for path in runs]
    profiles = sorted(_sized(folder, "profile-"), key=_last)
    parts += [profile_section(_read(path)) for path in profiles]
    parts += [beside_section(_read(path)) for path in sorted(_sized(folder, "beside-"), key=_last)]
    servers = sorted(_sized(folder, "postgres-"), key=_last)
    parts += [postgres_section(_read(path)) for path in servers]
    archive = folder / "archive.json"
    if archive.exists():
        parts.append(archive_section(_read(archive)))
    peers = folder / "peers.json"
    if peers.exists():
        parts.append(peers_section(_read(peers)))
    if not parts:
        return
    before, rest = readme.read_text(encoding="utf-8").split(BEGIN)
    _, after = rest.split(END)
    text = "\n".join([before + BEGIN, "", *parts, END + after])
    readme.write_text(text, encoding="utf-8")


def _sized(folder: Path, what: str) -> Iterator[Path]:
    for path in folder.glob(f"{what}*.json"):
        if path.stem.removeprefix(what).isdigit():
            yield path


def _last(path: Path) -> int:
    return int(path.stem.rpartition("-")[2])


def _read(path: Path) -> Results:
    found: Results = json.loads(path.read_text(encoding="utf-8"))
    return found


def run_section(results: Results) -> str:
    """Return the section of one run."""
    lines = [*_heading(f"{results['scale']:,} postings", results), *_reads(results)]
    lines += ["", *_rest(results), "", *_missed(results)]
    return "\n".join(lines)


def profile_section(results: Results) -> str:
    """Return the section that says where the time of reads goes."""
    columns = ("gateway", "sql", "python", "hop", "waiting")
    lines = _heading(f"Where the time goes, {results['scale']:,} postings, p50 ms", results)
    lines += table_head(("operation", *columns))
    for name, found in results["parts"].items():
        lines.append(row((name, *(f"{found[key]:.3f}" for key in columns))))
    return "\n".join([*lines, ""])


def beside_section(results: Results) -> str:
    """Return the section of reads beside writers."""
    scale = results["scale"]
    lines = _heading(f"Beside 100 coroutines that upsert, {scale:,} postings, ms", results)
    ways = list(next(iter(results["beside"].values())))
    figures = ("p50", "p99")
    lines += table_head(("operation", *(f"{way}: {figure}" for way in ways for figure in figures)))
    for name, found in results["beside"].items():
        cells = (f"{found[way][figure]:.2f}" for way in ways for figure in figures)
        lines.append(row((name, *cells)))
    lines += ["", *table_head(("postings a second", "without reads", "with reads", "ratio"))]
    for way, rates in results["rates"].items():
        rate = (f"{rates[kind]:,.0f}" for kind in ("alone", "reading"))
        lines.append(row((way, *rate, f"{rates['ratio']:.2f}")))
    return "\n".join([*lines, "", *_missed(results)])


def postgres_section(results: Results) -> str:
    """Return the section of PostgreSQL."""
    version = results["server"]
    title = f"PostgreSQL {version // 10_000}.{version % 10_000}, {results['scale']:,} postings"
    lines = _heading(title, results)
    lines += table_head(("read, ms", "p50", "p99", "same SQL: p50", "p99", "ratio"))
    for name, found in results["calls"].items():
        times = [f"{found[way][at]:.2f}" for way in ("store", "psycopg") for at in ("p50", "p99")]
        lines.append(row((name, *times, f"{found['ratio']:.2f}")))
    lines += ["", *table_head(("one posting by its id, us", "p50"))]
    lines += [row((name, f"{each:,.0f}")) for name, each in results["pools"].items()]
    lines += ["", *table_head(("SQLAlchemy Core with full text, ms", "p50", "p99"))]
    for name, found in results["peers"].items():
        lines.append(row((name, *(f"{found[at]:.2f}" for at in ("p50", "p99")))))
    lines += ["", *table_head(("100 coroutines that upsert, a second", "new", "unchanged"))]
    for name, found in results["upserts"].items():
        rates = (f"{found[kind]['per_second']:,.0f}" for kind in ("new", "unchanged"))
        lines.append(row((name, *rates)))
    lines += ["", *table_head(("processes of 25 coroutines", "a second", "processors busy"))]
    for number, found in results["processes"].items():
        lines.append(row((number, f"{found['per_second']:,.0f}", f"{found['busy']:.0f}%")))
    bulk = results["bulk"]
    lines += ["", *table_head(("many at once, new", "postings/s"))]
    lines += [row((name, f"{bulk[name]:,.0f}")) for name in ("upsert_many", "bare COPY")]
    lines += ["", *table_head(("full text of a posting", "us"))]
    lines += [row((name, f"{each:,.0f}")) for name, each in results["full_text"].items()]
    return "\n".join([*lines, "", *_missed(results)])


def archive_section(results: Results) -> str:
    """Return the section of what a loss of the machine costs, and what archiving does."""
    lines = _heading(f"Archiving, {results['writers']} coroutines that upsert", results)
    columns = ("rounds", "acknowledged", "missing, p50 / most", "seconds, p50 / most")
    lines += table_head(("a loss of the machine", *columns))
    for way, found in results["loss"].items():
        missing = f"{found['missing_p50']:,.0f} / {found['missing']:,.0f}"
        seconds = f"{found['seconds_p50']:.2f} / {found['seconds']:.2f}"
        lines.append(
            row((way, f"{found['rounds']}", f"{found['acknowledged']:,.0f}", missing, seconds))
        )
    columns = ("writes/s", "of off", "ms, p50 / p99", "writers, us", "archiver, us", "bucket, us")
    lines += ["", *table_head(("its price", *columns))]
    base = results["price"]["off"]["per_second"]
    for way, found in results["price"].items():
        times = f"{found['p50_ms']:.1f} / {found['p99_ms']:.1f}"
        cost = (f"{found[name]:.0f}" for name in ("writer_us", "archiver_us", "server_us"))
        rate = found["per_second"]
        lines.append(row((way, f"{rate:,.0f}", f"{rate / base:.2f}", times, *cost)))
    return "\n".join([*lines, ""])


def peers_section(results: Results) -> str:
    """Return the section of the other ways."""
    ways = results["ways"]
    lines = _heading(f"Other ways, {results['scale']:,} postings", results)
    lines += table_head(("", *ways))
    for name in OPERATIONS:
        lines.append(
            row((f"{name}, p50 ms", *(f"{way[name]['p50']:.3f}" for way in ways.values())))
        )
    for label, key in (
        ("100 gets at once, /s", "100 gets"),
        ("100 upserting new, /s", "upsert"),
        ("100 upserting unchanged, /s", "unchanged"),
    ):
        lines.append(row((label, *(f"{way[key]:,.0f}" for way in ways.values()))))
    lines += ["", *table_head(("bulk into an empty database", "postings/s"))]
    lines += [row((name, f"{rate:,.0f}")) for name, rate in results["bulk"].items()]
    return "\n".join([*lines, ""])


def row(cells: Sequence[str]) -> str:
    """Return one line of a table."""
    return f"| {' | '.join(cells)} |"


def table_head(names: Sequence[str]) -> list[str]:
    """Return the first two lines of a table: numbers stand on the right."""
    return [row(names), row(["---", *("---:" for _ in names[1:])])]


def _heading(title: str, results: Results) -> list[str]:
    about = results["machine"]
    return [
        f"### {title}",
        "",
        f"{about['processor']}, {about['cores']} cores, {about['memory'] / 2**30:.0f} GiB; "
        f"{about['system']}, Python {about['python']}, SQLite {about['sqlite']}; load at the "
        f"start {about['load'][0]}; revision {about['revision']}.",
        "",
    ]


def _reads(results: Results) -> list[str]:
    sizes = sorted(map(int, results["reads"]))
    columns = ["operation", "p50", "p95", "p99", "max", "same SQL", "hop", "SQL in a hop", "ratio"]
    if len(sizes) > 1:
        columns.append(f"growth since {sizes[0]:,}")
    columns += ["100 at once: p50", "p99", "calls/s"]
    lines = table_head(columns)
    for name, found in results["reads"][str(sizes[-1])].items():
        alone, together = found["alone"], results["at_once"][name]
        cells = [name, *(f"{alone[key]:.3f}" for key in ("p50", "p95", "p99", "max"))]
        cells += [f"{found[key]['p50']:.3f}" for key in ("sqlite", "hop", "carried")]
        cells.append(f"{found['ratio']:.2f}")
        if len(sizes) > 1:
            small = results["reads"][str(sizes[0])][name]["alone"]["p50"]
            cells.append(f"{alone['p50'] / small:.2f}")
        cells += [f"{together[key]:.2f}" for key in ("p50", "p99")]
        lines.append(row([*cells, f"{together['per_second']:,.0f}"]))
    return lines


def _rest(results: Results) -> Iterator[str]:
    yield from table_head(("what", "figure"))
    writes = results["writes"]
    for name, found in writes["alone"].items():
        yield row((f"{name}, alone", f"p50 {found['p50']} ms, p99 {found['p99']} ms"))
    for name, rate in writes["per_second"].items():
        yield row((f"{name}, 100 coroutines or batches of 512", f"{rate:,.0f}/s"))
    for name, ratio in results["ratios"].items():
        yield row((name, f"{ratio:.2f}x"))
    stall = writes["stall"]
    yield row(
        ("event-loop stall", f"p50 {stall['p50']}, p99 {stall['p99']}, max {stall['max']} ms")
    )
    opening = results["opening"]
    yield row(("open, close", f"{opening['open']}, {opening['close']} ms"))
    imported, memory = results["import"], results["memory"]
    yield row(
        (
            f"import of {imported['rows']:,} from a file",
            f"{imported['seconds']} s, {imported['per_second']:,.0f}/s, "
            f"{imported['memory'] >> 20} MiB",
        )
    )
    yield row(
        (
            f"making the database of {memory['rows']:,}",
            f"{memory['build_per_second']:,.0f}/s, {memory['build_memory'] >> 20} MiB "
            "(the generator included)",
        )
    )
    yield row(
        (
            f"stream of {memory['rows']:,}",
            f"{memory['stream_per_second']:,.0f}/s, {memory['stream_memory'] >> 20} MiB",
        )
    )
    space = results["space"]
    yield row(
        (
            "bytes on disk per posting",
            f"{space['bytes_per_posting']:,.0f}, "
            f"{space['ratio']} x the {space['raw_description']:,.0f} of its description",
        )
    )
    for part, octets in space["parts"].items():
        yield row((f"... {part}", f"{octets:,.0f}"))


def _missed(results: Results) -> Iterator[str]:
    for kind, label in KINDS.items():
        gates = [gate for gate in results["gates"] if gate["kind"] == kind]
        if gates:
            missed = [gate for gate in gates if not gate["holds"]]
            yield f"{label}: {len(gates) - len(missed)} of {len(gates)} hold{':' * bool(missed)}"
            yield ""
            for gate in missed:
                yield f"- {gate['name']}: {gate['value']:,.3g}, to be {gate['limit']:,.3g}"
            if missed:
                yield ""
