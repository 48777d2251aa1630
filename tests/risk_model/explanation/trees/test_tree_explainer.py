"""Contributions against LightGBM, shap's own algorithm, and the definition of the Shapley value."""

from __future__ import annotations

import itertools
import math
import warnings
from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from features.errors import InputError
from risk_model.explanation.trees import TreeExplainer

QUIET = {"verbosity": -1, "num_threads": 1, "deterministic": True, "force_row_wise": True}
#: Values that no training set need have: extremes, both zeros and what LightGBM takes for zero.
ODD = np.array(
    [
        np.nan,
        0.0,
        -0.0,
        1e-36,
        -1e-36,
        1e-35,
        2e-35,
        -2e-35,
        np.inf,
        -np.inf,
        1e300,
        -1e300,
        1,
        -1,
        0.5,
        -0.5,
        2.5,
        31,
        32,
        33,
        255,
        2.0**31 - 1,
        2.0**31,
        2.0**53,
        -3,
    ]
)


@dataclass
class Case:
    """A booster, and rows to explain."""

    booster: lgb.Booster
    rows: np.ndarray
    budget: int


def column(kind: str, n: int, rng: np.random.Generator) -> np.ndarray:
    if kind == "count":
        return rng.poisson(1.5, n).astype(float)
    if kind == "sparse":
        return np.where(rng.random(n) < 0.7, 0.0, rng.normal(size=n))
    if kind == "category":
        return rng.choice([0, 1, 2, 3, 7, 31, 32, 64, 100], n).astype(float)
    if kind == "constant":
        return np.full(n, 3.0)
    if kind == "extreme":
        return rng.choice([-1e300, -1.0, 0.0, 1e-40, 5.0, 1e300], n)
    return rng.normal(size=n)


KINDS = ["count", "sparse", "category", "constant", "extreme", "number"]


@st.composite
def cases(draw: st.DrawFn, most_columns: int = 7, most_trees: int = 8, most_leaves: int = 40) -> Case:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    kinds = draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=most_columns))
    n = draw(st.sampled_from([3, 20, 100, 400]))
    matrix = np.column_stack([column(kind, n, rng) for kind in kinds])
    for j in range(len(kinds)):
        matrix[rng.random(n) < draw(st.sampled_from([0.0, 0.0, 0.1, 0.6])), j] = np.nan
    numbers = np.nan_to_num(np.clip(matrix, -5, 5), nan=-2.0)
    label = numbers @ rng.normal(size=len(kinds)) + rng.normal(size=n)
    label += np.where(numbers[:, 0] > 1, numbers[:, -1] * 2, 0)
    binary = draw(st.booleans())
    categorical = [j for j, kind in enumerate(kinds) if kind == "category"]
    monotone = [0 if j in categorical else draw(st.sampled_from([-1, 0, 1])) for j in range(len(kinds))]
    parameters: dict[str, Any] = {
        **QUIET,
        "objective": "binary" if binary else "regression",
        "num_leaves": draw(st.integers(2, most_leaves)),
        "min_data_in_leaf": draw(st.sampled_from([1, 5])),
        "min_data_in_bin": 1,
        "min_data_per_group": 1,
        "cat_smooth": 0.1,
        "max_cat_to_onehot": draw(st.sampled_from([1, 4])),
        "learning_rate": 0.3,
        "zero_as_missing": draw(st.booleans()),
        "use_missing": draw(st.sampled_from([True, True, False])),
        "bagging_fraction": draw(st.sampled_from([1.0, 0.7])),
        "bagging_freq": 1,
        "monotone_constraints": monotone if draw(st.booleans()) else None,
        "seed": 1,
    }
    data = lgb.Dataset(
        matrix, (label > np.median(label)).astype(float) if binary else label, categorical_feature=categorical
    )
    rounds = draw(st.integers(1, most_trees))
    try:
        booster = lgb.train(parameters, data, num_boost_round=rounds)
    except lgb.basic.LightGBMError as error:
        assume("_count) > (0)" not in str(error))  # LightGBM stumbles over an empty leaf of its own
        raise
    odd = rng.choice(ODD, (30, len(kinds)))
    mixed = np.where(rng.random((30, len(kinds))) < 0.5, odd, matrix[rng.integers(0, n, 30)])
    budget = draw(st.sampled_from([0, 2_000, 20_000, 2**27]))
    return Case(booster, np.vstack([matrix[:40], odd, mixed]), budget)


