"""From margin to probability, by Platt's method: it keeps contributions additive."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit


@dataclass(frozen=True)
class Platt:
    """Calibrated log-odds = ``slope * raw + intercept``.

    Because it is affine, contributions to the raw margin times ``slope`` are contributions to the
    calibrated log-odds, and sum to it exactly (Platt 1999, *Probabilistic outputs for support vector
    machines*).
    """

    slope: float = 1.0
    intercept: float = 0.0

    def margin(self, raw: np.ndarray) -> np.ndarray:
        """Return calibrated log-odds of raw margins."""
        return self.slope * raw + self.intercept


def fit_platt(raw: np.ndarray, label: np.ndarray, weight: np.ndarray | None = None) -> Platt:
    """Fit slope and intercept on rows that the model has not seen.

    Parameters
    ----------
    raw
        Raw margins, shape (n,).
    label
        0 or 1, shape (n,).
    weight
        Weights, shape (n,).

    Returns
    -------
    Platt
        The identity if only one class is there; a slope that is not positive would turn the ranking
        round, and only the intercept is fitted then.
    """
    from sklearn.linear_model import LogisticRegression

    if len(np.unique(label)) < 2:
        return Platt()
    model = LogisticRegression(C=1e6, max_iter=1000, tol=1e-8).fit(raw.reshape(-1, 1), label, weight)
    slope = float(model.coef_[0, 0])
    if slope <= 0 or np.ptp(raw) == 0:
        rate = float(np.average(label, weights=weight))
        return Platt(1.0, float(logit(rate) - np.average(raw, weights=weight)))
    return Platt(slope, float(model.intercept_[0]))


def probability(margin: np.ndarray) -> np.ndarray:
    """Return the probability of calibrated log-odds."""
    return np.asarray(expit(margin))
