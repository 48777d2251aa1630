"""Which leaves are looked up together.

What a set of leaves contributes to the margin depends on a row only through the *cell* that it falls
into: for each axis on a path of the set, the class of its code, where two codes are of one class if
they meet the same of the leaves' conditions. A table of the set has a number for each cell and axis.
The larger the sets, the fewer look-ups a row costs, and the more cells there are.

Long paths have too many cells for one table: d axes, at least 2**d. But the terms of a path are
products over its axes under one integral (see :mod:`risk_model.explanation.trees.quadrature`), so
that its axes can be cut into *factors* with a table each, whose numbers are multiplied on look-up. All
leaves of a subtree share the factors of the axes that are only split above it.

:func:`Grouping.partition` finds sets and factors that cost little on a row and fit a limit.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from operator import ne

from risk_model.explanation.trees.ensemble import Tree
from risk_model.explanation.trees.paths import Paths

#: A class is a bit of an int64 when tables are built, and so is an axis of a path without tables.
MAX_CLASSES = MAX_DEEP_AXES = 62
#: Numbers of cells that a factor is filled up to, from the fastest to the smallest.
_FILLINGS = (64, 16, 4)
#: Cells of a subtree's own axes, beyond which no product of it is tried; and of any table.
_CORE_CELLS, _MOST_CELLS = 4096, 2**16
# Relative costs on a row, as measured: of a look-up, a step of its index and a column of a table;
# of a node of a factor, and of a column of a factor at a node.
_LOOK_UP, _STEP, _COLUMN = 2.0, 0.1, 1.0
_NODE, _SLOPE = 2.0, 1.2


@dataclass(frozen=True)
class Factor:
    """Axes that share a table.

    Attributes
    ----------
    leaves
        Bit set of the leaves that the table sums over. All leaves of the group in its last factor; one
        of them in the others, which are alike for all.
    axes
        Axes of the table, ascending.
    classes
        Number of classes of each axis.
    cells
        Product of the classes.
    steps
        Number of codes at which the cell changes.
    """

    leaves: int
    axes: tuple[int, ...]
    classes: tuple[int, ...]
    cells: int
    steps: int


@dataclass(frozen=True)
class Group:
    """Leaves of one tree that are looked up together.

    Attributes
    ----------
    leaves
        Bit set of leaves.
    factors
        One factor, whose table holds contributions; or several, whose numbers are multiplied.
    nodes
        Quadrature nodes of a product; 0 with one factor.
    entries
        Numbers in the tables.
    cost
        Relative cost on a row.
    """

    leaves: int
    factors: tuple[Factor, ...]
    nodes: int
    entries: int
    cost: float


class Grouping:
    """Groups of leaves of one tree, for any limit of a group's size."""

    def __init__(self, tree: Tree, paths: Paths) -> None:
        self._tree = tree
        self._paths = paths
        self._tables: dict[int, Group] = {}
        self._products_of: dict[int, tuple[Group, ...]] = {}
        self._on_path = dict.fromkeys(sorted(paths.starts), 0)
        for leaf, shares in enumerate(paths.shares):
            for axis in shares:
                self._on_path[axis] |= 1 << leaf

    def partition(self, limit: int) -> tuple[list[Group], list[int]]:
        """Return groups of at most ``limit`` numbers, and the leaves whose own tables are larger.

        Subtrees first (each either one group or those of its children, whichever costs less), then
        pairs of one-table groups for as long as joining a pair saves something.
        """
        groups, deep = self._subtrees(limit)
        while True:
            best, saving = None, 0.0
            plain = [group for group in groups if len(group.factors) == 1]
            for i, one in enumerate(plain):
                for other in plain[:i]:
                    small, large = sorted((one, other), key=lambda group: group.entries)
                    more = not set(small.factors[0].axes).issubset(large.factors[0].axes)
                    if more and 2 * large.entries > limit:
                        continue  # an axis more doubles the cells at least
                    joined = self._table(one.leaves | other.leaves)
                    gain = one.cost + other.cost - joined.cost
                    if gain > saving and _fits(joined, limit):
                        best, saving = (one, other, joined), gain
            if best is None:
                break
            groups = [group for group in groups if group not in best[:2]] + [best[2]]
        return sorted(groups, key=lambda group: group.leaves & -group.leaves), sorted(deep)

    def _subtrees(self, limit: int) -> tuple[list[Group], list[int]]:
        tree = self._tree
        # Of each subtree: its leaves, the axes it splits on, its groups, its leaves beyond the limit.
        done: dict[int, tuple[int, set[int], list[Group], list[int]]] = {}
        for leaf in range(len(tree.value)):
            own = self._cheapest(1 << leaf, set(), limit)
            done[~leaf] = (1 << leaf, set(), [own] if own else [], [] if own else [leaf])
        for node in _children_first(tree):
            left_leaves, left_axes, left, left_deep = done.pop(int(tree.left[node]))
            right_leaves, right_axes, right, right_deep = done.pop(int(tree.right[node]))
            leaves, groups, deep = left_leaves | right_leaves, left + right, left_deep + right_deep
            axes = left_axes | right_axes | {self._axis_of[node]}
            whole = self._cheapest(leaves, axes, limit)
            if whole and (deep or whole.cost <= sum(group.cost for group in groups)):
                groups, deep = [whole], []
            done[node] = (leaves, axes, groups, deep)
        _, _, groups, deep = done[0 if len(tree.left) else ~0]
        return groups, deep

    @property
    def _axis_of(self) -> list[int]:
        return self._paths.axis_of

    def _cheapest(self, leaves: int, split: set[int], limit: int) -> Group | None:
        """Return one table of a subtree if it fits, else the cheapest product that does."""
        table = self._table(leaves)
        if _fits(table, limit):
            return table
        if leaves not in self._products_of:
            self._products_of[leaves] = tuple(self._products(leaves, split))
        fitting = [group for group in self._products_of[leaves] if _fits(group, limit)]
        return min(fitting, key=lambda group: group.cost, default=None)

    def _table(self, leaves: int) -> Group:
        found = self._tables.get(leaves)
        if found is None:
            axes = [axis for axis, mask in self._on_path.items() if mask & leaves]
            factor = self._factor(leaves, axes)
            cost = _LOOK_UP + _STEP * factor.steps + _COLUMN * len(axes)
            found = Group(leaves, (factor,), 0, factor.cells * (len(axes) + 1), cost)
            self._tables[leaves] = found
        return found

    def _products(self, leaves: int, split: set[int]) -> Iterable[Group]:
        """Yield the products of a subtree that splits on some axes, with smaller and smaller tables."""
        one = leaves & -leaves
        above = [axis for axis, mask in self._on_path.items() if mask & one and axis not in split]
        longest = max(len(self._paths.shares[leaf]) for leaf in bits_of(leaves))
        nodes = (longest + 1) // 2
        core = self._factor(leaves, sorted(split))
        if core.cells > _CORE_CELLS:
            return
        for filling in _FILLINGS:
            rest = list(above)
            last = core
            while rest and last.cells * 2 <= filling:
                last = self._factor(leaves, sorted([*last.axes, rest.pop()]))
            if not rest:
                continue  # one table after all
            width = filling.bit_length() - 1
            parts = -(-len(rest) // width)
            factors = (*(self._factor(one, rest[part::parts]) for part in range(parts)), last)
            entries, cost = 0, 0.0
            for factor in factors:
                entries += factor.cells * (nodes * (len(factor.axes) + 1) + 1)
                cost += _LOOK_UP + _STEP * factor.steps + nodes * (_NODE + _SLOPE * len(factor.axes))
            yield Group(leaves, factors, nodes, entries, cost)

    def _factor(self, leaves: int, axes: list[int]) -> Factor:
        """Return the factor of some axes; one with too many cells for any table is not worked out."""
        classes, cells, steps = [], 1, 0
        for axis in axes:
            met = [mask & leaves for mask in self._paths.satisfied[axis]]
            classes.append(len(set(met)))
            cells *= classes[-1]
            if cells > _MOST_CELLS:
                break
            steps += sum(map(ne, met, met[1:]))
        return Factor(leaves, tuple(axes), tuple(classes), cells, steps)


def bits_of(leaves: int) -> list[int]:
    """Return the leaves of a bit set, ascending."""
    return [leaf for leaf in range(leaves.bit_length()) if leaves >> leaf & 1]


def _fits(group: Group, limit: int) -> bool:
    return group.entries <= limit and all(
        count <= MAX_CLASSES for factor in group.factors for count in factor.classes
    )


def _children_first(tree: Tree) -> list[int]:
    order, stack = [], [0] if len(tree.left) else []
    while stack:
        node = stack.pop()
        order.append(node)
        stack.extend(int(child) for child in (tree.left[node], tree.right[node]) if child >= 0)
    return order[::-1]
