"""The settings that operators write, as typed sections; reading them is not done here.

Every field has its default, its range and a word on what it means. The reference in
``docs/configuration.md`` is made from them.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any, Literal

from pydantic import PrivateAttr, SecretStr, field_validator, model_validator

from jobstore.errors import StoreUnavailable
from jobstore.settings.alerting import AlertsSection
from jobstore.settings.kinds import (
    Absence,
    BackupKeys,
    ClockTime,
    FilePath,
    Mebibytes,
    Milliseconds,
    Percent,
    Place,
    Recipient,
    Seconds,
    Section,
    Timezone,
    length_of,
    setting,
)
from jobstore.settings.options import (
    MOST,
    MOST_MISSES,
    MOST_OF_ACTOR,
    EngineOptions,
    HealthLimits,
    SourceRules,
    is_actor,
)
from jobstore.settings.serving import ServiceSection
from jobstore.settings.url import DEFAULT_URL, StoreURL, parse_store_url, quoted_command

Environment = Literal["development", "staging", "production"]

_DRIVEN = EngineOptions()
_LIMITS = HealthLimits()
_RULES = SourceRules()


class StoreSection(Section):
    """The store and how it is driven."""

    url: str = setting(DEFAULT_URL, "where the store is", max_length=4096)
    synchronous: Literal["full", "normal"] = setting(
        _DRIVEN.synchronous, "full keeps acknowledged writes through a power cut"
    )
    readers: int = setting(
        _DRIVEN.readers, "connections that read in parallel", ge=1, le=MOST["readers"]
    )
    queue_size: int = setting(
        _DRIVEN.queue_size, "writes that may wait", ge=1, le=MOST["queue_size"]
    )
    busy_timeout: Seconds = setting(_DRIVEN.busy_timeout, "seconds that a write waits for its turn")
    read_timeout: Seconds = setting(_DRIVEN.read_timeout, "seconds that a read may take")
    switch_interval: float = setting(
        _DRIVEN.switch_interval,
        "seconds after which a thread lets others run Python, while a store is open; 0: as it was",
        ge=0,
        le=1,
    )
    read_from: Literal["primary", "replica"] = setting(
        _DRIVEN.read_from, "replica reads from standbys of PostgreSQL, which may be a moment behind"
    )
    actor: str = setting(
        _DRIVEN.actor,
        "who writes, as the history of postings tells it; empty: user@host",
        max_length=MOST_OF_ACTOR,
    )

    @field_validator("actor")
    @classmethod
    def _in_a_line(cls, actor: str) -> str:
        if not is_actor(actor):
            raise ValueError("must be a line of text")
        return actor

    @field_validator("url")
    @classmethod
    def _understood(cls, url: str) -> str:
        try:
            parse_store_url(url)
        except StoreUnavailable as error:
            raise ValueError(str(error)) from None
        return url

    @property
    def address(self) -> StoreURL:
        """The URL, parsed."""
        return parse_store_url(self.url)

    @property
    def has_secret(self) -> bool:
        """Whether a password or the like stands in the URL."""
        return self.address.shown not in ("", self.address.text)

    @property
    def options(self) -> EngineOptions:
        """What :func:`jobstore.connect` takes as ``options``."""
        return EngineOptions(**self.model_dump(exclude={"url"}))


class PathsSection(Section):
    """Folders of operations."""

    state: FilePath | None = setting(
        None, "folder of what operations keep; STORE.ops beside the store without it"
    )


class LoggingSection(Section):
    """Log files."""

    format: Literal["json", "readable"] = setting(
        "json", "the form of a line (development: readable)"
    )
    level: Literal["debug", "info", "warning", "error", "critical"] = setting(
        "info", "the least level that is written"
    )
    max_bytes: int = setting(
        10_000_000, "bytes after which a file is rotated", ge=10_000, le=10_000_000_000
    )
    keep: int = setting(5, "rotated files that are kept, of each log", ge=1, le=1000)
    slow_ms: Milliseconds = setting(50.0, "milliseconds above which an operation is logged as slow")


class ThresholdsSection(Section):
    """What an operation may take: the 95th percentile, in milliseconds."""

    get_ms: Milliseconds = setting(_LIMITS.get_ms, "milliseconds for reading one posting, p95")
    search_ms: Milliseconds = setting(_LIMITS.search_ms, "milliseconds for a search, p95")
    statistics_ms: Milliseconds = setting(_LIMITS.statistics_ms, "milliseconds for statistics, p95")
    write_ms: Milliseconds = setting(_LIMITS.write_ms, "milliseconds for a durable write, p95")


class HealthSection(Section):
    """Limits of the health checks."""

    timeout: Seconds = setting(_LIMITS.timeout, "seconds for each check")
    disk_warn_percent: Percent = setting(
        _LIMITS.disk_warn_percent, "free disk below which health warns"
    )
    disk_fail_percent: Percent = setting(
        _LIMITS.disk_fail_percent, "free disk below which health fails"
    )
    wal_warn_mib: Mebibytes = setting(
        int(_LIMITS.wal_warn_mib), "MiB of the WAL above which health warns"
    )
    wal_fail_mib: Mebibytes = setting(
        int(_LIMITS.wal_fail_mib), "MiB of the WAL above which health fails"
    )
    memory_warn_mib: Mebibytes = setting(
        int(_LIMITS.memory_warn_mib), "MiB in memory above which health warns"
    )

    @model_validator(mode="after")
    def _warns_before_it_fails(self) -> HealthSection:
        if self.disk_fail_percent > self.disk_warn_percent:
            raise ValueError("disk_fail_percent must not be above disk_warn_percent")
        if self.wal_fail_mib < self.wal_warn_mib:
            raise ValueError("wal_fail_mib must not be below wal_warn_mib")
        return self


class MonitoringSection(Section):
    """What is measured, and how long it is kept."""

    enabled: bool = setting(True, "whether operations are measured")
    keep_days: int = setting(730, "days that the figures of each day are kept", ge=30, le=36_500)


class BackupSection(Section):
    """Backups: where they go, to whom they are encrypted, who signs, how long they are kept."""

    folder: FilePath | None = setting(
        None, "folder of the backups; backups in the state folder without it"
    )
    places: tuple[Place, ...] = setting(
        (), "where copies go: folders, s3://, gs:// or az:// addresses", max_length=20
    )
    place_options: dict[str, dict[str, SecretStr]] = setting(
        {}, "keys, region and the like of object stores, by place; all secret"
    )
    recipients: tuple[Recipient, ...] = setting(
        (), "age public keys; backups are encrypted when there is one", max_length=100
    )
    identity_file: FilePath | None = setting(
        None, "file with the age secret key, for verifying and restoring"
    )
    key: BackupKeys | None = setting(
        None,
        "secret that signs backups; what it did not sign is refused. "
        "The first of several signs, all are believed",
    )
    daily: int = setting(7, "daily backups that are kept", ge=1, le=3650)
    weekly: int = setting(4, "weekly backups that are kept", ge=0, le=520)
    monthly: int = setting(12, "monthly backups that are kept", ge=0, le=1200)
    max_age_hours: float = setting(
        26.0, "hours after which the latest backup is too old", gt=0, le=87_600
    )

    @model_validator(mode="after")
    def _options_of_places(self) -> BackupSection:
        if not self.place_options.keys() <= {*self.places}:
            raise ValueError("place_options must name places as they are written in places")
        return self


class ArchiveSection(Section):
    """The log of every write, kept beside the backups: it brings back any second between them."""

    enabled: bool = setting(True, "whether jobstore agent keeps the log")
    every: float = setting(1.0, "seconds that a place may be behind at most", ge=0.1, le=3600)
    wait: bool = setting(
        False, "true: a write is acknowledged once a place other than the store's folder has it"
    )
    keep_days: float = setting(2.0, "days back to which any second can be had", gt=0, le=3650)
    limit_mib: Mebibytes = setting(
        1024, "MiB that may wait beside the store for places that are away"
    )
    lag_warn_seconds: Seconds = setting(
        60.0, "seconds that a place is behind above which health warns"
    )
    lag_fail_seconds: Seconds = setting(
        900.0, "seconds that a place is behind above which health fails"
    )

    @model_validator(mode="after")
    def _warns_before_it_fails(self) -> ArchiveSection:
        if self.lag_fail_seconds < self.lag_warn_seconds:
            raise ValueError("lag_fail_seconds must not be below lag_warn_seconds")
        return self


class SourceSection(Section):
    """When postings of a source are closed that runs of scrapers do not see any more."""

    close_after_misses: int = setting(
        _RULES.close_after_misses,
        "complete runs in a row that have to miss a posting",
        ge=1,
        le=MOST_MISSES,
    )
    close_after: Absence = setting("48h", "how long ago it must have been seen last")
    min_completeness: float = setting(
        _RULES.min_completeness,
        "share of what was open that a run has to see to be believed",
        ge=0,
        le=1,
    )

    @property
    def rules(self) -> SourceRules:
        """What :func:`jobstore.connect` takes for the source."""
        return SourceRules(**self.model_dump() | {"close_after": length_of(self.close_after)})


class ScheduleSection(Section):
    """When work is due; times of day are in UTC unless another zone is named."""

    timezone: Timezone = setting("UTC", "the time zone of times and days here")
    backup_at: ClockTime = setting("02:30", "time of the daily backup")
    verify_hours: int = setting(24, "hours between two verifications", ge=1, le=8760)
    sample_minutes: int = setting(1, "minutes between health samples", ge=1, le=1440)


class DeploymentSection(Section):
    """What a deployment does besides migrating."""

    sample_data: bool = setting(False, "whether made-up postings are stored (development: true)")
    min_free_mib: Mebibytes = setting(512, "MiB of free disk that a deployment needs")


# A command in a message, as it is quoted there.
_COMMAND = re.compile(r"'jobstore ([^'\n]+)'")

# What development has instead of a section's own default.
DEVELOPMENT: dict[str, dict[str, Any]] = {
    "logging": {"format": "readable"},
    "deployment": {"sample_data": True},
}


class Settings(Section):
    """Everything that operations go by.

    ``Settings()`` is what an empty configuration means: development, in the current folder.
    """

    environment: Environment = setting("development", "what the store is for")
    store: StoreSection = StoreSection()
    sources: dict[str, SourceSection] = setting(
        {}, "when postings of a source are closed that runs do not see any more, by source"
    )
    paths: PathsSection = PathsSection()
    logging: LoggingSection = LoggingSection()
    thresholds: ThresholdsSection = ThresholdsSection()
    health: HealthSection = HealthSection()
    monitoring: MonitoringSection = MonitoringSection()
    alerts: AlertsSection = AlertsSection()
    backup: BackupSection = BackupSection()
    archive: ArchiveSection = ArchiveSection()
    schedule: ScheduleSection = ScheduleSection()
    deployment: DeploymentSection = DeploymentSection()
    service: ServiceSection = ServiceSection()
    # The flags that named these settings on the command line, and their values.
    _typed: tuple[str, ...] = PrivateAttr(default=())

    @model_validator(mode="before")
    @classmethod
    def _defaults_of_the_environment(cls, given: Any) -> Any:
        if not isinstance(given, dict) or given.get("environment", "development") != "development":
            return given
        filled = dict(given)
        for section, defaults in DEVELOPMENT.items():
            own = filled.get(section, {})
            if isinstance(own, dict):
                filled[section] = defaults | own
        return filled

    @property
    def rules(self) -> dict[str, SourceRules]:
        """When postings are closed, by source."""
        return {name: each.rules for name, each in self.sources.items()}

    def typed(self, *flags: str) -> Settings:
        """Keep the flags that named these settings, with their values; returns the settings."""
        self._typed = flags
        return self

    def command(self, *words: str) -> str:
        """Return a command that goes by the same settings, quoted as a shell takes it.

        ``words`` follow "jobstore". What was typed to name the settings is repeated, so that the
        command is about the same store and its backups.
        """
        return shlex.join(["jobstore", *words, *self._typed])

    def hint(self, text: str) -> str:
        """Return ``text`` with its commands, such as 'jobstore doctor', as :meth:`command` says."""

        def typed(found: re.Match[str]) -> str:
            words = found[1].split()
            return found[0] if {*words} & {*self._typed} else quoted_command(*words, *self._typed)

        return _COMMAND.sub(typed, text) if self._typed else text

    @property
    def state_folder(self) -> Path:
        """The folder of everything that operations keep beside the store."""
        path = self.store.address.path
        return (self.paths.state or path.with_name(f"{path.stem}.ops")).absolute()

    @property
    def logs_folder(self) -> Path:
        """The folder of the log files."""
        return self.state_folder / "logs"

    @property
    def backups_folder(self) -> Path:
        """The folder that backups are made in."""
        return (self.backup.folder or self.state_folder / "backups").absolute()

    @property
    def deployments_folder(self) -> Path:
        """The folder of the deployments and their reports."""
        return self.state_folder / "deployments"

    @property
    def operations_db(self) -> Path:
        """The database of what operations remember."""
        return self.state_folder / "operations.db"
