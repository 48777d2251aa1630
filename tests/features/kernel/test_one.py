"""What the kernel for one enterprise works out with plain numbers is what NumPy gives."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from features.definitions import LIBRARY
from features.definitions.terms import Combination
from features.kernel.one import _KINDS, _year_and_month
from features.kernel.plan import Plan

#: All combinations, each with several parameters.
FEATURES = [feature for feature in LIBRARY if feature.across is None]
NUMBERS = st.one_of(
    st.just(float("nan")), st.integers(0, 50_000).map(float), st.sampled_from([0.0, 0.5, 1e9])
)


def test_years_and_months_are_those_of_the_calendar() -> None:
    first = date(1599, 12, 31)
    for step in range(0, 220_000, 13):
        day = first + timedelta(days=step)
        assert _year_and_month((day - date(1970, 1, 1)).days) == (day.year, day.month)
    for day in (date(2000, 2, 29), date(2000, 3, 1), date(2024, 2, 29), date(1900, 2, 28), date(1900, 3, 1)):
        assert _year_and_month((day - date(1970, 1, 1)).days) == (day.year, day.month)


def test_every_combination_is_known() -> None:
    assert set(_KINDS) == set(Combination)
    assert {feature.combination for feature in FEATURES} == set(Combination)


@given(data=st.data(), today=st.dates(date(2000, 1, 1), date(2060, 1, 1)))
def test_combinations_are_those_of_many(data: st.DataObject, today: date) -> None:
    plan = Plan(FEATURES)
    some = data.draw(st.lists(NUMBERS, min_size=7, max_size=7))
    terms = np.resize(np.array(some), (plan.term_count, 1)).copy()
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    rng.shuffle(terms)
    day = np.array([(today - date(1970, 1, 1)).days], dtype=np.int64)
    many = np.full((len(FEATURES), 1), np.nan)
    plan.combining.fill(terms, day, many)
    one = np.full(len(FEATURES), np.nan)
    plan.of_one.combine(terms, day, one)
    assert np.array_equal(one, many[:, 0], equal_nan=True)
