"""Comparators: each learns what is there to learn, on the training rows only."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from features.errors import InputError
from risk_model.evaluation.comparators import COMPARATORS, Columns, chosen, comparator_scores

LEARNERS = ("logistic_regression", "woe_scorecard", "additive_model", "plain_lightgbm")
COLUMNS = Columns(("count", "days", "code", "constant", "empty"), frozenset({"code"}))


def table(rows: int, seed: int) -> pd.DataFrame:
    """Return rows whose label follows a count, a day that is often missing, and a code."""
    rng = np.random.default_rng(seed)
    count = rng.poisson(1.5, rows).astype(float)
    days = np.where(rng.random(rows) < 0.3, np.nan, rng.exponential(300, rows))
    code = rng.integers(0, 6, rows).astype(float)
    margin = -1.2 + 0.7 * count - 0.002 * np.nan_to_num(days, nan=400.0) + np.where(code % 2 == 0, 0.8, -0.8)
    return pd.DataFrame(
        {
            "count": count,
            "days": days,
            "code": code,
            "constant": 1.0,
            "empty": np.nan,
            "true": margin,
            "label": (rng.random(rows) < 1 / (1 + np.exp(-margin))).astype(np.int8),
        }
    )


TRAIN, TEST = table(6_000, 1), table(6_000, 2)
ATTAINABLE = roc_auc_score(TEST["label"], TEST["true"])


@pytest.fixture(scope="module")
def scores() -> dict[str, np.ndarray]:
    return comparator_scores(TRAIN, TEST, COLUMNS, LEARNERS)


@pytest.mark.parametrize("name", LEARNERS)
def test_a_learner_comes_close_to_what_can_be_known(scores: dict[str, np.ndarray], name: str) -> None:
    # Trees as they come fit noise, too.
    lost = 0.03 if name == "plain_lightgbm" else 0.02
    assert roc_auc_score(TEST["label"], scores[name]) > ATTAINABLE - lost


@pytest.mark.parametrize("name", LEARNERS)
def test_probabilities_have_the_mean_of_the_labels(scores: dict[str, np.ndarray], name: str) -> None:
    assert COMPARATORS[name].probabilistic
    assert scores[name].min() >= 0
    assert scores[name].max() <= 1
    assert scores[name].mean() == pytest.approx(TEST["label"].mean(), abs=0.03)


@pytest.mark.parametrize("name", LEARNERS)
def test_a_row_scores_the_same_alone_and_whatever_its_label(name: str) -> None:
    score = COMPARATORS[name].fit(TRAIN, COLUMNS)
    turned = TEST.assign(label=1 - TEST["label"]).iloc[::-1]
    whole = score(TEST)
    np.testing.assert_allclose(score(turned)[::-1], whole, atol=1e-12)
    np.testing.assert_allclose(score(TEST.iloc[5:6]), whole[5:6], atol=1e-12)


@pytest.mark.parametrize("name", LEARNERS)
def test_fitting_twice_gives_the_same(scores: dict[str, np.ndarray], name: str) -> None:
    np.testing.assert_array_equal(COMPARATORS[name].fit(TRAIN, COLUMNS)(TEST), scores[name])


def test_random_ranks_by_chance() -> None:
    score = COMPARATORS["random"].fit(TRAIN, COLUMNS)(TEST)
    assert roc_auc_score(TEST["label"], score) == pytest.approx(0.5, abs=0.03)


def test_the_points_card_adds_up_what_its_yaml_says() -> None:
    from risk_model.scorecard import load_points_card

    card = load_points_card()
    rows = pd.DataFrame({name: [0.0, 1.0, np.nan] for name in card.features})
    expected = sum(min(rule.each, rule.at_most) for rule in card.points)
    assert COMPARATORS["points_card"].fit(rows, Columns(card.features))(rows).tolist() == [0.0, expected, 0.0]


@pytest.mark.parametrize("name", LEARNERS)
def test_without_a_telling_column_everybody_has_the_same_score(name: str) -> None:
    score = COMPARATORS[name].fit(TRAIN, Columns(("constant", "empty")))(TEST)
    np.testing.assert_allclose(score, TRAIN["label"].mean(), rtol=1e-9)


def test_a_scorecard_leaves_out_columns_of_little_information() -> None:
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"noise": rng.integers(0, 2, 4_000), "label": rng.random(4_000) < 0.1}).astype(float)
    score = COMPARATORS["woe_scorecard"].fit(rows, Columns(("noise",)))(rows)
    assert np.unique(score).tolist() == [rows["label"].mean()]


def test_basic_and_all_and_names() -> None:
    assert {c.name for c in chosen("basic")} < {c.name for c in chosen("all")} == set(COMPARATORS)
    assert [c.name for c in chosen(("random",))] == ["random"]
    with pytest.raises(InputError, match="no comparator 'oracle'"):
        chosen(("oracle",))


def test_columns_of_the_library_know_their_categories() -> None:
    columns = Columns.of_library(("age_days", "industry_section"))
    assert columns.categorical == {"industry_section"}
