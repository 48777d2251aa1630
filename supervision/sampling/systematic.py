"""Systematic sampling with unequal probabilities over a random order."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from features.errors import InputError
from supervision.sampling.probabilities import GRID


def systematic_draw(
    shares: npt.NDArray[np.int64], keys: npt.NDArray[np.uint64], start: int, grid: int = GRID
) -> npt.NDArray[np.bool_]:
    """Return which units are drawn.

    Parameters
    ----------
    shares
        Inclusion probability of each unit in parts of ``grid``; the sum is a multiple of ``grid``.
    keys
        A random number a unit; they are put in its order, ties in the order given.
    start
        A random whole number, at least 0 and below ``grid``.
    grid
        Parts of probability 1.

    Returns
    -------
    numpy.ndarray
        ``sum(shares) / grid`` units are true, always.

    Notes
    -----
    The units lie end to end, each as long as its share, and are hit by the points ``start + k grid``
    (Madow 1949; with random order Hartley & Rao 1962). No unit is longer than ``grid``, so none is hit
    twice; of the ``grid`` possible starts exactly ``shares[i]`` hit unit i. All of it is done in whole
    numbers, so the inclusion probability is exactly ``shares[i] / grid`` for *every* order.

    Second order: joint probabilities have no simple closed form, and for one given order some pairs
    can never be drawn together. Totals and means are unbiased all the same; a variance needs an
    approximation (Hartley-Rao, or Hájek's), never the formula of simple random sampling.
    """
    shares = np.asarray(shares, dtype=np.int64)
    if len(shares) and not (shares.min() >= 0 and shares.max() <= grid):
        raise InputError(f"expected shares of 0 to {grid}", field="shares")
    if not 0 <= start < grid:
        raise InputError(f"got {start}, but expected at least 0 and below {grid}", field="start")
    size, left_over = divmod(int(shares.sum()), grid)
    if left_over:
        raise InputError(f"the shares must add up to a multiple of {grid}", field="shares")
    order = np.argsort(keys, kind="stable")
    ends = np.cumsum(shares[order])
    points = start + grid * np.arange(size, dtype=np.int64)
    drawn = np.zeros(len(shares), dtype=np.bool_)
    drawn[order[np.searchsorted(ends, points, side="right")]] = True
    return drawn
