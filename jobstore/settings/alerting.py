"""The settings of alerts: rules, and where notices go. What a rule does is not known here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from jobstore.settings.kinds import (
    Command,
    Host,
    MailAddress,
    Name,
    Seconds,
    Secret,
    Section,
    Severity,
    Text,
    WebAddress,
    different,
)

Measure = Literal[
    "latency_p95_ms",
    "error_percent",
    "health_failing",
    "backup_age_hours",
    "restore_test_age_days",
    "disk_free_percent",
]


class Rule(Section):
    """When an alert is raised, and when it is over."""

    name: Name = Field(description="what the rule is called; a default of that name is changed")
    measure: Measure = Field(description="what is compared")
    above: float | None = Field(default=None, description="raised when the measure is above this")
    below: float | None = Field(default=None, description="raised when the measure is below this")
    severity: Severity = Field(default="warning", description="how bad it is")
    window_minutes: float = Field(
        default=5.0,
        ge=0,
        le=10_080,
        description="minutes that the measure is taken over; 0: the latest",
    )
    min_count: int = Field(
        default=1,
        ge=1,
        le=1_000_000_000,
        description="operations in the window that it needs",
    )
    clear: float | None = Field(
        default=None,
        description="over when the measure is past this; without it, past the limit itself",
    )
    clear_minutes: float = Field(
        default=5.0, ge=0, le=10_080, description="minutes that it must have been well to be over"
    )
    enabled: bool = Field(default=True, description="false switches the rule off")

    @property
    def limit(self) -> float:
        """The bound of ``above`` or ``below``."""
        return self.above if self.above is not None else self.below or 0.0

    @model_validator(mode="after")
    def _one_limit(self) -> Rule:
        if (self.above is None) == (self.below is None):
            raise ValueError("a rule needs one of above and below")
        if self.clear is not None and (
            self.clear > self.limit if self.above is not None else self.clear < self.limit
        ):
            raise ValueError("clear must lie on the good side of the limit")
        return self


_RATES: dict[str, Any] = {"window_minutes": 5, "min_count": 20}
_NOW: dict[str, Any] = {"window_minutes": 0, "clear_minutes": 0}

DEFAULT_RULES: tuple[dict[str, Any], ...] = (
    {"name": "latency-warning", "measure": "latency_p95_ms", "above": 50, "clear": 45, **_RATES},
    {"name": "latency-critical", "measure": "latency_p95_ms", "above": 100, "clear": 90, **_RATES}
    | {"severity": "critical"},
    {"name": "errors-warning", "measure": "error_percent", "above": 1, "clear": 0.8, **_RATES},
    {"name": "errors-critical", "measure": "error_percent", "above": 5, "clear": 4, **_RATES}
    | {"severity": "critical"},
    {"name": "health-failing", "measure": "health_failing", "above": 0, **_NOW}
    | {"severity": "critical"},
    {"name": "backup-age", "measure": "backup_age_hours", "above": 26, **_NOW},
    {"name": "restore-test-age", "measure": "restore_test_age_days", "above": 8, **_NOW},
    {"name": "disk-free", "measure": "disk_free_percent", "below": 10, "clear": 12, **_NOW}
    | {"severity": "critical"},
)


class _Sink(Section):
    severity: Severity = Field(default="warning", description="the least severity that is sent")
    name: Name | None = Field(
        default=None, description="what the sink is called; its type without it"
    )


class LogSink(_Sink):
    """Notices go to the log."""

    type: Literal["log"]


class WebhookSink(_Sink):
    """Notices are posted as JSON, signed when there is a secret."""

    type: Literal["webhook"]
    url: WebAddress = Field(description="an http or https address; secret, as it may carry a token")
    secret: Secret | None = Field(default=None, description="key of the HMAC-SHA-256 signature")
    timeout: Seconds = Field(default=10.0, description="seconds for one attempt as a whole")


class EmailSink(_Sink):
    """Notices are sent by SMTP."""

    type: Literal["email"]
    host: Host = Field(description="the SMTP server")
    port: int = Field(default=587, ge=1, le=65_535, description="its port")
    tls: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="how it is secured"
    )
    username: Text | None = Field(default=None, description="who logs in; nobody does without it")
    password: Secret | None = Field(default=None, description="the password")
    sender: MailAddress = Field(description="the address that it comes from")
    recipients: tuple[MailAddress, ...] = Field(min_length=1, max_length=100, description="to whom")
    timeout: Seconds = Field(default=30.0, description="seconds for one attempt as a whole")

    @model_validator(mode="after")
    def _no_password_in_the_clear(self) -> EmailSink:
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password go together")
        if self.tls == "none" and self.password is not None:
            raise ValueError("a password is not sent without tls")
        return self


class CommandSink(_Sink):
    """A program is run, with the notice as JSON on its standard input."""

    type: Literal["command"]
    command: Command = Field(description="the program and its arguments; no shell")
    timeout: Seconds = Field(default=30.0, description="seconds after which it is killed")


def _type(sink: Any) -> Any:
    return sink.get("type") if isinstance(sink, dict) else getattr(sink, "type", None)


Sink = Annotated[
    Annotated[LogSink, Tag("log")]
    | Annotated[WebhookSink, Tag("webhook")]
    | Annotated[EmailSink, Tag("email")]
    | Annotated[CommandSink, Tag("command")],
    Discriminator(_type),
]


def merged(given: Sequence[Any]) -> list[tuple[int | None, Any]]:
    """Return the default rules as ``given`` changes them by name, then the others of ``given``.

    Each comes with its index in ``given``, ``None`` when it is not there. Raises ValueError
    when two rules have the same name.
    """
    rules: dict[Any, tuple[int | None, Any]] = {
        each["name"]: (None, each) for each in DEFAULT_RULES
    }
    names = [each.get("name") if isinstance(each, dict) else None for each in given]
    different((name for name in names if isinstance(name, str)), "rules")
    for index, (name, each) in enumerate(zip(names, given, strict=True)):
        if isinstance(name, str) and name in rules:
            rules[name] = (index, _changed(rules[name][1], each))
        else:
            rules[index] = (index, each)
    return list(rules.values())


def _changed(rule: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    # Where a default is over belongs to its own limit, not to another one.
    other_limit = bool(change.keys() & {"above", "below"})
    return {key: item for key, item in rule.items() if key != "clear" or not other_limit} | change


class AlertsSection(Section):
    """Rules and sinks of alerts."""

    rules: tuple[Rule, ...] = Field(
        default=(), description="changed rules, by name, and further ones"
    )
    repeat_minutes: float = Field(
        default=240.0,
        gt=0,
        le=43_200,
        description="minutes between notices of one alert",
    )
    sinks: tuple[Sink, ...] = Field(
        default=(LogSink(type="log"),), max_length=20, description="where notices go"
    )

    @field_validator("rules", mode="before")
    @classmethod
    def _changed_defaults(cls, given: Any) -> Any:
        return [rule for _, rule in merged(given)] if isinstance(given, list | tuple) else given

    @field_validator("sinks")
    @classmethod
    def _names_differ(cls, sinks: tuple[Sink, ...]) -> tuple[Sink, ...]:
        different((sink.name or sink.type for sink in sinks), "sinks")
        return sinks
