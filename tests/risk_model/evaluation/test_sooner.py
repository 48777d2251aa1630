"""Days gained, against a plain loop; mid-rank AUC against scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from risk_model.evaluation.metrics import days_gained, rank_auc


def by_hand(label: np.ndarray, score: np.ndarray, day: np.ndarray, campaign: np.ndarray) -> float:
    """Average over random orders of ties what the new order gains."""
    rng = np.random.default_rng(0)
    means = []
    for _ in range(400):
        gained = []
        for name in set(campaign.tolist()):
            rows = [i for i in range(len(label)) if campaign[i] == name]
            rng.shuffle(rows)
            rows.sort(key=lambda i: -score[i])
            gained += [
                day[i] - new
                for i, new in zip(rows, sorted(day[j] for j in rows), strict=True)
                if label[i] == 1
            ]
        means.append(np.mean(gained))
    return float(np.mean(means))


@pytest.mark.parametrize("seed", range(4))
def test_days_gained_is_the_mean_over_orders_of_ties(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = 40
    label = (rng.random(n) < 0.4).astype(int)
    score = rng.integers(0, 6, n).astype(float)
    day = rng.integers(0, 60, n).astype(float)
    campaign = rng.integers(0, 2, n)
    expected = by_hand(label, score, day, campaign)
    assert days_gained(label, score, day, campaign) == pytest.approx(expected, abs=0.5)


def test_no_order_gains_nothing() -> None:
    day = np.array([1.0, 5.0, 9.0])
    gained = days_gained(np.array([1, 1, 1]), np.array([3.0, 2.0, 1.0]), day, np.zeros(3))
    assert gained == 0.0


def test_rank_auc_is_the_library_s() -> None:
    rng = np.random.default_rng(1)
    label, score = (rng.random(300) < 0.2).astype(int), rng.integers(0, 9, 300).astype(float)
    assert rank_auc(label, score) == pytest.approx(roc_auc_score(label, score))
