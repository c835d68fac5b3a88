"""``python -m tests.torture``: campaigns against a store, for as long as is asked for.

The campaign that has had the least time has the next round. The exit code is 1 when anything was
lost, wrong, hung or untyped; such a round tells how to repeat it alone.
"""

from __future__ import annotations

import argparse
import contextlib
import secrets
import sys
import time

from tests.torture.campaigns.archives import archive
from tests.torture.campaigns.cancellations import cancel
from tests.torture.campaigns.clocks import jump
from tests.torture.campaigns.comparison import compare_to_model
from tests.torture.campaigns.expiries import expire
from tests.torture.campaigns.faulty_calls import fail, kill
from tests.torture.campaigns.flips import flip
from tests.torture.campaigns.lock_holders import hold
from tests.torture.campaigns.power_cuts import control, cut
from tests.torture.campaigns.restores import kill_a_restore, restore_again_and_again
from tests.torture.rounds import Campaign, CannotRun, run_round
from tests.torture.table import Tally, table

CAMPAIGNS = (
    Campaign("kills", kill),
    Campaign("power-cuts", cut),
    Campaign("power-cuts-control", control, must_lose=True),
    Campaign("failing-calls", fail),
    Campaign("lock-holders", hold),
    Campaign("flips", flip),
    Campaign("expiries", expire),
    Campaign("cancellations", cancel),
    Campaign("restores", restore_again_and_again),
    Campaign("killed-restores", kill_a_restore),
    Campaign("archives", archive),
    Campaign("comparison", compare_to_model),
    Campaign("clock-jumps", jump),
)


# So many faults of one round are told in words.
_MOST_NOTES = 5


def _run(tally: Tally, seed: str, number: int) -> None:
    began = time.monotonic()
    try:
        outcome = run_round(tally.campaign, seed, number)
    except CannotRun as error:
        tally.cannot = str(error)
        return
    tally.seconds += time.monotonic() - began
    tally.rounds += 1
    tally.outcome.add(outcome)
    if outcome.failed and not tally.campaign.must_lose:
        for note in outcome.notes[:_MOST_NOTES]:
            print(f"{tally.campaign.name}, round {number}: {note}", file=sys.stderr)
        if (more := len(outcome.notes) - _MOST_NOTES) > 0:
            print(f"  and {more} more", file=sys.stderr)
        repeat = f"--only {tally.campaign.name} --round {number} --seed {seed}"
        print(f"  again: python -m tests.torture {repeat}", file=sys.stderr, flush=True)


def _run_all(tallies: list[Tally], seed: str, arguments: argparse.Namespace) -> None:
    end = time.monotonic() + arguments.minutes * 60
    if arguments.round is not None:
        for tally in tallies:
            _run(tally, seed, arguments.round)
    elif arguments.rounds is not None:
        for number in range(arguments.rounds):
            for tally in tallies:
                if not tally.cannot:
                    _run(tally, seed, number)
    else:
        while time.monotonic() < end and (able := [t for t in tallies if not t.cannot]):
            least = min(able, key=lambda tally: tally.seconds)
            _run(least, seed, least.rounds)


def main() -> int:
    """Run campaigns; return the exit code."""
    names = [each.name for each in CAMPAIGNS]
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5, help="how long, together")
    parser.add_argument("--rounds", type=int, help="so many rounds of each, however long")
    parser.add_argument("--seed", default="", help="what all choices follow from; a new one")
    parser.add_argument("--only", action="append", choices=names, help="this one; may be repeated")
    parser.add_argument("--round", type=int, help="only the round with this number")
    arguments = parser.parse_args()
    seed = arguments.seed or secrets.token_hex(4)
    tallies = [Tally(each) for each in CAMPAIGNS if each.name in (arguments.only or names)]
    print(f"seed {seed}", file=sys.stderr, flush=True)
    # Who interrupts a run is told what it has shown until then.
    with contextlib.suppress(KeyboardInterrupt):
        _run_all(tallies, seed, arguments)
    print(table(tallies))
    # A run in which nothing could run has shown nothing.
    ran = any(tally.rounds for tally in tallies)
    return int(not ran or any(tally.failed for tally in tallies))


if __name__ == "__main__":
    sys.exit(main())