def decide(node: dict[str, Any], value: float) -> bool:
    """Return whether a row goes left, from LightGBM's JSON dump: another route than the model text."""
    if node["decision_type"] == "==":
        known = not math.isnan(value) and -1 < value < 2**31
        return known and str(int(value)) in node["threshold"].split("||")
    zero = abs(value) <= float(np.float32(1e-35))
    if math.isnan(value) and node["missing_type"] != "NaN":
        value, zero = 0.0, True
    if (node["missing_type"] == "NaN" and math.isnan(value)) or (node["missing_type"] == "Zero" and zero):
        return bool(node["default_left"])
    return (0.0 if zero else value) <= node["threshold"]


def expectation(node: dict[str, Any], row: np.ndarray, known: frozenset[int]) -> float:
    """Return a tree's value if only some features are known: shares of training rows for the others."""
    if "leaf_value" in node:
        return float(node["leaf_value"])
    left, right = node["left_child"], node["right_child"]
    if node["split_feature"] in known:
        return expectation(left if decide(node, row[node["split_feature"]]) else right, row, known)
    counts = [child.get("internal_count", child.get("leaf_count")) for child in (left, right)]
    values = [expectation(child, row, known) for child in (left, right)]
    return float(np.dot(counts, values) / sum(counts))


def shapley(booster: lgb.Booster, row: np.ndarray) -> np.ndarray:
    """Return Shapley values by their definition: a sum over all subsets of the features."""
    features = booster.num_feature()
    trees = [tree["tree_structure"] for tree in booster.dump_model()["tree_info"]]
    worth = {
        frozenset(subset): sum(expectation(tree, row, frozenset(subset)) for tree in trees)
        for size in range(features + 1)
        for subset in itertools.combinations(range(features), size)
    }
    result = np.zeros(features)
    for i in range(features):
        for known, value in worth.items():
            if i not in known:
                weight = math.factorial(len(known)) * math.factorial(features - 1 - len(known))
                result[i] += weight / math.factorial(features) * (worth[known | {i}] - value)
    return result


def numbers(n: int, features: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(n, features))
    matrix[rng.random(matrix.shape) < 0.2] = np.nan
    filled = np.nan_to_num(matrix, nan=0.5)
    label = (filled @ rng.normal(size=features) + filled[:, 0] * filled[:, 1] + rng.normal(size=n) > 0) * 1.0
    return matrix, label


@pytest.fixture(scope="module")
def deep() -> tuple[lgb.Booster, np.ndarray]:
    """Long paths: too many axes for one table."""
    matrix, label = numbers(4000, 30, 5)
    parameters = {**QUIET, "objective": "binary", "num_leaves": 63, "min_data_in_leaf": 3}
    return lgb.train(parameters, lgb.Dataset(matrix, label), num_boost_round=12), matrix


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cases())
def test_agrees_with_lightgbm(case: Case) -> None:
    explainer = TreeExplainer.from_booster(case.booster, max_table_bytes=case.budget)
    expected = case.booster.predict(case.rows, pred_contrib=True)
    found = explainer.contributions(case.rows)
    assert explainer.table_bytes <= case.budget
    assert explainer.base_value == expected[0, -1]
    np.testing.assert_allclose(found, expected[:, :-1], rtol=0, atol=1e-11 * (1 + np.abs(expected).max()))
    raw = case.booster.predict(case.rows, raw_score=True)
    np.testing.assert_array_equal(explainer.margin(case.rows), raw)
    np.testing.assert_allclose(explainer.base_value + found.sum(axis=1), raw, rtol=0, atol=1e-9)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cases(most_columns=4, most_trees=3, most_leaves=12))
def test_is_the_shapley_value_by_definition(case: Case) -> None:
    explainer = TreeExplainer.from_booster(case.booster, max_table_bytes=case.budget)
    rows = case.rows[[0, 1, -1, -2, -40]]
    expected = np.array([shapley(case.booster, row) for row in rows])
    np.testing.assert_allclose(explainer.contributions(rows), expected, rtol=0, atol=1e-10)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cases(), st.integers(0, 2**32 - 1))
