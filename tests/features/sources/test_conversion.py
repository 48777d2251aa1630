"""Texts to dates, numbers and booleans: what is read, and what is not."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.sources.conversion import to_bool, to_date, to_float, to_text, to_whole


def _date(text: str | None, *formats: str) -> date | None:
    found = to_date(pa.array([text], pa.string()), formats or ("%Y-%m-%d",))[0].as_py()
    assert found is None or isinstance(found, date)
    return found


@pytest.mark.parametrize(
    ("text", "form", "wanted"),
    [
        ("2024-02-29", "%Y-%m-%d", date(2024, 2, 29)),
        ("2024-2-9", "%Y-%m-%d", date(2024, 2, 9)),
        ("2021年3月9日", "%Y年%m月%d日", date(2021, 3, 9)),
        ("20210309", "%Y%m%d", date(2021, 3, 9)),
        ("26/10/2023 10:00:00", "%d/%m/%Y %H:%M:%S", date(2023, 10, 26)),
        ("9999-12-31", "%Y-%m-%d", date(9999, 12, 31)),
        ("1899-12-31", "%Y-%m-%d", date(1899, 12, 31)),
        ("44561", "excel", date(2021, 12, 31)),
        ("44561.75", "excel", date(2021, 12, 31)),
    ],
)
def test_dates_that_the_calendar_has(text: str, form: str, wanted: date) -> None:
    assert _date(text, form) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "2023-02-29",
        "1900-02-29",
        "2023-02-30",
        "2021-13-05",
        "0000-00-00",
        "2019-06-31",
        "2021-1-1x",
        "21-01-01",
        "2021-00-10",
        "二〇二一年",
        "2021-01-01 00:00:00",
    ],
)
def test_dates_that_it_has_not(text: str) -> None:
    assert _date(text) is None


def test_numbers_side_by_side_have_their_full_width() -> None:
    assert _date("2021111", "%Y%m%d") is None


def test_formats_are_tried_in_order() -> None:
    assert _date("03/04/2021", "%d/%m/%Y", "%m/%d/%Y") == date(2021, 4, 3)
    assert _date("03/14/2021", "%d/%m/%Y", "%m/%d/%Y") == date(2021, 3, 14)
    assert _date(None, "%d/%m/%Y") is None


@given(st.dates(min_value=date(1000, 1, 1)))
def test_every_day_is_read_as_itself(day: date) -> None:
    assert _date(day.isoformat()) == day
    assert _date(f"{day.day}.{day.month}.{day.year:04d}", "%d.%m.%Y") == day
    if date(1950, 1, 1) <= day < date(2100, 1, 1):
        count = (day - date(1899, 12, 30)) // timedelta(days=1)
        assert _date(str(count), "excel") == day


def test_typed_columns_of_parquet_are_taken_as_they_are() -> None:
    days = pa.array([date(2020, 1, 1), None])
    assert to_date(days).to_pylist() == [date(2020, 1, 1), None]
    assert to_date(days.cast(pa.timestamp("us"))).to_pylist() == [date(2020, 1, 1), None]
    assert to_text(pa.array([60609.0, 0.5, None])).to_pylist() == ["60609", "0.5", None]
    assert to_bool(pa.array([True, None])).to_pylist() == [True, None]


@given(st.decimals(min_value=-(10**9), max_value=10**9, places=6, allow_nan=False, allow_infinity=False))
def test_ten_thousand_yuan_become_exact_fen(amount: Decimal) -> None:
    assert to_whole(pa.array([f"{amount:f}"]), 1_000_000)[0].as_py() == int(amount.scaleb(6))


@pytest.mark.parametrize(
    ("text", "scale", "wanted"),
    [
        ("0.29", 100, 29),
        ("34.727", 1_000_000, 34_727_000),
        ("1.005", 100, None),
        ("0.0000001", 1_000_000, None),
        ("壹万元", 100, None),
        ("NaN", 100, None),
        ("Infinity", 100, None),
        ("12", None, 12),
        ("12.0", None, 12),
        ("+12", None, 12),
        ("12.5", None, None),
        ("1e3", None, None),
        ("9999999999999999999", None, None),
        ("-3", "0.5", None),
        ("-4", "0.5", -2),
    ],
)
def test_whole_numbers(text: str, scale: int | str | None, wanted: int | None) -> None:
    assert to_whole(pa.array([text]), scale)[0].as_py() == wanted


def test_numbers_of_parquet() -> None:
    assert to_whole(pa.array([1, None], pa.int32())).to_pylist() == [1, None]
    assert to_whole(pa.array([2.0, 2.5])).to_pylist() == [2, None]
    assert to_whole(pa.array([0.29]), 100).to_pylist() == [29]
    assert to_float(pa.array([1.5, float("nan"), float("inf")])).to_pylist() == [1.5, None, None]
    assert to_float(pa.array(["1.5", ".5", "1e3", "x", "nan", None])).to_pylist() == [
        1.5,
        0.5,
        1e3,
        None,
        None,
        None,
    ]


def test_words() -> None:
    assert to_bool(pa.array(["是", "否", "TRUE", "0", "也许", None])).to_pylist() == [
        True, False, True, False, None, None,
    ]  # fmt: skip
    assert to_bool(pa.array(["逾期", "按期", "是"]), ["逾期"], ["按期"]).to_pylist() == [True, False, None]
