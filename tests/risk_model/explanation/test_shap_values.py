"""Explanations as objects of shap: they sum to the margin, and shap's own plots take them."""

from __future__ import annotations

import sys
import warnings
from typing import Any

import numpy as np
import pytest

from features.errors import InputError
from risk_model.explanation.explanation import explain_published
from risk_model.explanation.shap_values import shap_explanation
from risk_model.publication import Publication


@pytest.fixture(scope="module")
def shap() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import matplotlib as mpl

        mpl.use("Agg")
        return pytest.importorskip("shap")


@pytest.mark.parametrize("name", ["general", "food"])
def test_rows_sum_to_the_margin(trainings: Any, shap: Any, name: str) -> None:
    model = trainings.models[name]
    matrix = model.matrix(getattr(trainings, name).population)[:200]
    found = shap_explanation(model, matrix)
    assert isinstance(found, shap.Explanation)
    assert found.feature_names == list(model.feature_names)
    np.testing.assert_array_equal(found.data, matrix)
    assert np.abs(found.values.sum(axis=1) + found.base_values - model.margin(matrix)).max() < 1e-9


def test_one_enterprise_is_what_was_published(publication: Publication, shap: Any) -> None:
    code = publication.rows(model="food")["credit_code"][3].as_py()
    told = explain_published(publication, code, "food")
    found = told.to_shap("zh")
    assert found.values.sum() + found.base_values == pytest.approx(told.margin, abs=1e-9)
    assert found.feature_names == [reason.feature.label.zh for reason in told.reasons]
    with pytest.raises(InputError, match="no language 'fr'"):
        told.to_shap("fr")


@pytest.mark.filterwarnings("ignore")
def test_all_plots_of_shap_take_them(trainings: Any, publication: Publication, shap: Any) -> None:
    import matplotlib.pyplot as plt

    model = trainings.general.model
    many = shap_explanation(model, model.matrix(trainings.general.population)[:60])
    one = explain_published(publication, publication.rows(model="food")["credit_code"][3].as_py()).to_shap()
    drawings = [
        lambda: shap.plots.beeswarm(many, show=False),
        lambda: shap.plots.bar(many, show=False),
        lambda: shap.plots.violin(many, show=False),
        lambda: shap.plots.heatmap(many, show=False),
        lambda: shap.plots.scatter(many[:, "inspections_1y"], show=False),
        lambda: shap.plots.waterfall(one, show=False),
        lambda: shap.plots.bar(one, show=False),
        lambda: shap.plots.force(one.base_values, one.values, one.data, matplotlib=True, show=False),
        lambda: shap.plots.decision(
            many.base_values[0], many.values, feature_names=many.feature_names, show=False
        ),
    ]
    for draw in drawings:
        plt.close("all")
        draw()
        assert plt.gcf().axes
    plt.close("all")


def test_without_the_package_it_says_so(publication: Publication, monkeypatch: pytest.MonkeyPatch) -> None:
    told = explain_published(publication, publication.rows(model="food")["credit_code"][3].as_py())
    monkeypatch.setitem(sys.modules, "shap", None)
    with pytest.raises(InputError, match=r"shap is not installed.*pip install shap"):
        told.to_shap()
