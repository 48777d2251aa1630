"""What the kernel can compute: operations over the records of one enterprise, and their combinations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from features.definitions.expressions import EVERYTHING, Expression
from features.records import Label


class Operation(StrEnum):
    """What the kernel computes over the visible records of one enterprise, up to one date.

    ``x`` is the value of the term's column, ``today`` the as-of date.
    """

    #: Number of records.
    COUNT = "count"
    #: Sum of x.
    SUM = "sum"
    #: Largest x.
    MAXIMUM = "maximum"
    #: x of the newest record.
    LATEST = "latest"
    #: Days since the newest record.
    DAYS_SINCE = "days_since"
    #: Number of records whose date x is missing or after today.
    IN_FORCE = "in_force"
    #: Number of records whose date x is before today.
    OVERDUE = "overdue"
    #: Longest today - x of dates before today.
    DAYS_OVERDUE = "days_overdue"
    #: Shortest x - today of dates from today on.
    DAYS_UNTIL = "days_until"
    #: today - x of the newest record.
    DAYS_SINCE_DATE = "days_since_date"
    #: Sum of 2 ** (-age / half-life), each in whole 2 ** -20.
    DECAYED = "decayed"
    #: Sum of today - x.
    AGE_SUM = "age_sum"
    #: Largest today - x.
    AGE_MAXIMUM = "age_maximum"
    #: Days since the oldest record.
    DAYS_SINCE_FIRST = "days_since_first"
    #: Days from the event to today or to the date x, summed.
    TIME_IN_FORCE = "time_in_force"
    #: Days since the oldest event still in force (x missing or after today).
    LONGEST_IN_FORCE = "longest_in_force"
    #: Bit i is set if category i of x was met.
    DISTINCT = "distinct"
    #: Bit i is set if there is a record of the year x = (last year due) - i.
    YEARS = "years"
    #: x of the newest record of the year (last year due) - parameter.
    YEAR_VALUE = "year_value"
    #: Number of records that follow another of the same category x within ``parameter`` days.
    REPEATS = "repeats"
    #: Number of records since the newest for which ``reset`` holds.
    STREAK = "streak"
    #: Place of the newest record in the table handed to the kernel; only within the kernel.
    LATEST_ROW = "latest_row"


#: Operations whose value is the number of records that count, each on one stretch of as-of dates.
ON_A_STRETCH = frozenset({Operation.COUNT, Operation.IN_FORCE})

#: Weights of :attr:`Operation.DECAYED` are whole multiples of 2 ** -DECAY_BITS, so sums are exact.
DECAY_BITS = 20

#: Bits of :attr:`Operation.DISTINCT` and :attr:`Operation.YEARS` that a float64 holds exactly.
MAXIMUM_BITS = 52


class Combination(StrEnum):
    """How the terms of a feature become its value; missing if any of them is."""

    #: The one term.
    VALUE = "value"
    #: First by second; missing if the second is not positive.
    RATIO = "ratio"
    #: Rate in the recent window over the rate before it; missing if nothing happened in either.
    TREND = "trend"
    #: Number of bits set.
    BITS = "bits"
    #: Years due, since the enterprise was founded, of which no bit is set.
    YEARS_MISSING = "years_missing"


@dataclass(frozen=True)
class Window:
    """A stretch of time before the as-of date: ``(as_of - days, as_of]``."""

    name: str
    days: int
    label: Label


ALL = Window("all", 1_000_000, Label("历年", "ever"))
WINDOWS: Mapping[str, Window] = {
    "6m": Window("6m", 183, Label("近半年", "in half a year")),
    "1y": Window("1y", 365, Label("近1年", "in 1 year")),
    "2y": Window("2y", 730, Label("近2年", "in 2 years")),
    "3y": Window("3y", 1095, Label("近3年", "in 3 years")),
    "5y": Window("5y", 1826, Label("近5年", "in 5 years")),
    "all": ALL,
}


@dataclass(frozen=True)
class Term:
    """One number that the kernel computes: an operation over a condition and a window."""

    table: str
    operation: Operation
    where: Expression = EVERYTHING
    window: Window = ALL
    column: str | None = None
    #: Values of a coded column, in the order of the integers that stand for them.
    categories: tuple[str, ...] | None = None
    #: Only so many leading characters of the value decide its category.
    characters: int | None = None
    #: Column of the year, for :attr:`Operation.YEAR_VALUE`.
    year: str | None = None
    #: Half-life, lag or interval, as the operation says.
    parameter: int = 0
    #: What sets :attr:`Operation.STREAK` back to 0.
    reset: Expression | None = None