def test_a_row_is_the_same_alone_and_in_any_batch(case: Case, seed: int) -> None:
    explainer = TreeExplainer.from_booster(case.booster, max_table_bytes=case.budget)
    whole, margins = explainer.contributions(case.rows), explainer.margin(case.rows)
    order = np.random.default_rng(seed).permutation(len(case.rows))
    np.testing.assert_array_equal(explainer.contributions(case.rows[order]), whole[order])
    for r in range(0, len(case.rows), 7):
        np.testing.assert_array_equal(explainer.contributions(case.rows[r : r + 1])[0], whole[r])
        np.testing.assert_array_equal(explainer.margin(case.rows[r : r + 1])[0], margins[r])


@pytest.mark.parametrize(
    ("budget", "kinds"),
    [
        (0, {"leaves_without_table"}),
        (30_000, {"tables", "leaves_without_table"}),
        (800_000, {"tables", "products"}),
        (2**27, {"tables", "products"}),
    ],
)
def test_long_paths(deep: tuple[lgb.Booster, np.ndarray], budget: int, kinds: set[str]) -> None:
    booster, matrix = deep
    explainer = TreeExplainer.from_booster(booster, max_table_bytes=budget)
    assert explainer.table_bytes <= budget
    layout = {name for name, count in explainer.layout.items() if count} - {"trees"}
    assert layout >= kinds
    expected = booster.predict(matrix[:100], pred_contrib=True)[:, :-1]
    found = explainer.contributions(matrix[:100])
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(
        explainer.margin(matrix[:100]), booster.predict(matrix[:100], raw_score=True)
    )
    one_by_one = np.vstack([explainer.contributions(row[None]) for row in matrix[:20]])
    np.testing.assert_array_equal(one_by_one, found[:20])


def test_agrees_with_the_algorithm_of_shap(deep: tuple[lgb.Booster, np.ndarray]) -> None:
    booster, matrix = deep
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # importing shap uses what matplotlib is about to drop
        import shap
    theirs = shap.TreeExplainer(booster)
    theirs.model.model_type = "internal"  # else shap hands over to LightGBM's pred_contrib
    rows = matrix[:50]
    expected = theirs.shap_values(rows, check_additivity=False)
    found = TreeExplainer.from_booster(booster).contributions(rows)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9)


def test_threads_and_blocks_change_nothing(deep: tuple[lgb.Booster, np.ndarray]) -> None:
    booster, matrix = deep
    explainer = TreeExplainer.from_booster(booster)
    rows = np.tile(matrix, (5, 1))
    one = explainer.contributions(rows, threads=1)
    np.testing.assert_array_equal(one[:4000], one[4000:8000])
    for threads in (2, 3, None):
        np.testing.assert_array_equal(explainer.contributions(rows, threads=threads), one)
    margins = explainer.margin(rows, threads=1)
    np.testing.assert_array_equal(explainer.margin(rows, threads=3), margins)


@pytest.mark.parametrize("make", [np.asfortranarray, lambda rows: np.repeat(rows, 2, axis=1)[:, ::2]])
def test_any_memory_layout(deep: tuple[lgb.Booster, np.ndarray], make: Any) -> None:
    booster, matrix = deep
    explainer = TreeExplainer.from_booster(booster)
    expected = explainer.contributions(matrix[:30])
    np.testing.assert_array_equal(explainer.contributions(make(matrix[:30])), expected)
    assert explainer.contributions(matrix[:0]).shape == (0, 30)
    assert explainer.margin(matrix[:0]).shape == (0,)


def test_more_cut_points_than_a_byte_holds() -> None:
    rng = np.random.default_rng(3)
    matrix = rng.normal(size=(6000, 2))
    label = np.sin(40 * matrix[:, 0]) + matrix[:, 1]
    parameters = {**QUIET, "num_leaves": 60, "max_bin": 2000, "min_data_in_leaf": 2, "min_data_in_bin": 1}
    booster = lgb.train(parameters, lgb.Dataset(matrix, label), num_boost_round=30)
    cuts = {
        line
        for text in booster.model_to_string().split("\n")
        if text.startswith("threshold=")
        for line in text[10:].split()
    }
    assert len(cuts) > 512
    explainer = TreeExplainer.from_booster(booster)
    expected = booster.predict(matrix[:500], pred_contrib=True)
    np.testing.assert_allclose(explainer.contributions(matrix[:500]), expected[:, :-1], rtol=0, atol=1e-11)
    np.testing.assert_array_equal(explainer.margin(matrix), booster.predict(matrix, raw_score=True))


