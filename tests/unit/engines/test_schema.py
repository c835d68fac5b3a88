"""Migrating an engine that is not SQLite: what is decided is decided for every engine alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from jobstore import MigrationError, SchemaMismatch, migrating, resources
from jobstore.engines import BACKENDS, register
from jobstore.engines.backend import Capability, Count
from jobstore.engines.schema import Applied, Recorded, Renewal
from jobstore.engines.scripts import Direction, Script
from jobstore.migrating import State, Step
from jobstore.progress import Progress
from jobstore.settings import StoreURL
from jobstore.settings.url import PARSERS
from tests.engines.memory import MemoryBackend

WHEN = datetime(2026, 1, 1, tzinfo=UTC)
URL = "toy:jobs"


class ToySchema:
    """A database that is a list of the scripts that were run."""

    migrations = "toy"
    derived_form = 2
    derived: frozenset[str] = frozenset()
    renewed_since = "0001"

    def __init__(self) -> None:
        self.applied_now: list[Recorded] = []
        self.form = 0
        self.made = False
        self.oldest = ""
        self.finished: list[str] = []

    def make(self, url: StoreURL) -> None:
        self.made = True

    def applied(self, url: StoreURL, *, patience: float) -> Applied:
        return Applied(self.recorded(), self.form, self.oldest)

    @contextmanager
    def changing(self, url: StoreURL, *, patience: float) -> Iterator[ToySchema]:
        yield self

    @contextmanager
    def transaction(self) -> Iterator[None]:
        before = self.recorded(), self.form, self.oldest
        try:
            yield
        except BaseException:
            self.applied_now, self.form, self.oldest = before
            raise

    def recorded(self) -> list[Recorded]:
        return [*self.applied_now]

    def run(self, script: Script, direction: Direction) -> None:
        if direction == "up":
            self.applied_now.append(Recorded(script.id, script.checksum, WHEN))
        else:
            assert self.applied_now.pop().id == script.id
        if script.text(direction) == "fail":
            raise MigrationError(f"{script.id} failed")

    def alone(self) -> None:
        return None

    def count(self, name: str) -> int:
        return len(self.applied_now)

    def compatible(self) -> str:
        return self.oldest

    def let(self, compatible: str) -> None:
        self.oldest = compatible

    def finish(self, scripts: Sequence[Script]) -> bool:
        self.finished += [each.id for each in scripts]
        return True

    def renewal(self, url: StoreURL, *, patience: float) -> Renewal | None:
        return None

    def renew(self, url: StoreURL, *, keep: bool, patience: float, progress: Progress) -> None:
        self.form = self.derived_form

    def settle(self, url: StoreURL, *, patience: float) -> bool:
        return True

    def sweep(self, url: StoreURL, *, patience: float, progress: Progress) -> None:
        return None

    def objects(self, url: StoreURL, *, patience: float) -> dict[str, str]:
        return {each.id: "table" for each in self.applied_now}

    def objects_of(
        self, url: StoreURL, scripts: Iterable[Script], compatible: str
    ) -> dict[str, str]:
        return {each.id: "table" for each in scripts}


class ToyBackend(MemoryBackend):
    scheme = "toy"
    capabilities = frozenset({Capability.MIGRATIONS})

    def __init__(self) -> None:
        super().__init__()
        self.schema = ToySchema()

    def parse(self, url: str) -> StoreURL:
        return StoreURL("toy", Path("jobs"), url)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The migrations of the engine."""
    folder = tmp_path / "toy"
    folder.mkdir()
    for id in ("0001.a", "0002.b", "0003.c"):
        (folder / f"{id}.sql").write_text(f"make {id}")
        (folder / f"{id}.rollback.sql").write_text(f"DROP TABLE {id[-1]};")
    asked = {"toy": folder}
    monkeypatch.setattr(resources, "migrations_folder", asked.__getitem__)
    return folder


@pytest.fixture
def schema(folder: Path, monkeypatch: pytest.MonkeyPatch) -> ToySchema:
    """The only database of the engine."""
    for registry in (BACKENDS, PARSERS):
        # It is taken out again at the end of the test.
        monkeypatch.setitem(registry, "toy", None)
    backend = ToyBackend()
    register(backend)
    return backend.schema


def ids(steps: Sequence[Step | Recorded]) -> list[str]:
    return [step.id for step in steps]


def test_its_own_migrations_are_applied_in_order_and_what_is_derived_is_written_at_the_end(
    schema: ToySchema,
) -> None:
    assert ids(migrating.up(URL, dry_run=True)) == ["0001.a", "0002.b", "0003.c"]
    assert not schema.made
    assert ids(migrating.up(URL, "2")) == ["0001.a", "0002.b"]
    assert (schema.made, schema.form) == (True, 0)
    with pytest.raises(SchemaMismatch, match="lacks 0003.c; run: jobstore migrate up --store toy:"):
        migrating.check_schema(URL)

    assert ids(migrating.up(URL)) == ["0003.c"]

    assert schema.form == 2
    migrating.verify(URL)
    assert {each.state for each in migrating.status(URL)} == {State.APPLIED}


def test_one_that_fails_leaves_those_before_it(schema: ToySchema, folder: Path) -> None:
    (folder / "0002.b.sql").write_text("fail")
    with pytest.raises(MigrationError, match=r"0002\.b failed"):
        migrating.up(URL)
    assert ids(schema.applied_now) == ["0001.a"]


def test_whoever_looks_is_asked_once_before_anything_is_taken_back(schema: ToySchema) -> None:
    migrating.up(URL)
    seen: list[tuple[int, list[str]]] = []

    def look(count: Count, steps: Sequence[Step]) -> None:
        seen.append((count("a"), [name for step in steps for name in step.removed]))

    assert ids(migrating.down(URL, "1", look=look)) == ["0003.c", "0002.b"]
    assert seen == [(3, ["c", "b"])]

    def refuse(count: Count, steps: Sequence[Step]) -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        migrating.down(URL, look=refuse)
    assert ids(schema.applied_now) == ["0001.a"]


def test_another_form_or_another_table_is_told(schema: ToySchema, folder: Path) -> None:
    migrating.up(URL)
    for form, told in ((1, "older form; run: jobstore migrate up"), (3, "newer jobstore")):
        schema.form = form
        with pytest.raises(SchemaMismatch, match=told):
            migrating.check_schema(URL)
    schema.form = 2
    schema.objects_of = lambda url, scripts, compatible: {"0001.a": "view", "z": "table"}
    with pytest.raises(MigrationError, match=r"z is missing, 0001\.a was changed"):
        migrating.verify(URL)
    (folder / "0002.b.sql").write_text("edited")
    with pytest.raises(MigrationError, match="was edited after it was applied"):
        migrating.check_schema(URL)
