"""The certificate of directions: what it walks is all there is to walk."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from risk_model.evaluation.directions import certify, cost_of_directions, thresholds, walk
from risk_model.specification import ModelSpecification, validate
from risk_model.training import unconstrained_twin


def specification(model: Any) -> ModelSpecification:
    return validate(ModelSpecification, model.facts["specification"], source="test")


def test_every_trained_model_holds_its_directions(trainings: Any) -> None:
    for model in trainings.models.values():
        training = getattr(trainings, model.name)
        found = certify(model, model.matrix(training.population), sample=40)
        assert found["holds"]
        assert found["violations"] == 0
        assert found["steps"] > 1000
        assert found["declared"] == sum(bool(f.direction) for f in model.features)


def test_without_constraints_directions_are_violated_and_found(trainings: Any) -> None:
    training = trainings.general
    twin = unconstrained_twin(training.model, specification(training.model), training.dataset)
    found = certify(twin, twin.matrix(training.population), sample=40)
    assert not found["holds"]
    assert found["violations"] > 0
    assert found["largest_violation"] > 0
    cost = cost_of_directions(training.model, twin, training.dataset, repetitions=30)
    difference = cost["unconstrained"]["value"] - cost["constrained"]["value"]
    assert np.isclose(cost["cost"]["value"], difference)
    assert cost["cost"]["low"] <= cost["cost"]["value"] <= cost["cost"]["high"]


def test_the_steps_are_all_values_that_a_feature_can_take(trainings: Any) -> None:
    """A walk over ten thousand random values meets no margin that the walk over thresholds did not."""
    model = trainings.food.model
    matrix = model.matrix(trainings.food.population)[:3]
    rng = np.random.default_rng(3)
    splits = thresholds(model)
    names = [model.feature_names[column] for column in splits]
    assert any(name in trainings.general.model.own_features for name in names)
    for column in list(splits)[::9]:
        steps = walk(model, matrix, column, splits[column])
        low, high = splits[column][0] - 10, splits[column][-1] + 10
        values = np.concatenate([rng.uniform(low, high, 3000), splits[column]])
        for row, known in zip(matrix, steps, strict=True):
            many = np.tile(row, (len(values), 1))
            many[:, column] = values
            margins = model.margin(many)
            assert np.abs(margins[:, None] - known[None, :]).min(axis=1).max() < 1e-9


def test_a_model_without_trees_holds_trivially(trainings: Any) -> None:
    bare = replace(trainings.general.model, booster=None)
    found = certify(bare, bare.matrix(trainings.general.population))
    assert found["holds"]
    assert found["unused"] == found["declared"]
