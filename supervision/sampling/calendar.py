"""The month of a plan, and periods that the rules count in months."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from features.errors import InputError
from supervision.sampling.frame import NO_DATE


def month_bounds(month: str) -> tuple[date, date]:
    """Return the first and the last day of a month written ``YYYY-MM``."""
    if not re.fullmatch(r"[0-9]{4}-(0[1-9]|1[0-2])", month) or month < "1900":
        raise InputError(f"got {month!r}, but expected a month such as 2025-07", field="month")
    first = date.fromisoformat(f"{month}-01")
    return first, (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)


def days_after(dates: npt.NDArray[np.int64], months: npt.NDArray[np.int64] | int) -> npt.NDArray[np.int64]:
    """Return the day number so many months later (31 January + 1 month: the last day of February).

    A missing date stays missing.
    """
    known = dates != NO_DATE
    day = np.where(known, dates, 0).astype("datetime64[D]")
    month = day.astype("datetime64[M]")
    later = month + np.asarray(months, dtype="timedelta64[M]")
    in_month = day - month.astype("datetime64[D]")
    length = (later + 1).astype("datetime64[D]") - later.astype("datetime64[D]")
    moved = later.astype("datetime64[D]") + np.minimum(in_month, length - np.timedelta64(1, "D"))
    return np.where(known, moved.astype(np.int64), NO_DATE)


def day_number(day: date) -> int:
    """Return days since 1970-01-01."""
    return (day - date(1970, 1, 1)).days


def years_later(day: date, years: int) -> date:
    """Return the same day so many years later; 28 February for 29 February."""
    return months_later(day, 12 * years)


def months_later(day: date, months: int) -> date:
    """Return the same day so many months later, or the last day of a shorter month.

    Examples
    --------
    >>> months_later(date(2025, 8, 31), 6)
    datetime.date(2026, 2, 28)
    >>> months_later(date(2024, 3, 31), -1)
    datetime.date(2024, 2, 29)
    """
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return day.replace(year=year, month=month + 1, day=min(day.day, monthrange(year, month + 1)[1]))
