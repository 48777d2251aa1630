"""The benchmark of explanations measures what it says, and says what it does not measure."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import pytest

from benchmarks import explain
from benchmarks.explain import Case, Effort, compare, enterprises, fit, found_problem, take_turns
from risk_model.explanation.trees import TreeExplainer

TINY = Effort(600, 2, 2_000, 3_000, 300, repetitions=1, seconds=0.01, patience=0.01)


@pytest.fixture(scope="module")
def booster() -> lgb.Booster:
    training = enterprises(2_000, seed=0)
    return fit(training, found_problem(training), 15, 8, 1, categorical=True)


def case_of(booster: lgb.Booster) -> Case:
    columns = np.arange(explain.FEATURES)
    explainer = TreeExplainer.from_booster(booster)
    return Case(
        ((booster, columns), (booster, columns[::-1].copy())), _both(explainer), enterprises(3_000, 1)
    )


def _both(explainer: TreeExplainer) -> Any:
    def explained(rows: np.ndarray, threads: int | None = None) -> np.ndarray:
        out = np.zeros(rows.shape)
        columns = np.arange(rows.shape[1])
        for order in (columns, columns[::-1].copy()):
            explainer.add_to(out, rows, order, 1.0, threads=threads)
        return out

    return explained


@pytest.mark.filterwarnings("ignore:LightGBM binary classifier with TreeExplainer")
def test_all_sizes_of_a_case_are_measured_and_checked(
    booster: lgb.Booster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(explain, "find_spec", lambda name: None)
    figures, ratios = compare(case_of(booster), TINY, 1)
    assert figures["margins bit-equal"]
    assert figures["a row alone bit-equal"]
    assert figures["largest difference from pred_contrib"] < 1e-9
    for size in ("one row", "batch", "country"):
        for peer in ("score", "pred_contrib", "shap"):
            assert ratios[f"{peer}, {size}"] > 0
        assert figures[f"{size}, microseconds a row"]["ours"] > 0


def test_a_peer_that_cannot_explain_a_model_is_named_with_why() -> None:
    figures: dict[str, Any] = {}

    def fails(matrix: np.ndarray) -> None:
        message = "no categories, please"
        raise NotImplementedError(message)

    contenders = {"ours": np.sum, "peer": fails}
    seconds, counts = take_turns(contenders, np.ones((50, 3)), 20, TINY, figures)
    assert set(seconds) == set(counts) == {"ours"}
    assert figures == {"peer failed": "NotImplementedError: no categories, please"}


def test_what_is_not_installed_is_said_and_kept_cases_are_not_measured_again(
    booster: lgb.Booster, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(explain, "find_spec", lambda name: None)
    monkeypatch.setattr(explain, "CASES", ("one",))
    monkeypatch.setattr(explain, "QUICK", TINY)
    monkeypatch.setattr(explain, "case_of", lambda name, effort, threads: case_of(booster))
    kept = tmp_path / "kept.json"
    document = explain.run(True, results=kept)
    assert document["figures"]["fasttreeshap"] == "not compared: fasttreeshap is not installed"
    assert set(document["aims"]["times faster than pred_contrib for one row"]) == {"value", "aim", "met"}
    monkeypatch.setattr(explain, "case_of", None)
    assert explain.run(True, results=kept)["ratios"] == document["ratios"]
    monkeypatch.setattr(explain, "QUICK", replace(TINY, batch=400))
    with pytest.raises(TypeError):
        explain.run(True, results=kept)
