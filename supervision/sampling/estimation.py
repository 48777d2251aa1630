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


def horvitz_thompson_mean(values: Floats, probabilities: Floats) -> float:
    """Return Hájek's estimate of a mean: the estimated total over the estimated number."""
    values = np.asarray(values, dtype=np.float64)
    if not len(values):
        msg = "no unit was drawn"
        raise InputError(msg, field="values")
    return horvitz_thompson_total(values, probabilities) / horvitz_thompson_total(
        np.ones(len(values)), probabilities
    )
