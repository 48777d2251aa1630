"""Boosted trees as arrays, read from the text that LightGBM saves.

The text holds every number with 17 significant digits, so that trees read from it decide and add
exactly as LightGBM's own do.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from features.errors import InputError

_CATEGORICAL = 1
_DEFAULT_LEFT = 2
_MISSING_SHIFT = 2


class Missing(IntEnum):
    """Which values a numerical split sends to its default side (LightGBM ``missing_type``)."""

    NONE = 0  #: none; NaN counts as 0
    ZERO = 1  #: 0 and NaN (``zero_as_missing``)
    NAN = 2  #: NaN


@dataclass(frozen=True)
class Tree:
    """One tree with m inner nodes and m + 1 leaves.

    Attributes
    ----------
    feature
        Feature that each inner node splits on, shape (m,).
    threshold
        A numerical split sends ``x <= threshold`` to the left, float64, shape (m,).
    default_left
        Side of missing values, bool, shape (m,).
    missing
        :class:`Missing` of each node, shape (m,).
    categories
        For a categorical split the categories that go left, sorted; None for a numerical split.
    left, right
        Children, shape (m,): an inner node, or ``~leaf``.
    value
        Leaf values, float64, shape (m + 1,).
    leaf_count, node_count
        Training rows of leaves and of inner nodes, float64: the weights of path-dependent SHAP.
    """

    feature: np.ndarray
    threshold: np.ndarray
    default_left: np.ndarray
    missing: np.ndarray
    categories: tuple[np.ndarray | None, ...]
    left: np.ndarray
    right: np.ndarray
    value: np.ndarray
    leaf_count: np.ndarray
    node_count: np.ndarray

    @property
    def expected_value(self) -> float:
        """Mean of the leaf values over the training rows, added in the order in which LightGBM adds."""
        if len(self.value) == 1:
            return float(self.value[0])
        total = 0.0
        for count, value in zip(self.leaf_count, self.value, strict=True):
            total += float(count) / float(self.node_count[0]) * float(value)
        return total


@dataclass(frozen=True)
class Ensemble:
    """Trees whose values add up to a margin."""

    feature_names: tuple[str, ...]
    trees: tuple[Tree, ...]


def read_ensemble(text: str) -> Ensemble:
    """Read trees from LightGBM's model text.

    Parameters
    ----------
    text
        From ``Booster.model_to_string()`` or a file of ``Booster.save_model``.

    Raises
    ------
    InputError
        If the text is no such model, or its prediction is not one sum of constant leaves (several
        classes, averaged output, linear trees), or the training counts of nodes are not there.
    """
    header, *blocks = text.split("\n\nTree=")
    facts = _facts(header)
    if "feature_names" not in facts or "max_feature_idx" not in facts:
        raise InputError("this is not a model text of LightGBM", fix="Take Booster.model_to_string().")
    if facts.get("num_tree_per_iteration", "1") != "1":
        raise InputError(
            f"the model has {facts['num_tree_per_iteration']} outputs; only one output is explained",
            fix="Explain a binary or a regression model.",
        )
    if "average_output" in facts:
        raise InputError(
            "the model averages its trees (boosting=rf); only sums are explained",
            fix="Train with boosting=gbdt.",
        )
    names = tuple(facts["feature_names"].split(" "))
    trees = []
    for place, block in enumerate(blocks):
        fields = _facts(block.split("\n\n\n", 1)[0])
        if fields.get("is_linear", "0") != "0":
            raise InputError(
                "the model has linear trees, which have no exact explanation by constant leaves",
                field=f"Tree={place}",
                fix="Train with linear_tree=false.",
            )
        try:
            trees.append(_tree(fields, len(names)))
        except InputError:
            raise
        except (KeyError, ValueError, IndexError) as error:
            raise InputError(f"the tree is damaged: {error}", field=f"Tree={place}") from error
    return Ensemble(names, tuple(trees))


def _facts(block: str) -> dict[str, str]:
    return dict(line.partition("=")[::2] for line in block.split("\n") if line)


def _numbers(fields: dict[str, str], key: str, length: int, dtype: type) -> np.ndarray:
    numbers: np.ndarray = np.array(fields[key].split(), dtype=dtype)
    if len(numbers) != length:
        raise InputError(f"the tree is damaged: {len(numbers)} of {length} numbers", field=key)
    return numbers


def _tree(fields: dict[str, str], features: int) -> Tree:
    leaves = int(fields["num_leaves"])
    nodes = leaves - 1
    value = _numbers(fields, "leaf_value", leaves, np.float64)
    if nodes == 0:
        none = np.empty(0, dtype=np.int64)
        return Tree(none, none * 1.0, none > 0, none, (), none, none, value, np.ones(1), none * 1.0)
    feature = _numbers(fields, "split_feature", nodes, np.int64)
    if feature.min() < 0 or feature.max() >= features:
        raise InputError(f"the tree splits on a feature beyond {features}", field="split_feature")
    threshold = _numbers(fields, "threshold", nodes, np.float64)
    decision = _numbers(fields, "decision_type", nodes, np.int64)
    leaf_count = _numbers(fields, "leaf_count", leaves, np.float64)
    node_count = _numbers(fields, "internal_count", nodes, np.float64)
    if node_count.min() <= 0:
        raise InputError(
            "a node has no training rows, so that path-dependent SHAP values are undefined",
            field="internal_count",
            fix="Train on data, not from a model alone.",
        )
    return Tree(
        feature=feature,
        threshold=threshold,
        default_left=(decision & _DEFAULT_LEFT) > 0,
        missing=decision >> _MISSING_SHIFT,
        categories=_categories(fields, decision, threshold),
        left=_numbers(fields, "left_child", nodes, np.int64),
        right=_numbers(fields, "right_child", nodes, np.int64),
        value=value,
        leaf_count=leaf_count,
        node_count=node_count,
    )


def _categories(
    fields: dict[str, str], decision: np.ndarray, threshold: np.ndarray
) -> tuple[np.ndarray | None, ...]:
    """Return the categories that each node sends left, from the tree's bit sets."""
    sets = int(fields["num_cat"])
    if sets == 0:
        return (None,) * len(decision)
    boundaries = _numbers(fields, "cat_boundaries", sets + 1, np.int64)
    words = _numbers(fields, "cat_threshold", int(boundaries[-1]), np.uint32)
    members: list[np.ndarray | None] = []
    for kind, place in zip(decision, threshold, strict=True):
        if not kind & _CATEGORICAL:
            members.append(None)
            continue
        start, stop = boundaries[int(place)], boundaries[int(place) + 1]
        bits = np.unpackbits(words[start:stop].astype("<u4").view(np.uint8), bitorder="little")
        members.append(np.flatnonzero(bits))
    return tuple(members)
