"""Figures of a whole population from labels of the inspected: known truths, several routes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from features.store import Snapshot
from risk_model.dataset import Dataset
from risk_model.evaluation.metrics import positives_at
from risk_model.evaluation.population import Outcomes, outcomes, population_at, registration_of
from risk_model.evaluation.report import earlier_draws, whole_population
from risk_model.evaluation.selection import (
    Arm,
    estimate,
    estimated_arm,
    known_arm,
    logistic_curve,
    model_assisted,
    propensity,
    selection_report,
    taken_at,
    true_figures,
)
from risk_model.labels import read_events
from risk_model.registration import registration_at
from risk_model.specification import Target


@given(
    st.lists(st.tuples(st.integers(0, 1), st.integers(0, 5)), min_size=1, max_size=60),
    st.floats(0.01, 1.0),
)
def test_shares_within_the_capacity_find_what_the_metric_finds(
    rows: list[tuple[int, int]], share: float
) -> None:
    label, score = np.array(rows, dtype=float).T
    taken = taken_at(score, np.zeros(len(score)), share)
    assert taken @ label == pytest.approx(positives_at(label, score, share))
    assert taken.sum() == pytest.approx(max(1, round(share * len(score))))


def test_each_date_has_its_own_capacity() -> None:
    score = np.array([9.0, 8.0, 1.0, 0.5])
    assert taken_at(score, np.array([0, 0, 1, 1]), 0.5).tolist() == [1, 0, 1, 0]


def test_weights_by_hand() -> None:
    """Four enterprises, the first within capacity; two draws, weights 2 and 4."""
    arm = Arm(np.array([0, 2]), np.array([1.0, 0.0]), np.array([2.0, 4.0]))
    found = estimate(arm, np.array([1.0, 0, 0, 0]), np.arange(4), repetitions=0)
    # Inside: 1 of 1. Outside: 0 of 1. Base: 1/4 * 1 + 3/4 * 0.
    assert found["precision_at_10pct"]["value"] == 1.0
    assert found["base_rate"]["value"] == 0.25
    assert found["recall_at_10pct"]["value"] == 1.0
    assert found["lift_at_10pct"]["value"] == 4.0
    assert arm.effective == pytest.approx(36 / 20)


class World:
    """A population in which inspectors go by what a model sees and by what only they know."""

    def __init__(self, seed: int, *, n: int = 20_000, knowledge: float = 0.0) -> None:
        rng = np.random.default_rng(seed)
        self.x = rng.normal(size=n)
        known = rng.normal(size=n)
        self.p = expit(-2.4 + 0.9 * self.x + 0.7 * known * (knowledge > 0))
        y = (rng.random(n) < self.p).astype(float)
        self.chance = expit(-2.5 + 1.0 * self.x + knowledge * known)
        targeted = rng.random(n) < self.chance
        self.drawn_chance = np.where(self.x > 0.5, 0.12, 0.06)
        drawn = rng.random(n) < self.drawn_chance
        self.label = np.where(targeted, y, np.nan)
        rows = np.flatnonzero(drawn)
        self.outcomes = Outcomes(
            self.label, rows, (rng.random(len(rows)) < self.p[rows]).astype(float), self.drawn_chance[rows]
        )
        self.taken = taken_at(self.x, np.zeros(n))
        self.truth = true_figures(self.p, self.taken)
        self.who = np.arange(n)

    def recall(self, arm: Arm, outcome: np.ndarray | None = None) -> float:
        return estimate(arm, self.taken, self.who, outcome, repetitions=0)["recall_at_10pct"]["value"]


def errors(worlds: list[World], of: str) -> np.ndarray:
    found = []
    for w in worlds:
        seen = np.isfinite(w.label)
        if of == "naive":
            label, score = w.label[seen], w.x[seen]
            recall = positives_at(label, score, 0.1) / label.sum()
        elif of == "ipw":
            recall = w.recall(estimated_arm(w.label, propensity(w.x[:, None], seen)))
        elif of == "draws":
            recall = w.recall(known_arm(w.outcomes))
        else:
            recall = w.recall(known_arm(w.outcomes), expit(-2.0 + 0.5 * w.x))
        found.append(recall - w.truth["recall_at_10pct"])
    return np.array(found)


def test_weights_recover_the_truth_where_the_naive_figure_does_not() -> None:
    worlds = [World(seed) for seed in range(20)]
    assert abs(errors(worlds, "naive").mean()) > 0.03
    for of in ("ipw", "draws", "doubly robust with a wrong model"):
        error = errors(worlds, of)
        standard_error = error.std(ddof=1) / np.sqrt(len(error))
        assert abs(error.mean()) < 3 * standard_error + 0.005, of


def test_only_the_draws_are_right_where_inspectors_know_more_than_the_features() -> None:
    worlds = [World(seed, knowledge=1.2) for seed in range(20)]
    rate = [
        estimate(
            estimated_arm(w.label, propensity(w.x[:, None], np.isfinite(w.label))),
            w.taken,
            w.who,
            repetitions=0,
        )["base_rate"]["value"]
        - w.truth["base_rate"]
        for w in worlds
    ]
    drawn = [
        estimate(known_arm(w.outcomes), w.taken, w.who, repetitions=0)["base_rate"]["value"]
        - w.truth["base_rate"]
        for w in worlds
    ]
    assert np.mean(rate) > 0.02
    assert abs(np.mean(drawn)) < 0.005


def test_doubly_robust_is_right_if_either_part_is() -> None:
    worlds = [World(seed) for seed in range(20)]
    wrong_weights = [
        Arm(a.row, a.label, np.ones(len(a.row))) for a in (known_arm(w.outcomes) for w in worlds)
    ]
    targeted = [estimated_arm(w.label, np.full(len(w.x), 0.1)) for w in worlds]
    for arms in (wrong_weights, targeted):
        error = [w.recall(arm, w.p) - w.truth["recall_at_10pct"] for w, arm in zip(worlds, arms, strict=True)]
        assert abs(np.mean(error)) < 3 * np.std(error) / np.sqrt(len(error)) + 0.003
    # The same wrong weights without the model are off.
    flat = [
        estimate(a, w.taken, w.who, repetitions=0)["base_rate"]["value"] - w.truth["base_rate"]
        for w, a in zip(worlds, targeted, strict=True)
    ]
    assert abs(np.mean(flat)) > 0.02


def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    covered = []
    for seed in range(60):
        w = World(seed, n=6_000)
        figure = estimate(known_arm(w.outcomes), w.taken, w.who, repetitions=150)["recall_at_10pct"]
        covered.append(figure["low"] <= w.truth["recall_at_10pct"] <= figure["high"])
    assert np.mean(covered) >= 0.85


def test_model_assisted_is_right_where_its_curve_is() -> None:
    assisted = []
    for seed in range(20):
        w = World(seed, n=8_000)
        arm = known_arm(w.outcomes)
        margin = 0.4 * w.x - 1
        figures = model_assisted(
            margin, w.taken, margin[arm.row], arm.label, arm.weight, arm.row, repetitions=20
        )
        assisted.append(figures["recall_at_10pct"]["value"] - w.truth["recall_at_10pct"])
    assert abs(np.mean(assisted)) < 3 * np.std(assisted) / np.sqrt(20)


def test_the_logistic_curve_is_the_library_s() -> None:
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(5)
    x, weight = rng.normal(size=3000), rng.uniform(1, 5, 3000)
    y = (rng.random(3000) < expit(-1 + 0.7 * x)).astype(float)
    reference = LogisticRegression(C=1e8, tol=1e-10, max_iter=1000).fit(x[:, None], y, weight)
    ours = logistic_curve(x, y, weight)
    assert ours == pytest.approx([reference.intercept_[0], reference.coef_[0, 0]], abs=1e-4)


def frame(w: World) -> pd.DataFrame:
    return pd.DataFrame({"credit_code": w.who.astype(str), "as_of": pd.Timestamp("2025-07-01")})


def test_a_claim_without_an_arm_that_supports_it_is_refused() -> None:
    w = World(1)
    few = Outcomes(
        w.label, w.outcomes.draw_row[:60], w.outcomes.draw_label[:60], w.outcomes.draw_probability[:60]
    )
    report = selection_report(frame(w), few, w.x, w.p, w.x[:, None], repetitions=20)
    found = report["estimates"]
    assert "60 random draws" in found["random_draws_only"]["refused"]["en"]
    assert "60 次" in found["random_draws_only"]["refused"]["zh"]
    # The features explain the inspections, so that weights may speak, and say on which assumption.
    assert "if nothing but the features" in found["doubly_robust"]["speaks_of"]["en"]
    assert found["naive"]["speaks_of"]["en"] == "the enterprises that were inspected"

    nothing = np.zeros(0)
    none = Outcomes(w.label, nothing.astype(np.int64), nothing, nothing)
    blind = Outcomes(np.where(w.x > 1.5, w.label, np.nan), none.draw_row, nothing, nothing)
    without = selection_report(frame(w), blind, w.x, w.p, w.x[:, None], repetitions=20)["estimates"]
    assert "0 random draws" in without["model_assisted"]["refused"]["en"]
    # Whoever x tells to be safe is never looked at: no weight stands for them.
    assert "hardly ever inspected" in without["ipw"]["refused"]["en"]
    assert without["doubly_robust"] == {"refused": without["ipw"]["refused"]}
    everybody = Outcomes(np.nan_to_num(w.label), none.draw_row, none.draw_label, none.draw_probability)
    whole = selection_report(frame(w), everybody, w.x, w.p, w.x[:, None], repetitions=20)["estimates"]
    assert "nobody was left uninspected" in whole["ipw"]["refused"]["en"]


def test_heavy_weights_are_clipped_and_then_refused() -> None:
    label = np.zeros(1000)
    label[500:] = np.nan
    label[:50] = 1
    chance = np.full(1000, 0.5)
    chance[:100] = 0.001
    arm = estimated_arm(label, chance)
    assert arm.weight.max() == 20.0
    assert arm.clipped == 0.2
    assert arm.unreachable == 0.1


# -- on the simulated province ----------------------------------------------------------------------


@pytest.fixture(scope="module", name="target")
def _target(trainings: object) -> Target:
    facts = trainings.general.model.facts  # type: ignore[attr-defined]
    return Target.model_validate(facts["specification"]["target"])


def test_outcomes_are_those_of_a_search_record_by_record(trainings: object, target: Target) -> None:
    snapshot: Snapshot = trainings.snapshot  # type: ignore[attr-defined]
    population = trainings.general.population  # type: ignore[attr-defined]
    sample = population.iloc[::7][["credit_code", "as_of"]].reset_index(drop=True)
    found = outcomes(snapshot, target, sample)
    events = read_events(snapshot, target).frame
    draws = []
    for place, (code, day) in enumerate(sample.itertuples(index=False)):
        own = events[events["credit_code"] == code]
        after = own[
            (own["event_date"] > day) & (own["event_date"] <= day + pd.Timedelta(days=target.horizon_days))
        ]
        if after.empty:
            assert np.isnan(found.label[place])
        else:
            first = after[after["event_date"] == after["event_date"].min()]
            assert found.label[place] == first["label"].max()
        random = after[(after["selection"] == "random") & after["inclusion_probability"].notna()]
        draws += [(place, label, p) for label, p in random[["label", "inclusion_probability"]].to_numpy()]
    assert len(draws) > 10
    ours = zip(found.draw_row, found.draw_label, found.draw_probability, strict=True)
    assert sorted((int(a), float(b), float(c)) for a, b, c in ours) == sorted(draws)


def test_the_population_holds_the_uninspected_and_the_register_knows_it(trainings: object) -> None:
    snapshot: Snapshot = trainings.snapshot  # type: ignore[attr-defined]
    training = trainings.food  # type: ignore[attr-defined]
    day = pd.Timestamp(training.dataset.windows["test"]["last"]).date()
    population = population_at(snapshot, training.model, [day])
    pd.testing.assert_frame_equal(population, training.population)
    tested = training.dataset.part("test")
    newest = tested[tested["as_of"] == pd.Timestamp(day)]
    assert set(newest["credit_code"]) < set(population["credit_code"])
    import pyarrow as pa

    codes = pa.array(sorted(set(population["credit_code"])))
    other = registration_at(snapshot, day, codes).to_pandas().set_index("credit_code")
    ours = registration_of(snapshot, population)
    assert ours is not None
    expected = other.loc[population["credit_code"], ["district", "enterprise_type"]]
    assert ours.fillna("").to_numpy().tolist() == expected.fillna("").to_numpy().tolist()


def test_on_the_province_the_draws_speak_of_everybody(
    trainings: object, target: Target, province: Path
) -> None:
    snapshot: Snapshot = trainings.snapshot  # type: ignore[attr-defined]
    training = trainings.general  # type: ignore[attr-defined]
    days = sorted({d.date() for d in training.dataset.part("test")["as_of"]})
    population = population_at(snapshot, training.model, days)
    truth = pq.read_table(province / "truth.parquet").to_pandas(date_as_object=False)
    report = whole_population(
        training.model,
        training.dataset,
        population=(population, outcomes(snapshot, target, population)),
        truth=truth,
        repetitions=100,
    )
    rate = {
        name: one["metrics"]["base_rate"] for name, one in report["estimates"].items() if "metrics" in one
    }
    true = report["truth"]["base_rate"]
    assert report["truth"]["rows"] > 0.9 * report["rows"]
    # Who is inspected is riskier than who is not; the weights take that back.
    assert rate["naive"]["low"] > true
    for name in ("doubly_robust", "random_draws_only"):
        assert rate[name]["low"] <= true <= rate[name]["high"]
    assert abs(rate["model_assisted"]["value"] - true) < abs(rate["naive"]["value"] - true)


def test_draws_of_all_earlier_times_help_and_none_was_learned_from(trainings: object) -> None:
    training = trainings.general  # type: ignore[attr-defined]
    model, dataset = training.model, training.dataset
    found = earlier_draws(model, dataset, training.unseen)
    assert found is not None
    margin, rows = found
    assert (rows["selection"] == "random").all()
    assert (rows["inclusion_probability"] > 0).all()
    assert set(rows["part"]) == {"train", "calibration"}
    own = (rows["part"] == "train").to_numpy()
    learned = model.margin(model.matrix(rows))
    np.testing.assert_array_equal(margin[~own], learned[~own])
    assert (margin[own] != learned[own]).mean() > 0.99
    # What training kept is what an evaluation grows for itself.
    again = earlier_draws(model, dataset)
    assert again is not None
    np.testing.assert_array_equal(again[0], margin)
    unknown = Dataset(dataset.rows.drop(columns="inclusion_probability"), dataset.windows)
    assert earlier_draws(model, unknown) is None
