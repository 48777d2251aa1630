"""Monitoring a published classification: references, calibration that waits for labels, the page."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit

from risk_model.classification import ModelVersion, classify
from risk_model.evaluation.population import registration_of
from risk_model.labels import LabelledEvents, read_events
from risk_model.monitoring.calibration import judge, label_delay, newest_record
from risk_model.monitoring.page import page
from risk_model.monitoring.reference import MARGIN, Reference
from risk_model.monitoring.stability import Bins
from risk_model.monitoring.watch import watch
from risk_model.publication import Publication
from risk_model.specification import Target


def reference_of(trainings: Any, move: float = 0.0) -> Reference:
    """Return the reference of the general model; its margins moved, to be drifted from."""
    training = trainings.general
    model, rows = training.model, training.population
    matrix = model.matrix(rows)
    who = registration_of(trainings.snapshot, rows)
    tiers = {"A": 0.5, "B": 0.2, "C": 0.05, "D": 0.03, "insufficient_record": 0.22}
    return Reference.of(
        training.dataset.windows["test"]["last"],
        model.feature_names,
        matrix,
        model.margin(matrix) + move,
        who["district"].to_numpy(),
        tiers,
    )


def target(trainings: Any) -> Target:
    return Target.model_validate(trainings.general.model.facts["specification"]["target"])


@pytest.fixture(scope="module", name="past")
def _past(trainings: Any, tmp_path_factory: pytest.TempPathFactory) -> list[Publication]:
    """Classifications whose labels are in, and one whose labels are not."""
    models = {"general": ModelVersion(trainings.general.model, "1")}
    folder = tmp_path_factory.mktemp("past")
    return [
        classify(trainings.snapshot, models, day, folder) for day in (date(2025, 3, 1), date(2025, 11, 1))
    ]


def watched(trainings: Any, past: list[Publication], move: float = 0.0) -> dict[str, Any]:
    references = {"general": reference_of(trainings, move)}
    return watch(past[-1], past, references, lambda _: target(trainings), trainings.snapshot)


def test_the_population_of_training_does_not_drift_from_itself(
    trainings: Any, past: list[Publication]
) -> None:
    found = watched(trainings, past)
    told = found["models"]["general"]
    assert set(told["features"]) == set(trainings.general.model.feature_names)
    assert not told["score"]["alarm"]
    assert sum(told["score"]["counts"]) == told["volumes"]["rows"] == told["score"]["rows"]
    assert sum(one["rows"] for one in told["districts"].values()) <= told["volumes"]["rows"]
    assert sum(told["tiers"]["now"].values()) == pytest.approx(1)
    assert told["volumes"]["previous"] == past[0].document["models"]["general"]["rows"]


def test_moved_scores_are_an_alarm_with_its_size(trainings: Any, past: list[Publication]) -> None:
    found = watch(
        past[-1],
        past,
        {"general": reference_of(trainings, -0.7)},
        lambda _: target(trainings),
        trainings.snapshot,
    )
    told = found["models"]["general"]
    assert told["score"]["alarm"]
    assert any("scores have drifted" in alarm["en"] for alarm in told["alarms"])
    # By another route: shares of the fixed bins.
    margin = past[-1].rows(model="general")["margin"].to_numpy()
    reference = reference_of(trainings, -0.7)
    edges = [-np.inf, *reference.bins[MARGIN].edges, np.inf]
    now = pd.cut(pd.Series(margin), edges, right=True).value_counts(sort=False).to_numpy()
    # Half a row is added to each bin: no bin is empty.
    p, q = ((n + 0.5) / (n + 0.5).sum() for n in (reference.counts[MARGIN][:-1], now))
    assert told["score"]["psi"] == pytest.approx(((q - p) * np.log(q / p)).sum(), rel=1e-9)
    text = page(found).html()
    assert text.count("<svg ") == 3
    assert "the scores have drifted" in text
    assert "得分分布漂移" in text


def test_probabilities_are_judged_when_their_labels_are_in_and_not_before(
    trainings: Any, past: list[Publication]
) -> None:
    events = read_events(trainings.snapshot, target(trainings))
    newest = newest_record(trainings.snapshot, target(trainings))
    assert newest is not None
    early, late = (judge(p, "general", events, target(trainings), newest) for p in past)
    assert early["mature"]
    assert not late["mature"]
    assert "inspected" not in late
    complete = past[1].as_of + timedelta(days=180 + label_delay(events))
    assert late["complete_on"] == str(complete)
    told = early["inspected"]
    # By hand: the first inspection that counts within the horizon and is recorded.
    rows = past[0].rows(model="general").to_pandas().set_index("credit_code")["probability"]
    frame = events.frame[events.frame["credit_code"].isin(rows.index)]
    day = pd.Timestamp(past[0].as_of)
    inside = frame[(frame["event_date"] > day) & (frame["event_date"] <= day + pd.Timedelta(days=180))]
    first = inside.sort_values(["credit_code", "event_date", "label"]).groupby("credit_code")
    date_of = first["event_date"].transform("min")
    decided = inside[inside["event_date"] == date_of].groupby("credit_code")["label"].max()
    assert told["rows"] == len(decided)
    assert told["observed"] == pytest.approx(decided.mean())
    assert told["predicted"] == pytest.approx(rows[decided.index].mean())


class _Published:
    """A classification of which the probabilities are known to be right, or not."""

    def __init__(self, probability: np.ndarray) -> None:
        import pyarrow as pa

        self.name, self.as_of = "2025-01-01-1", date(2025, 1, 1)
        self.table = pa.table(
            {"credit_code": [f"{i:05d}" for i in range(len(probability))], "probability": probability}
        )

    def rows(self, **_: Any) -> Any:
        return self.table


def judged(seed: int, move: float, n: int = 3000) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    p = rng.beta(1.5, 10, n)
    frame = pd.DataFrame(
        {
            "credit_code": [f"{i:05d}" for i in range(n)],
            "event_date": pd.Timestamp("2025-02-01"),
            "recorded_at": pd.Timestamp("2025-02-10"),
            "record_id": [str(i) for i in range(n)],
            "label": (rng.random(n) < expit(logit(p) + move)).astype(np.int8),
        }
    )
    goal = Target.model_validate(
        {"label": {"zh": "x", "en": "x"}, "table": "inspection", "horizon_days": 180}
    )
    return judge(_Published(p), "m", LabelledEvents(frame), goal, date(2025, 12, 1))  # type: ignore[arg-type]


def test_right_probabilities_alarm_rarely_and_wrong_ones_always() -> None:
    right = [judged(seed, 0.0) for seed in range(60)]
    assert np.mean([one["inspected"]["p_value"] < 0.05 for one in right]) <= 0.13
    assert not any(one["alarm"] for one in right)
    assert np.mean([one["inspected"]["slope"] for one in right]) == pytest.approx(1, abs=0.05)
    wrong = [judged(seed, 0.6) for seed in range(5)]
    assert all(one["alarm"] for one in wrong)
    assert wrong[0]["inspected"]["intercept"] == pytest.approx(0.6, abs=0.35)
    assert judged(0, 0.0)["complete_on"] == "2025-07-09"


def test_bins_of_the_reference_do_not_move_with_the_batch(trainings: Any) -> None:
    reference = reference_of(trainings)
    assert reference.bins[MARGIN] == Bins.of(
        trainings.general.model.margin(trainings.general.model.matrix(trainings.general.population))
    )
