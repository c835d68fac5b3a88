"""The settings of alerts: rules, and where notifications go; what a rule does is not known here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import (
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    field_validator,
    model_validator,
)

from jobstore.settings.kinds import (
    Allowed,
    Command,
    Host,
    MailAddress,
    Minutes,
    Name,
    Seconds,
    Secret,
    Section,
    Severity,
    Text,
    WebAddress,
    different,
    setting,
)

CheckName = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z-]+(:[A-Za-z-]+)?$", max_length=80),
    Allowed("a check of 'jobstore health', such as disk:free, or a component of it"),
]
Measure = Literal["checks", "latency_p95_ms", "error_percent", "closed_applications"]


class Rule(Section):
    """When an alert is raised, and when it is over."""

    name: Name = Field(description="what the rule is called; a default of that name is changed")
    measure: Measure = Field(
        description="what is evaluated: health checks, the traffic, applications"
    )
    checks: tuple[CheckName, ...] = setting(
        (),
        "of checks: which, such as disk:free, or all of a component; all without it",
        max_length=50,
    )
    verdict: Literal["warn", "fail"] = setting(
        "fail", "of checks: raised when one has this verdict, or a worse one"
    )
    above: float | None = setting(None, "of a number: raised when the measure is above this")
    clear: float | None = setting(
        None, "of a number: over when the measure is at most this; above without"
    )
    window_minutes: Minutes = setting(
        5.0, "of traffic: minutes that the measure is taken over; 0: the latest"
    )
    min_count: int = setting(
        1, "of traffic: operations in the window that it needs", ge=1, le=1_000_000_000
    )
    severity: Severity = setting("warning", "how bad it is")
    for_minutes: Minutes = setting(2.0, "minutes that it must have been so to be raised")
    clear_minutes: Minutes = setting(5.0, "minutes that it must have been well to be over")
    enabled: bool = setting(True, "false switches the rule off")

    @property
    def rank(self) -> int:
        """How bad it is, on the scale of verdicts: 1 for a warning, 2 for what is critical."""
        return 2 if self.severity == "critical" else 1

    @property
    def is_general(self) -> bool:
        """Whether it is about every check."""
        return self.measure == "checks" and not self.checks

    @model_validator(mode="after")
    def _one_measure(self) -> Rule:
        if self.measure == "checks":
            if self.above is not None or self.clear is not None:
                raise ValueError("the limits of checks are set in health and backup, not by a rule")
        elif self.above is None:
            raise ValueError(f"a rule of {self.measure} needs above")
        elif self.checks:
            raise ValueError("checks go with measure: checks")
        elif self.clear is not None and self.clear > self.above:
            raise ValueError("clear must lie on the good side of the limit")
        return self


_RATES: dict[str, Any] = {"window_minutes": 5, "min_count": 20}

DEFAULT_RULES: tuple[dict[str, Any], ...] = (
    {"name": "latency-warning", "measure": "latency_p95_ms", "above": 50, "clear": 45, **_RATES},
    {"name": "latency-critical", "measure": "latency_p95_ms", "above": 100, "clear": 90, **_RATES}
    | {"severity": "critical"},
    {"name": "errors-warning", "measure": "error_percent", "above": 1, "clear": 0.8, **_RATES},
    {"name": "errors-critical", "measure": "error_percent", "above": 5, "clear": 4, **_RATES}
    | {"severity": "critical"},
    {"name": "health-failing", "measure": "checks", "severity": "critical"},
    {"name": "backup-age", "measure": "checks", "checks": ["backup"], "verdict": "warn"},
    {"name": "restore-test-age", "measure": "checks", "checks": ["restore-test"]}
    | {"verdict": "warn"},
    {"name": "archive-lag", "measure": "checks", "checks": ["archive"], "verdict": "warn"},
    {"name": "applications-closed", "measure": "closed_applications", "above": 0},
    {"name": "disk-free", "measure": "checks", "checks": ["disk:free"], "severity": "critical"},
)


class _Sink(Section):
    name: Name | None = setting(None, "what the sink is called; its type without it")


class _Notified(_Sink):
    severity: Severity = setting("warning", "the least severity that is sent")


class LogSink(_Notified):
    """Notifications go to the log."""

    type: Literal["log"]


class _Web(Section):
    url: WebAddress = Field(description="an http or https address; secret, as it may carry a token")
    secret: Secret | None = setting(None, "key of the HMAC-SHA-256 signature")
    timeout: Seconds = setting(10.0, "seconds for one attempt as a whole")


class WebhookSink(_Web, _Notified):
    """Notifications are posted as JSON, signed when there is a secret."""

    type: Literal["webhook"]


class HeartbeatSink(_Web, _Sink):
    """It is called after each evaluation that went well, and gets no notification.

    Who is called there notices when that stops: a dead man's switch.
    """

    type: Literal["heartbeat"]


class EmailSink(_Notified):
    """Notifications are sent by SMTP."""

    type: Literal["email"]
    host: Host = Field(description="the SMTP server")
    port: int = setting(587, "its port", ge=1, le=65_535)
    tls: Literal["starttls", "tls", "none"] = setting("starttls", "how it is secured")
    username: Text | None = setting(None, "who logs in; nobody does without it")
    password: Secret | None = setting(None, "the password")
    sender: MailAddress = Field(description="the address that it comes from")
    recipients: tuple[MailAddress, ...] = Field(min_length=1, max_length=100, description="to whom")
    timeout: Seconds = setting(30.0, "seconds for one attempt as a whole")

    @model_validator(mode="after")
    def _no_password_in_the_clear(self) -> EmailSink:
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password go together")
        if self.tls == "none" and self.password is not None:
            raise ValueError("a password is not sent without tls")
        return self


class CommandSink(_Notified):
    """A program is run, with the notification as JSON on its standard input."""

    type: Literal["command"]
    command: Command = Field(description="the program and its arguments; no shell")
    timeout: Seconds = setting(30.0, "seconds after which it is killed")


NotifiedSink = LogSink | WebhookSink | EmailSink | CommandSink


def _type(sink: Any) -> Any:
    return sink.get("type") if isinstance(sink, dict) else getattr(sink, "type", None)


Sink = Annotated[
    Annotated[LogSink, Tag("log")]
    | Annotated[WebhookSink, Tag("webhook")]
    | Annotated[HeartbeatSink, Tag("heartbeat")]
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
    return {k: item for k, item in rule.items() if k != "clear" or "above" not in change} | change


class AlertsSection(Section):
    """Rules and sinks of alerts."""

    rules: tuple[Rule, ...] = setting((), "changed rules, by name, and further ones")
    repeat_minutes: float = setting(
        240.0, "minutes between notifications of one alert", gt=0, le=43_200
    )
    sinks: tuple[Sink, ...] = setting(
        (LogSink(type="log"),), "where notifications go", max_length=20
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
