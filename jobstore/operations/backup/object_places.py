"""Places in object stores: S3, Google Cloud Storage, Azure, and what speaks their protocols.

The only module that knows obstore. Keys and regions come from the configuration, or from the
environment variables of the store's own tools (``AWS_...``, ``GOOGLE_...``, ``AZURE_...``).
No message repeats what a server said: it may quote addresses that are signed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from jobstore.errors import BackupError
from jobstore.operations.backup.manifest import MOST_OCTETS
from jobstore.operations.backup.packing import blocks_of, caught_by, true_causes
from jobstore.operations.backup.places import Place
from jobstore.progress import Progress

# Bytes of one request, its seconds, and the requests at a time: 270 KB/s are enough for them.
_PART = 8 * 1024 * 1024
_TIMEOUT = "120s"
_AT_ONCE = 4
# Parts that S3 allows in one object, less some.
_MOST_PARTS = 9_000
_RETRIES = {"max_retries": 3, "retry_timeout": timedelta(seconds=60)}

_CODE = re.compile(r"<Code>(\w+)</Code>")
_DENIED = frozenset({"PermissionDeniedError", "UnauthenticatedError", "AccessDenied", "401", "403"})
_STATUS = re.compile(r"status code: (\d{3})")


class ObjectPlace(Place):
    """A bucket, or what lies below a prefix in one: ``s3://``, ``gs://`` or ``az://``.

    ``options``: what obstore takes as configuration, and ``allow_http`` (``"true"``) for a
    server without TLS. Opening it reaches for nothing.
    """

    def __init__(self, address: str, options: Mapping[str, str]) -> None:
        super().__init__(address)
        self._options = dict(options)

    @cached_property
    def _store(self) -> Any:
        try:
            from obstore.store import from_url
        except ImportError:
            raise BackupError(
                f"{self.name} needs the extra: pip install 'jobstore[cloud]'."
            ) from None
        options = dict(self._options)
        plain = options.pop("allow_http", os.environ.get("AWS_ALLOW_HTTP", "false"))
        client = {
            "allow_http": plain.lower() == "true",
            "connect_timeout": "10s",
            "timeout": _TIMEOUT,
        }
        set_up: Any = from_url
        try:
            return set_up(self.name, config=options, client_options=client, retry_config=_RETRIES)
        except BaseException as error:
            # An option that obstore does not expect makes it panic, which is no Exception.
            raise BackupError(
                f"{self.name} cannot be set up ({type(error).__name__}); check its options in "
                "the configuration (backup: place_options)."
            ) from None

    @contextmanager
    def _reaching(self) -> Iterator[tuple[Any, Any]]:
        """Give obstore and the store; what they raise is told in words of our own."""
        store = self._store
        import obstore

        try:
            yield obstore, store
        except obstore.exceptions.BaseError as error:
            raise BackupError(f"{self.name}: {_reason(error)}") from None
        except FileNotFoundError:
            raise BackupError(f"{self.name}: there is no such bucket or file.") from None

    def below(self, folder: str) -> ObjectPlace:
        return ObjectPlace(f"{self.name.rstrip('/')}/{folder}", self._options)

    def sizes(self) -> dict[str, int]:
        with self._reaching() as (obstore, store):
            # What lies deeper is not ours.
            found = obstore.list_with_delimiter(store)["objects"]
            return {each["path"]: each["size"] for each in found}

    def read(self, file: str) -> bytes:
        with self._reaching() as (obstore, store):
            size = min(obstore.head(store, file)["size"], MOST_OCTETS + 1)
            return bytes(obstore.get_range(store, file, start=0, end=size)) if size else b""

    def write(self, file: str, data: bytes) -> None:
        with self._reaching() as (obstore, store):
            obstore.put(store, file, data)

    def upload(self, file: str, source: Path, progress: Progress) -> None:
        total = source.stat().st_size

        def parts() -> Iterator[bytes]:
            with caught_by(causes):
                yield from blocks_of(source, "upload", progress)

        with true_causes() as causes, self._reaching() as (obstore, store):
            obstore.put(
                store,
                file,
                parts(),
                chunk_size=max(_PART, total // _MOST_PARTS),
                max_concurrency=_AT_ONCE,
            )

    def blocks(
        self, file: str, step: str, progress: Progress, most: int | None = None
    ) -> Iterator[bytes]:
        with self._reaching() as (obstore, store):
            total = obstore.head(store, file)["size"]
        if most is not None:
            # What has grown since it was listed is not what is wanted.
            total = min(total, most + 1)
        for start in range(0, total, _PART):
            end = min(start + _PART, total)
            with self._reaching() as (obstore, store):
                part = bytes(obstore.get_range(store, file, start=start, end=end))
            progress(step, end, total)
            yield part

    def delete(self, file: str) -> None:
        with self._reaching() as (obstore, store), suppress(FileNotFoundError):
            obstore.delete(store, file)


def _reason(error: Exception) -> str:
    """Return why a request failed, in words of our own."""
    text = str(error)
    said = _CODE.search(text) or _STATUS.search(text)
    if type(error).__name__ in _DENIED or (said is not None and said[1] in _DENIED):
        return "access was denied; check its keys and what they may do."
    if said is None:
        return "it cannot be reached; check the network, its address and its region."
    return f"it answered {said[1]}; check that it exists, and its keys."
