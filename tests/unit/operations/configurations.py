"""Writes configurations for tests, and tells what is wrong with them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from jobstore.errors import InvalidSettings
from jobstore.settings.loading import Loaded, load


def loaded(
    folder: Path,
    yaml: str | None = None,
    dotenv: str | None = None,
    environment: Mapping[str, str] | None = None,
    flags: Mapping[str, Any] | None = None,
) -> Loaded:
    """Load settings from what is given, each written to where it belongs below ``folder``."""
    config = folder / "config.yaml"
    if yaml is not None:
        config.write_text(yaml, encoding="utf-8")
    if dotenv is not None:
        (folder / ".env").write_text(dotenv, encoding="utf-8")
    return load(
        config if yaml is not None else None,
        flags=flags,
        environment=environment or {},
        folder=folder,
    )


def refused(folder: Path, *args: Any, **kwargs: Any) -> list[str]:
    """Return what is wrong, a text for each fault, without the folder's name."""
    with pytest.raises(InvalidSettings) as caught:
        loaded(folder, *args, **kwargs)
    return [str(fault).replace(f"{folder}/", "") for fault in caught.value.faults]
