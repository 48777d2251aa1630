"""The inclusion probabilities that find the most problems: conditions kept, and nothing better to be had."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog, minimize

from features.errors import InputError
from supervision.plan_rules import Objective
from supervision.sampling.allocation import STEPS, optimal_allocation
from supervision.sampling.probabilities import GRID, inclusion_shares, on_grid

TIERS = np.array([1.0, 4.0, 12.0, 20.0])


def rule(floor: float = 0.02, precision: float = 0.05, ceiling: float = 0.95) -> Objective:
    return Objective(floor=floor, precision=precision, ceiling=ceiling, source="test", trust="parameter")


def province(count: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return probabilities on the planner's steps, and tiers that follow them roughly, with weights."""
    rng = np.random.default_rng(seed)
    probability = 1 / (1 + np.exp(2.5 - 1.1 * rng.normal(size=count)))
    noisy = probability * np.exp(0.3 * rng.normal(size=count))
    tier = np.searchsorted(np.quantile(noisy, [0.62, 0.9, 0.97]), noisy)
    return np.rint(probability * STEPS) / STEPS, TIERS[tier], tier


def spread(probability: np.ndarray) -> np.ndarray:
    mean = probability.mean()
    return probability * (1 - 2 * mean) + mean**2


def told(probability: np.ndarray, chance: np.ndarray) -> float:
    """Return the share of the draw that a uniform draw needs to tell as much of everybody."""
    q, count = spread(probability), len(chance)
    return float(q.sum() * count / ((q / chance).sum() * chance.sum()))


cases = st.tuples(
    st.integers(2, 400),
    st.integers(0, 10_000),
    st.floats(0.001, 1),
    st.floats(0, 0.9),
    st.floats(0.3, 1),
    st.floats(0.01, 0.99),
)


@settings(max_examples=150, deadline=None)
# The ceiling is so close to 1 that rounding leaves more than fits below it.
@example(case=(399, 30, 0.27761808191290727, 0.6432171589924591, 0.9999999999999999, 0.50390625))
# The tiers' design goes above the ceiling.
@example(case=(5, 0, 1.0, 0.0, 0.375, 0.25))
@given(case=cases)
def test_the_conditions_hold(case: tuple[int, int, float, float, float, float]) -> None:
    count, seed, floor, precision, ceiling, share = case
    probability, weights, tier = province(count, seed)
    size = max(1, int(share * count))
    made = optimal_allocation(probability, weights, tier, size, rule(min(floor, ceiling), precision, ceiling))
    chance = made.shares / GRID
    by_tier = inclusion_shares(weights, size) / GRID
    most = ceiling if size <= ceiling * count else 1.0
    assert made.shares.sum() == size * GRID
    assert made.floor >= min(floor, ceiling)
    assert (chance >= np.minimum(made.floor * by_tier, most) - 1e-9).all()
    assert made.floor == 1 or (chance <= most + 1e-9).all()
    assert made.precision == pytest.approx(told(probability, chance), rel=1e-6)
    means = [chance[tier == t].mean() for t in np.unique(tier)]
    assert (np.diff(means) >= -1e-9).all()


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), precision=st.floats(0, 0.8), size=st.integers(20, 150))
def test_the_precision_asked_for_is_given(seed: int, precision: float, size: int) -> None:
    probability, weights, tier = province(300, seed)
    made = optimal_allocation(probability, weights, tier, size, rule(0.001, precision, 1.0))
    assert made.precision >= precision - 1e-6


@pytest.mark.parametrize("seed", range(6))
def test_without_precision_a_linear_programme_finds_no_more(seed: int) -> None:
    probability, weights, tier = province(200, seed)
    made = optimal_allocation(probability, weights, tier, 20, rule(0.1, 0.0, 0.9))
    low = made.floor * inclusion_shares(weights, 20) / GRID
    best = linprog(
        -probability, A_eq=np.ones((1, 200)), b_eq=[20], bounds=np.column_stack([low, np.full(200, 0.9)])
    )
    assert float(probability @ made.shares) / GRID == pytest.approx(-best.fun, rel=1e-9)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("precision", [0.1, 0.4])
def test_with_precision_a_convex_programme_finds_no_more(seed: int, precision: float) -> None:
    count, size = 40, 8
    probability, weights, tier = province(count, seed)
    made = optimal_allocation(probability, weights, tier, size, rule(0.05, precision, 0.9))
    chance = made.shares / GRID
    low = made.floor * inclusion_shares(weights, size) / GRID
    q = spread(probability)
    most = q.sum() * count / (precision * size)
    best = minimize(
        lambda x: -probability @ x,
        np.full(count, size / count),
        jac=lambda _: -probability,
        bounds=list(zip(low, np.full(count, 0.9), strict=True)),
        constraints=[
            {"type": "eq", "fun": lambda x: x.sum() - size, "jac": lambda _: np.ones(count)},
            {
                "type": "ineq",
                "fun": lambda x: (most - (q / x).sum()) / most,
                "jac": lambda x: q / x**2 / most,
            },
        ],
        method="SLSQP",
        options={"maxiter": 1000, "ftol": 1e-12},
    )
    assert best.success, best.message
    assert made.precision >= precision - 1e-6
    assert probability @ chance == pytest.approx(-best.fun, rel=2e-5)


def test_more_precision_finds_less() -> None:
    probability, weights, tier = province(2_000, 1)
    found = [
        float(probability @ optimal_allocation(probability, weights, tier, 60, rule(precision=e)).shares)
        / GRID
        for e in (0.0, 0.05, 0.1, 0.3, 0.6)
    ]
    assert found == sorted(found, reverse=True)
    by_weight = float(probability @ inclusion_shares(weights, 60)) / GRID
    uniform = 60 * probability.mean()
    assert found[1] - uniform > 2 * (by_weight - uniform)


def test_where_probabilities_deny_the_tiers_the_tiers_design_takes_over() -> None:
    """Tier D by a rule of law, of enterprises that the records would call harmless."""
    probability = np.r_[np.full(90, 0.3), np.full(10, 0.01)]
    weights = np.r_[np.full(90, 1.0), np.full(10, 20.0)]
    tier = np.r_[np.zeros(90, dtype=int), np.full(10, 3)]
    made = optimal_allocation(probability, weights, tier, 10, rule())
    chance = made.shares / GRID
    assert made.floor > 0.02
    assert chance[90:].mean() >= chance[:90].mean() - 1e-9


def test_equal_probabilities_of_one_tier_have_equal_chances() -> None:
    made = optimal_allocation(np.full(50, 0.1), np.ones(50), np.zeros(50, dtype=int), 7, rule())
    assert np.ptp(made.shares) <= 1
    nobody = optimal_allocation(np.zeros(50), np.ones(50), np.zeros(50, dtype=int), 7, rule())
    assert np.ptp(nobody.shares) <= 1


def test_probabilities_that_the_grid_cannot_hold_are_refused() -> None:
    with pytest.raises(InputError, match="too far apart"):
        on_grid(np.array([1.0, 1e-15, 1.0 - 1e-15]), 2)
