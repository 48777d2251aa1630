"""Search of settings: on earlier times only, within its bounds, the same every time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from features.errors import InputError
from risk_model.dataset import Dataset
from risk_model.search import Bounds, Trial, inner_folds, search
from risk_model.search.searching import choose
from risk_model.search.tuning import as_profile
from risk_model.specification import Learner, ModelSpecification, load_specification

Small = Callable[[str], ModelSpecification]


def rows(days: int = 1_000, positives: float = 0.2) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    as_of = pd.Timestamp("2020-01-01") + pd.to_timedelta(np.arange(days), unit="D")
    return pd.DataFrame(
        {
            "as_of": as_of,
            "label_known": as_of + pd.Timedelta(days=30),
            "label": (rng.random(days) < positives).astype(np.int8),
        }
    )


def test_labels_are_known_before_the_cutoff_and_judged_rows_come_after() -> None:
    table = rows()
    folds = inner_folds(table)
    assert len(folds) == 3
    judged = np.concatenate([fold.judged for fold in folds])
    assert len(np.unique(judged)) == len(judged)
    for fold in folds:
        assert table["label_known"].iloc[fold.learns].max() <= fold.cutoff
        assert table["as_of"].iloc[fold.judged].min() > fold.cutoff


def test_a_part_without_problems_is_refused() -> None:
    with pytest.raises(InputError, match="too short"):
        inner_folds(rows(positives=0.01))


def test_what_calibrates_and_tests_is_not_looked_at(trainings: Any, small: Small) -> None:
    dataset = trainings.general.dataset
    table = dataset.rows.copy()
    later = table["part"] != "train"
    table.loc[later, "label"] = 1 - table.loc[later, "label"]
    found = [search(small("general"), d, trials=3) for d in (dataset, Dataset(table, dataset.windows))]
    assert found[0] == found[1]
    begins = dataset.part("calibration")["as_of"].min()
    assert all(pd.Timestamp(day) < begins for day in found[0].cutoffs)


def test_the_bounds_are_kept_and_directions_and_seed_stay(trainings: Any, small: Small) -> None:
    bounds = Bounds(leaves_in_all=400)
    found = search(small("general"), trainings.general.dataset, trials=6, bounds=bounds)
    assert len(found.trials) == 6
    for trial in found.trials[1:]:
        assert trial.learner.trees * trial.learner.leaves <= 400
        assert trial.learner.monotone
        assert (trial.learner.seed, trial.learner.threads) == (Learner().seed, Learner().threads)
    assert found.best.mean >= found.present.mean
    assert found.present.learner == small("general").learner


def test_a_sector_model_is_searched_from_the_general_margin(trainings: Any, small: Small) -> None:
    base = trainings.general.model
    found = search(small("food"), trainings.food.dataset, base=base, trials=2)
    alone = search(small("food"), trainings.food.dataset, trials=2)
    assert found.present.roc_auc != alone.present.roc_auc


def trial(mean: float, *auc: float, kept: bool = True) -> Trial:
    return Trial(Learner(leaves=round(100 * mean)), auc, 1.0, kept)


def test_only_what_gains_at_most_cutoffs_and_keeps_to_the_bounds_is_chosen() -> None:
    present = trial(0.70, 0.70, 0.70, 0.70)
    lucky = trial(0.73, 0.69, 0.69, 0.85)
    unbounded = trial(0.80, 0.80, 0.80, 0.80, kept=False)
    steady = trial(0.71, 0.72, 0.71, 0.70)
    assert choose(present, [present, lucky, unbounded]) is present
    assert choose(present, [present, lucky, unbounded, steady]) is steady


def test_a_slope_outside_its_bounds_is_an_excess() -> None:
    bounds = Bounds(leaves_in_all=2400, slopes=(0.8, 1.2))
    assert max(bounds.excess(Learner(trees=300, leaves=8), 1.0)) <= 0
    assert max(bounds.excess(Learner(trees=300, leaves=8), 0.7)) == pytest.approx(0.1)
    assert max(bounds.excess(Learner(trees=300, leaves=8), 1.3)) == pytest.approx(0.1)
    assert max(bounds.excess(Learner(trees=301, leaves=8), 1.0)) == 8


def test_what_is_found_is_a_profile(trainings: Any, small: Small, tmp_path: Path) -> None:
    found = search(small("general"), trainings.general.dataset, trials=2)
    path = tmp_path / "found.yaml"
    path.write_text(as_profile("general", None, found), encoding="utf-8")
    assert load_specification("general", str(path)).learner.trees == found.best.learner.trees
    over = yaml.safe_load(as_profile("general", "beijing", found))["general"]
    assert over["target"]["where"] == {"domain": ["culture"]}
    assert over["learner"]["leaves"] == found.best.learner.leaves
