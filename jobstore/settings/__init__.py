"""Settings: where the store is, how it is driven, and how it is operated.

Reading and checking settings happens here, opening anything does not. What an engine needs is
named below. Every command and :func:`jobstore.connect` read settings by
:func:`jobstore.settings.loading.load`. It and the sections that operators write, in
:mod:`jobstore.settings.sections`, import pydantic, which takes longer than everything else, so
they are imported only where they are used.
"""

from jobstore.settings.options import EngineOptions, HealthLimits, SourceRules
from jobstore.settings.url import DEFAULT_URL, StoreURL, is_utf8, parse_store_url, sqlite_url

__all__ = [
    "DEFAULT_URL",
    "EngineOptions",
    "HealthLimits",
    "SourceRules",
    "StoreURL",
    "is_utf8",
    "parse_store_url",
    "sqlite_url",
]
