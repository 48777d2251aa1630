"""Shapley values of one path as integrals, which few nodes give exactly.

A leaf of value v is reached by the rows that meet all of its d conditions, one an axis. Let ``o_j`` be
1 if the row meets condition j and 0 else, and ``r_j`` the share of training rows that go along where
the path splits on j: what a row counts for if j is unknown (path-dependent SHAP, Lundberg et al. 2020).
The Shapley weight of a set of s others is ``s! (d - 1 - s)! / d! = int_0^1 t^s (1 - t)^(d - 1 - s) dt``,
and with it the sum over all sets becomes one product:

    phi_i = v * (o_i - r_i) * int_0^1 prod_{j != i} (o_j * t + r_j * (1 - t)) dt

The integrand is a polynomial of degree d - 1, so Gauss-Legendre quadrature with ``ceil(d / 2)`` nodes
is exact. All factors are positive: nothing cancels, and no number is divided by another.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numba import njit


@cache
def rule(nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Return nodes and weights of Gauss-Legendre quadrature on [0, 1]."""
    position, weight = np.polynomial.legendre.leggauss(nodes)
    return (position + 1) / 2, weight / 2


@njit(nogil=True, cache=True)
def path_terms(pattern, shares, position, weight, before, value, slope):  # type: ignore[no-untyped-def]
    """Evaluate a path, or the part of a path that a factor holds, at quadrature nodes.

    Parameters
    ----------
    pattern
        Bit j is set if condition j is met.
    shares : float64, shape (d,)
        The ``r_j``.
    position, weight : float64, shape (m,)
        Nodes, and the weight that each is multiplied with.
    before : float64, shape (d,)
        Scratch.
    value : float64, shape (m,)
        Result: product of all conditions, weighted.
    slope : float64, shape (m, d)
        Result: ``(o_j - r_j)`` times the product of all conditions but j, weighted.
    """
    d = shares.shape[0]
    for q in range(position.shape[0]):
        t = position[q]
        product = weight[q]
        for j in range(d):
            before[j] = product
            product *= shares[j] * (1.0 - t) + (t if pattern >> j & 1 else 0.0)
        value[q] = product
        after = 1.0
        for j in range(d - 1, -1, -1):
            met = 1.0 if pattern >> j & 1 else 0.0
            slope[q, j] = (met - shares[j]) * before[j] * after
            after *= shares[j] * (1.0 - t) + (t if pattern >> j & 1 else 0.0)
