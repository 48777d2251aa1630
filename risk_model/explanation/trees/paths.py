"""Paths: what the way to each leaf of a tree asks of each axis."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from risk_model.explanation.trees.axes import Axis
from risk_model.explanation.trees.ensemble import Tree


@dataclass(frozen=True)
class Paths:
    """The paths of one tree.

    Attributes
    ----------
    axis_of
        Axis of each inner node.
    starts
        For each axis of the tree, by its place in the model: first codes of the pieces that the tree
        tells apart.
    satisfied
        For each axis and piece a bit set of leaves: bit l is set if the piece meets all that the path
        to leaf l asks of the axis.
    shares
        For each leaf: axis -> share of the training rows that follow the path where it splits on that
        axis, in the order in which the path meets the axes.
    """

    axis_of: list[int]
    starts: dict[int, list[int]]
    satisfied: dict[int, list[int]]
    shares: list[dict[int, float]]


def find_paths(tree: Tree, axes: tuple[Axis, ...], place_of: Mapping[int, int]) -> Paths:
    """Walk a tree.

    Parameters
    ----------
    tree
        The tree.
    axes
        All axes of the model.
    place_of
        Feature -> place in ``axes``.
    """
    leaves = len(tree.value)
    axis_of = [place_of[int(feature)] for feature in tree.feature]
    nodes_of: dict[int, list[int]] = defaultdict(list)
    for node, axis in enumerate(axis_of):
        nodes_of[axis].append(node)
    starts: dict[int, list[int]] = {}
    left_of: dict[int, int] = {}
    for axis, nodes in nodes_of.items():
        starts[axis], left = axes[axis].pieces(tree, nodes)
        left_of.update(zip(nodes, left, strict=True))

    shares: list[dict[int, float]] = [{} for _ in range(leaves)]
    satisfied = {axis: [0] * len(pieces) for axis, pieces in starts.items()}
    stack: list[tuple[int, dict[int, int], dict[int, float]]] = [(0 if leaves > 1 else ~0, {}, {})]
    while stack:
        node, pieces, share = stack.pop()
        if node < 0:
            shares[~node] = share
            for axis, bits in pieces.items():
                for piece in range(len(starts[axis])):
                    satisfied[axis][piece] |= (bits >> piece & 1) << ~node
            continue
        axis = axis_of[node]
        everything = (1 << len(starts[axis])) - 1
        for child, bits in (
            (int(tree.left[node]), left_of[node]),
            (int(tree.right[node]), everything & ~left_of[node]),
        ):
            count = tree.node_count[child] if child >= 0 else tree.leaf_count[~child]
            ratio = float(count) / float(tree.node_count[node])
            stack.append(
                (
                    child,
                    pieces | {axis: pieces.get(axis, everything) & bits},
                    share | {axis: share.get(axis, 1.0) * ratio},
                )
            )
    return Paths(axis_of, starts, satisfied, shares)
