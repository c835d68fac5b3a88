"""The next version of jobstore: this one with one more migration, and an index of other words.

Its migration is additive and begins another full-text index, as CONTRIBUTING.md says. Who needs
two versions beside each other runs one of them in a process of its own::

    tree = make(folder)
    subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(tree)})

Nothing but the standard library is used here.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

_CHECKOUT = Path(__file__).resolve().parent.parent

WORD = "nextversion"
"""A word that the next version puts into every entry of its index."""

_INDEX, _VOCABULARY = ("text_index", "term_index"), ("text_vocabulary", "term_vocabulary")
_UP = """\
-- additive
-- Another index, of other words; `migrate up` builds it.
CREATE VIRTUAL TABLE {new} USING fts5 (
    body, title, company, location,
    content = '', columnsize = 0, tokenize = "unicode61 remove_diacritics 2"
);
CREATE VIRTUAL TABLE {new_vocabulary} USING fts5vocab ({new}, instance);
INSERT INTO {new} ({new}, rank) VALUES ('hashsize', 4194304);
INSERT INTO {new} ({new}, rank) VALUES ('automerge', 5);
UPDATE store_property SET value = X'{form:02X}'
WHERE store_property.name = 'derived_form' AND NOT EXISTS (SELECT 1 FROM posting);
"""
_FINISH = """\
DROP TABLE {old_vocabulary};
ALTER TABLE {old} RENAME TO leftover_{old};
"""
_DOWN = """\
DROP TABLE {new_vocabulary};
ALTER TABLE {new} RENAME TO leftover_{new};
CREATE VIRTUAL TABLE IF NOT EXISTS {old} USING fts5 (
    body, title, company, location,
    content = '', columnsize = 0, tokenize = "unicode61 remove_diacritics 2"
);
CREATE VIRTUAL TABLE IF NOT EXISTS {old_vocabulary} USING fts5vocab ({old}, instance);
INSERT INTO {old} ({old}, rank) VALUES ('hashsize', 4194304);
INSERT INTO {old} ({old}, rank) VALUES ('automerge', 5);
UPDATE store_property SET value = X'{earlier:02X}' WHERE store_property.name = 'derived_form';
"""


def make(folder: Path) -> Path:
    """Make the tree of the next version in ``folder``, which is made; return it for PYTHONPATH."""
    for name in ("jobstore", "sql", "migrations"):
        shutil.copytree(
            _CHECKOUT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__")
        )
    files = [*folder.glob("jobstore/**/*.py"), *folder.glob("sql/sqlite/*.sql")]
    for path in files:
        text = path.read_text(encoding="utf-8")
        changed = text
        for old, new in (_INDEX, _VOCABULARY):
            changed = re.sub(rf"\b{old}\b", new, changed)
        if changed != text:
            path.write_text(changed, encoding="utf-8")
    writing = folder / "jobstore" / "engines" / "sqlite" / "writing"
    form = _replace(
        writing / "renewing.py",
        r"^DERIVED_FORM = (\d+)$",
        lambda found: f"DERIVED_FORM = {int(found[1]) + 1}",
    )
    _replace(
        writing / "indexing.py",
        r"^( +)parts\.append\(facet_words\(derived\)\)$",
        lambda found: f'{found[0]}\n{found[1]}parts.append("{WORD}")',
    )
    migrations = folder / "migrations" / "sqlite"
    number = max(int(path.name[:4]) for path in migrations.glob("*.sql")) + 1
    names = {
        "old": _INDEX[0],
        "new": _INDEX[1],
        "old_vocabulary": _VOCABULARY[0],
        "new_vocabulary": _VOCABULARY[1],
        "form": int(form[1]) + 1,
        "earlier": int(form[1]),
    }
    for kind, text in (("", _UP), (".rollback", _DOWN), (".finish", _FINISH)):
        path = migrations / f"{number:04}.next-index{kind}.sql"
        path.write_text(text.format_map(names), encoding="utf-8")
    return folder


def _replace(path: Path, pattern: str, put: object) -> re.Match[str]:
    text = path.read_text(encoding="utf-8")
    found = re.search(pattern, text, re.MULTILINE)
    if found is None:
        raise LookupError(f"{path.name} has nothing like {pattern}")
    path.write_text(re.sub(pattern, put, text, flags=re.MULTILINE), encoding="utf-8")
    return found
