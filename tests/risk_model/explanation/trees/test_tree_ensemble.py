"""What is read from a model text, and what is refused."""

from __future__ import annotations

from typing import Any

import lightgbm as lgb
import numpy as np
import pytest

from features.errors import InputError
from risk_model.explanation.trees import TreeExplainer
from risk_model.explanation.trees.axes import find_axes
from risk_model.explanation.trees.ensemble import Tree, read_ensemble

QUIET = {"verbosity": -1, "num_threads": 1, "min_data_in_leaf": 2, "num_leaves": 4}


def booster(**parameters: Any) -> lgb.Booster:
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(200, 3))
    matrix[:, 2] = rng.integers(0, 5, 200)
    label = rng.integers(0, 3, 200) if parameters.get("num_class") else matrix[:, 0] + (matrix[:, 2] == 3)
    data = lgb.Dataset(matrix, label, categorical_feature=[2], params=parameters)
    return lgb.train({**QUIET, **parameters}, data, num_boost_round=3)


def test_reads_what_the_dump_says() -> None:
    model = booster()
    dump = model.dump_model()
    ensemble = read_ensemble(model.model_to_string())
    assert ensemble.feature_names == tuple(dump["feature_names"])
    assert len(ensemble.trees) == len(dump["tree_info"])

    def compare(tree: Tree, place: int, node: dict[str, Any]) -> None:
        if place < 0:
            assert tree.value[~place] == node["leaf_value"]
            assert tree.leaf_count[~place] == node["leaf_count"]
            return
        assert tree.feature[place] == node["split_feature"]
        assert tree.node_count[place] == node["internal_count"]
        categories = tree.categories[place]
        if categories is None:
            assert tree.threshold[place] == node["threshold"]
            assert tree.default_left[place] == node["default_left"]
        else:
            assert "||".join(map(str, categories)) == node["threshold"]
        compare(tree, int(tree.left[place]), node["left_child"])
        compare(tree, int(tree.right[place]), node["right_child"])

    for tree, info in zip(ensemble.trees, dump["tree_info"], strict=True):
        compare(tree, 0, info["tree_structure"])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"linear_tree": True}, "linear trees"),
        ({"objective": "multiclass", "num_class": 3}, "the model has 3 outputs"),
        ({"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.5}, "averages its trees"),
    ],
)
def test_refuses_models_that_are_no_sum_of_constant_leaves(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        TreeExplainer.from_booster(booster(**parameters))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("leaf_count=", "leaf_kount=", "the tree is damaged"),
        ("threshold=", "threshold=x ", "the tree is damaged"),
        ("leaf_value=", "leaf_value=1 ", "the tree is damaged: 5 of 4 numbers"),
        ("internal_count=", "internal_count=0 ", "the tree is damaged: 4 of 3 numbers"),
        ("split_feature=", "split_feature=7 ", "the tree is damaged: 4 of 3 numbers"),
        ("feature_names=", "names=", "no model text of LightGBM|not a model text of LightGBM"),
    ],
)
def test_refuses_a_damaged_text(old: str, new: str, message: str) -> None:
    text = booster().model_to_string()
    assert old in text
    with pytest.raises(InputError, match=message):
        read_ensemble(text.replace(old, new, 1))


def test_refuses_counts_of_zero() -> None:
    text = booster().model_to_string()
    with pytest.raises(InputError, match="no training rows"):
        read_ensemble(text.replace("internal_count=200", "internal_count=0", 1))


def test_refuses_a_feature_of_two_kinds() -> None:
    def stump(categories: np.ndarray | None) -> Tree:
        one, two = np.ones(1), np.ones(2)
        zero = np.zeros(1, dtype=np.int64)
        return Tree(zero, one, one > 0, zero, (categories,), ~zero, ~zero - 1, two, two, one * 2)

    with pytest.raises(InputError, match="feature 0: a feature is categorical in one tree"):
        find_axes([stump(None), stump(np.array([1, 4]))])
