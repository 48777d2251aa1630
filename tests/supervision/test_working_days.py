"""Working days: weekends, holidays, and years without a schedule."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from features.errors import InputError
from supervision.working_days import WORKING_DAYS, WorkingCalendar, working_calendar


def test_weekends_holidays_and_worked_weekends() -> None:
    calendar = working_calendar()
    # Spring Festival of 2025 as the file has it: Sunday the 26th worked, then eight days off.
    assert calendar.is_working(date(2025, 1, 26))
    assert calendar.after(date(2025, 1, 27), 1) == date(2025, 2, 5)
    assert calendar.after(date(2025, 1, 24), 3) == date(2025, 2, 5)
    assert calendar.between(date(2025, 1, 24), date(2025, 2, 5)) == 3


def test_a_day_and_its_working_days_agree() -> None:
    calendar = working_calendar()
    for offset in range(0, 700, 13):
        day = date(2024, 1, 3) + timedelta(days=offset)
        for count in (0, 1, 10, 20):
            assert calendar.between(day, calendar.after(day, count)) == count


def test_a_year_without_schedule_counts_weekdays_and_says_so() -> None:
    calendar = working_calendar()
    assert calendar.after(date(2019, 9, 30), 2) == date(2019, 10, 2)
    assert not calendar.covers(date(2019, 9, 30), date(2019, 10, 2))
    assert calendar.covers(date(2024, 12, 30), date(2025, 1, 6))
    assert WorkingCalendar({}).after(date(2025, 1, 27), 1) == date(2025, 1, 28)


def test_every_year_says_that_it_is_unverified_or_law(tmp_path: Path) -> None:
    text = WORKING_DAYS.read_text(encoding="utf-8")
    assert "UNVERIFIED" in text
    wrong = tmp_path / "days.yaml"
    wrong.write_text(text.replace("working: [2023-01-28", "working: [2023-01-27"), encoding="utf-8")
    with pytest.raises(InputError, match="2023-01-27"):
        working_calendar(wrong)
