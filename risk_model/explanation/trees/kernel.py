"""The loops over rows: encode, find cells, look up, add.

Compiled (Numba), without the interpreter lock. Rows go in blocks, so that each table is used for many
rows while it is in the cache; within a block the inner loops run along rows and vectorise. A few rows
go one by one (:func:`add_few`), for which those loops would cost more than
they do. The numbers of a row are added in one order either way: the result is the same to the last bit
alone, in any batch and with any number of threads.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from risk_model.explanation.trees.axes import ZERO
from risk_model.explanation.trees.prefetch import prefetch

BLOCK = 512
#: Fewer rows than this go one by one.
FEW = 12
# Rows of scratch arrays are longer than a block: a power of two would send them all to the same lines
# of the cache.
_ROW = BLOCK + 24
_LARGEST_CATEGORY = float(np.iinfo(np.int32).max)


@njit(nogil=True, cache=True)
def _encode(matrix, columns, first, n, coding, codes, x, place):  # type: ignore[no-untyped-def]
    """Fill ``codes[axis, row]`` for the rows ``first:first + n``."""
    for axis in range(coding.feature.shape[0]):
        feature = columns[coding.feature[axis]]
        start, end = coding.point_start[axis], coding.point_start[axis + 1]
        points = coding.points[start:end]
        categorical = coding.categorical[axis]
        for r in range(n):
            number = matrix[first + r, feature]
            if categorical:  # as LightGBM: a category is the integer part; none is negative
                known = number > -1.0 and number <= _LARGEST_CATEGORY
                x[r] = np.trunc(number) if known else -1.0
            else:
                x[r] = 0.0 if abs(number) <= ZERO else number
            place[r] = 0
        # Number of points below x, by halves; no branch depends on a value, so that it vectorises.
        left = end - start
        while left > 1:
            half = left // 2
            for r in range(n):
                place[r] += half if points[place[r] + half - 1] < x[r] else 0
            left -= half
        if left == 1:
            for r in range(n):
                place[r] += 1 if points[place[r]] < x[r] else 0
        row = codes[axis]
        if categorical:
            for r in range(n):
                hit = place[r] < end - start and points[place[r]] == x[r]
                row[r] = coding.point_codes[start + place[r]] if hit else 0
        else:
            for r in range(n):
                row[r] = 0 if np.isnan(x[r]) else place[r] + 1


@njit(nogil=True, cache=True)
def _find_cells(cells, item, codes, n, cell):  # type: ignore[no-untyped-def]
    first = cells.first[item]
    for r in range(n):
        cell[r] = first
    for step in range(cells.start[item], cells.start[item + 1]):
        row = codes[cells.axis[step]]
        code = cells.code[step]
        delta = cells.delta[step]
        for r in range(n):
            cell[r] += delta if row[r] > code else type(delta)(0)


@njit(nogil=True, cache=True)
def _add_table(tables, factor, cell, n, total):  # type: ignore[no-untyped-def]
    first, end = tables.column_start[factor], tables.column_start[factor + 1]
    for r in range(n):
        cell[r] *= end - first
    for column in range(first, end):
        entries = tables.entries[tables.entry_start[factor] + column - first :]
        out = total[tables.column[column]]
        for r in range(n):
            out[r] += entries[cell[r]]


@njit(nogil=True, cache=True)
def _add_product(  # type: ignore[no-untyped-def]  # noqa: PLR0912
    tables, group, cells, n, total, values, others
):
    """Add a product of factors: at each node, each factor's slopes times the values of all the others."""
    nodes = tables.nodes[group]
    first = tables.group_start[group]
    factors = tables.group_start[group + 1] - first
    for f in range(factors):
        cell = cells[f]
        for r in range(n):
            cell[r] *= nodes
        for q in range(nodes):
            at_node = tables.node_values[tables.node_start[first + f] + q :]
            value = values[f, q]
            for r in range(n):
                value[r] = at_node[cell[r]]
    for q in range(nodes):
        for f in range(factors):
            other = others[f, q]
            value = values[1 if f == 0 else 0, q]
            for r in range(n):
                other[r] = value[r]
            for g in range(1 if f > 0 else 2, factors):
                if g != f:
                    value = values[g, q]
                    for r in range(n):
                        other[r] *= value[r]
    for f in range(factors):
        factor = first + f
        begin, end = tables.column_start[factor], tables.column_start[factor + 1]
        cell = cells[f]
        for r in range(n):
            cell[r] *= end - begin
        start = tables.entry_start[factor]
        for column in range(begin, end):
            out = total[tables.column[column]]
            for q in range(0, nodes - 1, 2):  # in twos: half as much to load and to store
                one, two = tables.entries[start:], tables.entries[start + 1 :]
                weight, weight_two = others[f, q], others[f, q + 1]
                for r in range(n):
                    out[r] += one[cell[r]] * weight[r] + two[cell[r]] * weight_two[r]
                start += 2
            if nodes % 2:
                one = tables.entries[start:]
                weight = others[f, nodes - 1]
                for r in range(n):
                    out[r] += one[cell[r]] * weight[r]
                start += 1


