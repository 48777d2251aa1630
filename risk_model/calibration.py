"""From margin to probability, by Platt's method: it keeps contributions additive."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit

#: Findings that a stretch of time must hold for its level to be looked at by itself.
FEWEST_FOUND = 30
#: Drifts of the level that are tried: standard deviation of the log-odds a year.
DRIFTS = (0.0, *np.geomspace(0.01, 1.7, 25).tolist())
#: Drift that is exceeded once in twenty, before anything is seen: the odds seldom move by a tenth a year.
#: Chosen on the training parts of three cities' records among 0.1, 0.2, 0.4, 0.8 and 1.6.
LARGE_DRIFT = 0.1


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


IDENTITY = Platt()


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


def fit_over_time(
    raw: np.ndarray, label: np.ndarray, year: np.ndarray, weight: np.ndarray | None = None
) -> Platt:
    r"""Fit the slope on rows of all times and the intercept for the newest, as far as it drifts.

    Parameters
    ----------
    raw
        Raw margins of rows that the model has not seen, shape (n,).
    label
        0 or 1, shape (n,).
    year
        When each row is of, in years, shape (n,); only differences count.
    weight
        Weights, shape (n,); rows that share a label weigh 1 together.

    Returns
    -------
    Platt
        That of :func:`fit_platt` where there are fewer than two stretches of time.

    Notes
    -----
    The newest rows alone are few, and the level that they give is noisy; those of all times give one
    that may be out of date. With :math:`y_t` the level of the log-odds in stretch *t* beyond what the
    slope explains, and :math:`v_t` its sampling variance, the local-level model

    .. math:: y_t = \mu_t + \varepsilon_t, \quad \mu_t = \mu_{t-1} + \eta_t, \quad
              \varepsilon_t \sim N(0, v_t), \quad \eta_t \sim N(0, q \, \Delta_t)

    weighs them (Harvey 1989, *Forecasting, structural time series models and the Kalman filter*,
    chapter 4). A drift *q* of 0 makes the mean of all times, a large one the newest stretch; it is the
    likeliest one under an exponential prior on its root, which keeps to no drift unless the levels speak
    for one (Simpson et al. 2017, *Penalising model component complexity*).
    """
    weight = np.ones(len(raw)) if weight is None else weight
    whole = fit_platt(raw, label, weight)
    offset = whole.margin(raw)
    levels = [
        (
            float(np.average(year[rows], weights=weight[rows])),
            *_level(offset[rows], label[rows], weight[rows]),
        )
        for rows in _stretches(year, label * weight)
    ]
    if len(levels) < 2 or len(np.unique(label)) < 2:
        return whole
    when, level, variance = (np.array(column) for column in zip(*levels, strict=True))
    rate = -np.log(0.05) / LARGE_DRIFT
    filtered = [(_filtered(when, level, variance, drift**2), rate * drift) for drift in DRIFTS]
    shift = max(filtered, key=lambda one: one[0][1] - one[1])[0][0]
    return Platt(whole.slope, whole.intercept + shift)


def _stretches(year: np.ndarray, found: np.ndarray) -> list[np.ndarray]:
    """Return the rows of stretches of time in order; each holds enough findings, the newest at least."""
    times, place = np.unique(year, return_inverse=True)
    held = np.bincount(place, weights=found, minlength=len(times))
    number = np.zeros(len(times), dtype=np.int64)
    current, gathered = 0, 0.0
    # From the newest back, so that what is left over goes to the oldest.
    for t in range(len(times) - 1, -1, -1):
        number[t] = current
        gathered += held[t]
        if gathered >= FEWEST_FOUND:
            current, gathered = current + 1, 0.0
    if 0 < gathered < FEWEST_FOUND and current:
        number[number == current] = current - 1
    stretch = number[place]
    return [np.flatnonzero(stretch == s) for s in np.unique(stretch)[::-1]]


def _level(offset: np.ndarray, label: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
    """Return by how much the log-odds of rows lie above an offset, and the variance of that."""
    level = 0.0
    information = 1.0
    for _ in range(25):
        fitted = expit(offset + level)
        # A trace of a prior keeps a stretch without findings finite.
        information = float(weight @ (fitted * (1 - fitted))) + 1e-3
        step = (float(weight @ (label - fitted)) - 1e-3 * level) / information
        level += float(np.clip(step, -2, 2))
    return level, 1 / information


def _filtered(when: np.ndarray, level: np.ndarray, variance: np.ndarray, drift: float) -> tuple[float, float]:
    """Return the newest level by the Kalman filter, and the log-likelihood of the levels after the first."""
    mean, spread, likelihood = float(level[0]), float(variance[0]), 0.0
    for gap, seen, noise in zip(np.diff(when), level[1:], variance[1:], strict=True):
        spread += drift * float(gap)
        total = spread + float(noise)
        surprise = float(seen) - mean
        likelihood -= 0.5 * (np.log(total) + surprise**2 / total)
        gain = spread / total
        mean, spread = mean + gain * surprise, (1 - gain) * spread
    return mean, float(likelihood)
