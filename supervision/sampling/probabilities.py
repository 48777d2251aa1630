"""Inclusion probabilities in proportion to weights, exact on a grid."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from features.errors import InputError

#: Probabilities are whole multiples of 1/GRID: exact as float64, and their sums exact as int64.
GRID_BITS = 40
GRID = 1 << GRID_BITS


def inclusion_shares(weights: npt.NDArray[np.float64], size: int, grid: int = GRID) -> npt.NDArray[np.int64]:
    """Return the inclusion probability of each unit, as a whole number of parts of ``grid``.

    Parameters
    ----------
    weights
        Relative chances, above 0.
    size
        Units to draw.
    grid
        Parts of probability 1.

    Returns
    -------
    numpy.ndarray
        Between 1 and ``grid`` each, with the sum ``min(size, n) * grid`` exactly (all 0 if ``size`` is 0).
        A larger weight never has the smaller share.

    Raises
    ------
    InputError
        If a weight is not above 0 and finite, or a probability would be too small for the grid.

    Notes
    -----
    ``pi_i = min(1, c w_i)`` with ``c`` such that the sum is ``size``: units whose share would exceed 1
    are certain, and the others divide what is left (Särndal, Swensson & Wretman 1992, section 3.6.2).
    In descending order of weight, unit k is certain iff ``(size - k) w_k >= sum of w_j over j >= k``.
    What rounding to the grid leaves over goes by ones to the units of largest weight.
    """
    weights = np.asarray(weights, dtype=np.float64)
    if not (np.isfinite(weights).all() and (weights > 0).all()):
        msg = "expected weights above 0 and finite"
        raise InputError(msg, field="weights")
    if size < 0:
        raise InputError(f"got {size}, but expected 0 or more", field="capacity")
    if size * grid >= 1 << 62:
        raise InputError(f"got {size}, but at most {(1 << 62) // grid - 1} can be drawn", field="capacity")
    count = len(weights)
    if size >= count:
        return np.full(count, grid, dtype=np.int64)
    shares = np.zeros(count, dtype=np.int64)
    if size == 0:
        return shares
    order = np.argsort(-weights, kind="stable")
    falling = weights[order]
    rest = np.cumsum(falling[::-1])[::-1]
    certain = int(np.argmin((size - np.arange(count)) * falling >= rest))
    shares[order[:certain]] = grid
    free = order[certain:]
    left = size - certain
    parts = np.floor(falling[certain:] * (left / rest[certain]) * grid).astype(np.int64)
    each, extra = divmod(left * grid - int(parts.sum()), len(free))
    parts += each
    parts[:extra] += 1
    if parts[-1] < 1 or parts[0] > grid:
        msg = "the weights are too far apart for so many units"
        raise InputError(
            msg,
            field="weights",
            fix="Bring the weights of the tiers closer together.",
        )
    shares[free] = parts
    return shares


def on_grid(probabilities: npt.NDArray[np.float64], size: int, grid: int = GRID) -> npt.NDArray[np.int64]:
    """Return probabilities as parts of ``grid`` that add up to ``size * grid`` exactly.

    Parameters
    ----------
    probabilities
        Above 0 and at most 1, with a sum that is ``size`` but for rounding.
    size
        Units to draw.
    grid
        Parts of probability 1.

    Raises
    ------
    InputError
        If a probability is too small for the grid.
    ValueError
        If they add up to something else.

    Notes
    -----
    What rounding leaves over goes in equal parts to those whose probability is below 1, the last ones by
    one to the first of the most probable.
    """
    parts = np.floor(probabilities * grid).astype(np.int64)
    free = np.flatnonzero(parts < grid)
    left = size * grid - int(parts.sum())
    if abs(left) > len(parts) + 1e-6 * size * grid:
        msg = f"expected probabilities with the sum {size}, got {float(probabilities.sum())}"
        raise ValueError(msg)
    # A chance that the grid cannot hold is not rounded up to one that it can: it would be another design.
    held = parts.min(initial=1) >= 1
    while held and len(free) and left:
        each, extra = divmod(left, len(free))
        step = np.full(len(free), each, dtype=np.int64)
        step[np.argsort(-parts[free], kind="stable")[:extra]] += 1
        # Who has no room for as much takes what fits, and the others take the rest.
        parts[free] += np.clip(step, 1 - parts[free], grid - parts[free])
        left = size * grid - int(parts.sum())
        free = free[parts[free] < grid] if left > 0 else free[parts[free] > 1]
    if not held or int(parts.sum()) != size * grid:
        msg = "the probabilities are too far apart for so many units"
        raise InputError(msg, field="weights", fix="Raise the floor of the objective.")
    return parts
