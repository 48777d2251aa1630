"""Figures of a ranking: plain functions of labels and scores."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial

import numpy as np
from scipy.stats import rankdata
from sklearn.metrics import average_precision_score, roc_auc_score

#: Share of the enterprises that a planner can visit.
CAPACITY = 0.10
BINS = 10

Metric = Callable[[np.ndarray, np.ndarray], float]


def positives_at(label: np.ndarray, score: np.ndarray, share: float = CAPACITY) -> float:
    """Return the expected number of positives among the highest scores.

    Parameters
    ----------
    label
        0 or 1, shape (n,).
    score
        Shape (n,); ties are allowed.
    share
        Share of rows taken, in (0, 1].

    Notes
    -----
    Of the rows tied at the cut as many as there is room for are taken at random; the expectation is
    ``room * positives in the tie / size of the tie``. No shuffling, no dependence on row order.

    Examples
    --------
    >>> positives_at(np.array([1, 0, 1, 0]), np.array([0.9, 0.5, 0.5, 0.1]), 0.5)
    1.5
    """
    k = max(1, round(share * len(score)))
    cut = np.partition(score, len(score) - k)[len(score) - k]
    above = score > cut
    tied = score == cut
    room = k - int(above.sum())
    return float(label[above].sum() + room * label[tied].sum() / tied.sum())


def precision_at(label: np.ndarray, score: np.ndarray, share: float = CAPACITY) -> float:
    """Return the share of positives among the highest scores."""
    return positives_at(label, score, share) / max(1, round(share * len(score)))


def recall_at(label: np.ndarray, score: np.ndarray, share: float = CAPACITY) -> float:
    """Return the share of all positives that is among the highest scores."""
    return positives_at(label, score, share) / float(label.sum())


def lift_at(label: np.ndarray, score: np.ndarray, share: float = CAPACITY) -> float:
    """Return precision at the capacity, as a multiple of the base rate."""
    return precision_at(label, score, share) / float(label.mean())


def calibration_error(label: np.ndarray, probability: np.ndarray, bins: int = BINS) -> float:
    """Return the expected calibration error over equally filled bins.

    Notes
    -----
    ``sum over bins of n_b / n * |mean label - mean probability|``.
    """
    order = np.argsort(probability, kind="stable")
    error = 0.0
    for part in np.array_split(order, min(bins, len(order))):
        error += len(part) * abs(float(label[part].mean()) - float(probability[part].mean()))
    return error / len(order)


def reliability(label: np.ndarray, probability: np.ndarray, bins: int = BINS) -> list[dict[str, float]]:
    """Return mean probability, observed rate and rows of equally filled bins."""
    order = np.argsort(probability, kind="stable")
    return [
        {
            "predicted": float(probability[part].mean()),
            "observed": float(label[part].mean()),
            "rows": len(part),
        }
        for part in np.array_split(order, min(bins, len(order)))
    ]


def rank_auc(label: np.ndarray, score: np.ndarray) -> float:
    """Return the ROC AUC by mid-ranks (Mann and Whitney): fast where there are many small groups."""
    positive = label == 1
    found, clean = int(positive.sum()), int((~positive).sum())
    return float((rankdata(score)[positive].sum() - found * (found + 1) / 2) / (found * clean))


def days_gained(label: np.ndarray, score: np.ndarray, day: np.ndarray, campaign: np.ndarray) -> float:
    """Return how many days sooner the model's order finds a problem, on average over the problems.

    Parameters
    ----------
    label, score
        Shape (n,).
    day
        When each inspection was held, in days, shape (n,).
    campaign
        The order is changed within a campaign only, shape (n,).

    Notes
    -----
    The inspections of a campaign keep their dates; the highest score gets the earliest. Tied scores
    share the mean of their dates. This is the figure that Chicago publishes of its food inspections.

    Examples
    --------
    >>> days_gained(np.array([0, 1]), np.array([0.1, 0.9]), np.array([10.0, 25.0]), np.zeros(2))
    15.0
    """
    gained = np.zeros(len(label))
    for name in np.unique(campaign):
        rows = np.flatnonzero(campaign == name)
        order = rows[np.argsort(-score[rows], kind="stable")]
        tie = np.concatenate([[0], np.cumsum(np.diff(score[order]) != 0)])
        mean = np.bincount(tie, weights=np.sort(day[rows])) / np.bincount(tie)
        gained[order] = day[order] - mean[tie]
    return float(gained[label == 1].mean())


RANKING: Mapping[str, Metric] = {
    "roc_auc": lambda y, s: float(roc_auc_score(y, s)),
    "average_precision": lambda y, s: float(average_precision_score(y, s)),
    "precision_at_10pct": partial(precision_at, share=CAPACITY),
    "recall_at_10pct": partial(recall_at, share=CAPACITY),
    "lift_at_10pct": partial(lift_at, share=CAPACITY),
}

PROBABILISTIC: Mapping[str, Metric] = {
    "ece": calibration_error,
    "brier": lambda y, p: float(np.mean((p - y) ** 2)),
}


def resamples(groups: np.ndarray, repetitions: int, seed: int = 0) -> Iterator[np.ndarray]:
    """Yield rows of bootstrap samples that draw whole enterprises.

    Parameters
    ----------
    groups
        Enterprise of each row, shape (n,).
    repetitions, seed
        Of the bootstrap.
    """
    _, member = np.unique(groups, return_inverse=True)
    order = np.argsort(member, kind="stable")
    counts = np.bincount(member)
    starts = np.concatenate([[0], np.cumsum(counts)])
    rng = np.random.default_rng(seed)
    for _ in range(repetitions):
        chosen = rng.integers(0, len(counts), len(counts))
        sizes = counts[chosen]
        offset = np.repeat(starts[chosen] - np.concatenate([[0], np.cumsum(sizes)[:-1]]), sizes)
        yield order[np.arange(sizes.sum()) + offset]


def with_intervals(
    label: np.ndarray,
    score: np.ndarray,
    groups: np.ndarray,
    metrics: Mapping[str, Metric],
    *,
    repetitions: int = 300,
    seed: int = 0,
    level: float = 0.95,
) -> dict[str, dict[str, float]]:
    """Return metrics with percentile bootstrap intervals.

    Parameters
    ----------
    label, score
        Shape (n,).
    groups
        Enterprise of each row: whole enterprises are drawn, since rows of one enterprise are not
        independent.
    metrics
        Name → function.
    repetitions, seed, level
        Of the bootstrap (Efron and Tibshirani 1993).

    Returns
    -------
    dict
        Metric → ``value``, ``low``, ``high``; all NaN where only one class is there.
    """
    if len(np.unique(label)) < 2:
        nothing = float("nan")
        return {name: {"value": nothing, "low": nothing, "high": nothing} for name in metrics}
    draws: dict[str, list[float]] = {name: [] for name in metrics}
    for rows in resamples(groups, repetitions, seed):
        if len(np.unique(label[rows])) < 2:
            continue
        for name, metric in metrics.items():
            draws[name].append(metric(label[rows], score[rows]))
    tail = (1 - level) / 2
    return {
        name: {
            "value": metric(label, score),
            "low": float(np.quantile(draws[name], tail)),
            "high": float(np.quantile(draws[name], 1 - tail)),
        }
        for name, metric in metrics.items()
    }
