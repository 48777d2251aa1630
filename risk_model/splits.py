"""Which as-of dates train, calibrate and test: out of time, with a gap.

Walked back from the newest complete label as in *timechop* of dssg/triage: a whole label span lies
between the last date of one part and the first of the next, so that no label of an earlier part
overlaps a later one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import pandas as pd

from features.errors import InputError
from risk_model.specification import Period, Windows

PARTS = ("train", "calibration", "test")


@dataclass(frozen=True)
class Split:
    """As-of dates of the three parts, each in ascending order."""

    train: tuple[date, ...]
    calibration: tuple[date, ...]
    test: tuple[date, ...]

    @property
    def dates(self) -> tuple[date, ...]:
        """All dates in ascending order."""
        return self.train + self.calibration + self.test

    def part_of(self, as_of: pd.Series) -> pd.Series:
        """Return the name of the part of each as-of date."""
        parts = {pd.Timestamp(day): name for name in PARTS for day in getattr(self, name)}
        return as_of.map(parts)


def walk_back(first_record: date, last_record: date, windows: Windows, horizon_days: int) -> Split:
    """Choose as-of dates, newest first, on firsts of months.

    Parameters
    ----------
    first_record, last_record
        Dates of the first and last labelled records.
    windows
        Number of dates a part and months between them.
    horizon_days
        Label span, in days.

    Raises
    ------
    InputError
        If the records do not reach far enough back for all three parts.
    """
    step = pd.DateOffset(months=windows.every_months)
    span = pd.Timedelta(days=horizon_days)
    newest = pd.Timestamp(last_record) - span
    cursor = newest.normalize().replace(day=1)
    chosen: dict[str, list[date]] = {}
    wanted = {
        "test": windows.test_dates,
        "calibration": windows.calibration_dates,
        "train": windows.train_dates,
    }
    for part, number in wanted.items():
        days: list[date] = []
        while len(days) < number and cursor.date() > first_record:
            days.append(cursor.date())
            cursor -= step
        if not days:
            needed = sum(wanted.values()) * windows.every_months
            raise InputError(
                f"labelled records from {first_record} to {last_record} leave no as-of date "
                f"for the part {part!r}",
                field="windows",
                fix=f"Load a longer history (about {needed} months), or lower train_dates or every_months.",
            )
        chosen[part] = days[::-1]
        limit = pd.Timestamp(days[-1]) - span
        while cursor > limit:
            cursor -= pd.DateOffset(months=1)
    return Split(tuple(chosen["train"]), tuple(chosen["calibration"]), tuple(chosen["test"]))


def inside(days: pd.Series, period: Period) -> pd.Series:
    """Return which days lie in a period."""
    result = pd.Series(True, index=days.index)
    if period.start is not None:
        result &= days >= pd.Timestamp(period.start)
    if period.end is not None:
        result &= days <= pd.Timestamp(period.end)
    return result


def drop_unknown_labels(rows: pd.DataFrame) -> pd.DataFrame:
    """Drop rows whose label was not yet recorded when the next part begins.

    Parameters
    ----------
    rows
        With ``part``, ``as_of`` and ``label_known``.
    """
    keep = pd.Series(True, index=rows.index)
    for part, later in pairwise(PARTS):
        begins = rows.loc[rows["part"] == later, "as_of"].min()
        keep &= ~((rows["part"] == part) & (rows["label_known"] > begins))
    return rows[keep].reset_index(drop=True)
