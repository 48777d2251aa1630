"""Axes: the values of a feature as the few codes that the trees can tell apart.

Two values of a feature between which no split of any tree decides are one to the model. Each feature
that is split on therefore becomes an axis with small integer codes, and a split is a set of codes:

- code 0 is a missing value, on a categorical axis also every category that no split sends left;
- on a numerical axis the code k >= 1 is the interval ``(cut[k - 2], cut[k - 1]]`` of the sorted cuts;
- on a categorical axis each further code is a set of categories that all splits treat alike.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from features.errors import InputError
from risk_model.explanation.trees.ensemble import Missing, Tree

#: LightGBM takes values up to this size for 0 before any split sees them (kZeroThreshold, a float32).
ZERO = float(np.float32(1e-35))


@dataclass(frozen=True)
class Axis:
    """Codes of one feature.

    Attributes
    ----------
    feature
        Column of the matrix.
    categorical
        Whether splits are sets of categories.
    points
        Sorted cuts, or sorted categories, float64.
    point_codes
        Code of each category; empty on a numerical axis.
    codes
        Number of codes.
    """

    feature: int
    categorical: bool
    points: np.ndarray
    point_codes: np.ndarray
    codes: int

    @property
    def zero_code(self) -> int:
        """Code of 0 on a numerical axis."""
        return 1 + int(np.searchsorted(self.points, 0.0, side="left"))

    def pieces(self, tree: Tree, nodes: Sequence[int]) -> tuple[list[int], list[int]]:
        """Return the runs of codes that some nodes of a tree tell apart, and who goes left.

        Parameters
        ----------
        tree
            The tree.
        nodes
            Its nodes that split on this axis.

        Returns
        -------
        starts
            First code of each piece, ascending.
        left
            For each node a bit set: bit p is set if piece p goes left.
        """
        if self.categorical:
            starts = list(range(self.codes))
            return starts, [self._left_categories(tree, node) for node in nodes]
        ends = {node: 1 + int(np.searchsorted(self.points, tree.threshold[node], "left")) for node in nodes}
        edges = {0, 1} | {end + 1 for end in ends.values()}
        zero = self.zero_code
        if any(tree.missing[node] == Missing.ZERO for node in nodes):
            edges |= {zero, zero + 1}
        starts = sorted(edge for edge in edges if edge < self.codes)
        left = []
        for node in nodes:
            bits = 0
            for piece, code in enumerate(starts):
                missing = (code == 0 and tree.missing[node] != Missing.NONE) or (
                    code == zero and tree.missing[node] == Missing.ZERO
                )
                below = (code or zero) <= ends[node]
                if tree.default_left[node] if missing else below:
                    bits |= 1 << piece
            left.append(bits)
        return starts, left

    def _left_categories(self, tree: Tree, node: int) -> int:
        members = tree.categories[node]
        assert members is not None  # all splits on a categorical axis are sets
        present = np.isin(self.points, members)
        return sum(1 << int(code) for code in np.unique(self.point_codes[present]) if code > 0)


def find_axes(trees: Sequence[Tree]) -> tuple[Axis, ...]:
    """Return an axis for each feature that the trees split on, by feature.

    Raises
    ------
    InputError
        If a feature is categorical in one tree and numerical in another.
    """
    splits: dict[int, list[tuple[Tree, int]]] = defaultdict(list)
    for tree in trees:
        for node, feature in enumerate(tree.feature):
            splits[int(feature)].append((tree, node))
    return tuple(_axis(feature, splits[feature]) for feature in sorted(splits))


def _axis(feature: int, splits: list[tuple[Tree, int]]) -> Axis:
    members = [tree.categories[node] for tree, node in splits]
    sets = [categories for categories in members if categories is not None]
    if not sets:
        cuts = [tree.threshold[node] for tree, node in splits]
        if any(tree.missing[node] == Missing.ZERO for tree, node in splits):
            cuts += [-ZERO, 0.0]  # a code of its own for 0
        points = np.unique(np.array(cuts, dtype=np.float64))
        return Axis(feature, False, points, np.empty(0, dtype=np.int64), len(points) + 2)
    if len(sets) < len(members):
        raise InputError(
            "a feature is categorical in one tree and numerical in another",
            field=f"feature {feature}",
            fix="Train all trees with the same categorical features.",
        )
    categories = np.unique(np.concatenate(sets))
    signature = np.array([np.isin(categories, each) for each in sets], dtype=bool).reshape(len(sets), -1)
    alike = np.unique(signature, axis=1, return_inverse=True)[1].reshape(-1) + 1
    return Axis(feature, True, categories.astype(np.float64), alike.astype(np.int64), int(alike.max()) + 1)
