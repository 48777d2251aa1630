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
def _path_terms(pattern, shares, position, weight, before, value, slope):  # type: ignore[no-untyped-def]
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


@njit(nogil=True, cache=True)
def _pattern(digits, column, met):  # type: ignore[no-untyped-def]
    """Return which conditions of a leaf a cell meets."""
    pattern = 0
    for j in range(column.shape[0]):
        pattern |= (met[j] >> digits[column[j]] & 1) << j
    return pattern


@njit(nogil=True, cache=True)
def _next_cell(digits, sizes):  # type: ignore[no-untyped-def]
    for a in range(sizes.shape[0]):
        digits[a] += 1
        if digits[a] < sizes[a]:
            return
        digits[a] = 0


@njit(nogil=True, cache=True)
def fill_table(  # type: ignore[no-untyped-def]
    sizes, leaf_value, column, share, met, position, weight, table, leaf_values
):
    """Add one leaf's contributions to a table [cell, column]."""
    d = column.shape[0]
    nodes = position.shape[0]
    before, value, slope = np.empty(d), np.empty(nodes), np.empty((nodes, d))
    of_pattern = np.zeros((1 << d, d))
    for pattern in range(1 << d):
        _path_terms(pattern, share, position, weight, before, value, slope)
        for q in range(nodes):
            for j in range(d):
                of_pattern[pattern, j] += slope[q, j]
        for j in range(d):
            of_pattern[pattern, j] *= leaf_value
    digits = np.zeros(sizes.shape[0], dtype=np.int64)
    for cell in range(leaf_values.shape[0]):
        pattern = _pattern(digits, column, met)
        for j in range(d):
            table[cell, column[j]] += of_pattern[pattern, j]
        if pattern == (1 << d) - 1:
            leaf_values[cell] = leaf_value
        _next_cell(digits, sizes)


@njit(nogil=True, cache=True)
def fill_product(  # type: ignore[no-untyped-def]
    sizes, leaf_value, start, column, share, met, position, weight, slopes, node_values, leaf_values
):
    """Fill a factor's slopes [cell, column, node] and values [cell, node] from its leaves."""
    nodes = position.shape[0]
    digits = np.zeros(sizes.shape[0], dtype=np.int64)
    value = np.empty(nodes)
    for cell in range(leaf_values.shape[0]):
        for i in range(leaf_value.shape[0]):
            first, end = start[i], start[i + 1]
            d = end - first
            pattern = _pattern(digits, column[first:end], met[first:end])
            slope = np.empty((nodes, d))
            _path_terms(pattern, share[first:end], position, weight, np.empty(d), value, slope)
            for q in range(nodes):
                node_values[cell, q] += leaf_value[i] * value[q]
                for j in range(d):
                    slopes[cell, column[first + j], q] += leaf_value[i] * slope[q, j]
            if pattern == (1 << d) - 1:
                leaf_values[cell] = leaf_value[i]
        _next_cell(digits, sizes)
