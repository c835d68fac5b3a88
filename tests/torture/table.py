"""The table that a run ends with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.torture.rounds import Campaign, Outcome

_HEAD = ("campaign", "rounds", "acknowledged", "lost", "wrong", "hung", "untyped", "")


@dataclass
class Tally:
    """What came of the rounds of one campaign."""

    campaign: Campaign
    rounds: int = 0
    seconds: float = 0
    outcome: Outcome = field(default_factory=Outcome)
    # Why it is not run, where it cannot.
    cannot: str = ""

    @property
    def failed(self) -> bool:
        """Whether the run has to fail for it: its faults, or a control that lost nothing."""
        if self.campaign.must_lose:
            return self.rounds > 0 and not self.outcome.lost
        return self.outcome.failed

    def row(self) -> tuple[str, ...]:
        """Return its row of the table."""
        if self.cannot or not self.rounds:
            why = self.cannot or "there was no time for it"
            return (self.campaign.name, "not run", *[""] * 5, why)
        came = self.outcome
        remark = ""
        if self.campaign.must_lose:
            remark = "must lose, and did not" if self.failed else "must lose"
        return (
            self.campaign.name,
            *(f"{n:,}" for n in (self.rounds, came.acknowledged, came.lost)),
            *(f"{n:,}" for n in (came.wrong, came.hung, came.untyped)),
            remark,
        )


def table(tallies: Iterable[Tally]) -> str:
    """Return the table of a run, as Markdown."""
    rows = [_HEAD, *(tally.row() for tally in tallies)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    rows.insert(1, tuple("-" * width for width in widths))

    def line(row: tuple[str, ...]) -> str:
        cells = [
            cell.ljust(width) if column in (0, len(_HEAD) - 1) else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        return f"| {' | '.join(cells)} |"

    return "\n".join(map(line, rows))
