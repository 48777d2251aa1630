"""Trained models: the same score in every way, exact explanations, files that cannot be tampered with."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from features.definitions import LIBRARY
from features.errors import InputError
from risk_model.calibration import Platt, fit_platt
from risk_model.dataset import own_features
from risk_model.explanation.trees import FEW
from risk_model.growing import fit_booster
from risk_model.model import RiskModel
from risk_model.specification import load_specification
from risk_model.training import train

NAMES = ("general", "food", "special_equipment")


@pytest.fixture(params=NAMES)
def training(request: pytest.FixtureRequest, trainings: Any) -> Any:
    return getattr(trainings, request.param)


def test_parts_are_in_order_and_apart(training: Any) -> None:
    rows = training.dataset.rows
    horizon = training.model.facts["specification"]["target"]["horizon_days"]
    first = rows.groupby("part")["as_of"].min()
    for earlier, later in (("train", "calibration"), ("calibration", "test")):
        own = rows[rows["part"] == earlier]
        assert (own["label_known"] <= first[later]).all()
        assert (own["as_of"] + pd.Timedelta(days=horizon) <= first[later]).all()


def test_contributions_sum_to_the_margin(training: Any) -> None:
    model = training.model
    matrix = model.matrix(training.dataset.rows)
    assert np.abs(model.contributions(matrix).total() - model.margin(matrix)).max() < 1e-9


def test_a_score_is_the_same_alone_in_a_batch_and_in_any_column_order(training: Any) -> None:
    model, rows = training.model, training.dataset.part("test")
    matrix = model.matrix(rows)
    margin = model.margin(matrix)
    shuffled = rows[list(rows.columns[::-1])]
    assert (model.margin(model.matrix(shuffled)) == margin).all()
    alone = np.concatenate([model.margin(matrix[i : i + 1]) for i in range(20)])
    assert (alone == margin[:20]).all()
    order = np.random.default_rng(0).permutation(len(matrix))
    assert (model.margin(matrix[order]) == margin[order]).all()


def test_a_score_is_the_same_by_the_tables_of_explanations(training: Any) -> None:
    trained, rows = training.model, training.dataset.part("test")
    matrix = trained.matrix(rows)[:40]
    matrix[::3, ::5] = np.nan

    unprepared = replace(trained, base=None if trained.base is None else replace(trained.base))
    assert "_explainer" not in vars(unprepared)
    expected = unprepared.raw_margin(matrix)
    prepared = replace(unprepared)
    prepared.prepare()
    for rows_at_once in (1, 2, FEW - 1, FEW, 40):
        parts = [prepared.raw_margin(matrix[i : i + rows_at_once]) for i in range(0, 40, rows_at_once)]
        assert (np.concatenate(parts) == expected).all()
    assert prepared.raw_margin(matrix[:0]).shape == (0,)


def test_a_sector_model_starts_from_the_general_one(trainings: Any) -> None:
    food = trainings.food.model
    rows = trainings.food.dataset.part("test")
    general = trainings.general.model
    matrix = food.matrix(rows)
    own = np.asarray(food.booster.predict(rows[list(food.own_features)].to_numpy(np.float64), raw_score=True))
    start = food.entry.slope * general.margin(general.matrix(rows)) + food.entry.intercept
    expected = food.calibration.slope * (start + own) + food.calibration.intercept
    assert np.allclose(food.margin(matrix), expected, rtol=0, atol=1e-12)


def test_the_general_part_of_an_explanation_scales_with_the_entry(trainings: Any, small: Any) -> None:
    """Contributions of a feature that only the general model sees are its own, times both slopes."""
    general = trainings.general.model
    alone = small("special_equipment").model_copy(update={"sectors": ("special_equipment",)})
    done = train(trainings.snapshot, alone, base=general)
    lifts, rows = done.model, done.dataset.part("test")
    assert 0 <= lifts.entry.slope != 1
    assert not set(general.feature_names) & set(lifts.own_features)
    whole, part = lifts.contributions(lifts.matrix(rows)), general.contributions(general.matrix(rows))
    scale = lifts.calibration.slope * lifts.entry.slope
    np.testing.assert_allclose(
        whole.values[:, : part.values.shape[1]], scale * part.values, rtol=0, atol=1e-12
    )
    without = replace(lifts, booster=None).contributions(lifts.matrix(rows))
    expected = (
        scale * part.base + lifts.calibration.slope * lifts.entry.intercept + lifts.calibration.intercept
    )
    assert without.base == pytest.approx(expected, abs=1e-12)


def test_a_fact_that_both_parts_look_at_has_one_column(trainings: Any) -> None:
    """Its contribution is the sum of both parts', and a walk of a declared direction sees both."""
    food, general = trainings.food.model, trainings.general.model
    assert set(general.feature_names) & set(food.own_features)
    assert len(set(food.feature_names)) == len(food.feature_names)
    matrix = food.matrix(trainings.food.dataset.part("test"))
    base = replace(food, booster=None, entry=Platt(food.entry.slope, 0.0), calibration=Platt())
    own = replace(food, base=None, entry=Platt(), calibration=Platt())
    both = np.zeros(matrix.shape)
    both += base.contributions(matrix).values
    both[:, food.own_columns] += own.contributions(matrix[:, food.own_columns]).values
    np.testing.assert_allclose(
        food.contributions(matrix).values, food.calibration.slope * both, rtol=0, atol=1e-12
    )


