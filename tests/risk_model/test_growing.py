"""Where a sector's trees start from, whom they have seen, and how rows weigh."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from risk_model.calibration import IDENTITY, fit_platt
from risk_model.evaluation.metrics import rank_auc
from risk_model.growing import entry_of, grow, grown_without, row_weights
from risk_model.specification import load_specification
from risk_model.training import train


def test_the_general_margin_counts_less_beside_the_sectors_own_records(trainings: Any, small: Any) -> None:
    """Both speak of one conduct: the margin's slope beside the others is below its slope alone."""
    general = trainings.general.model
    rows = trainings.food.dataset.part("train")
    entry = entry_of(general, small("food"), rows)
    margin, label = general.margin(general.matrix(rows)), rows["label"].to_numpy()
    assert 0 <= entry.slope < fit_platt(margin, label).slope
    chance = 1 / (1 + np.exp(-entry.margin(margin)))
    assert chance.mean() == pytest.approx(label.mean(), abs=1e-9)
    assert trainings.food.model.entry == entry


def test_the_entry_knows_training_rows_only(trainings: Any, small: Any) -> None:
    dataset = trainings.food.dataset
    table = dataset.rows.copy()
    later = table["part"] != "train"
    table.loc[later, "label"] = 1 - table.loc[later, "label"]
    changed = table[table["part"] == "train"]
    assert entry_of(trainings.general.model, small("food"), changed) == trainings.food.model.entry


def test_without_a_base_or_enough_labels_the_entry_is_the_identity(trainings: Any, small: Any) -> None:
    rows = trainings.food.dataset.part("train")
    assert entry_of(None, small("food"), rows) == IDENTITY
    assert entry_of(trainings.general.model, small("food"), rows.head(50)) == IDENTITY


def test_whoever_is_scored_was_not_learned_from(trainings: Any, small: Any) -> None:
    """Turn the labels of one enterprise round: its own margins must stay as they are."""
    model, specification = trainings.general.model, small("general")
    rows = trainings.general.dataset.part("train").reset_index(drop=True)
    code = rows["credit_code"].value_counts().index[0]
    own = (rows["credit_code"] == code).to_numpy()
    turned = rows.assign(label=np.where(own, 1 - rows["label"], rows["label"]).astype(np.int8))
    before, after = (grown_without(model, specification, table) for table in (rows, turned))
    assert (before[own] == after[own]).all()
    assert (before[~own] != after[~own]).any()


def test_margins_of_the_unseen_flatter_less(trainings: Any, small: Any) -> None:
    model, specification = trainings.general.model, small("general")
    rows = trainings.general.dataset.part("train")
    plain = replace(model, calibration=IDENTITY)
    label = rows["label"].to_numpy()
    seen = rank_auc(label, plain.raw_margin(plain.matrix(rows)))
    assert rank_auc(label, grown_without(model, specification, rows)) < seen


def test_draws_weigh_the_inverse_of_their_probability_and_one_on_average() -> None:
    specification = load_specification("general").model_copy(update={"weights": "inverse_probability"})
    rows = pd.DataFrame(
        {
            "selection": ["random", "random", "targeted", "random"],
            "inclusion_probability": [0.01, 0.03, np.nan, np.nan],
        }
    )
    weight = row_weights(rows, specification)
    assert weight is not None
    np.testing.assert_allclose(weight, [1.5, 0.5, 1.0, 1.0])
    assert row_weights(rows, load_specification("general")) is None
    assert row_weights(rows.drop(columns="inclusion_probability"), specification) is None


def test_weights_change_the_trees(trainings: Any, small: Any) -> None:
    specification = small("general")
    weighted = specification.model_copy(update={"weights": "inverse_probability"})
    rows, model = trainings.general.dataset.part("train"), trainings.general.model
    texts = [grow(model, one, rows).model_to_string() for one in (specification, weighted)]
    assert texts[0] != texts[1]


def test_the_calibration_window_alone_is_an_option(trainings: Any, small: Any) -> None:
    specification = small("general").model_copy(update={"calibrate_on": "window"})
    done = train(trainings.snapshot, specification)
    assert done.model.booster.model_to_string() == trainings.general.model.booster.model_to_string()
    assert done.model.calibration != trainings.general.model.calibration
