"""Alerts over time: one notification of each change, kept until it arrives, silenced, kept."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from jobstore.checks import Check, Verdict
from jobstore.errors import InvalidQuery, StoreUnavailable
from jobstore.operations.alerts import AlertStore, Facts, check
from jobstore.operations.alerts.delivering import deliver, send_once
from jobstore.operations.alerts.facts import Window
from jobstore.operations.alerts.notifications import Notification
from jobstore.operations.health.probes import alerting
from jobstore.settings.alerting import DEFAULT_RULES
from jobstore.settings.sections import Settings
from tests.operations.receivers import Webhook, webhook
from tests.operations.watching import NOW, settings_for

SECRET = "planted-secret-canary"
RULES = [each["name"] for each in DEFAULT_RULES]


@pytest.fixture
def receiver() -> Iterator[Webhook]:
    with webhook() as running:
        yield running


@pytest.fixture
def settings(tmp_path: Path, receiver: Webhook) -> Settings:
    return with_sinks(tmp_path, {"type": "webhook", "url": receiver.url, "secret": SECRET})


def with_sinks(folder: Path, *sinks: dict[str, Any], **alerts: Any) -> Settings:
    """Settings under which everything is raised, and is over, at once."""
    given = alerts.pop("rules", [])
    changed = {each["name"] for each in given}
    rules = [
        {"name": name, "for_minutes": 0, "clear_minutes": 0}
        for name in RULES
        if name not in changed
    ]
    return settings_for(folder, alerts={"sinks": list(sinks), "rules": [*rules, *given], **alerts})


def facts(
    at: float,
    *,
    disk: float | None = None,
    backup: float | None = None,
    failing: Sequence[str] = (),
    p95_ms: float | None = None,
) -> Facts:
    """How things stand: percent of the disk that are free, hours since the backup, and so on."""
    checks = [Check(Verdict.FAIL, output="is wrong", name=name) for name in failing]
    if disk is not None:
        verdict = Verdict.FAIL if disk < 10 else Verdict.PASS
        output, advice = ("", "") if disk >= 10 else ("512 MiB are free", "free some space")
        checks.append(Check(verdict, disk, "percent", output, advice, name="disk:free"))
    if backup is not None:
        verdict = Verdict.WARN if backup > 26 else Verdict.PASS
        checks.append(Check(verdict, backup, "hours", "is old" * (backup > 26), name="backup:age"))
    windows = {} if p95_ms is None else {300.0: Window(100, 0, {"get": (100, p95_ms)})}
    return Facts(at, windows, checks)


THREE: dict[str, Any] = {"failing": ["counters:total"], "backup": 30, "p95_ms": 200}
"""What three rules are about, none of which leads to another."""


TEST = Notification.of("test", NOW, "This is a test.")


def told(receiver: Webhook) -> list[tuple[str, str]]:
    return [(each["rule"], each["kind"]) for each in receiver.notices]


def test_it_is_told_that_an_alert_fires_and_that_it_is_over(
    settings: Settings, receiver: Webhook
) -> None:
    checked = check(settings, facts(NOW, disk=5))
    assert [each.rule for each in checked.standings if each.firing] == ["disk-free"]
    assert [each.error for each in checked.deliveries] == [None]
    check(settings, facts(NOW + 60, disk=5))
    check(settings, facts(NOW + 180, disk=50))
    assert told(receiver) == [("disk-free", "firing"), ("disk-free", "resolved")]
    assert receiver.notices[0]["text"] == "disk:free 5 percent: 512 MiB are free"
    # What is over gives no orders, to programs either.
    assert [bool(each["advice"]) for each in receiver.notices] == [True, False]
    history = AlertStore(settings.operations_db).history(NOW, 10)
    assert [(each.rule, each.kind) for each in history] == told(receiver)[::-1]


def test_what_lasts_is_repeated(settings: Settings, receiver: Webhook) -> None:
    for hour in range(0, 10, 2):
        check(settings, facts(NOW + hour * 3600, disk=5))
    assert [kind for _, kind in told(receiver)] == ["firing", "repeated", "repeated"]


def test_what_is_not_known_changes_nothing(settings: Settings, receiver: Webhook) -> None:
    check(settings, facts(NOW, backup=30))
    checked = check(settings, facts(NOW + 60))
    assert [each.rule for each in checked.standings if each.firing] == ["backup-age"]
    assert told(receiver) == [("backup-age", "firing")]


def test_a_check_without_a_value_is_told_as_such(settings: Settings, receiver: Webhook) -> None:
    never = Check(Verdict.WARN, output="never", advice="run 'jobstore x'", name="backup:age")
    check(settings, Facts(NOW, {}, [never]))
    (notification,) = receiver.notices
    assert (notification["text"], notification["value"]) == ("backup:age: never", None)
    assert notification["advice"] == "Run 'jobstore x'."


def test_a_critical_alert_covers_the_warning_about_the_same(tmp_path: Path) -> None:
    rules = [
        {"name": name, "measure": "checks", "checks": ["backup:age"], "verdict": verdict}
        | {"severity": severity, "for_minutes": 0, "clear_minutes": 0}
        for name, verdict, severity in (
            ("old", "warn", "warning"),
            ("very-old", "fail", "critical"),
        )
    ]
    off = [{"name": name, "enabled": False} for name in ("backup-age", "health-failing")]
    with webhook() as receiver:
        sink = {"type": "webhook", "url": receiver.url}
        settings = with_sinks(tmp_path, sink, rules=[*rules, *off])
        for hour, verdict in enumerate(("fail", "fail", "warn", "pass")):
            checks = [Check(Verdict(verdict), name="backup:age")]
            check(settings, Facts(NOW + hour * 3600, {}, checks))
    assert told(receiver) == [
        ("very-old", "firing"),
        ("very-old", "resolved"),
        ("old", "firing"),
        ("old", "resolved"),
    ]
    history = AlertStore(settings.operations_db).history(NOW, 10)
    assert [(each.rule, each.muted) for each in history if each.muted] == [("old", "covered")]


def of_a_full_disk(at: float, *, disk: str = "fail", backup: str = "warn") -> Facts:
    """A disk that is full, or was, writes that fail on it, and a backup that could not be made."""
    found = {"disk:free": disk, "disk:write": disk, "operations:responseTime": disk}
    found |= {"backup:age": backup, "memory:process": "pass"}
    checks = [Check(Verdict(verdict), name=name) for name, verdict in found.items()]
    return Facts(at, {300.0: Window(100, 50 if disk == "fail" else 0)}, checks)


def test_one_cause_gives_one_notification_that_lists_what_follows(
    settings: Settings, receiver: Webhook
) -> None:
    checked = check(settings, of_a_full_disk(NOW))
    assert told(receiver) == [("disk-free", "firing")]
    assert receiver.notices[0]["text"] == (
        "disk:free; what follows from it: "
        "backup:age, disk:write, error_percent, operations:responseTime"
    )
    firing = {each.rule for each in checked.standings if each.firing}
    assert firing == {
        *("disk-free", "health-failing", "backup-age", "errors-warning", "errors-critical"),
    }
    history = AlertStore(settings.operations_db).history(NOW, 10)
    assert {each.rule: each.muted for each in history} == {
        "disk-free": "",
        **dict.fromkeys(firing - {"disk-free"}, "covered"),
    }
    # What goes on when the cause is gone is a cause of its own.
    check(settings, of_a_full_disk(NOW + 60, disk="pass"))
    check(settings, of_a_full_disk(NOW + 120, disk="pass", backup="pass"))
    assert told(receiver)[1:] == [
        ("disk-free", "resolved"),
        ("backup-age", "firing"),
        ("backup-age", "resolved"),
    ]


def test_a_cause_that_is_no_rule_of_its_own_is_named_before_what_follows(
    tmp_path: Path, receiver: Webhook
) -> None:
    settings = with_sinks(
        tmp_path,
        {"type": "webhook", "url": receiver.url},
        rules=[{"name": "disk-free", "enabled": False}],
    )
    check(settings, of_a_full_disk(NOW))
    assert told(receiver) == [("health-failing", "firing")]
    assert receiver.notices[0]["text"].startswith(
        "disk:free; what follows from it: backup:age, disk:write"
    )


def test_what_does_not_follow_is_told_beside_a_cause(settings: Settings, receiver: Webhook) -> None:
    check(settings, facts(NOW, disk=5, failing=["counters:total", "disk:write"]))
    texts = {each["rule"]: each["text"] for each in receiver.notices}
    assert texts == {
        "disk-free": "disk:free 5 percent: 512 MiB are free; what follows from it: disk:write",
        "health-failing": "counters:total: is wrong",
    }


def test_a_warning_does_not_explain_what_is_worse(settings: Settings, receiver: Webhook) -> None:
    slow = Check(Verdict.WARN, name="backup:age")
    bad = Check(Verdict.FAIL, name="restore-test:age")
    check(settings, Facts(NOW, {}, [slow, bad]))
    assert told(receiver) == [("health-failing", "firing"), ("backup-age", "firing")]


def test_one_bad_sample_notifies_nobody(tmp_path: Path, receiver: Webhook) -> None:
    settings = settings_for(tmp_path, alerts={"sinks": [{"type": "webhook", "url": receiver.url}]})
    assert {rule.for_minutes for rule in settings.alerts.rules} == {2}
    bad, well = {**THREE, "disk": 5}, {"disk": 50, "failing": [], "backup": 1, "p95_ms": 1}
    for minute, given in enumerate([bad, bad, well, bad, bad, well]):
        check(settings, facts(NOW + 60 * minute, **given))
    assert receiver.notices == []
    for minute in range(6, 9):
        check(settings, facts(NOW + 60 * minute, **bad))
    assert {kind for _, kind in told(receiver)} == {"firing"}
    assert [at["at"] for at in receiver.notices] == ["2026-03-01T12:08:00Z"] * len(receiver.notices)


def test_a_heartbeat_comes_after_each_evaluation_that_went_well(
    tmp_path: Path, receiver: Webhook
) -> None:
    with webhook() as switch:
        beat = {"type": "heartbeat", "url": f"{switch.url}/beat"}
        settings = with_sinks(tmp_path, {"type": "webhook", "url": receiver.url}, beat)
        everything = {"disk": 50, "backup": 1, "p95_ms": 1}

        def at(minute: int, **given: Any) -> int:
            """Evaluate, and return how many heartbeats came."""
            before = len(switch.bodies)
            known = facts(NOW + 60 * minute, **{**everything, **given})
            others = [
                Check(Verdict.PASS, name=name) for name in ("restore-test:age", "archive:lag")
            ]
            check(settings, Facts(known.at, known.windows, [*known.checks, *others]))
            return len(switch.bodies) - before

        assert [at(0), at(1, disk=5), at(2)] == [1, 1, 1]
        assert {(each["kind"], each["text"]) for each in switch.notices} == {
            ("well", "Every rule was evaluated.")
        }
        # It gets no notification, and is not called when a rule could not be evaluated.
        assert told(receiver) == [("disk-free", "firing"), ("disk-free", "resolved")]
        assert at(3, p95_ms=None) == 0
        # Nor while people do not get theirs.
        receiver.status = 500
        assert [at(4, disk=5), at(4)] == [0, 0]
        receiver.status = 200
        assert [at(6), at(10)] == [1, 1]
        switch.status = 500
        assert at(11) == 1
        assert AlertStore(settings.operations_db).undelivered() == []


def test_a_sink_gets_what_is_as_bad_as_it_wants(tmp_path: Path) -> None:
    with webhook() as receiver:
        settings = with_sinks(
            tmp_path,
            {"type": "webhook", "url": f"{receiver.url}/all", "name": "all"},
            {"type": "webhook", "url": f"{receiver.url}/worst", "name": "worst"}
            | {"severity": "critical"},
        )
        check(settings, facts(NOW, backup=30, failing=["counters:total"]))
        paths = sorted(zip(receiver.paths, told(receiver), strict=True))
    assert [(path, rule) for path, (rule, _) in paths] == [
        ("/all", "backup-age"),
        ("/all", "health-failing"),
        ("/worst", "health-failing"),
    ]


def test_an_alert_of_a_rule_that_is_gone_is_forgotten(tmp_path: Path) -> None:
    check(with_sinks(tmp_path), facts(NOW, disk=5))
    without = with_sinks(tmp_path, rules=[{"name": "disk-free", "enabled": False}])
    checked = check(without, facts(NOW + 60, disk=5))
    assert "disk-free" not in {each.rule for each in checked.standings}
    again = check(with_sinks(tmp_path), facts(NOW + 120, disk=50))
    assert again.notifications == []


def test_a_webhook_that_answers_500_gets_it_later_and_once(
    settings: Settings, receiver: Webhook
) -> None:
    receiver.status = 500
    checked = check(settings, facts(NOW, disk=5))
    assert [each.error for each in checked.deliveries] == ["the webhook answered 500"]
    store = AlertStore(settings.operations_db)
    (waiting,) = store.undelivered()
    assert (waiting.sink, waiting.attempts, waiting.next_at) == ("webhook", 1, NOW + 30)
    # Not before its time.
    assert deliver(settings, NOW + 29) == []
    assert [each.error for each in deliver(settings, NOW + 30)] == ["the webhook answered 500"]
    # It took twice as long to be tried again.
    assert deliver(settings, NOW + 89) == []
    receiver.status = 200
    assert [each.error for each in deliver(settings, NOW + 90)] == [None]
    assert store.undelivered() == []
    assert deliver(settings, NOW + 10_000) == []
    ids = {each["id"] for each in receiver.notices}
    assert (len(receiver.notices), len(ids)) == (3, 1)


def test_pauses_grow_to_an_hour_and_nothing_is_given_up(
    settings: Settings, receiver: Webhook
) -> None:
    receiver.status = 500
    check(settings, facts(NOW, disk=5))
    now, pauses = NOW, []
    for _ in range(12):
        (waiting,) = AlertStore(settings.operations_db).undelivered()
        pauses.append(waiting.next_at - now)
        now = waiting.next_at
        deliver(settings, now)
    assert pauses == [30, 60, 120, 240, 480, 960, 1920, *[3600] * 5]
    receiver.status = 200
    (attempt,) = deliver(settings, now + 3600)
    assert attempt.error is None


def test_a_webhook_that_hangs_keeps_nothing_from_the_others(
    tmp_path: Path, receiver: Webhook
) -> None:
    with webhook() as other:
        receiver.hangs = True
        settings = with_sinks(
            tmp_path,
            {"type": "webhook", "url": receiver.url, "name": "hanging", "timeout": 0.1},
            {"type": "webhook", "url": other.url, "name": "other"},
        )
        checked = check(settings, facts(NOW, disk=5))
        assert told(other) == [("disk-free", "firing")]
    errors = {each.sink: each.error for each in checked.deliveries}
    assert errors == {"hanging": "timed out", "other": None}


def test_a_sink_that_hangs_beyond_its_limit_is_left_behind_and_tried_again(
    settings: Settings, receiver: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobstore.operations.alerts.delivering._PATIENCE", 0.05)
    receiver.hangs = True
    assert check(settings, facts(NOW, disk=5)).deliveries == []
    assert [each.error for each in send_once(settings, ["webhook"], TEST, NOW)] == ["timed out"]
    monkeypatch.undo()
    # As one whose process died while it was sending.
    assert deliver(settings, NOW + 299) == []
    receiver.hangs = False
    assert [each.error for each in deliver(settings, NOW + 300)] == [None]


def test_what_a_slow_sink_gets_late_is_not_sent_again(
    settings: Settings, receiver: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobstore.operations.alerts.delivering._PATIENCE", 0.05)
    receiver.hangs = True
    check(settings, facts(NOW, **THREE))
    # It is being sent; the others were given back at once, as if they had never been claimed.
    waiting = AlertStore(settings.operations_db).undelivered()
    assert [(each.attempts, each.next_at) for each in waiting] == [(1, NOW + 300)] + [(0, NOW)] * 2
    receiver.hangs = False
    monkeypatch.undo()
    left = [each for each in threading.enumerate() if each.name == "jobstore-alerts"]
    receiver.answer_late()
    for each in left:
        each.join(60)
    assert len(deliver(settings, NOW + 60)) == 2
    assert deliver(settings, NOW + 400) == []
    assert AlertStore(settings.operations_db).undelivered() == []
    assert len(receiver.bodies) == len({each["id"] for each in receiver.notices}) == 3


def test_a_sink_gets_some_notices_in_one_turn(
    settings: Settings, receiver: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobstore.operations.alerts.delivering._AT_ONCE", 2)
    check(settings, facts(NOW, **THREE))
    assert len(receiver.bodies) == 2
    assert len(deliver(settings, NOW)) == 1


def test_what_repeats_itself_waits_once(settings: Settings, receiver: Webhook) -> None:
    receiver.status = 500
    for hour in range(0, 20, 5):
        check(settings, facts(NOW + hour * 3600, disk=5))
    store = AlertStore(settings.operations_db)
    assert [each.kind for each in store.undelivered()] == ["firing", "repeated"]
    assert len(store.history(NOW, 10)) == 4
    check(settings, facts(NOW + 20 * 3600, disk=50))
    assert [each.kind for each in store.undelivered()] == ["firing", "resolved"]


def test_how_a_notice_went_may_not_be_kept(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def breaks(*_: Any) -> None:
        settings.operations_db.write_bytes(b"no database" * 1000)

    monkeypatch.setattr("jobstore.operations.alerts.delivering.send", breaks)
    with pytest.raises(StoreUnavailable):
        check(settings, facts(NOW, disk=5))
    assert "it cannot be kept how a notification went" in caplog.text


def test_after_one_that_fails_the_others_wait_in_their_order(
    settings: Settings, receiver: Webhook
) -> None:
    receiver.status = 500
    check(settings, facts(NOW, disk=5, failing=["counters:total"]))
    assert len(receiver.bodies) == 1
    check(settings, facts(NOW + 10, disk=50))
    receiver.status = 200
    receiver.bodies.clear()
    deliver(settings, NOW + 100)
    order = [kind for rule, kind in told(receiver) if rule == "disk-free"]
    assert order == ["firing", "resolved"]


def test_a_sink_that_breaks_is_named_by_the_kind_of_its_error(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError(SECRET)

    monkeypatch.setattr("jobstore.operations.alerts.delivering.send", broken)
    checked = check(settings, facts(NOW, disk=5))
    assert [each.error for each in checked.deliveries] == ["RuntimeError"]


def test_what_waits_for_a_sink_that_is_gone_is_kept(
    settings: Settings, receiver: Webhook, tmp_path: Path
) -> None:
    receiver.status = 500
    check(settings, facts(NOW, disk=5))
    assert deliver(with_sinks(tmp_path), NOW + 60) == []
    receiver.status = 200
    assert [each.error for each in deliver(settings, NOW + 60)] == [None]


def test_what_waits_for_a_sink_that_is_gone_is_no_concern_and_forgotten_after_a_week(
    settings: Settings, receiver: Webhook, tmp_path: Path
) -> None:
    receiver.status = 500
    check(settings, facts(NOW, disk=5))
    assert alerting(settings).undelivered == 1
    without = with_sinks(tmp_path)
    assert alerting(without).undelivered == 0
    store = AlertStore(settings.operations_db)
    check(without, facts(NOW + 6 * 86_400, disk=5))
    assert len(store.undelivered()) == 1
    check(without, facts(NOW + 8 * 86_400, disk=5))
    assert store.undelivered() == []


def test_processes_at_once_tell_each_change_once(settings: Settings, receiver: Webhook) -> None:
    for moment, free in ((NOW, 5), (NOW + 60, 50)):
        threads = [
            threading.Thread(target=check, args=(settings, facts(moment, disk=free)))
            for _ in range(6)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert told(receiver) == [("disk-free", "firing"), ("disk-free", "resolved")]


def test_a_clock_that_jumps_back_still_delivers_and_repeats(
    settings: Settings, receiver: Webhook
) -> None:
    receiver.status = 500
    check(settings, facts(NOW, disk=5))
    receiver.status = 200
    # What was due in a future that will not come soon is due now.
    before = NOW - 86_400
    check(settings, facts(before, disk=5))
    assert AlertStore(settings.operations_db).undelivered() == []
    check(settings, facts(before + 5 * 3600, disk=5))
    check(settings, facts(before + 6 * 3600, disk=50))
    assert [kind for _, kind in told(receiver)] == ["firing", "firing", "repeated", "resolved"]


def test_a_silence_holds_for_its_rule_and_its_time(settings: Settings, receiver: Webhook) -> None:
    store = AlertStore(settings.operations_db)
    held = store.silence("disk-free", 3600, "moving\n the store", NOW)
    assert store.silences(NOW) == [held]
    assert held.reason == "moving the store"
    checked = check(settings, facts(NOW, disk=5, backup=30))
    silenced = {each.rule: each.silenced for each in checked.standings if each.firing}
    assert silenced == {"disk-free": "moving the store", "backup-age": None}
    assert told(receiver) == [("backup-age", "firing")]
    assert [each.muted for each in store.history(NOW, 9) if each.rule == "disk-free"] == [
        "silenced"
    ]
    # It is over, and the alert is not.
    check(settings, facts(NOW + 3600, disk=5))
    assert told(receiver)[1:] == [("disk-free", "firing")]
    assert store.silences(NOW + 3600) == []


def test_a_silence_of_all_rules_can_be_lifted(settings: Settings, receiver: Webhook) -> None:
    store = AlertStore(settings.operations_db)
    held = store.silence("*", 3600, "night", NOW)
    check(settings, facts(NOW, disk=5))
    assert receiver.bodies == []
    assert store.lift(held.id, NOW + 1)
    assert not store.lift(held.id, NOW + 2)
    check(settings, facts(NOW + 2, disk=5))
    assert told(receiver) == [("disk-free", "firing")]


def test_a_clock_that_jumps_back_does_not_make_a_silence_last(settings: Settings) -> None:
    store = AlertStore(settings.operations_db)
    store.silence("*", 3600, "night", NOW)
    assert store.silences(NOW - 60) != []
    # Rather one notice too many than a silence of a day.
    assert store.silences(NOW - 86_400) == []


@pytest.mark.parametrize(
    ("seconds", "reason", "fields"),
    [
        (0, "x", ["for"]),
        (400 * 86_400, "x", ["for"]),
        (60, " ", ["reason"]),
        (0, "", ["reason", "for"]),
    ],
)
def test_a_silence_needs_a_reason_and_an_end(
    settings: Settings, seconds: float, reason: str, fields: list[str]
) -> None:
    with pytest.raises(InvalidQuery) as caught:
        AlertStore(settings.operations_db).silence("*", seconds, reason, NOW)
    assert [each.field for each in caught.value.faults] == fields


def test_old_notices_are_forgotten_but_those_that_wait(
    settings: Settings, receiver: Webhook
) -> None:
    check(settings, facts(NOW, disk=5))
    receiver.status = 500
    check(settings, facts(NOW + 60, disk=50))
    check(settings, facts(NOW + 100 * 86_400))
    store = AlertStore(settings.operations_db)
    assert [each.kind for each in store.history(0, 10)] == ["resolved"]
    with closing(sqlite3.connect(settings.operations_db)) as conn:
        assert conn.execute("SELECT count(*) FROM delivery").fetchone() == (1,)


def test_where_nothing_was_checked_nothing_stands(settings: Settings) -> None:
    store = AlertStore(settings.operations_db)
    standings = store.standings(settings.alerts.rules, NOW)
    assert {each.text for each in standings} == {"not evaluated yet"}
    assert len(standings) == len(settings.alerts.rules)
    assert store.history(0, 10) == store.undelivered() == store.silences(NOW) == []
    assert deliver(settings, NOW) == []
    assert not settings.operations_db.exists()


def test_a_state_that_cannot_be_written_is_an_error_with_what_to_do(settings: Settings) -> None:
    check(settings, facts(NOW))
    settings.operations_db.write_bytes(b"no database" * 1000)
    with pytest.raises(StoreUnavailable, match="move it away"):
        check(settings, facts(NOW))


def test_nothing_secret_lies_in_the_state(settings: Settings, receiver: Webhook) -> None:
    receiver.status = 500
    check(settings, facts(NOW, disk=5))
    for path in settings.state_folder.iterdir():
        content = path.read_bytes()
        assert SECRET.encode() not in content
        assert receiver.url.encode() not in content
        assert path.stat().st_mode & 0o077 == 0
    assert SECRET.encode() not in b"".join(receiver.bodies)


def test_what_is_bad_and_not_raised_yet_is_pending(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    for minute, pending, firing in ((0, True, False), (1, True, False), (2, False, True)):
        checked = check(settings, facts(NOW + 60 * minute, disk=5))
        (found,) = (each for each in checked.standings if each.rule == "disk-free")
        assert (found.pending, found.firing) == (pending, firing)
