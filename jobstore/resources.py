"""Finds the files that belong to the package, in a checkout and in a wheel.

Only paths and file contents come from here; what the SQL means is no concern of this module,
and nothing else of the package is imported.

In a checkout, and in an editable install of one, ``sql/``, ``migrations/`` and ``examples/`` stand
beside the package. The wheel carries them inside it, as ``jobstore/_sql`` and so on; of the
examples only the postings.
"""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def _folder(name: str) -> Path:
    inside = _PACKAGE / f"_{name}"
    return inside if inside.is_dir() else _PACKAGE.parent / name


def migrations_folder(engine: str) -> Path:
    """Return the folder with the migrations of ``engine`` (``"sqlite"``).

    Raises FileNotFoundError when the installation does not have it.
    """
    folder = _folder("migrations") / engine
    if not folder.is_dir():
        raise FileNotFoundError(f"the installation of jobstore has no migrations for {engine}")
    return folder


def sql_files(engine: str) -> list[Path]:
    """Return the files with named statements that ``engine`` uses, sorted by name.

    Those in ``sql/common`` come first, then the engine's own. Raises FileNotFoundError when
    the installation has none.
    """
    top = _folder("sql")
    files = [path for part in ("common", engine) for path in sorted((top / part).glob("*.sql"))]
    if not files:
        raise FileNotFoundError(f"the installation of jobstore has no statements for {engine}")
    return files


def sample_postings() -> Path:
    """Return the file of made-up postings (JSON Lines).

    Raises FileNotFoundError when the installation does not have it.
    """
    file = _folder("examples") / "postings.jsonl"
    if not file.is_file():
        raise FileNotFoundError("the installation of jobstore has no sample postings")
    return file
