"""Models against their comparators: the simulated province, four cities, a register of lifts, a contest.

Every learner sees the same rows before the test period. Figures have 95 % intervals by a bootstrap of
whole enterprises. On the simulated province the truth is known: scores of everybody are compared with the
true probabilities, beside what a regression on the same features attains that is fitted to the truth.
Settings were chosen on cut-offs before the test periods; these are looked at here.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Threads that wait would keep the cores from those that work, where others use the machine, too.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score
from sklearn.model_selection import RepeatedStratifiedKFold

from benchmarks import model_selection
from benchmarks.case_results import CaseResults
from benchmarks.ccf import CATEGORICAL, DIRECTIONS, load
from benchmarks.model_cases import (
    DATA,
    REGISTERS,
    SEED,
    Province,
    Trial,
    attainable,
    expected_auc,
    train_province,
    train_register,
    true_calibration_error,
)
from benchmarks.model_selection import estimated_province
from risk_model.estimator import RiskClassifier
from risk_model.evaluation.comparators import Columns, chosen, comparator_scores
from risk_model.evaluation.metrics import (
    calibration_error,
    days_gained,
    lift_at,
    positives_at,
    rank_auc,
    recall_at,
    with_intervals,
)

METRICS = {
    "roc_auc": rank_auc,
    "average_precision": lambda y, s: float(average_precision_score(y, s)),
    "lift_at_10pct": lift_at,
    "recall_at_10pct": recall_at,
}
RATIO_AIM, CALIBRATION_AIM = 0.95, 0.01
OURS = "model"


@dataclass(frozen=True)
class Effort:
    """How much is measured."""

    enterprises: int
    cases: tuple[str, ...]
    comparators: Any
    repetitions: int
    fold_repetitions: int
    folds: int
    selection_enterprises: int
    selection_seeds: tuple[int, ...]

    def of(self, case: str) -> dict[str, Any]:
        """Return the settings that a case depends on."""
        names = {
            "simulated": ("enterprises", "comparators"),
            "selection": ("selection_enterprises", "selection_seeds"),
            "contest": ("comparators", "fold_repetitions", "folds"),
        }.get(case, ("comparators",))
        return {name: getattr(self, name) for name in ("repetitions", *names)}


FULL = Effort(
    100_000,
    (*REGISTERS, "simulated", "selection", "contest"),
    "all",
    150,
    2,
    5,
    200_000,
    (1,),
)
QUICK = Effort(
    3_000,
    ("Chicago", "simulated", "contest"),
    ("points_card", "plain_lightgbm", "random"),
    25,
    1,
    2,
    3_000,
    (1,),
)


class Clock:
    """Says on the way how long each step took."""

    def __init__(self) -> None:
        self._start = time.perf_counter()

    def say(self, what: str) -> None:
        """Print what was done, and the seconds since the start."""
        print(f"{time.perf_counter() - self._start:6.0f} s  {what}", flush=True)


def run(quick: bool, *, cases: Sequence[str] = (), results: Path | None = None) -> dict[str, Any]:
    """Measure, and return the benchmark's document.

    Parameters
    ----------
    quick
        Small sizes.
    cases
        Only these, and anew; by default all that ``results`` lacks.
    results
        File in which measured cases are kept.
    """
    effort, clock = (QUICK if quick else FULL), Clock()
    kept = CaseResults(results)
    everything = tuple(case for case in CASES if case in effort.cases)
    wanted = tuple(cases) or everything
    for case in wanted:
        if not cases and kept.has(case, effort.of(case)):
            clock.say(f"{case}: measured before")
            continue
        began = time.perf_counter()
        figures, aims = CASES[case](case, effort, clock)
        kept.put(case, effort.of(case), figures, aims, time.perf_counter() - began)
    return kept.document(wanted)


def register_case(name: str, effort: Effort, clock: Clock) -> tuple[dict[str, Any], dict[str, Any]]:
    """Measure on a city or register."""
    figures: dict[str, Any] = {}
    aims: dict[str, Any] = {}
    with _folder() as folder:
        trial = train_register(REGISTERS[name], folder)
    clock.say(f"{name}: trained")
    for window, table in register_tables(name, trial, effort).items():
        title = f"{name}, {window}"
        figures[title] = table
        aims[f"ROC AUC, {title}"] = above(table[OURS]["roc_auc"]["value"], REGISTERS[name].aims[window][1])
        show(title, table)
    clock.say(f"{name}: done")
    return figures, aims


def province_case(case: str, effort: Effort, clock: Clock) -> tuple[dict[str, Any], dict[str, Any]]:
    """Measure on the simulated province, against the truth."""
    figures: dict[str, Any] = {"enterprises simulated": effort.enterprises}
    aims: dict[str, Any] = {}
    with _folder() as folder:
        province = train_province(effort.enterprises, folder, clock.say)
    for name, trial in province.trials.items():
        table, facts = province_table(province, trial, name, effort)
        title = f"simulated, {name}"
        figures[title] = {**table, "against the truth, everybody": facts}
        aims[f"(AUC - 0.5) / (attainable - 0.5), {name}"] = above(
            facts["of the attainable"]["value"], RATIO_AIM
        )
        aims[f"ECE against the truth, {name}"] = below(facts["ece"]["value"], CALIBRATION_AIM)
        show(title, table)
        clock.say(f"{title}: {facts}")
    return figures, aims


def selection_case(case: str, effort: Effort, clock: Clock) -> tuple[dict[str, Any], dict[str, Any]]:
    """Measure what corrections for selection recover, on several simulated provinces."""
    provinces = []
    for seed in effort.selection_seeds:
        with _folder() as folder:
            provinces.append(
                estimated_province(effort.selection_enterprises, seed, folder, effort.repetitions, clock.say)
            )
    told = {name: model_selection.summary([one[name] for one in provinces]) for name in provinces[0]}
    aims: dict[str, Any] = {}
    for name, one in told.items():
        print("\n".join(model_selection.lines(name, one)), flush=True)
        corrected = one["recall_at_10pct"][model_selection.CORRECTED]
        if "refused" not in corrected:
            aims[f"error of the corrected recall at capacity, {name}"] = below(
                corrected["mean absolute error"], model_selection.AIM
            )
            naive = one["recall_at_10pct"][model_selection.NAIVE]["mean absolute error"]
            aims[f"error of the naive recall over the corrected one's, {name}"] = above(
                naive / corrected["mean absolute error"], 1.0
            )
    facts = {"enterprises simulated": effort.selection_enterprises, "seeds": list(effort.selection_seeds)}
    return {"selection": {**facts, **told}}, aims


def contest_case(case: str, effort: Effort, clock: Clock) -> tuple[dict[str, Any], dict[str, Any]]:
    """Measure on the enterprises of the contest."""
    title = "CCF BDCI 2020"
    table, gain = contest_table(effort)
    show(title, table)
    clock.say(f"{title}: {gain}")
    return {title: table}, {f"gain in ROC AUC over the best comparator, {title}": above(gain["value"], 0.0)}


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="benchmark-models-") as name:
        yield Path(name)


def above(value: float, target: float) -> dict[str, Any]:
    """Return an aim that is met above a figure."""
    return {"value": round(float(value), 4), "aim": target, "met": bool(value > target)}


def below(value: float, target: float) -> dict[str, Any]:
    """Return an aim that is met up to a figure."""
    return {"value": round(float(value), 4), "aim": target, "met": bool(value <= target)}


def row_of(
    label: np.ndarray, score: np.ndarray, groups: np.ndarray, repetitions: int, probabilistic: bool
) -> dict[str, Any]:
    """Return the figures of one score, each with an interval."""
    metrics = dict(METRICS) | ({"ece": calibration_error} if probabilistic else {})
    return with_intervals(label, score, groups, metrics, repetitions=repetitions)


def scores_of(trial: Trial, test: pd.DataFrame, effort: Effort) -> dict[str, tuple[np.ndarray, bool]]:
    """Return scores of the model and its comparators, and whether they are probabilities."""
    model = trial.model
    columns = Columns.of_library(model.feature_names)
    others = comparator_scores(trial.dataset.part("train"), test, columns, effort.comparators)
    found = {OURS: (model.probability(model.matrix(test)), True)}
    if model.base is not None:
        found["general model alone"] = (model.base.margin(model.base.matrix(test)), False)
    return found | {c.name: (others[c.name], c.probabilistic) for c in chosen(effort.comparators)}


def register_tables(name: str, trial: Trial, effort: Effort) -> dict[str, dict[str, Any]]:
    """Return a table for each test window of a register."""
    test = trial.dataset.part("test")
    scores = scores_of(trial, test, effort)
    tables = {}
    for window, (last, _) in REGISTERS[name].aims.items():
        day = test["event_date"].fillna(test["as_of"])
        keep = np.ones(len(test), bool) if last is None else (day <= pd.Timestamp(last)).to_numpy()
        label = test["label"].to_numpy()[keep]
        groups = test["credit_code"].to_numpy()[keep]
        table: dict[str, Any] = {
            who: row_of(label, score[keep], groups, effort.repetitions, probabilistic)
            for who, (score, probabilistic) in scores.items()
        }
        table["rows"] = {"rows": int(keep.sum()), "positives": int(label.sum())}
        best = max((table[who]["roc_auc"]["value"], who) for who in scores if who != OURS)[1]
        table["gain over " + best] = difference(
            label, scores[OURS][0][keep], scores[best][0][keep], groups, effort
        )
        if name == "Chicago":
            order = scores[OURS][0][keep]
            days = day[keep].to_numpy().astype("datetime64[D]").astype(float)
            table["as the city reports"] = {
                "critical found in the first half": positives_at(label, order, 0.5) / float(label.sum()),
                "in the order that was": float(label[np.argsort(days, kind="stable")][: len(days) // 2].sum())
                / float(label.sum()),
                "days gained": days_gained(label, order, days, np.zeros(len(days))),
            }
        tables[window] = table
    return tables


def difference(
    label: np.ndarray, ours: np.ndarray, theirs: np.ndarray, groups: np.ndarray, effort: Effort
) -> dict[str, Any]:
    """Return how much higher our ROC AUC is on the same rows, by a paired bootstrap."""
    return with_intervals(
        label,
        np.column_stack([ours, theirs]),
        groups,
        {"roc_auc": lambda y, s: rank_auc(y, s[:, 0]) - rank_auc(y, s[:, 1])},
        repetitions=effort.repetitions,
    )


def province_table(
    province: Province, trial: Trial, name: str, effort: Effort
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the table on labelled rows, and the figures of everybody against the truth."""
    test = trial.dataset.part("test")
    label, groups = test["label"].to_numpy(), test["credit_code"].to_numpy()
    table = {
        who: row_of(label, score, groups, effort.repetitions, probabilistic)
        for who, (score, probabilistic) in scores_of(trial, test, effort).items()
    }
    chance, best, rows = attainable(province, name)
    probability = trial.model.probability(trial.model.matrix(rows))

    def ratio(members: np.ndarray) -> float:
        ours, most = (expected_auc(chance[members], s[members]) for s in (probability, best))
        return (ours - 0.5) / (most - 0.5)

    def error(members: np.ndarray) -> float:
        return true_calibration_error(chance[members], probability[members])

    everybody = np.arange(len(chance))
    rng = np.random.default_rng(SEED)
    draws = [rng.integers(0, len(chance), len(chance)) for _ in range(max(20, effort.repetitions // 3))]
    facts: dict[str, Any] = {
        "rows": len(chance),
        "auc of the true probability": expected_auc(chance, chance),
        "attainable auc": expected_auc(chance, best),
        "auc": expected_auc(chance, probability),
        "mean probability, mean truth": [float(probability.mean()), float(chance.mean())],
        "labels learned from": len(trial.dataset.part("train")),
    }
    for title, measure in (("of the attainable", ratio), ("ece", error)):
        found = [measure(members) for members in draws]
        facts[title] = {
            "value": measure(everybody),
            "low": float(np.quantile(found, 0.025)),
            "high": float(np.quantile(found, 0.975)),
        }
    return table, facts


def contest_table(effort: Effort) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the table of repeated stratified folds, and the gain over the best comparator."""
    found = load(DATA / "ccf_bdci2020_illegal_fundraising")
    label = found.rows["label"].to_numpy().astype(np.int8)
    columns = Columns(found.names, found.categorical)
    contenders = [c for c in chosen(effort.comparators) if c.name != "points_card"]
    folds = RepeatedStratifiedKFold(
        n_splits=effort.folds, n_repeats=effort.fold_repetitions, random_state=SEED
    )
    scores: dict[str, list[np.ndarray]] = {}
    parts: list[np.ndarray] = []
    for learns, judged in folds.split(label, label):
        train, test = found.rows.iloc[learns], found.rows.iloc[judged]
        ours = RiskClassifier(
            directions=DIRECTIONS, categorical=CATEGORICAL, trees=400, leaves=16, minimum_in_leaf=20, l2=1.0,
            category_smoothing=10.0,
        )  # fmt: skip
        names = list(found.names)
        ours.fit(train[names], train["label"].astype(int))
        scores.setdefault(OURS, []).append(ours.predict_proba(test[names])[:, 1])
        for contender in contenders:
            scores.setdefault(contender.name, []).append(contender.fit(train, columns)(test))
        parts.append(judged)
    # Each enterprise has one score a repetition; figures are means over the folds, drawn by enterprise.
    fold = np.concatenate([np.full(len(p), k) for k, p in enumerate(parts)])
    place = np.concatenate(parts)
    together = {who: np.concatenate(each) for who, each in scores.items()}

    def folded(metric: Any) -> Any:
        def mean(y: np.ndarray, s: np.ndarray) -> float:
            return float(np.mean([metric(y[s[:, 0] == k], s[s[:, 0] == k, 1:]) for k in range(len(parts))]))

        return mean

    def figures(score: np.ndarray, metrics: dict[str, Any]) -> dict[str, Any]:
        return with_intervals(
            label[place],
            np.column_stack([fold, score]),
            place,
            {name: folded(metric) for name, metric in metrics.items()},
            repetitions=effort.repetitions,
        )

    def single(metric: Any) -> Any:
        return lambda y, s: metric(y, s[:, 0])

    probabilistic = {OURS} | {c.name for c in contenders if c.probabilistic}
    table = {
        who: figures(
            score,
            {n: single(m) for n, m in METRICS.items()}
            | ({"ece": single(calibration_error)} if who in probabilistic else {}),
        )
        for who, score in together.items()
    }
    best = max((table[who]["roc_auc"]["value"], who) for who in together if who != OURS)[1]
    gain = figures(
        np.column_stack([together[OURS], together[best]]),
        {"roc_auc": lambda y, s: rank_auc(y, s[:, 0]) - rank_auc(y, s[:, 1])},
    )["roc_auc"]
    table["gain over " + best] = {"roc_auc": gain}
    return table, gain


def show(title: str, table: dict[str, Any]) -> None:
    """Print a table on the way."""
    print(f"\n{title}")
    for who, figures in table.items():
        parts = [
            f"{name} {f['value']:.4f} [{f['low']:.4f}, {f['high']:.4f}]"
            if isinstance(f, dict)
            else f"{name} {f:.4g}"
            for name, f in figures.items()
        ]
        print(f"  {who:24s} " + "  ".join(parts), flush=True)


#: Name → what measures it, in the order in which they are measured.
CASES: Mapping[str, Callable[[str, Effort, Clock], tuple[dict[str, Any], dict[str, Any]]]] = {
    **dict.fromkeys(REGISTERS, register_case),
    "simulated": province_case,
    "selection": selection_case,
    "contest": contest_case,
}