def test_only_own_trees_of_a_model_that_starts_from_a_margin() -> None:
    matrix, label = numbers(500, 4, 1)
    start = np.linspace(-3, 3, 500)
    data = lgb.Dataset(matrix, label, init_score=start)
    booster = lgb.train({**QUIET, "objective": "binary", "num_leaves": 8}, data, num_boost_round=5)
    explainer = TreeExplainer.from_booster(booster)
    expected = booster.predict(matrix, pred_contrib=True)
    assert explainer.base_value == expected[0, -1]
    np.testing.assert_allclose(explainer.contributions(matrix), expected[:, :-1], rtol=0, atol=1e-12)


def test_trees_of_one_leaf() -> None:
    data = lgb.Dataset(np.ones((50, 3)), np.arange(50.0))
    booster = lgb.train({**QUIET, "objective": "regression"}, data, num_boost_round=3)
    explainer = TreeExplainer.from_booster(booster)
    rows = np.array([[1.0, np.nan, 0.0]])
    assert explainer.contributions(rows).tolist() == [[0.0, 0.0, 0.0]]
    assert explainer.base_value == pytest.approx(24.5)
    np.testing.assert_array_equal(explainer.margin(rows), booster.predict(rows, raw_score=True))


def test_a_tree_of_one_leaf_among_others_keeps_the_order_of_additions() -> None:
    matrix, label = numbers(300, 3, 2)
    first = lgb.train({**QUIET, "num_leaves": 2, "objective": "regression"}, lgb.Dataset(matrix, label), 1)
    stuck = lgb.Dataset(matrix, label)
    parameters = {**QUIET, "objective": "regression", "min_gain_to_split": 1e9}
    second = lgb.train(parameters, stuck, 2, init_model=first)
    third = lgb.train(
        {**QUIET, "num_leaves": 5, "objective": "regression"},
        lgb.Dataset(matrix, label),
        2,
        init_model=second,
    )
    explainer = TreeExplainer.from_booster(third)
    np.testing.assert_array_equal(explainer.margin(matrix), third.predict(matrix, raw_score=True))
    expected = third.predict(matrix, pred_contrib=True)
    np.testing.assert_allclose(explainer.contributions(matrix), expected[:, :-1], rtol=0, atol=1e-12)


def test_explains_up_to_the_best_iteration() -> None:
    matrix, label = numbers(600, 4, 8)
    data = lgb.Dataset(matrix[:300], label[:300])
    booster = lgb.train(
        {**QUIET, "objective": "binary", "min_data_in_leaf": 1, "learning_rate": 0.5},
        data,
        num_boost_round=60,
        valid_sets=[lgb.Dataset(matrix[300:], label[300:], reference=data)],
        callbacks=[lgb.early_stopping(5, verbose=False)],
        keep_training_booster=True,
    )
    assert 0 < booster.best_iteration < booster.current_iteration()
    explainer = TreeExplainer.from_booster(booster)
    np.testing.assert_array_equal(explainer.margin(matrix), booster.predict(matrix, raw_score=True))


def test_the_same_after_saving_and_loading(deep: tuple[lgb.Booster, np.ndarray]) -> None:
    booster, matrix = deep
    again = lgb.Booster(model_str=booster.model_to_string())
    np.testing.assert_array_equal(
        TreeExplainer.from_booster(again).contributions(matrix[:40]),
        TreeExplainer.from_booster(booster).contributions(matrix[:40]),
    )


@pytest.mark.parametrize("shape", [(2, 29), (30,), (1, 31)])
def test_wrong_shape_names_both(deep: tuple[lgb.Booster, np.ndarray], shape: tuple[int, ...]) -> None:
    explainer = TreeExplainer.from_booster(deep[0])
    for method in (explainer.contributions, explainer.margin):
        with pytest.raises(InputError, match=r"the matrix has shape .*; the model has 30 features"):
            method(np.zeros(shape))