def test_a_model_saved_before_there_was_an_entry_starts_from_the_base_as_it_is(
    trainings: Any, tmp_path: Path
) -> None:
    model = replace(trainings.food.model, entry=Platt())
    model.save(tmp_path)
    content = json.loads((tmp_path / "model.json").read_text())
    del content["entry"]
    text = json.dumps(content)
    (tmp_path / "model.json").write_text(text)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    manifest["sha256"]["model.json"] = hashlib.sha256(text.encode()).hexdigest()
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    matrix = model.matrix(trainings.food.dataset.part("test"))
    assert (RiskModel.load(tmp_path).margin(matrix) == model.margin(matrix)).all()


def test_directions_hold(trainings: Any) -> None:
    """Walk every constrained feature of enterprises through its values: the margin never turns."""
    model = trainings.general.model
    matrix = model.matrix(trainings.general.dataset.part("test"))[:60]
    for place, feature in enumerate(model.features):
        if not feature.direction:
            continue
        seen = matrix[:, place][np.isfinite(matrix[:, place])]
        if not len(seen):
            continue
        steps = np.unique(np.quantile(seen, np.linspace(0, 1, 12)))
        walked = np.repeat(matrix, len(steps), axis=0)
        walked[:, place] = np.tile(steps, len(matrix))
        margin = model.margin(walked).reshape(len(matrix), len(steps))
        assert (np.diff(margin, axis=1) * int(feature.direction) >= -1e-12).all(), feature.name


def test_no_feature_is_an_inspector_or_an_office() -> None:
    words = ("inspector", "authority", "office", "provider", "district_id")
    for feature in LIBRARY:
        columns = {column for term in feature.terms for column in (*term.where.columns, term.column or "")}
        assert not [w for w in words if w in feature.name or any(w in c for c in columns)], feature.name


def test_no_sector_looks_at_the_records_of_another(trainings: Any) -> None:
    for name in NAMES:
        model = trainings.models[name]
        sectors = {LIBRARY[f].sector for f in model.own_features}
        assert name in sectors <= {"general", name}


