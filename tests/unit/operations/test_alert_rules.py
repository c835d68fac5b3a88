"""Rules: what facts say to them, when they fire, how long they hold, who is notified."""

from __future__ import annotations

import math
from graphlib import TopologicalSorter
from typing import Any

import pytest

from jobstore.checks import Check, Verdict
from jobstore.operations.alerts.causes import FOLLOWS, follows
from jobstore.operations.alerts.facts import Facts, Window
from jobstore.operations.alerts.rules import State, advance, latency_limits, measure, only
from jobstore.operations.health import COMPONENTS
from jobstore.settings.alerting import Rule
from tests.fixtures.cases import each_case

MINUTE = 60.0


def rule(measure: str = "latency_p95_ms", **given: Any) -> Rule:
    limit = {} if measure == "checks" else {"above": 50}
    usual = {**limit, "min_count": 20, "for_minutes": 0}
    return Rule(name="a-rule", measure=measure, **{**usual, **given})


def checks(**verdicts: str) -> Facts:
    """Facts of checks; ``disk_free`` is called ``disk:free``."""
    found = {name.replace("_", ":"): Verdict(verdict) for name, verdict in verdicts.items()}
    return Facts(0, {}, [Check(verdict, name=name) for name, verdict in found.items()])


def facts(**window: Any) -> Facts:
    return Facts(at=0, windows={300.0: Window(**window), 60.0: Window()})


def reading(rule: Rule, value: float | None) -> Any:
    found = measure(rule, facts(p95_ms={"get": (20, value)} if value is not None else {}))
    assert found is not None
    return found


class Story:
    """Plays readings to one rule, a minute apart."""

    def __init__(self, rule: Rule, repeat: float = math.inf) -> None:
        self.rule, self.repeat = rule, repeat
        self.now, self.state = 1000.0, State(since=1000.0)

    def tell(self, *values: float | None, muted: bool = False, step: float = MINUTE) -> list[Any]:
        kinds = []
        for value in values:
            self.now += step
            self.state, kind = advance(
                self.rule,
                self.state,
                reading(self.rule, value),
                self.now,
                muted=muted,
                repeat_seconds=self.repeat,
            )
            kinds.append(kind)
        return kinds


def test_latency_is_that_of_the_slowest_operation_with_enough_calls() -> None:
    found = measure(
        rule(),
        facts(p95_ms={"get": (500, 2.0), "search": (20, 61.0), "count": (19, 900.0), "": (539, 3)}),
    )
    assert found is not None
    assert found.value == 61.0
    assert found.text == "p95 of search is 61.0 ms (last 5 min); limit 50"


def test_operations_too_rare_for_themselves_are_taken_together() -> None:
    p95 = {"get": (11, 2.0), "search": (9, 61.0), "": (20, 61.0)}
    found = measure(rule(), facts(p95_ms=p95))
    assert found is not None
    assert found.text.startswith("p95 of all operations is 61.0 ms")


@pytest.mark.parametrize("kind", ["latency_p95_ms", "error_percent"])
def test_too_few_operations_say_nothing(kind: str) -> None:
    few = facts(operations=19, failures=19, p95_ms={"": (19, 900.0)})
    found = measure(rule(kind), few)
    assert found is not None
    assert found.value is None
    assert found.text == "fewer than 20 operations (last 5 min)"


def test_errors_are_a_share_of_all_operations() -> None:
    found = measure(rule("error_percent"), facts(operations=400, failures=6))
    assert found is not None
    assert found.value == 1.5
    assert found.text == "1.50% of 400 operations failed (last 5 min); limit 50"


