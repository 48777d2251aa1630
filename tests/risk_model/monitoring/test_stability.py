"""The stability index: by hand, without drift, and with it."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import chi2

from features.errors import InputError
from risk_model.monitoring.reference import MARGIN, Reference
from risk_model.monitoring.stability import Bins, shift


def test_the_index_by_hand() -> None:
    """Shares 1/2, 1/2 against 3/4, 1/4 : 1/4 ln(3/2) - 1/4 ln(1/2) = 1/4 ln 3."""
    assert shift([50_000, 50_000], [75_000, 25_000]).psi == pytest.approx(np.log(3) / 4, rel=1e-4)
    assert shift([500, 500], [0, 1000]).psi < np.inf


@given(arrays(np.float64, st.integers(1, 60), elements=st.floats(allow_infinity=False, allow_nan=True)))
def test_every_value_is_in_one_bin(values: np.ndarray) -> None:
    bins = Bins.of(values)
    counts = bins.count(values)
    assert counts.sum() == len(values)
    assert counts[-1] == np.isnan(values).sum()
    assert len(bins.labels()) == len(counts)
    assert list(bins.edges) == sorted(set(bins.edges))


def test_few_values_have_a_bin_each_and_a_new_one_is_seen() -> None:
    bins = Bins.of(np.array([0.0, 1, 1, 2, np.nan]))
    assert bins.count(np.array([0.0, 1, 1, 2, np.nan])).tolist() == [1, 2, 1, 1]
    constant = Bins.of(np.zeros(500))
    assert constant.count(np.array([0.0, 0, 5])).tolist() == [2, 1, 0]
    assert shift(constant.count(np.zeros(500)), constant.count(np.full(100, 5.0))).alarms()


@pytest.mark.parametrize("n", [50, 100, 200, 1000])
def test_small_districts_do_not_cry_wolf(n: int) -> None:
    """The plain rule (PSI above 0.1) alarms at n = 50 six times out of seven; this one hardly ever."""
    rng = np.random.default_rng(n)
    reference = rng.normal(size=20_000)
    bins = Bins.of(reference)
    counts = bins.count(reference)
    found = [shift(counts, bins.count(rng.normal(size=n))) for _ in range(300)]
    assert np.mean([one.alarms() for one in found]) <= 0.07
    assert np.mean([one.psi for one in found]) == pytest.approx(found[0].expected, rel=0.25)
    if n == 50:
        assert np.mean([one.psi > 0.1 for one in found]) > 0.75
    # The p-value is uniform without drift.
    assert np.mean([one.p_value < 0.5 for one in found]) == pytest.approx(0.5, abs=0.12)


def test_a_real_shift_is_seen_and_one_that_does_not_matter_is_not() -> None:
    rng = np.random.default_rng(4)
    reference = rng.normal(size=20_000)
    bins = Bins.of(reference)
    counts = bins.count(reference)
    assert shift(counts, bins.count(rng.normal(0.6, 1, 500))).alarms(tests=150)
    slight = shift(counts, bins.count(rng.normal(0.05, 1, 100_000)))
    assert slight.p_value < 1e-3
    assert not slight.alarms()


def test_the_p_value_is_pearson_s() -> None:
    reference, current = np.array([300, 500, 200]), np.array([20, 50, 30])
    total = reference + current
    share = total / total.sum()
    statistic = sum(
        ((own - own.sum() * share) ** 2 / (own.sum() * share)).sum() for own in (reference, current)
    )
    assert shift(reference, current).p_value == pytest.approx(chi2.sf(statistic, 2))


def test_a_reference_is_kept_as_it_is() -> None:
    rng = np.random.default_rng(0)
    matrix = np.column_stack([rng.normal(size=300), rng.integers(0, 3, 300), np.full(300, np.nan)])
    district = np.array(["甲", "乙", None] * 100, dtype=object)
    made = Reference.of("2025-07-01", ("a", "b", "c"), matrix, rng.normal(size=300), district, {"A": 1.0})
    back = Reference.from_dict(json.loads(json.dumps(made.as_dict())))
    assert back.as_dict() == made.as_dict()
    assert back.bins == made.bins
    assert back.counts["c"].tolist() == [0, 300]
    assert sum(c.sum() for c in back.districts.values()) == 200
    assert back.counts[MARGIN].sum() == 300
    with pytest.raises(InputError, match="format 9"):
        Reference.from_dict(made.as_dict() | {"format": 9})