def test_saved_and_loaded_it_scores_to_the_last_bit(training: Any, tmp_path: Path) -> None:
    model = training.model
    model.save(tmp_path / "model")
    again = RiskModel.load(tmp_path / "model")
    matrix = model.matrix(training.dataset.rows)
    assert (again.margin(matrix) == model.margin(matrix)).all()
    assert (again.contributions(matrix[:50]).values == model.contributions(matrix[:50]).values).all()
    assert again.cuts == model.cuts
    assert not list((tmp_path / "model").rglob("*.pkl"))


def test_the_trees_of_a_base_are_prepared_once(trainings: Any, tmp_path: Path) -> None:
    """Each model brings its base as a copy of its own; the tables of their explanations are the same."""
    trainings.food.model.save(tmp_path / "food")
    trainings.special_equipment.model.save(tmp_path / "special_equipment")
    loaded = [RiskModel.load(tmp_path / name) for name in ("food", "special_equipment")]
    for model in loaded:
        model.prepare()
        assert model.base is not None
    assert loaded[0].base is not loaded[1].base
    assert loaded[0].base._explainer is loaded[1].base._explainer
    assert loaded[0]._explainer is not loaded[1]._explainer


def test_a_damaged_model_is_refused(trainings: Any, tmp_path: Path) -> None:
    trainings.food.model.save(tmp_path)
    text = (tmp_path / "booster.txt").read_text()
    (tmp_path / "booster.txt").write_text(text.replace("leaf_value=", "leaf_value=9", 1))
    with pytest.raises(InputError, match=r"booster.txt is damaged or was changed"):
        RiskModel.load(tmp_path)


def test_a_damaged_base_is_refused(trainings: Any, tmp_path: Path) -> None:
    trainings.food.model.save(tmp_path)
    (tmp_path / "base" / "model.json").write_text("{")
    with pytest.raises(InputError, match="damaged"):
        RiskModel.load(tmp_path)


def test_a_folder_without_a_model_and_an_unknown_format_are_refused(trainings: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no model"):
        RiskModel.load(tmp_path)
    trainings.general.model.save(tmp_path)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    (tmp_path / "manifest.json").write_text(json.dumps(manifest | {"format": 99}))
    with pytest.raises(InputError, match="format 99"):
        RiskModel.load(tmp_path)


def test_a_missing_feature_is_named_with_a_near_miss(trainings: Any) -> None:
    rows = trainings.general.dataset.part("test").rename(columns={"penalties_1y": "penalties_1yr"})
    with pytest.raises(InputError, match="Did you mean its column 'penalties_1yr'"):
        trainings.general.model.matrix(rows)


def test_the_same_training_gives_the_same_bytes(trainings: Any, small: Any, tmp_path: Path) -> None:
    again = train(trainings.snapshot, small("food"), base=trainings.general.model).model
    again.save(tmp_path / "again")
    trainings.food.model.save(tmp_path / "first")
    for name in ("model.json", "booster.txt", "manifest.json"):
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "first" / name).read_bytes()


def test_too_few_labels_fall_back_to_the_general_model() -> None:
    names = own_features(load_specification("food"))
    tiny = np.zeros((20, len(names)))
    assert fit_booster(load_specification("food"), names, tiny, np.arange(20) % 2, None) is None


def test_platt_recovers_a_known_calibration() -> None:
    rng = np.random.default_rng(3)
    raw = rng.normal(size=200_000)
    label = (rng.random(len(raw)) < 1 / (1 + np.exp(-(0.6 * raw - 1.2)))).astype(int)
    found = fit_platt(raw, label)
    assert found.slope == pytest.approx(0.6, abs=0.02)
    assert found.intercept == pytest.approx(-1.2, abs=0.02)


def test_platt_never_turns_the_ranking_round() -> None:
    raw = np.linspace(-1, 1, 400)
    label = (raw < 0).astype(int)
    found = fit_platt(raw, label)
    assert found.slope == 1.0
    assert np.mean(1 / (1 + np.exp(-found.margin(np.zeros(1))))) == pytest.approx(0.5)
    assert fit_platt(raw, np.zeros(400)).slope == 1.0
