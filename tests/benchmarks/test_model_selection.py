"""What the benchmark says of estimates over provinces, by hand."""

from __future__ import annotations

import json
from typing import Any

import pytest

from benchmarks.model_selection import ESTIMATES, FIGURES, lines, summary


def report(truth: float, naive: float, corrected: float, refused: bool = False) -> dict[str, Any]:
    def told(value: float) -> dict[str, Any]:
        figure = {"value": value, "low": value - 0.01, "high": value + 0.01}
        return {"metrics": dict.fromkeys(FIGURES, figure)}

    estimates: dict[str, Any] = {name: told(corrected) for name in ESTIMATES} | {"naive": told(naive)}
    if refused:
        estimates["doubly_robust"] = {"refused": {"zh": "太少", "en": "too few"}}
    return {"rows": 100, "labelled": 10, "truth": dict.fromkeys(FIGURES, truth), "estimates": estimates}


def test_errors_and_how_many_intervals_hold_the_truth() -> None:
    told = summary([report(0.30, 0.38, 0.305), report(0.28, 0.34, 0.265)])
    recall = told["recall_at_10pct"]
    assert recall["naive"]["bias"]["value"] == pytest.approx(0.07)
    assert recall["naive"]["intervals that hold the truth"] == "0 of 2"
    corrected = recall["model_assisted"]
    assert corrected["mean absolute error"] == pytest.approx(0.01)
    assert corrected["largest absolute error"] == pytest.approx(0.015)
    assert corrected["bias"]["value"] == pytest.approx(-0.005)
    # Two errors, 0.005 and -0.015: standard deviation 0.0141, of the mean 0.01.
    assert corrected["bias"]["high"] == pytest.approx(-0.005 + 1.96 * 0.01)
    assert corrected["intervals that hold the truth"] == "1 of 2"


def test_one_province_has_no_interval_over_provinces_and_no_nan() -> None:
    told = summary([report(0.3, 0.36, 0.31)])
    assert told["recall_at_10pct"]["naive"]["bias"] == {"value": pytest.approx(0.06)}
    assert told["recall_at_10pct"]["naive"]["intervals"] == [[pytest.approx(0.35), pytest.approx(0.37)]]
    json.dumps(told, allow_nan=False)
    assert not any("nan" in line for line in lines("general", told))


def test_what_one_province_refuses_is_refused_for_all() -> None:
    told = summary([report(0.3, 0.3, 0.3), report(0.3, 0.3, 0.3, refused=True)])
    assert told["recall_at_10pct"]["doubly_robust"] == {"refused": [None, "too few"]}
    assert any("refused" in line for line in lines("food", told))
