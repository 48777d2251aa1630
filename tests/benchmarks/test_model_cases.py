"""The measures of the benchmark of models, against brute force; the contest's files."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from benchmarks.ccf import CATEGORICAL, CODES, DIRECTIONS, load
from benchmarks.model_cases import DATA, REGISTERS, expected_auc, true_calibration_error
from benchmarks.models import above, below
from risk_model.specification import load_specification


def test_the_expected_auc_is_that_of_many_drawn_labels() -> None:
    rng = np.random.default_rng(0)
    chance = rng.beta(1, 6, 20_000)
    score = np.log(chance) + rng.normal(0, 1, len(chance))
    drawn = [roc_auc_score(rng.random(len(chance)) < chance, score) for _ in range(30)]
    assert expected_auc(chance, score) == pytest.approx(np.mean(drawn), abs=0.003)


def test_no_score_beats_the_true_probability_in_expectation() -> None:
    rng = np.random.default_rng(1)
    chance = rng.beta(1, 6, 5_000)
    best = expected_auc(chance, chance)
    assert best > expected_auc(chance, chance + rng.normal(0, 0.05, len(chance)))
    assert expected_auc(chance, rng.random(len(chance))) == pytest.approx(0.5, abs=0.02)


def test_calibration_against_the_truth() -> None:
    chance = np.linspace(0.01, 0.4, 1_000)
    assert true_calibration_error(chance, chance) == pytest.approx(0, abs=1e-12)
    assert true_calibration_error(chance, chance + 0.02) == pytest.approx(0.02)


def test_an_aim_says_whether_it_is_met() -> None:
    assert above(0.63, 0.629) == {"value": 0.63, "aim": 0.629, "met": True}
    assert not above(0.62, 0.629)["met"]
    assert not below(0.0101, 0.01)["met"]


@pytest.mark.parametrize("name", REGISTERS)
def test_a_register_has_its_files_and_a_profile_that_ends_before_its_test(name: str) -> None:
    register = REGISTERS[name]
    files = [p.name for p in (DATA / register.folder).glob("*.csv.gz")]
    assert all(any(file.startswith(begin) for file in files) for begin in register.files)
    windows = load_specification(register.model, register.profile).windows
    if windows.rows == "events":
        assert None not in (windows.train, windows.calibration, windows.test)
        assert windows.train.end < windows.calibration.start <= windows.calibration.end < windows.test.start


def test_the_contest_has_one_row_an_enterprise() -> None:
    found = load(DATA / "ccf_bdci2020_illegal_fundraising")
    assert found.rows.shape == (14_865, len(found.names) + 1)
    assert int(found.rows["label"].sum()) == 981
    assert set(CATEGORICAL) < set(CODES) == set(found.categorical)
    assert set(DIRECTIONS) < set(found.names)
    assert not any("label" in name or name == "id" for name in found.names)
    codes = found.rows[list(CODES)]
    assert (codes.isna() | (codes >= 0)).all(axis=None)
    # A judgment is a record of the enterprise: of those that have one it is a number.
    assert found.rows["legal_judgment_num"].min() >= 0
