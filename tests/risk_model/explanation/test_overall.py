"""Importance, dependence and stability against figures worked out another way."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.stats import spearmanr

from features.definitions import LIBRARY, Direction
from features.errors import InputError
from risk_model.calibration import Platt
from risk_model.cards.overall import explanation_sections, page
from risk_model.evaluation.metrics import resamples
from risk_model.explanation.overall import explain_overall
from risk_model.explanation.overall.dependence import dependence
from risk_model.explanation.overall.facts import FactContributions, facts_of
from risk_model.explanation.overall.importance import mean_with_intervals
from risk_model.explanation.overall.stability import stability

NO_LABEL = LIBRARY["penalties_1y"].label


def facts(values: Any, names: str = "abcdefgh") -> FactContributions:
    matrix = np.asarray(values, dtype=np.float64)
    chosen = tuple(names[: matrix.shape[1]])
    return FactContributions(chosen, (NO_LABEL,) * len(chosen), matrix)


def test_importance_is_the_mean_absolute_contribution_of_all_windows_together(trainings: Any) -> None:
    model, population = trainings.general.model, trainings.general.population
    found = explain_overall(model, population, most_rows=10**9, repetitions=50)
    values = model.contributions(model.matrix(population)).values
    groups = np.array([f.group for f in model.features])
    assert found.rows == len(population)
    for one in found.importance:
        expected = np.abs(values[:, groups == one.name].sum(axis=1)).mean()
        assert one.mean_absolute.value == pytest.approx(expected)
        assert one.mean_absolute.low <= one.mean_absolute.value <= one.mean_absolute.high
    sizes = [one.mean_absolute.value for one in found.importance]
    assert sizes == sorted(sizes, reverse=True)


def test_intervals_are_those_of_a_bootstrap_that_draws_enterprises() -> None:
    """The same by drawing rows one repetition at a time; rows of one enterprise go together."""
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(80), rng.integers(1, 6, 80))
    values = (rng.normal(size=80)[groups] + 0.1 * rng.normal(size=len(groups)))[:, None]
    (found,) = mean_with_intervals(values, groups, repetitions=4000)
    means = [values[rows].mean() for rows in resamples(groups, 4000, seed=1)]
    low, high = np.quantile(means, [0.025, 0.975])
    assert found.low == pytest.approx(low, abs=0.03)
    assert found.high == pytest.approx(high, abs=0.03)
    naive = 2 * 1.96 * values.std() / np.sqrt(len(values))
    assert found.high - found.low > 1.3 * naive


def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    rng = np.random.default_rng(3)
    covered = 0
    for seed in range(300):
        values = rng.exponential(size=(150, 1))
        (found,) = mean_with_intervals(values, np.arange(150), repetitions=200, seed=seed)
        covered += found.low <= 1.0 <= found.high
    assert 0.88 <= covered / 300 <= 0.99


def test_dependence_means_by_value_with_missing_apart() -> None:
    feature = LIBRARY["penalties_1y"]
    values = np.array([0.0] * 10 + [1.0] * 6 + [2.0] * 5 + [np.nan] * 7 + [9.0] * 2)
    effect = np.concatenate([np.full(10, -1.0), np.full(6, 0.5), np.arange(5.0), np.full(7, 3.0), [8, 8]])
    found = dependence(feature, values, effect)
    assert [(b.value, b.rows, b.mean) for b in found.bins[:3]] == [(0, 10, -1.0), (1, 6, 0.5), (2, 5, 2.0)]
    # Two rows are no bin of their own; those without a value come last.
    assert np.isnan(found.bins[-1].value)
    assert (found.bins[-1].rows, found.bins[-1].mean, len(found.bins)) == (7, 3.0, 4)
    known = ~np.isnan(values)
    assert found.correlation == pytest.approx(spearmanr(values[known], effect[known]).statistic)
    assert feature.direction is Direction.RAISES
    assert found.follows is True
    assert dependence(feature, values, -effect).follows is False
    assert dependence(feature, values, np.zeros(30)).follows is None


def test_bins_of_many_values_are_equally_filled_and_never_part_a_value() -> None:
    feature = LIBRARY["registered_capital"]
    rng = np.random.default_rng(1)
    values = np.where(rng.random(3000) < 0.4, 5e9, rng.lognormal(20, 1, 3000).round())
    found = dependence(feature, values, values / 1e9)
    assert sum(b.rows for b in found.bins) == 3000
    assert max(b.rows for b in found.bins) >= (values == 5e9).sum()
    assert len(found.bins) <= 10
    means = [b.mean for b in found.bins]
    assert means == sorted(means)


def test_a_category_has_a_bin_each_and_no_direction(trainings: Any) -> None:
    feature = LIBRARY["industry_section"]
    values = np.repeat([0.0, 3.0, 5.0], 8)
    found = dependence(feature, values, values)
    assert [b.label.en for b in found.bins] == [feature.category_labels[i].en for i in (0, 3, 5)]  # type: ignore[index]
    assert np.isnan(found.correlation)
    assert found.follows is None


def test_stability_by_hand() -> None:
    first = facts([[3, 2, 1, 0, -1], [5, 4, 0, 0, 0], [0, 0, 0, 0, 0]])
    second = facts([[3, 0, 1, 2, -1], [4, 5, 0, 0, 0], [0, 0, 0, 0, 0]])
    found = stability(first, second, np.arange(3), smallest=0.5, top=2, repetitions=20)
    # Row 0: {a, b} and {a, d}: 1 of 3. Row 1: {a, b} twice: 1. Row 2 names nothing.
    assert found.raised_overlap.value == pytest.approx((1 / 3 + 1) / 2)
    assert found.lowered_overlap.value == 1.0
    assert found.same_first.value == 0.5
    rows = [spearmanr(a, b).statistic for a, b in zip(first.values[:2], second.values[:2], strict=True)]
    assert found.contribution_correlation.value == pytest.approx((sum(rows) + 1) / 3)
    weights = [np.abs(one.values).mean(axis=0) for one in (first, second)]
    assert found.importance_correlation == pytest.approx(spearmanr(*weights).statistic)


def test_versions_with_other_facts_are_compared_on_all_of_them() -> None:
    first, second = facts([[2.0, 1.0], [1.0, 2.0]], "ab"), facts([[1.0, 2.0], [2.0, 1.0]], "bc")
    found = stability(first, second, np.arange(2), smallest=0.5, top=1, repetitions=20)
    # Only b is known to both; it is the strongest of both in the second row.
    assert found.raised_overlap.value == 0.5
    # Nothing lowers any score: there is no overlap to tell.
    assert found.as_dict()["lowered_overlap"] == {"value": None, "low": None, "high": None}
    json.dumps(found.as_dict(), allow_nan=False)


def test_a_version_has_the_reasons_of_itself_and_of_its_rescaling(trainings: Any) -> None:
    model, population = trainings.general.model, trainings.general.population
    itself = explain_overall(model, population, against=model, against_version="1", repetitions=20).stability
    assert itself is not None
    assert itself.importance_correlation == pytest.approx(1)
    assert itself.raised_overlap.value == itself.lowered_overlap.value == itself.same_first.value == 1
    steeper = replace(model, calibration=Platt(2 * model.calibration.slope, 0.3))
    scaled = explain_overall(
        model, population, against=steeper, against_version="2", repetitions=20
    ).stability
    assert scaled is not None
    assert scaled.contribution_correlation.value == pytest.approx(1)
    assert scaled.same_first.value > 0.95


@pytest.mark.parametrize("name", ["general", "food"])
def test_sections_tell_what_was_found(trainings: Any, name: str) -> None:
    training = getattr(trainings, name)
    found = (
        explain_overall(
            training.model, training.population, against=trainings.general.model, against_version="7"
        )
        if name == "general"
        else explain_overall(training.model, training.population)
    )
    unit = training.model.policy.score.factor
    importance, values, lasting = explanation_sections(found, unit)
    assert [row[0] for row in importance.tables[0].rows] == [one.name for one in found.importance[:15]]
    first = found.importance[0].mean_absolute
    assert importance.tables[0].rows[0][2].startswith(f"{unit * first.value:.2f} [")
    declared = [one for one in found.dependence if one.follows is not None]
    assert declared
    assert values.points[0].startswith(f"{sum(bool(one.follows) for one in declared)} of {len(declared)} ")
    assert values.figure.startswith("<svg")
    assert ("version 7" in lasting.paragraphs[0]) is (name == "general")
    html = page(training.model, "3", found).html()
    assert "http://" not in html.replace("http://www.w3.org", "")
    assert html.count("<svg ") == 2


def test_directions_that_are_enforced_are_followed_by_the_means(trainings: Any) -> None:
    found = explain_overall(trainings.general.model, trainings.general.population)
    declared = [one for one in found.dependence if one.follows is not None]
    assert sum(bool(one.follows) for one in declared) / len(declared) > 0.8


def test_a_population_without_the_features_of_the_other_version_is_refused(trainings: Any) -> None:
    model = trainings.general.model
    fewer = trainings.general.population.drop(columns=[model.feature_names[3]])
    with pytest.raises(InputError, match="lacks 1 of"):
        explain_overall(model, fewer)


def test_facts_add_up_to_the_margin(trainings: Any) -> None:
    model = trainings.food.model
    matrix = model.matrix(trainings.food.population)[:100]
    found = facts_of(model, matrix)
    base = model.contributions(matrix).base
    assert np.abs(found.values.sum(axis=1) + base - model.margin(matrix)).max() < 1e-9