@each_case(
    ("given", "bad", "value", "text"),
    [
        ({"checks": ("disk:free",)}, {"disk:free": 2}, 4.5, "disk:free 4.5 percent: 46 MiB free"),
        ({"checks": ("backup",)}, {}, None, "backup:age: never"),
        ({"checks": ("backup",), "verdict": "warn"}, {"backup:age": 1}, None, "backup:age: never"),
        ({"checks": ("disk",)}, {"disk:free": 2}, 4.5, "disk:free 4.5 percent: 46 MiB free"),
        ({"checks": ("wal",)}, {}, 0, "2 checks are well"),
        ({}, {"disk:free": 2}, 4.5, "disk:free 4.5 percent: 46 MiB free"),
        ({"verdict": "warn"}, {"disk:free": 2, "backup:age": 1}, 2,
         "disk:free 4.5 percent: 46 MiB free; backup:age: never"),
    ],
)  # fmt: skip
def test_checks_are_bad_from_the_verdict_of_the_rule_on(
    given: dict[str, Any], bad: dict[str, int], value: float | None, text: str
) -> None:
    found = measure(
        rule("checks", **given),
        Facts(0, {}, [
            Check(Verdict.FAIL, 4.5, "percent", "46 MiB free", "free some space", name="disk:free"),
            Check(Verdict.WARN, output="never", name="backup:age"),
            *(Check(Verdict.PASS, name=name) for name in ("wal:size", "wal:held")),
            # If health warned of alerts and that raised one, neither would end.
            Check(Verdict.FAIL, name="alerts:firing"),
        ]),
    )  # fmt: skip
    assert found is not None
    assert (found.bad, found.well) == (bad, not bad)
    assert (found.value, found.text) == (value, text)


def test_the_advice_of_checks_is_said_once() -> None:
    found = measure(
        rule("checks"),
        Facts(0, {}, [
            Check(Verdict.FAIL, advice="run 'jobstore doctor'", name=name) for name in ("a", "b")
        ]),
    )  # fmt: skip
    assert found is not None
    assert found.advice == "Run 'jobstore doctor'."


def test_a_rule_about_all_checks_leaves_out_what_another_one_is_about() -> None:
    everything = rule("checks", severity="critical")
    others = [
        everything,
        rule("checks", checks=("disk:free",), severity="critical"),
        rule("checks", checks=("backup",)),
    ]
    facts = checks(disk_free="fail", wal_size="fail", backup_age="fail")
    found = measure(everything, facts, others)
    assert found is not None
    assert {*found.bad} == {"wal:size", "backup:age"}


@pytest.mark.parametrize("kind", ["latency_p95_ms", "error_percent", "checks"])
def test_facts_that_are_not_known_say_nothing(kind: str) -> None:
    assert measure(rule(kind), Facts(at=0)) is None


def test_a_check_that_was_not_made_says_nothing() -> None:
    assert measure(rule("checks", checks=("performance",)), checks(disk_free="pass")) is None


def test_many_failing_checks_are_not_all_named() -> None:
    found = measure(rule("checks"), checks(**dict.fromkeys("abcdefghijkl", "fail")))
    assert found is not None
    assert found.text.endswith("i; j; and 2 more")


def test_sentences_of_several_checks_are_joined_without_their_full_stops() -> None:
    bad = [Check(Verdict.FAIL, name=name, output="It is away; look.") for name in ("a", "b")]
    found = measure(rule("checks"), Facts(0, {}, bad))
    assert found is not None
    assert found.text == "a: It is away; look; b: It is away; look"
    assert only(found, ["a"], ["b"]).text == "a: It is away; look; what follows from it: b"


def test_a_window_of_nothing_means_the_latest() -> None:
    latest = Facts(at=0, windows={60.0: Window(operations=50, failures=50)})
    found = measure(rule("error_percent", window_minutes=0), latest)
    assert found is not None
    assert found.text.endswith("(last 1 min); limit 50")


def test_it_fires_at_once_and_is_over_after_it_was_well_long_enough() -> None:
    story = Story(rule(clear=45, clear_minutes=2))
    assert story.tell(49, 50, 51, 60) == [None, None, "firing", None]
    assert story.tell(44, 44, 44) == [None, None, "resolved"]
    assert not story.state.firing


def test_going_to_and_fro_about_the_limit_tells_only_once() -> None:
    story = Story(rule(clear=45, clear_minutes=2))
    assert story.tell(51) == ["firing"]
    # Below the limit but not past clear; past clear but never long enough.
    assert set(story.tell(*[49, 51] * 20)) == {None}
    assert set(story.tell(*[40, 51] * 20)) == {None}


