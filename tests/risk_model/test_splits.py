"""Out of time with a gap: no label of an earlier part is known only in a later one."""

from __future__ import annotations

from datetime import date, timedelta

import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from features.errors import InputError
from risk_model.specification import Period, Windows
from risk_model.splits import drop_unknown_labels, inside, walk_back


@given(
    st.dates(date(2010, 1, 1), date(2016, 1, 1)),
    st.integers(800, 4000),
    st.integers(1, 6),
    st.integers(30, 400),
    st.integers(1, 4),
    st.integers(1, 4),
)
def test_a_label_span_lies_between_the_parts(
    first: date, length: int, every: int, horizon: int, tests: int, calibrations: int
) -> None:
    last = first + timedelta(days=length)
    windows = Windows(every_months=every, test_dates=tests, calibration_dates=calibrations, train_dates=50)
    # Room for all dates and gaps, so that every part has what was asked for.
    assume(length > (tests + calibrations + 1) * every * 31 + 3 * horizon + 62)
    split = walk_back(first, last, windows, horizon)
    span = timedelta(days=horizon)
    assert split.test[-1] + span <= last
    assert split.train[-1] + span <= split.calibration[0]
    assert split.calibration[-1] + span <= split.test[0]
    assert all(day.day == 1 for day in split.dates)
    assert list(split.dates) == sorted(set(split.dates))
    assert (len(split.test), len(split.calibration)) == (tests, calibrations)
    assert split.train


def test_too_short_a_history_says_how_long_it_must_be() -> None:
    with pytest.raises(InputError, match="no as-of date for the part 'calibration'"):
        walk_back(date(2024, 1, 1), date(2024, 12, 31), Windows.model_validate({}), 180)


def test_rows_whose_label_was_recorded_too_late_are_dropped() -> None:
    rows = pd.DataFrame(
        {
            "part": ["train", "train", "calibration", "test"],
            "as_of": pd.to_datetime(["2024-01-01", "2024-01-01", "2024-06-01", "2024-12-01"]),
            "label_known": pd.to_datetime(["2024-05-31", "2024-06-02", "2024-11-30", "2025-09-01"]),
        }
    )
    kept = drop_unknown_labels(rows)
    assert kept["part"].tolist() == ["train", "calibration", "test"]


def test_a_period_includes_both_ends() -> None:
    days = pd.Series(pd.to_datetime(["2024-01-01", "2024-01-31", "2024-02-01"]))
    period = Period(start=date(2024, 1, 1), end=date(2024, 1, 31))
    assert inside(days, period).tolist() == [True, True, False]
