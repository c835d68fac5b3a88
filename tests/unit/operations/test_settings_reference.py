"""The reference of all settings, and that the guide has it."""

from __future__ import annotations

from pathlib import Path

from jobstore.settings.reference import all_keys, markdown
from jobstore.settings.sections import Settings


def test_the_guide_has_all_settings(repository: Path) -> None:
    page = (repository / "docs" / "configuration.md").read_text(encoding="utf-8")
    # `jobstore config keys` prints what has to stand there.
    assert page.partition("<!-- keys -->\n\n")[2] == markdown()


def test_every_setting_has_words_and_a_variable_of_its_own() -> None:
    keys = list(all_keys())
    assert all(key.meaning and key.allowed for key in keys)
    assert len({key.variable for key in keys}) == len(keys)
    variables = {key.name: key.variable for key in keys}
    assert variables["environment"] == "JOBSTORE_ENVIRONMENT"
    assert variables["store.url"] == "JOBSTORE_URL"
    assert variables["logging.slow_ms"] == "JOBSTORE_LOGGING__SLOW_MS"


def test_every_default_is_allowed() -> None:
    settings = Settings()
    assert Settings.model_validate(settings.model_dump()) == settings
