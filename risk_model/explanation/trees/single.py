"""One row: the same additions in the same order as for a block, without its loops along rows."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(nogil=True, cache=True)
def add_row(  # type: ignore[no-untyped-def]  # noqa: PLR0912, PLR0915
    codes, feature, tables, deep, out, cell, value, other, before, sums
):
    """Add the contributions of one row to ``out``, which is 0.

    Parameters
    ----------
    codes : shape (axes,)
        The row.
    feature : int64, shape (axes,)
        Column of each axis.
    tables, deep
        The model.
    out : float64, shape (features,)
        Result.
    cell, value, other, before, sums
        Scratch.
    """
    # One function and local arrays: handing the model's arrays to another would cost more than its work.
    group_start, group_nodes = tables.group_start, tables.nodes
    column_start, column = tables.column_start, tables.column
    entry_start, node_start = tables.entry_start, tables.node_start
    entries, node_values = tables.entries, tables.node_values
    first_cell, step_start = tables.cells.first, tables.cells.start
    step_axis, step_code, step_delta = tables.cells.axis, tables.cells.code, tables.cells.delta
    for group in range(group_nodes.shape[0]):
        first = group_start[group]
        factors = group_start[group + 1] - first
        for f in range(factors):
            place = np.int64(first_cell[first + f])
            for step in range(step_start[first + f], step_start[first + f + 1]):
                place += step_delta[step] if codes[step_axis[step]] > step_code[step] else 0
            cell[f] = place
        nodes = group_nodes[group]
        if nodes == 0:
            begin, end = column_start[first], column_start[first + 1]
            at = entry_start[first] + cell[0] * (end - begin)
            for each in range(begin, end):
                out[feature[column[each]]] += entries[at]
                at += 1
            continue
        for f in range(factors):
            at = node_start[first + f] + cell[f] * nodes
            for q in range(nodes):
                value[f, q] = node_values[at + q]
        for f in range(factors):
            for q in range(nodes):
                product = value[1 if f == 0 else 0, q]
                for g in range(1 if f > 0 else 2, factors):
                    if g != f:
                        product *= value[g, q]
                other[f, q] = product
        for f in range(factors):
            begin, end = column_start[first + f], column_start[first + f + 1]
            at = entry_start[first + f] + cell[f] * (end - begin) * nodes
            for each in range(begin, end):
                total = out[feature[column[each]]]
                for q in range(0, nodes - 1, 2):
                    total += entries[at] * other[f, q] + entries[at + 1] * other[f, q + 1]
                    at += 2
                if nodes % 2:
                    total += entries[at] * other[f, nodes - 1]
                    at += 1
                out[feature[column[each]]] = total

    start, axis, share = deep.start, deep.axis, deep.share
    rule_start, position, weight = deep.rule_start, deep.position, deep.weight
    first_pattern, pattern_start = deep.cells.first, deep.cells.start
    pattern_axis, pattern_code, pattern_delta = deep.cells.axis, deep.cells.code, deep.cells.delta
    for leaf in range(deep.value.shape[0]):
        pattern = first_pattern[leaf]
        for step in range(pattern_start[leaf], pattern_start[leaf + 1]):
            pattern += pattern_delta[step] if codes[pattern_axis[step]] > pattern_code[step] else 0
        first = start[leaf]
        d = start[leaf + 1] - first
        for j in range(d):
            sums[j] = 0.0
        for q in range(rule_start[leaf], rule_start[leaf] + (d + 1) // 2):
            t = position[q]
            after = weight[q] * deep.value[leaf]
            for j in range(d):
                before[j] = after
                after *= share[first + j] * (1.0 - t) + (t if pattern >> j & 1 else 0.0)
            after = 1.0
            for j in range(d - 1, -1, -1):
                sums[j] += before[j] * after
                after *= share[first + j] * (1.0 - t) + (t if pattern >> j & 1 else 0.0)
        for j in range(d):
            met = 1.0 if pattern >> j & 1 else 0.0
            out[feature[axis[first + j]]] += (met - share[first + j]) * sums[j]
