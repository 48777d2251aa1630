"""Tables: all that the trees can say of a row, worked out before any row is seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from features.errors import InputError
from risk_model.explanation.trees.axes import Axis
from risk_model.explanation.trees.ensemble import Tree
from risk_model.explanation.trees.grouping import (
    MAX_DEEP_AXES,
    Factor,
    Group,
    Grouping,
    bits_of,
)
from risk_model.explanation.trees.paths import Paths, find_paths
from risk_model.explanation.trees.quadrature import fill_product, fill_table, rule

#: Numbers in the tables of one group, at most: 128 KiB, which a second-level cache holds with room to spare.
LARGEST_GROUP = 16384


class Coding(NamedTuple):
    """Axes as flat arrays; axis a has the points ``point_start[a]:point_start[a + 1]``."""

    feature: np.ndarray  #: column of the matrix, int64, shape (axes,)
    categorical: np.ndarray  #: bool, shape (axes,)
    point_start: np.ndarray  #: int64, shape (axes + 1,)
    points: np.ndarray  #: float64
    point_codes: np.ndarray  #: int64
    code_type: np.ndarray  #: empty; its dtype is the codes'


class Cells(NamedTuple):
    """How the codes of a row give a cell: a first cell, and a delta for each step that a code is beyond.

    Item i has the steps ``start[i]:start[i + 1]``.
    """

    first: np.ndarray  #: int32 for tables, int64 for deep leaves, shape (items,)
    start: np.ndarray  #: int64, shape (items + 1,)
    axis: np.ndarray  #: int64, shape (steps,)
    code: np.ndarray  #: of the codes' dtype, shape (steps,)
    delta: np.ndarray  #: as ``first``, shape (steps,)


class Tables(NamedTuple):
    """Groups of leaves, as flat arrays."""

    tree_start: np.ndarray  #: first group of each tree, int64, shape (trees + 1,)
    group_start: np.ndarray  #: first factor of each group, int64, shape (groups + 1,)
    nodes: np.ndarray  #: quadrature nodes of each group, 0 for one table, int64, shape (groups,)
    most_factors: int  #: of a group
    most_nodes: int  #: of a group
    cells: Cells  #: of each factor
    column_start: np.ndarray  #: first column of each factor, int64, shape (factors + 1,)
    column: np.ndarray  #: axis of each column, int64
    entry_start: np.ndarray  #: first entry of each factor, int64
    node_start: np.ndarray  #: first node value of each factor, int64
    leaf_start: np.ndarray  #: first leaf value of each factor, int64
    entries: np.ndarray  #: contributions [cell, column], or in a product slopes [cell, column, node], float64
    node_values: np.ndarray  #: in a product [cell, node], float64
    leaf_values: np.ndarray  #: the value of the leaf that the cell is in, or 0; a product's factors multiply

    @property
    def bytes(self) -> int:
        """Memory of the tables proper."""
        return int(self.entries.nbytes + self.node_values.nbytes + self.leaf_values.nbytes)


class Deep(NamedTuple):
    """Leaves without tables, as flat arrays; leaf i has the axes ``start[i]:start[i + 1]``."""

    tree_start: np.ndarray  #: first leaf of each tree, int64, shape (trees + 1,)
    longest: int  #: most axes of a leaf
    start: np.ndarray  #: int64, shape (leaves + 1,)
    axis: np.ndarray  #: int64
    share: np.ndarray  #: float64
    value: np.ndarray  #: float64, shape (leaves,)
    cells: Cells  #: bit j of a leaf's cell: the row meets condition j
    rule_start: np.ndarray  #: first node of each leaf's quadrature rule, int64, shape (leaves,)
    position: np.ndarray  #: nodes of all rules, float64
    weight: np.ndarray  #: weights of all rules, float64


def pack(coding: Coding, tables: Tables) -> np.ndarray:
    """Return all integers of a model in one array: where each part begins, two sizes, and the parts.

    Unsigned: a signed place in an array costs a check for a negative one at each look-up. The deltas of
    cells, which may be negative, wrap around and add up all the same.
    """
    cells = tables.cells
    nodes = np.repeat(np.maximum(tables.nodes, 1), np.diff(tables.group_start))
    parts = [
        coding.feature,
        coding.categorical,
        coding.point_start,
        coding.point_codes,
        tables.group_start,
        tables.nodes,
        tables.column_start,
        coding.feature[tables.column],
        tables.entry_start,
        tables.node_start,
        cells.first,
        cells.start,
        cells.axis,
        cells.code,
        cells.delta,
        np.diff(tables.column_start) * nodes,  # entries of a cell, of each factor
        tables.leaf_start,
    ]
    head = _starts([len(part) for part in parts]) + len(parts) + 3
    sizes = _int64([tables.most_factors, tables.most_nodes])
    return np.concatenate([head, sizes, *(part.astype(np.int64) for part in parts)]).view(np.uint64)


class _CellsBuilder:
    """Collects the steps of items."""

    def __init__(self) -> None:
        self.first = [0]
        self.start = [0]
        self.axis: list[int] = []
        self.code: list[int] = []
        self.delta: list[int] = []

    def add(self, axis: int, starts: Sequence[int], numbers: Sequence[int]) -> None:
        """Let the codes from ``starts[p]`` on count ``numbers[p]``."""
        self.first[-1] += numbers[0]
        for p in range(1, len(starts)):
            if numbers[p] != numbers[p - 1]:
                self.axis.append(axis)
                self.code.append(starts[p] - 1)
                self.delta.append(numbers[p] - numbers[p - 1])

    def close(self) -> None:
        """End an item."""
        self.start.append(len(self.axis))
        self.first.append(0)

    def build(self, code_type: np.ndarray, cell_type: type) -> Cells:
        """Return the arrays."""
        return Cells(
            first=np.array(self.first[:-1], dtype=cell_type),
            start=_int64(self.start),
            axis=_int64(self.axis),
            code=np.array(self.code, dtype=code_type.dtype),
            delta=np.array(self.delta, dtype=cell_type),
        )


def build_coding(axes: Sequence[Axis]) -> Coding:
    """Return axes as flat arrays."""
    most = max((axis.codes for axis in axes), default=1)
    codes = [axis.point_codes if axis.categorical else _int64([0] * len(axis.points)) for axis in axes]
    return Coding(
        feature=_int64([axis.feature for axis in axes]),
        categorical=np.array([axis.categorical for axis in axes], dtype=np.bool_),
        point_start=_starts([len(axis.points) for axis in axes]),
        points=np.concatenate([np.empty(0), *(axis.points for axis in axes)]),
        point_codes=np.concatenate([_int64([]), *codes]),
        code_type=np.empty(0, dtype=np.min_scalar_type(most - 1)),
    )


def build_tables(
    trees: Sequence[Tree], axes: tuple[Axis, ...], code_type: np.ndarray, max_bytes: int
) -> tuple[Tables, Deep]:
    """Find groups of leaves and fill their tables.

    Parameters
    ----------
    trees, axes
        The model.
    code_type
        Its dtype is the codes'.
    max_bytes
        What all tables together may take. The limit of a group is halved until they do; leaves whose own
        tables are beyond the limit go without.
    """
    place_of = {axis.feature: place for place, axis in enumerate(axes)}
    paths = [find_paths(tree, axes, place_of) for tree in trees]
    groupings = [Grouping(tree, each) for tree, each in zip(trees, paths, strict=True)]
    limit = LARGEST_GROUP
    while True:
        parts = [grouping.partition(limit) for grouping in groupings]
        if limit == 0 or sum(group.entries for groups, _ in parts for group in groups) * 8 <= max_bytes:
            break
        limit //= 2
    tables = _fill_tables(trees, paths, [groups for groups, _ in parts], code_type)
    return tables, _deep(trees, paths, [leaves for _, leaves in parts], code_type)


class _Classes(NamedTuple):
    """Classes of the codes of one axis to a set of leaves."""

    of_piece: list[int]
    met: list[int]  # of each class, the leaves whose conditions it meets

    @classmethod
    def find(cls, satisfied: Sequence[int], leaves: int) -> _Classes:
        order: dict[int, int] = {}
        of_piece = [order.setdefault(mask & leaves, len(order)) for mask in satisfied]
        return cls(of_piece, list(order))


def _fill_tables(
    trees: Sequence[Tree],
    paths: Sequence[Paths],
    parts: Sequence[list[Group]],
    code_type: np.ndarray,
) -> Tables:
    cells = _CellsBuilder()
    columns: list[int] = []
    widths: list[int] = []
    fillings: list[_Filling] = []
    for tree, path, groups in zip(trees, paths, parts, strict=True):
        for group in groups:
            for place, factor in enumerate(group.factors):
                last = place == len(group.factors) - 1
                filling = _Filling.of(tree, path, group, factor, last=last)
                fillings.append(filling)
                stride = 1
                for axis, classes in zip(factor.axes, filling.classes, strict=True):
                    cells.add(axis, path.starts[axis], [stride * number for number in classes.of_piece])
                    stride *= len(classes.met)
                cells.close()
                columns += factor.axes
                widths.append(len(factor.axes))

    groups = [group for part in parts for group in part]
    factors = [factor for group in groups for factor in group.factors]
    nodes = [group.nodes for group in groups for _ in group.factors]
    sizes = [factor.cells for factor in factors]
    entry_start = _starts(
        [size * width * max(m, 1) for size, width, m in zip(sizes, widths, nodes, strict=True)]
    )
    node_start = _starts([size * m for size, m in zip(sizes, nodes, strict=True)])
    leaf_start = _starts(sizes)
    entries, node_values, leaf_values = (
        np.zeros(starts[-1]) for starts in (entry_start, node_start, leaf_start)
    )
    for f, filling in enumerate(fillings):
        filling.fill(
            entries[entry_start[f] : entry_start[f + 1]],
            node_values[node_start[f] : node_start[f + 1]],
            leaf_values[leaf_start[f] : leaf_start[f + 1]],
            widths[f],
        )
    return Tables(
        tree_start=_starts([len(part) for part in parts]),
        group_start=_starts([len(group.factors) for group in groups]),
        nodes=_int64([group.nodes for group in groups]),
        most_factors=max((len(group.factors) for group in groups), default=1),
        most_nodes=max((group.nodes for group in groups), default=0),
        cells=cells.build(code_type, np.int32),
        column_start=_starts(widths),
        column=_int64(columns),
        entry_start=entry_start[:-1],
        node_start=node_start[:-1],
        leaf_start=leaf_start[:-1],
        entries=entries,
        node_values=node_values,
        leaf_values=leaf_values,
    )


class _Filling(NamedTuple):
    """What the tables of a factor are filled from."""

    classes: list[_Classes]
    nodes: int
    weighted: bool  # the factor that carries leaf values and quadrature weights
    values: np.ndarray  # of each leaf
    start: np.ndarray  # leaf i has the axes start[i]:start[i + 1] of this factor
    column: np.ndarray  # their places in the factor
    share: np.ndarray
    met: np.ndarray  # their classes that meet the condition, as a bit set

    @classmethod
    def of(cls, tree: Tree, path: Paths, group: Group, factor: Factor, *, last: bool) -> _Filling:
        leaves = bits_of(factor.leaves)
        classes = [_Classes.find(path.satisfied[axis], factor.leaves) for axis in factor.axes]
        column, share, met, counts = [], [], [], []
        for leaf in leaves:
            shares = path.shares[leaf]
            own = [place for place, axis in enumerate(factor.axes) if axis in shares]
            counts.append(len(own))
            for place in own:
                column.append(place)
                share.append(shares[factor.axes[place]])
                met.append(sum((mask >> leaf & 1) << c for c, mask in enumerate(classes[place].met)))
        return cls(
            classes=classes,
            nodes=group.nodes,
            weighted=last,
            values=tree.value[leaves] if last else np.ones(1),
            start=_starts(counts),
            column=_int64(column),
            share=np.array(share, dtype=np.float64),
            met=_int64(met),
        )

    def fill(self, entries: np.ndarray, node_values: np.ndarray, leaf_values: np.ndarray, width: int) -> None:
        """Write the factor's part of the tables, which are 0."""
        sizes = _int64([len(each.met) for each in self.classes])
        leaf = (self.values, self.start, self.column, self.share, self.met)
        if self.nodes:
            position, weight = rule(self.nodes)
            weight = weight if self.weighted else np.ones(self.nodes)
            fill_product(
                sizes,
                *leaf,
                position,
                weight,
                entries.reshape(len(leaf_values), width, self.nodes),
                node_values.reshape(len(leaf_values), self.nodes),
                leaf_values,
            )
            return
        table = entries.reshape(len(leaf_values), width)
        for i in range(len(self.values)):
            part = slice(self.start[i], self.start[i + 1])
            position, weight = rule(max(1, (part.stop - part.start + 1) // 2))
            fill_table(
                sizes,
                self.values[i],
                self.column[part],
                self.share[part],
                self.met[part],
                position,
                weight,
                table,
                leaf_values,
            )


def _deep(
    trees: Sequence[Tree], paths: Sequence[Paths], parts: Sequence[list[int]], code_type: np.ndarray
) -> Deep:
    cells = _CellsBuilder()
    axis: list[int] = []
    share: list[float] = []
    value: list[float] = []
    counts: list[int] = []
    for tree, path, leaves in zip(trees, paths, parts, strict=True):
        for leaf in leaves:
            shares = path.shares[leaf]
            if len(shares) > MAX_DEEP_AXES:
                raise InputError(
                    f"a path of the model splits on {len(shares)} features; {MAX_DEEP_AXES} is the most",
                    fix="Train with a smaller max_depth.",
                )
            for bit, each in enumerate(shares):
                met = [mask >> leaf & 1 for mask in path.satisfied[each]]
                cells.add(each, path.starts[each], [number << bit for number in met])
            cells.close()
            axis += shares.keys()
            share += shares.values()
            counts.append(len(shares))
            value.append(float(tree.value[leaf]))
    most = (max(counts, default=0) + 1) // 2
    rules = [rule(nodes) for nodes in range(1, most + 1)]
    rule_starts = _starts([len(position) for position, _ in rules])
    return Deep(
        tree_start=_starts([len(leaves) for leaves in parts]),
        longest=max(counts, default=0),
        start=_starts(counts),
        axis=_int64(axis),
        share=np.array(share, dtype=np.float64),
        value=np.array(value, dtype=np.float64),
        cells=cells.build(code_type, np.int64),
        rule_start=_int64([rule_starts[(count + 1) // 2 - 1] for count in counts]),
        position=np.concatenate([np.empty(0), *(position for position, _ in rules)]),
        weight=np.concatenate([np.empty(0), *(weight for _, weight in rules)]),
    )


def _int64(numbers: Sequence[int]) -> np.ndarray:
    return np.array(numbers, dtype=np.int64)


def _starts(lengths: Sequence[int]) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).astype(np.int64)
