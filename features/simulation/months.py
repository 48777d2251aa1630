"""Months as numbers, and dates as days since 1970-01-01."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from features.errors import InputError

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

#: A date or number that is not known.
MISSING = int(np.iinfo(np.int64).min)

#: Monthly events fall on the first 25 days, so that registration is known by the end of the month.
LAST_EVENT_DAY = 25


def to_day(value: date) -> int:
    """Return days since 1970-01-01."""
    return (value - date(1970, 1, 1)).days


def to_date(day: int) -> date:
    """Return the date of a day number."""
    return date(1970, 1, 1) + timedelta(days=int(day))


@dataclass(frozen=True)
class Months:
    """The simulated months, and six more in which only latent risk moves.

    Attributes
    ----------
    start, end
        First and last day.
    count
        Months between them.
    first
        Day number of the first day of every month, of ``count + 7`` months.
    year, month
        Calendar year and month (1-12) of each.
    """

    start: date
    end: date
    count: int
    first: Ints
    year: Ints
    month: Ints

    @classmethod
    def between(cls, start: date, end: date) -> Months:
        """Count the months of a period.

        Raises
        ------
        InputError
            If the period is not of whole months, or empty.
        """
        if start.day != 1:
            message = f"the simulation starts with a month, got {start}."
            raise InputError(message, field="start", fix="Give the first day of a month.")
        if (end + timedelta(days=1)).day != 1 or end <= start:
            message = f"the simulation ends with a month after {start}, got {end}."
            raise InputError(message, field="end", fix="Give the last day of a later month.")
        count = (end.year - start.year) * 12 + end.month - start.month + 1
        months = np.datetime64(start, "M") + np.arange(count + 7)
        number = months.astype(np.int64)
        return cls(
            start=start,
            end=end,
            count=count,
            first=months.astype("datetime64[D]").astype(np.int64),
            year=number // 12 + 1970,
            month=number % 12 + 1,
        )

    @property
    def half_years(self) -> list[int]:
        """Months at whose first day the truth is told: every January and July, and the one after the end."""
        return [m for m in range(self.count + 1) if self.month[m] in (1, 7) or m == self.count]
