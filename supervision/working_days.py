"""Working days (工作日), which most time limits of procedure count in."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache
from pathlib import Path

from pydantic import model_validator

from risk_model.specification import Strict, read_yaml, validate
from supervision.plan_rules import Sourced

WORKING_DAYS = Path(__file__).resolve().parent / "working_days.yaml"
ONE = timedelta(days=1)


class Year(Sourced):
    """The holiday schedule of a year: weekdays off, and weekend days that are worked."""

    closed: tuple[date, ...]
    working: tuple[date, ...] = ()

    @model_validator(mode="after")
    def _kinds_of_days(self) -> Year:
        wrong = [d for d in self.closed if d.weekday() > 4] + [d for d in self.working if d.weekday() < 5]
        if wrong:
            msg = f"{wrong[0]}: days off are from Monday to Friday, extra working days from the weekend"
            raise ValueError(msg)
        return self


class _File(Strict):
    years: dict[int, Year]


class WorkingCalendar:
    """Which days are working days.

    Parameters
    ----------
    years
        Schedule by year; other years count Monday to Friday.
    """

    def __init__(self, years: dict[int, Year]) -> None:
        self._years = years
        self._off = frozenset(d for year in years.values() for d in year.closed)
        self._working = frozenset(d for year in years.values() for d in year.working)

    def is_working(self, day: date) -> bool:
        """Return whether a day is a working day."""
        return day in self._working or (day.weekday() < 5 and day not in self._off)

    def covers(self, first: date, last: date) -> bool:
        """Return whether every year from one day to another has a schedule."""
        return all(year in self._years for year in range(first.year, last.year + 1))

    def after(self, day: date, count: int) -> date:
        """Return the working day number ``count`` after a day, which itself does not count.

        Examples
        --------
        >>> WorkingCalendar({}).after(date(2022, 7, 1), 10)
        datetime.date(2022, 7, 15)
        """
        while count > 0:
            day += ONE
            count -= self.is_working(day)
        return day

    def between(self, first: date, last: date) -> int:
        """Return the working days after the first day, up to and with the last."""
        days = (last - first).days
        return sum(self.is_working(first + timedelta(days=i)) for i in range(1, days + 1))


@cache
def working_calendar(path: Path | None = None) -> WorkingCalendar:
    """Read the calendar.

    Raises
    ------
    InputError
        If the file is not valid.
    """
    path = path or WORKING_DAYS
    return WorkingCalendar(validate(_File, read_yaml(path), source=path.name).years)
