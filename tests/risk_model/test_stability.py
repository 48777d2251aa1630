"""Stability selection: what tells something is kept, noise is not, and nothing later is looked at."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from features.errors import InputError
from features.home import Home
from features.store import RecordStore
from risk_model import pipeline
from risk_model.cli import build
from risk_model.dataset import Dataset, own_features
from risk_model.search import select
from risk_model.search.stability import _stable, as_profile
from risk_model.specification import ModelSpecification, load_specification

Small = Callable[[str], ModelSpecification]
TELLS = ("penalties_3y", "complaints_1y")


def made(trainings: Any, names: tuple[str, ...]) -> Dataset:
    """Return rows whose features are noise but for two, which alone make the label."""
    rng = np.random.default_rng(0)
    rows = trainings.general.dataset.rows.copy()
    for name in names:
        rows[name] = rng.integers(0, 12, len(rows)).astype(float)
    log_odds = 0.35 * (rows[TELLS[0]] - 6) + 0.35 * (rows[TELLS[1]] - 6) - 1
    rows["label"] = (rng.random(len(rows)) < 1 / (1 + np.exp(-log_odds))).astype(np.int8)
    return Dataset(rows, trainings.general.dataset.windows)


@pytest.fixture(scope="module", name="bare")
def _bare(small: Small) -> ModelSpecification:
    """A model of a dozen features, two of which will tell something."""
    usual = small("general")
    numbers = [n for n in own_features(usual) if n not in TELLS][:60:5]
    kept = {*TELLS, *numbers}
    learner = usual.learner.model_copy(update={"minimum_in_leaf": 40, "feature_fraction": 0.8})
    excluded = tuple(n for n in own_features(usual) if n not in kept)
    return usual.model_copy(update={"exclude_features": excluded, "learner": learner})


def test_what_tells_is_kept_and_noise_is_not(trainings: Any, bare: ModelSpecification) -> None:
    found = select(bare, made(trainings, own_features(bare)), halves=6)
    assert set(found.kept) == set(TELLS)
    assert {one.feature for one in found.features if one.frequency == 1.0} == set(TELLS)
    assert max(one.frequency for one in found.features if one.feature not in TELLS) <= 0.25
    assert set(found.kept) | set(found.dropped) == set(own_features(bare))
    assert all(k > a - 0.01 for a, k in zip(found.roc_auc_all, found.roc_auc_kept, strict=True))
    assert sum(one.gain for one in found.features) == pytest.approx(1.0)


def test_a_loss_after_most_cutoffs_is_said(trainings: Any, bare: ModelSpecification) -> None:
    found = select(bare, made(trainings, own_features(bare)), halves=2)
    better = replace(found, roc_auc_all=(0.70, 0.70, 0.70), roc_auc_kept=(0.71, 0.70, 0.69))
    worse = replace(found, roc_auc_all=(0.70, 0.70, 0.70), roc_auc_kept=(0.71, 0.69, 0.69))
    assert (better.loses, worse.loses) == (False, True)
    assert worse.as_dict()["loses"]


def test_later_rows_are_not_looked_at_and_the_result_is_the_same_again(
    trainings: Any, bare: ModelSpecification
) -> None:
    dataset = made(trainings, own_features(bare))
    table = dataset.rows.copy()
    later = table["part"] != "train"
    table.loc[later, "label"] = 1 - table.loc[later, "label"]
    runs = [select(bare, d, halves=2) for d in (dataset, replace(dataset, rows=table))]
    assert runs[0] == runs[1]


def test_of_windows_that_take_turns_the_most_frequent_stays() -> None:
    names = ("penalties_1y", "penalties_3y", "complaints_1y")
    beat = np.array([[1, 0, 0], [0, 1, 0], [0, 1, 1], [1, 0, 0], [0, 1, 0]], dtype=bool)
    kept, shares = _stable(names, beat, 0.7)
    assert kept == {"penalties_3y"}
    assert sorted(shares.values()) == [0.2, 1.0]


def test_a_sector_starts_from_its_base(trainings: Any, small: Small) -> None:
    found = select(small("food"), trainings.food.dataset, base=trainings.general.model, halves=2)
    assert {one.feature for one in found.features} == set(own_features(small("food")))
    assert all(0.5 < auc < 0.9 for auc in found.roc_auc_all)


def test_too_short_a_history_is_refused(trainings: Any, small: Small) -> None:
    dataset = trainings.general.dataset
    short = dataset.rows[dataset.rows["as_of"] == dataset.rows["as_of"].min()]
    with pytest.raises(InputError, match="too short"):
        select(small("general"), replace(dataset, rows=short), halves=2)


def test_the_command_writes_a_table_and_a_profile_that_training_takes(
    records: RecordStore, small: Small, tmp_path: Path
) -> None:
    home = Home(tmp_path / "home")
    home.root.mkdir()
    home.store.symlink_to(records.root)
    file = tmp_path / "made" / "stable.yaml"
    own = small("general")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("risk_model.search.tuning.load_specification", lambda name, profile: own)
        words = ["select", "general", "--halves", "2", "--out", str(file), "--home", str(home.root)]
        said = CliRunner().invoke(build(), words)
        assert said.exit_code == 0, said.output
        told = json.loads(CliRunner().invoke(build(), [*words, "--json"]).stdout)
    assert "features are stable over 2 halves" in said.stdout
    assert "stable ones alone" in said.stdout
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert content == {"general": {"exclude_features": sorted(told["dropped"])}}
    specification = load_specification("general", str(file))
    assert set(own_features(specification)) == set(told["kept"])
    assert pipeline.trainable("all", str(file)) == ("general",)


def test_a_profile_keeps_what_it_excluded_before(trainings: Any, bare: ModelSpecification) -> None:
    found = select(bare, made(trainings, own_features(bare)), halves=2)
    content = yaml.safe_load(as_profile("food", "chicago", found))
    assert content["food"]["increment_over"] is None
    assert set(content["food"]["exclude_features"]) >= set(found.dropped)
