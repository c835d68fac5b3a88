"""Which backups are believed: those that the key signed, encrypted if they are to be, the newest.

Whoever may write to a place can put anything there, and put back what was there before. So where
there is a key, manifests are signed with it: HMAC-SHA-256 over all that a manifest says, among it
the checksum of what is stored, which store it is of, and a counter. The counter is the
millisecond in which the backup was made, or one more than the highest that was seen; so it also
grows on a machine that has seen none, and after a clock was wrong. Nothing is read from a place
here.
"""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from typing import Any, Literal

from jobstore.errors import JobStoreError
from jobstore.operations import logs
from jobstore.operations.backup.manifest import Manifest, age_order
from jobstore.operations.backup.state import counters, record_counters
from jobstore.settings.kinds import BACKUP_KEY
from jobstore.settings.sections import BackupSection, Settings

Doubt = Literal["unsigned", "unencrypted", "older", "foreign"]
"""Why a backup may be refused, and what a caller may accept; see :func:`.restoring.restore`."""

_log = logs.get("backup")

_PURPOSE = b"jobstore backup manifest\n"


class Trust:
    """What is believed on a machine with these settings; ``accept`` names what is none the less.

    With a key, raises what reading the database of operations raises, which has what was seen.
    """

    def __init__(self, settings: Settings, accept: Collection[Doubt] = ()) -> None:
        self._settings = settings
        self.accept = frozenset(accept)
        self._keys = keys_of(settings.backup)
        self._seen = counters(settings) if self._keys else {}

    def signed(self, manifest: Manifest) -> bool | None:
        """Return whether one of the keys signed a manifest; ``None`` where there is no key."""
        if not self._keys:
            return None
        if manifest.signature is None or manifest.counter is None:
            return False
        given = manifest.signature
        return any(hmac.compare_digest(given, _signature(manifest, key)) for key in self._keys)

    def order(self, manifest: Manifest) -> tuple[Any, ...]:
        """Return what sorts backups, the newest last; a signed counter goes before any clock."""
        known, moment, name = age_order(manifest)
        made = _milliseconds(moment)
        if manifest.counter is not None and self.signed(manifest):
            return True, manifest.counter, made, name
        return known, made, made, name

    def see(self, manifests: Iterable[Manifest]) -> None:
        """Remember the counters of those that are signed and may be taken for the newest.

        That later runs cannot be told of them stops nothing.
        """
        for each in manifests:
            if each.counter is not None and not each.replaced and self.signed(each):
                self._seen[each.store] = max(each.counter, self._seen.get(each.store, 0))
        try:
            record_counters(self._settings, self._seen)
        except JobStoreError as error:
            _log.error("which backup is the newest could not be recorded", error=str(error))

    def sign(self, manifest: Manifest) -> Manifest:
        """Return the manifest of a new backup with a counter and signed, where there is a key."""
        if not self._keys:
            return manifest
        counter = max(self._seen.get(manifest.store, 0) + 1, _milliseconds(manifest.created_at))
        counted = manifest.model_copy(update={"counter": counter})
        return counted.model_copy(update={"signature": _signature(counted, self._keys[0])})

    def doubt(self, manifest: Manifest) -> str | None:
        """Say why a backup is refused, whichever it is; ``None`` where it is not."""
        name = manifest.name
        if self.signed(manifest) is False and "unsigned" not in self.accept:
            how = (
                "is not signed, as those made before there was a key"
                if manifest.signature is None
                else "was signed with another key, or changed since"
            )
            return (
                f"Backup {name} {how}; if you know where it comes from, add --accept unsigned, or "
                "let backup.key have the key that it was signed with."
            )
        encrypted = manifest.encryption is not None or not self._settings.backup.recipients
        if not encrypted and "unencrypted" not in self.accept:
            return (
                f"Backup {name} is not encrypted, although backup.recipients are set; if you know "
                "where it comes from, add --accept unencrypted."
            )
        return None

    def doubt_newest(self, manifest: Manifest) -> str | None:
        """Say why a backup is not taken for the newest; ``None`` where it may be."""
        seen, counter = self._seen.get(manifest.store, 0), manifest.counter
        if counter is not None and counter < seen and "older" not in self.accept:
            return (
                f"Backup {manifest.name} is older than the newest that this machine has seen of "
                "the store, which is gone or was not good; name it if you want it, or add "
                "--accept older."
            )
        return None


def keys_of(section: BackupSection) -> list[bytes]:
    """Return the keys in the settings; the first signs."""
    if section.key is None:
        return []
    return [bytes.fromhex(each[1]) for each in BACKUP_KEY.finditer(section.key.get_secret_value())]


def new_key() -> str:
    """Return a new key, as ``backup.key`` takes it."""
    return f"jobstore-key-{secrets.token_hex(32)}"


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _signature(manifest: Manifest, key: bytes) -> str:
    """Return the HMAC of all that a manifest says but its signature; absent fields count not."""
    said = manifest.model_dump(exclude={"signature"}, exclude_none=True)
    said["created_at"] = manifest.created_at.astimezone(UTC).isoformat(timespec="microseconds")
    text = json.dumps(said, sort_keys=True, separators=(",", ":"))
    return hmac.new(key, _PURPOSE + text.encode("ascii"), "sha256").hexdigest()
