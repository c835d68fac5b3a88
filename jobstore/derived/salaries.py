"""Salaries made comparable: amounts per year.

Pure arithmetic on records; currencies are never converted.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from jobstore.records import SalaryPeriod

# Amounts paid per period are compared as yearly equivalents: 40 hours x 52 weeks, 260 working
# days, 52 weeks, 12 months. An amount without a period is taken as yearly.
PERIODS_PER_YEAR: Mapping[str | None, int] = {
    SalaryPeriod.HOUR: 2080,
    SalaryPeriod.DAY: 260,
    SalaryPeriod.WEEK: 52,
    SalaryPeriod.MONTH: 12,
    SalaryPeriod.YEAR: 1,
    None: 1,
}

# The largest and the smallest yearly amount that a float tells apart are far outside of this.
YearlyRange = tuple[float, float]


def yearly_range(
    minimum: Decimal | None, maximum: Decimal | None, period: str | None
) -> YearlyRange | None:
    """Return a salary range as amounts per year, or ``None`` where no amount is stated.

    The factors are :data:`PERIODS_PER_YEAR`. One stated end counts as both.
    The product is exact before it is rounded to a float, so equal amounts stay equal.
    """
    if minimum is None and maximum is None:
        return None
    low = maximum if minimum is None else minimum
    high = minimum if maximum is None else maximum
    assert low is not None and high is not None
    factor = PERIODS_PER_YEAR[period]
    return float(low * factor), float(high * factor)
