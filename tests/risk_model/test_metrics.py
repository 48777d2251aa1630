"""Figures against independent routes."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from risk_model.evaluation.metrics import (
    calibration_error,
    lift_at,
    positives_at,
    precision_at,
    recall_at,
    reliability,
    with_intervals,
)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 1), st.integers(0, 2)), min_size=2, max_size=6),
    st.floats(0.1, 1.0),
)
def test_ties_count_as_the_mean_over_all_orders(rows: list[tuple[int, int]], share: float) -> None:
    label = np.array([y for y, _ in rows])
    score = np.array([s for _, s in rows], dtype=float)
    k = max(1, round(share * len(rows)))
    found = [
        label[list(order)][np.argsort(-score[list(order)], kind="stable")][:k].sum()
        for order in permutations(range(len(rows)))
    ]
    assert positives_at(label, score, share) == pytest.approx(np.mean(found))


def test_precision_recall_and_lift_hang_together() -> None:
    rng = np.random.default_rng(1)
    score = rng.normal(size=1000)
    label = (rng.random(1000) < 1 / (1 + np.exp(2 - score))).astype(int)
    precision = precision_at(label, score, 0.2)
    assert recall_at(label, score, 0.2) == pytest.approx(precision * 200 / label.sum())
    assert lift_at(label, score, 0.2) == pytest.approx(precision / label.mean())


def test_calibration_error_of_known_bins() -> None:
    probability = np.repeat([0.1, 0.5], 50)
    label = np.concatenate([np.repeat([1, 0], [10, 40]), np.repeat([1, 0], [25, 25])])
    # First bin: 0.2 observed against 0.1; second: equal. Half of the rows each.
    assert calibration_error(label, probability, bins=2) == pytest.approx(0.05)
    assert [b["observed"] for b in reliability(label, probability, bins=2)] == [0.2, 0.5]


def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    rng = np.random.default_rng(7)
    covered = 0
    runs = 60
    for seed in range(runs):
        label = (rng.random(300) < 0.3).astype(int)
        figure = with_intervals(
            label,
            label.astype(float),
            np.arange(300),
            {"rate": lambda y, s: float(y.mean())},
            repetitions=200,
            seed=seed,
        )["rate"]
        covered += figure["low"] <= 0.3 <= figure["high"]
    # Binomial(60, 0.95): fewer than 51 has a probability of 0.0005.
    assert covered >= 51


def test_whole_enterprises_are_drawn() -> None:
    label = np.repeat([0, 1], 50)
    score = np.arange(100.0)
    metric = {"rate": lambda y, s: float(y.mean())}
    alone = with_intervals(label, score, np.arange(100), metric, seed=1)["rate"]
    together = with_intervals(label, score, np.repeat(np.arange(10), 10), metric, seed=1)["rate"]
    assert together["high"] - together["low"] > 2 * (alone["high"] - alone["low"])


def test_one_class_has_no_figures() -> None:
    figure = with_intervals(np.zeros(5), np.arange(5.0), np.arange(5), {"any": lambda y, s: 1.0})["any"]
    assert np.isnan(figure["value"])