def test_without_a_margin_the_limit_itself_is_well() -> None:
    story = Story(rule(clear_minutes=0))
    assert story.tell(51, 50) == ["firing", "resolved"]


def test_it_fires_when_it_was_so_for_long_enough() -> None:
    story = Story(rule(for_minutes=2, clear_minutes=0))
    assert story.tell(51, 51, 49, 51, 51) == [None] * 5
    assert story.tell(51, 51) == ["firing", None]
    assert story.tell(50, 51, 51, 51) == ["resolved", None, None, "firing"]


def test_too_little_to_measure_lets_an_alert_end() -> None:
    story = Story(rule(clear_minutes=1))
    assert story.tell(None, 51, None, None) == [None, "firing", None, "resolved"]


def test_it_is_repeated_while_it_lasts() -> None:
    story = Story(rule(), repeat=10 * MINUTE)
    told = story.tell(*[60] * 31)
    assert [index for index, kind in enumerate(told) if kind] == [0, 10, 20, 30]
    assert told[10] == "repeated"


def test_silence_ends_with_what_still_matters() -> None:
    story = Story(rule(clear_minutes=0), repeat=10 * MINUTE)
    # Came and went: nobody needs to know.
    assert story.tell(60, 40, muted=True) == [None, None]
    assert story.tell(40) == [None]
    # Still there.
    assert story.tell(60, 60, muted=True) == [None, None]
    assert story.tell(60) == ["firing"]
    # Told before, over meanwhile.
    assert story.tell(40, muted=True) == [None]
    assert story.tell(40) == ["resolved"]


def test_a_clock_that_jumps_back_delays_nothing_for_ever() -> None:
    story = Story(rule(clear_minutes=2), repeat=10 * MINUTE)
    story.tell(60)
    story.now -= 30 * 86_400
    told = story.tell(*[60] * 12)
    assert told.count("repeated") == 1
    story.tell(40)
    story.now -= 86_400
    assert story.tell(40, 40, 40) == [None, None, "resolved"]


def test_a_clock_that_jumps_forward_tells_once() -> None:
    story = Story(rule(clear_minutes=2), repeat=10 * MINUTE)
    story.tell(60)
    story.now += 365 * 86_400
    assert story.tell(60, 60) == ["repeated", None]


def test_no_cause_follows_from_what_it_leads_to() -> None:
    order = list(
        TopologicalSorter(
            {cause: {each for each in FOLLOWS if follows(each, cause)} for cause in FOLLOWS}
        ).static_order()
    )  # raises CycleError for a circle
    assert {*order} == {*FOLLOWS}
    measures = {"latency_p95_ms", "error_percent"}
    named = {*FOLLOWS}.union(*FOLLOWS.values()) - measures
    assert {each.partition(":")[0] for each in named} <= {*COMPONENTS}
    assert follows("backup:age", "disk:free")
    assert not follows("disk:free", "disk:free")


def test_pictures_know_where_latency_rules_begin() -> None:
    rules = [
        rule(),
        rule(above=100, severity="critical"),
        rule(above=20, enabled=False),
        rule("error_percent", above=1),
    ]
    assert latency_limits(rules) == (50, 100)
    assert latency_limits([]) == (math.inf, math.inf)


def test_postings_that_closed_are_told_by_their_number() -> None:
    closed = rule("closed_applications", above=0)
    assert measure(closed, facts()) is None
    elsewhere = measure(closed, checks(disk_free="pass"))
    assert elsewhere is not None
    assert (elsewhere.value, elsewhere.bad) == (None, {})
    for number, is_bad in ((0, False), (2, True)):
        check = Check(Verdict.PASS, number, "applications", name="applications:closed")
        found = measure(closed, Facts(0, {}, [check]))
        assert found is not None
        assert (found.value, bool(found.bad), found.well) == (number, is_bad, not is_bad)
        assert "jobstore applications --closed" in found.advice
