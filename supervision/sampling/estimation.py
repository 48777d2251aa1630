"""What a drawn sample says about all that could have been drawn."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from features.errors import InputError

Floats = npt.NDArray[np.float64]


def horvitz_thompson_total(values: Floats, probabilities: Floats) -> float:
    """Return the estimate of a total from the drawn units.

    Parameters
    ----------
    values
        What was found, a drawn unit.
    probabilities
        Its inclusion probability.

    Notes
    -----
    ``sum y_i / pi_i``: unbiased for the total over units whose probability is above 0 (Horvitz &
    Thompson 1952). It does not speak of enterprises that the plan excluded.
    """
    probabilities = np.asarray(probabilities, dtype=np.float64)
    if not ((probabilities > 0) & (probabilities <= 1)).all():
        msg = "expected probabilities above 0 and at most 1"
        raise InputError(msg, field="inclusion_probability")
    return float(np.sum(np.asarray(values, dtype=np.float64) / probabilities))


def horvitz_thompson_error(values: Floats, probabilities: Floats) -> float:
    """Return an approximate standard error of :func:`horvitz_thompson_total` for a draw of fixed size.

    Parameters
    ----------
    values, probabilities
        As there; at least two units.

    Notes
    -----
    Hájek's approximation (1964): ``n / (n - 1) * sum (1 - pi_i) (y_i / pi_i - b)**2`` with ``b`` the mean of
    the ``y_i / pi_i`` weighted by ``1 - pi_i``; no joint probabilities are needed. Where all are certain it
    is 0.
    """
    values = np.asarray(values, dtype=np.float64)
    count = len(values)
    if count < 2:
        raise InputError(f"got {count} units, but expected at least 2", field="values")
    chance = np.asarray(probabilities, dtype=np.float64)
    open_ = 1 - chance
    if not open_.any():
        return 0.0
    expanded = values / chance
    centre = float(np.sum(open_ * expanded) / np.sum(open_))
    return float(np.sqrt(count / (count - 1) * np.sum(open_ * (expanded - centre) ** 2)))


def horvitz_thompson_mean(values: Floats, probabilities: Floats) -> float:
    """Return Hájek's estimate of a mean: the estimated total over the estimated number."""
    values = np.asarray(values, dtype=np.float64)
    if not len(values):
        msg = "no unit was drawn"
        raise InputError(msg, field="values")
    return horvitz_thompson_total(values, probabilities) / horvitz_thompson_total(
        np.ones(len(values)), probabilities
    )


def hajek_standard_error(values: Floats, probabilities: Floats) -> float:
    """Return an approximate standard error of :func:`horvitz_thompson_mean`.

    Parameters
    ----------
    values, probabilities
        As there; at least two units.

    Notes
    -----
    Hájek's approximation, which needs no joint probabilities: the residuals ``w_i (y_i - mean)`` with
    ``w_i = 1 / pi_i``, weighted by ``1 - pi_i`` and by ``n / (n - 1)``, over the estimated number. Good for
    designs close to maximum entropy, as systematic sampling over a random order is; poor for few units,
    and 0 where all units have the same value.
    """
    values = np.asarray(values, dtype=np.float64)
    count = len(values)
    if count < 2:
        raise InputError(f"got {count} units, but expected at least 2", field="values")
    mean = horvitz_thompson_mean(values, probabilities)
    weights = 1 / np.asarray(probabilities, dtype=np.float64)
    residuals = weights * (values - mean)
    variance = count / (count - 1) * float(np.sum((1 - 1 / weights) * residuals**2))
    return float(np.sqrt(variance) / weights.sum())
