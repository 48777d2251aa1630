"""RiskClassifier: scikit-learn's own checks, directions, categories, calibration out of time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import cross_val_score
from sklearn.utils.estimator_checks import parametrize_with_checks

from features.errors import InputError
from risk_model.estimator import RiskClassifier


def not_applicable(estimator: RiskClassifier) -> dict[str, str]:
    return {
        "check_sample_weight_equivalence_on_dense_data": (
            "bins, leaves and subsamples are by rows: a row of weight 2 is not two rows"
        )
    }


@parametrize_with_checks([RiskClassifier(trees=60, threads=1)], expected_failed_checks=not_applicable)
def test_scikit_learn_checks(estimator: RiskClassifier, check: Callable[[RiskClassifier], None]) -> None:
    check(estimator)


def table(rows: int = 6_000, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Return features, labels and times; the base rate falls by half in the last fifth of the time."""
    rng = np.random.default_rng(seed)
    features = pd.DataFrame(
        {
            "problems": rng.poisson(1.0, rows).astype(float),
            "clean_in_a_row": rng.integers(0, 6, rows).astype(float),
            "code": rng.integers(0, 8, rows).astype(float),
            "noise": np.where(rng.random(rows) < 0.2, np.nan, rng.normal(size=rows)),
        }
    )
    times = np.sort(rng.uniform(0, 1, rows))
    margin = -1.0 + 0.6 * features["problems"] - 0.3 * features["clean_in_a_row"]
    margin += np.where(features["code"] % 2 == 0, 0.7, -0.7) - 0.7 * (times > 0.8)
    label = (rng.random(rows) < 1 / (1 + np.exp(-margin))).astype(int)
    return features, label, times


def test_declared_directions_hold() -> None:
    features, label, _ = table()
    # A direction against the data, and one with it.
    model = RiskClassifier(directions={"problems": -1, "clean_in_a_row": -1}, trees=80).fit(features, label)
    grid = features.iloc[:200]
    for name, low, high in (("problems", 0.0, 5.0), ("clean_in_a_row", 0.0, 5.0)):
        steps = [model.decision_function(grid.assign(**{name: v})) for v in np.linspace(low, high, 11)]
        assert (np.diff(np.column_stack(steps), axis=1) <= 1e-12).all()
    free = RiskClassifier(trees=80).fit(features, label)
    assert (
        free.decision_function(grid.assign(problems=5.0)) > free.decision_function(grid.assign(problems=0.0))
    ).all()


def test_codes_are_no_numbers() -> None:
    features, label, _ = table()
    model = RiskClassifier(categorical=["code"], trees=80, leaves=2).fit(features, label)
    row = features.iloc[:1]
    margins = [model.decision_function(row.assign(code=float(code)))[0] for code in range(8)]
    assert min(margins[0::2]) > max(margins[1::2])


def test_later_rows_calibrate() -> None:
    features, label, times = table(20_000)
    # What comes after the training rows has half the base rate.
    fresh, fresh_label, fresh_times = table(20_000, seed=1)
    after = fresh_times > 0.8
    calibrated = RiskClassifier(trees=150, calibration_share=0.2).fit(features, label, times=times)
    plain = RiskClassifier(trees=150).fit(features.iloc[:16_000], label[:16_000])
    rate = fresh_label[after].mean()
    assert calibrated.predict_proba(fresh[after])[:, 1].mean() == pytest.approx(rate, abs=0.02)
    assert plain.predict_proba(fresh[after])[:, 1].mean() > rate + 0.04
    assert (calibrated.calibration_.slope, calibrated.calibration_.intercept) != (1.0, 0.0)


def test_trees_do_not_see_the_rows_that_calibrate() -> None:
    features, label, times = table()
    turned = np.where(times > 0.8, 1 - label, label)
    models = [
        RiskClassifier(trees=20, calibration_share=0.1).fit(features, y, times=times) for y in (label, turned)
    ]
    same = RiskClassifier(trees=20, calibration_share=0.1).fit(
        features, np.where(times >= np.sort(times)[5_400], 1 - label, label), times=times
    )
    assert same.booster_.model_to_string() == models[0].booster_.model_to_string()
    assert models[1].booster_.model_to_string() != models[0].booster_.model_to_string()


def test_fitting_twice_gives_the_same_bytes() -> None:
    features, label, times = table()
    first, second = (RiskClassifier(trees=40).fit(features, label, times=times) for _ in range(2))
    assert first.booster_.model_to_string() == second.booster_.model_to_string()


def test_works_in_cross_validation_on_any_two_classes() -> None:
    features, label, _ = table()
    words = np.where(label == 1, "problem", "clean")
    scores = cross_val_score(RiskClassifier(trees=60), features, words, scoring="roc_auc", cv=3)
    assert scores.min() > 0.7
    assert set(RiskClassifier(trees=10).fit(features, words).predict(features)) <= {"problem", "clean"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"directions": {"probelms": 1}}, "no feature 'probelms'"),
        ({"directions": {"problems": 2}}, "direction of 'problems' is 2"),
        ({"categorical": ["codes"]}, "no feature 'codes'"),
    ],
)
def test_errors_name_what_is_wrong(settings: dict[str, object], message: str) -> None:
    features, label, _ = table(500)
    with pytest.raises(InputError, match=message):
        RiskClassifier(**settings).fit(features, label)


def test_too_few_later_rows_are_refused() -> None:
    features, label, times = table(300)
    with pytest.raises(InputError, match="fewer than 20 of one class"):
        RiskClassifier(calibration_share=0.05).fit(features, label, times=times)
    with pytest.raises(InputError, match="times has shape"):
        RiskClassifier().fit(features, label, times=times[:10])