@njit(nogil=True, cache=True)
def _add_deep(deep, leaf, pattern, n, total, before, after, sums):  # type: ignore[no-untyped-def]
    """Add a leaf without tables: its integrals, node by node."""
    first = deep.start[leaf]
    d = deep.start[leaf + 1] - first
    for j in range(d):
        for r in range(n):
            sums[j, r] = 0.0
    for q in range(deep.rule_start[leaf], deep.rule_start[leaf] + (d + 1) // 2):
        t = deep.position[q]
        weight = deep.weight[q] * deep.value[leaf]
        for r in range(n):
            after[r] = weight
        for j in range(d):
            unmet = deep.share[first + j] * (1.0 - t)
            for r in range(n):
                before[j, r] = after[r]
                after[r] *= unmet + (t if pattern[r] >> j & 1 else 0.0)
        for r in range(n):
            after[r] = 1.0
        for j in range(d - 1, -1, -1):
            unmet = deep.share[first + j] * (1.0 - t)
            for r in range(n):
                sums[j, r] += before[j, r] * after[r]
                after[r] *= unmet + (t if pattern[r] >> j & 1 else 0.0)
    for j in range(d):
        out = total[deep.axis[first + j]]
        share = deep.share[first + j]
        for r in range(n):
            out[r] += ((1.0 if pattern[r] >> j & 1 else 0.0) - share) * sums[j, r]


@njit(nogil=True, cache=True)
def _encode_one(integers, points, matrix, r, columns, codes):  # type: ignore[no-untyped-def]
    """Fill ``codes[axis]`` for one row of a packed model."""
    feature, categorical = integers[integers[0] : integers[1]], integers[integers[1] : integers[2]]
    point_start, point_codes = integers[integers[2] : integers[3]], integers[integers[3] : integers[4]]
    zero, one = np.uint64(0), np.uint64(1)
    for axis in range(np.uint64(feature.shape[0])):
        x = matrix[r, columns[feature[axis]]]
        if categorical[axis]:
            x = np.trunc(x) if x > -1.0 and x <= _LARGEST_CATEGORY else -1.0
        elif np.isnan(x):
            codes[axis] = zero
            continue
        elif abs(x) <= ZERO:
            x = 0.0
        low, high = point_start[axis], point_start[axis + one]
        while low < high:
            middle = (low + high) >> one
            if points[middle] < x:
                low = middle + one
            else:
                high = middle
        if categorical[axis]:
            hit = low < point_start[axis + one] and points[low] == x
            codes[axis] = point_codes[low] if hit else zero
        else:
            codes[axis] = low - point_start[axis] + one


@njit(nogil=True, cache=True)
def _cells_of_one(integers, codes, cell):  # type: ignore[no-untyped-def]
    """Fill ``cell[factor]`` for the codes of one row of a packed model."""
    first_cell, step_start = integers[integers[10] : integers[11]], integers[integers[11] : integers[12]]
    step_axis, step_code = integers[integers[12] : integers[13]], integers[integers[13] : integers[14]]
    step_delta = integers[integers[14] : integers[15]]
    one = np.uint64(1)
    for factor in range(np.uint64(first_cell.shape[0])):
        place = first_cell[factor]
        for step in range(step_start[factor], step_start[factor + one]):
            place += step_delta[step] * np.uint64(codes[step_axis[step]] > step_code[step])
        cell[factor] = place


@njit(nogil=True, cache=True)
def add_few(  # type: ignore[no-untyped-def]  # noqa: PLR0912
    integers, points, entries, node_values, matrix, columns, scale, out
):
    """Add the contributions of a few rows to ``out``, one by one.

    The model comes packed: to hand over its many arrays would take longer than to explain a row.

    Parameters
    ----------
    integers : uint64
        From :func:`risk_model.explanation.trees.tables.pack`.
    points, entries, node_values : float64
        Of the model.
    matrix, columns, scale, out
        As of :func:`add_contributions`.
    """
    feature, group_start = integers[integers[0] : integers[1]], integers[integers[4] : integers[5]]
    group_nodes, column_start = integers[integers[5] : integers[6]], integers[integers[6] : integers[7]]
    column, entry_start = integers[integers[7] : integers[8]], integers[integers[8] : integers[9]]
    node_start, width = integers[integers[9] : integers[10]], integers[integers[15] : integers[16]]
    most_factors, most_nodes = integers[18], integers[19]
    # All places are unsigned, so their constants, too: with a signed one Numba would go over to floats.
    zero, one, two = np.uint64(0), np.uint64(1), np.uint64(2)
    axes, all_factors = np.uint64(feature.shape[0]), np.uint64(width.shape[0])
    codes = np.empty(axes, dtype=np.uint64)
    cell = np.empty(all_factors, dtype=np.uint64)
    value, other = np.empty((most_factors, most_nodes)), np.empty((most_factors, most_nodes))
    total = np.empty(columns.shape[0])
    for r in range(matrix.shape[0]):
        _encode_one(integers, points, matrix, r, columns, codes)
        _cells_of_one(integers, codes, cell)
        # A hint where each cell will be read: so look-ups, which miss the cache, overlap.
        for factor in range(all_factors):
            at = entry_start[factor] + cell[factor] * width[factor]
            prefetch(entries, at)  # type: ignore[call-arg]
            prefetch(entries, at + width[factor] - one)
        total[:] = 0.0
        for group in range(np.uint64(group_nodes.shape[0])):
            first = group_start[group]
            nodes = group_nodes[group]
            if nodes == zero:
                begin, end = column_start[first], column_start[first + one]
                at = entry_start[first] + cell[first] * (end - begin)
                for each in range(begin, end):
                    total[column[each]] += entries[at]
                    at += one
                continue
            factors = group_start[group + one] - first
            for f in range(factors):
                at = node_start[first + f] + cell[first + f] * nodes
                for q in range(nodes):
                    value[f, q] = node_values[at + q]
            for f in range(factors):
                for q in range(nodes):
                    product = value[one if f == zero else zero, q]
                    for g in range(one if f > zero else two, factors):
                        if g != f:
                            product *= value[g, q]
                    other[f, q] = product
            for f in range(factors):
                begin, end = column_start[first + f], column_start[first + f + one]
                at = entry_start[first + f] + cell[first + f] * (end - begin) * nodes
                for each in range(begin, end):
                    sum_of_column = total[column[each]]
                    for half in range(nodes >> one):
                        even = half * two
                        sum_of_column += (
                            entries[at] * other[f, even] + entries[at + one] * other[f, even + one]
                        )
                        at += two
                    if nodes & one:
                        sum_of_column += entries[at] * other[f, nodes - one]
                        at += one
                    total[column[each]] = sum_of_column
        for axis in range(axes):
            out[r, columns[feature[axis]]] += scale * total[feature[axis]]


@njit(nogil=True, cache=True)
def few_margins(integers, points, leaf_values, matrix, columns, out):  # type: ignore[no-untyped-def]
    """Add the sums of the leaf values of a few rows to ``out``, one by one, as :func:`add_margins` does.

    Parameters
    ----------
    integers : uint64
        From :func:`risk_model.explanation.trees.tables.pack`.
    points, leaf_values : float64
        Of the model, which has no leaves without tables.
    matrix, columns, out
        As of :func:`add_margins`.
    """
    feature, group_start = integers[integers[0] : integers[1]], integers[integers[4] : integers[5]]
    leaf_start = integers[integers[16] : integers[17]]
    one = np.uint64(1)
    codes = np.empty(feature.shape[0], dtype=np.uint64)
    cell = np.empty(leaf_start.shape[0], dtype=np.uint64)
    for r in range(matrix.shape[0]):
        _encode_one(integers, points, matrix, r, columns, codes)
        _cells_of_one(integers, codes, cell)
        total = 0.0
        # Groups come in the order of their trees.
        for group in range(np.uint64(group_start.shape[0]) - one):
            value = 1.0
            for factor in range(group_start[group], group_start[group + one]):
                value *= leaf_values[leaf_start[factor] + cell[factor]]
            total += value
        out[r] += total


@njit(nogil=True, cache=True)
def add_contributions(  # type: ignore[no-untyped-def]
    matrix, columns, scale, start, stop, coding, tables, deep, out
):
    """Add the contributions of the rows ``start:stop``.

    Parameters
    ----------
    matrix : float64, shape (n, columns)
        Feature values, also of other models.
    columns : int64, shape (features,)
        Column of each feature of the model.
    scale : float
        What each contribution is multiplied with.
    start, stop
        Rows.
    coding, tables, deep
        The model.
    out : float64, shape (n, columns)
        Result; columns of features that the model does not split on stay as they are.
    """
    axes = coding.feature.shape[0]
    length = min(_ROW, stop - start)
    most, nodes, longest = tables.most_factors, tables.most_nodes, deep.longest
    codes = np.empty((axes, length), dtype=coding.code_type.dtype)
    cells = np.empty((most, length), dtype=np.int32)
    pattern = np.empty(length, dtype=np.int64)
    total = np.empty((axes, length))
    x = np.empty(length)
    place = np.empty(length, dtype=np.int64)
    values, others = np.empty((most, nodes, length)), np.empty((most, nodes, length))
    before, sums, after = np.empty((longest, length)), np.empty((longest, length)), np.empty(length)
    for first in range(start, stop, BLOCK):
        n = min(BLOCK, stop - first)
        _encode(matrix, columns, first, n, coding, codes, x, place)
        total[:] = 0.0
        for group in range(tables.nodes.shape[0]):
            factor = tables.group_start[group]
            if tables.nodes[group] == 0:
                _find_cells(tables.cells, factor, codes, n, cells[0])
                _add_table(tables, factor, cells[0], n, total)
                continue
            for each in range(factor, tables.group_start[group + 1]):
                _find_cells(tables.cells, each, codes, n, cells[each - factor])
            _add_product(tables, group, cells, n, total, values, others)
        for leaf in range(deep.value.shape[0]):
            _find_cells(deep.cells, leaf, codes, n, pattern)
            _add_deep(deep, leaf, pattern, n, total, before, after, sums)
        for r in range(n):
            for axis in range(axes):
                out[first + r, columns[coding.feature[axis]]] += scale * total[axis, r]


@njit(nogil=True, cache=True)
def add_margins(  # type: ignore[no-untyped-def]
    matrix, columns, scale, start, stop, coding, tables, deep, out
):
    """Add the sum of the leaf values of the rows ``start:stop``, tree by tree as LightGBM adds them.

    Of the groups of a tree all but one give 0 for a row, so the order within a tree changes nothing.

    Parameters
    ----------
    matrix, columns, scale, start, stop, coding, tables, deep
        As of :func:`add_contributions`.
    out : float64, shape (n,)
        Result.
    """
    length = min(_ROW, stop - start)
    codes = np.empty((coding.feature.shape[0], length), dtype=coding.code_type.dtype)
    cell = np.empty(length, dtype=np.int32)
    pattern = np.empty(length, dtype=np.int64)
    total, value, x = np.empty(length), np.empty(length), np.empty(length)
    place = np.empty(length, dtype=np.int64)
    for first in range(start, stop, BLOCK):
        n = min(BLOCK, stop - first)
        _encode(matrix, columns, first, n, coding, codes, x, place)
        total[:] = 0.0
        for tree in range(tables.tree_start.shape[0] - 1):
            for group in range(tables.tree_start[tree], tables.tree_start[tree + 1]):
                value[:] = 1.0
                for factor in range(tables.group_start[group], tables.group_start[group + 1]):
                    _find_cells(tables.cells, factor, codes, n, cell)
                    leaf_values = tables.leaf_values[tables.leaf_start[factor] :]
                    for r in range(n):
                        value[r] *= leaf_values[cell[r]]
                for r in range(n):
                    total[r] += value[r]
            for leaf in range(deep.tree_start[tree], deep.tree_start[tree + 1]):
                _find_cells(deep.cells, leaf, codes, n, pattern)
                reached = (np.int64(1) << (deep.start[leaf + 1] - deep.start[leaf])) - 1
                for r in range(n):
                    total[r] += deep.value[leaf] if pattern[r] == reached else 0.0
        for r in range(n):
            out[first + r] += scale * total[r]
