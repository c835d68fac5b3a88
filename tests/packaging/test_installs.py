"""jobstore works where it is installed: from a wheel, outside the checkout, and editable.

Nothing is downloaded: the new environments borrow the packages of the one that runs the tests.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

# Not what the environment around the tests has: neither its paths nor its measurements.
_CLEAN = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith(("COV", "PYTHON", "JOBSTORE_", "VIRTUAL_ENV"))
}


def _run(*command: str | Path, cwd: Path, ok: bool = True) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=_CLEAN,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0 or not ok, done.stdout + done.stderr
    return done


def _build(target: str, source: Path, folder: Path) -> Path:
    _run(sys.executable, "-m", "hatchling", "build", "-t", target, "-d", folder, cwd=source)
    (built,) = folder.iterdir()
    return built


@pytest.fixture(scope="session")
def wheel(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _build("wheel", repository, tmp_path_factory.mktemp("wheel"))


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """A new virtual environment that sees the packages of this one, but no jobstore."""
    folder = tmp_path / "environment"
    venv.create(folder, with_pip=False, symlinks=True)
    (site,) = folder.glob("lib/python*/site-packages")
    # A .pth file in a folder that is added by a .pth file is not read, so an editable
    # jobstore of this environment stays here.
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder


def _install(environment: Path, *what: str | Path) -> None:
    _run(
        *(sys.executable, "-m", "pip", "--python", environment / "bin" / "python"),
        *("install", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"),
        *("--disable-pip-version-check", *what),
        cwd=environment,
    )


def _where(environment: Path) -> Path:
    code = "import jobstore; print(jobstore.__file__)"
    found = _run(environment / "bin" / "python", "-c", code, cwd=environment).stdout
    return Path(found.strip()).parent


def _use(environment: Path, repository: Path, folder: Path) -> None:
    """Migrate, import and search with the installed command."""
    command = environment / "bin" / "jobstore"
    folder.mkdir()
    lines = (repository / "examples" / "postings.jsonl").read_text("utf-8").splitlines(True)
    (folder / "some.jsonl").write_text("".join(lines[:50]), "utf-8")
    title = json.loads(lines[7])["title"]

    _run(command, "migrate", "up", cwd=folder)
    _run(command, "migrate", "verify", cwd=folder)
    counts = json.loads(_run(command, "import", "some.jsonl", "--json", cwd=folder).stdout)
    assert counts["inserted"] == 50
    words = " ".join(word for word in title.split() if word.isalpha())
    found = json.loads(_run(command, "search", words, "--json", cwd=folder).stdout)
    assert title in [item["title"] for item in found["items"]]
    assert _run(command, "--version", cwd=folder).stdout == "jobstore 0.1.0\n"


def test_the_installed_wheel_works(
    wheel: Path, environment: Path, repository: Path, tmp_path: Path
) -> None:
    _install(environment, wheel)
    assert environment in _where(environment).parents
    _use(environment, repository, tmp_path / "elsewhere")


def test_the_editable_install_works(environment: Path, repository: Path, tmp_path: Path) -> None:
    _install(environment, "--editable", repository)
    assert _where(environment) == repository / "jobstore"
    _use(environment, repository, tmp_path / "elsewhere")


def test_the_wheel_has_what_it_needs_and_no_more(wheel: Path, repository: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    for source, target in (("migrations", "_migrations"), ("sql", "_sql"), ("jobstore", "")):
        for path in (repository / source).rglob("*"):
            if path.suffix in (".sql", ".py", ".typed", ".html", ".css", ".js", ".svg", ".txt"):
                inside = Path("jobstore", target, path.relative_to(repository / source))
                assert inside.as_posix() in names
    assert {name.split("/")[0] for name in names} == {"jobstore", "jobstore-0.1.0.dist-info"}
    assert not [name for name in names if "__pycache__" in name or name.endswith(".db")]


def test_the_source_archive_builds_the_same_wheel(
    wheel: Path, repository: Path, tmp_path: Path
) -> None:
    archive = _build("sdist", repository, tmp_path / "sdist")
    with tarfile.open(archive) as packed:
        # Python 3.11.3 and older know no filters.
        packed.extractall(
            tmp_path, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {})
        )
    again = _build("wheel", tmp_path / archive.name.removesuffix(".tar.gz"), tmp_path / "wheel")
    with zipfile.ZipFile(wheel) as one, zipfile.ZipFile(again) as other:
        assert sorted(one.namelist()) == sorted(other.namelist())
