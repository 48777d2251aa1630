"""A sector model's explanation is that of the general model and of its own trees, each scaled."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from risk_model.calibration import Platt
from risk_model.explanation.explanation import explain_published
from risk_model.publication import Publication


@pytest.mark.parametrize("entry", [Platt(), Platt(0.6, -0.2), Platt(0.0, 0.1)])
def test_contributions_are_those_of_lightgbm_for_both_parts(trainings: Any, entry: Platt) -> None:
    general = replace(trainings.general.model, calibration=Platt(1.2, 0.3))
    model = replace(trainings.food.model, base=general, entry=entry, calibration=Platt(0.9, -0.1))
    matrix = model.matrix(trainings.food.population)[:300]
    found = model.contributions(matrix)
    expected = np.zeros_like(matrix)
    wide = matrix[:, : len(general.feature_names)]
    expected[:, : wide.shape[1]] += (
        entry.slope * 1.2 * general.booster.predict(wide, pred_contrib=True)[:, :-1]
    )
    own = model.booster.predict(matrix[:, model.own_columns], pred_contrib=True)[:, :-1]
    expected[:, model.own_columns] += own
    np.testing.assert_allclose(found.values, 0.9 * expected, rtol=0, atol=1e-12)
    assert np.abs(found.total() - model.margin(matrix)).max() < 1e-9
    # Alone and in any batch to the last bit.
    for row in range(30):
        np.testing.assert_array_equal(model.contributions(matrix[row : row + 1]).values[0], found.values[row])
    np.testing.assert_array_equal(model.contributions(matrix[::-1]).values[::-1], found.values)


def test_columns_of_a_wider_table_are_added_to(trainings: Any) -> None:
    model = trainings.general.model
    explainer = model._explainer
    matrix = model.matrix(trainings.general.population)[:40]
    columns = np.arange(matrix.shape[1])[::-1] + 2
    wide = np.full((40, matrix.shape[1] + 5), np.nan)
    wide[:, columns] = matrix
    for rows in (wide, wide[:3].copy()):
        out = np.ones(rows.shape)
        explainer.add_to(out, rows, columns, 0.5)
        expected = 1.0 + 0.5 * explainer.contributions(matrix[: len(rows)])
        np.testing.assert_allclose(out[:, columns], expected, rtol=0, atol=1e-15)
        others = np.setdiff1d(np.arange(wide.shape[1]), columns)
        assert (out[:, others] == 1.0).all()


def test_parts_of_a_published_score_sum_to_its_reasons(trainings: Any, publication: Publication) -> None:
    models = trainings.models
    for name in ("food", "special_equipment"):
        for code in publication.rows(model=name)["credit_code"].to_pylist()[:15]:
            found = explain_published(publication, code, name, load=lambda model, _: models[model])
            assert [part.model for part in found.parts] == ["general", name]
            for place, reason in enumerate(found.reasons):
                both = sum(part.reasons[place].contribution for part in found.parts)
                assert both == pytest.approx(reason.contribution, abs=1e-12)
            total = sum(part.contribution for part in found.parts)
            assert total + found.base_value == pytest.approx(found.margin, abs=1e-9)
            own = set(models[name].own_features)
            for reason in found.parts[1].reasons:
                assert reason.contribution == 0 or reason.feature.name in own
            told = found.as_dict("en")["parts"]
            assert [part["points"] for part in told] == [
                round(found.points(part.contribution), 2) for part in found.parts
            ]
    general = publication.rows(model="general")["credit_code"][0].as_py()
    assert explain_published(publication, general, "general", load=lambda model, _: models[model]).parts == ()
