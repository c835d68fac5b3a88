"""Settings: where the store is, how it is driven, and how it is operated.

Reading and checking settings happens here, opening anything does not. What opening a store
needs is named below. The sections that operators write are in
:mod:`jobstore.settings.sections` and :mod:`jobstore.settings.loading`; both import pydantic,
which takes longer than everything else, so they are imported only where they are used.
"""

from jobstore.settings.options import EngineOptions, StoreSettings, read_environment
from jobstore.settings.url import DEFAULT_URL, StoreURL, is_utf8, parse_store_url, sqlite_url

__all__ = [
    "DEFAULT_URL",
    "EngineOptions",
    "StoreSettings",
    "StoreURL",
    "is_utf8",
    "parse_store_url",
    "read_environment",
    "sqlite_url",
]
