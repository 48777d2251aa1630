"""Exact explanations: ours against LightGBM's ``pred_contrib`` and the packages for trees.

Three models: the size of the general model, of a sector model, and a larger one. One row, a batch and
a country. All contenders use the same number of threads and take turns; medians are reported. A peer
that would take too long for all rows of a size gets fewer, as ``figures`` says, and is compared by the
row, which flatters no one: its cost is linear in rows.
"""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from statistics import median
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd

from risk_model.explanation.trees import TreeExplainer

FEATURES = 60
MODELS = {"general 200x12": (200, 12), "sector 120x8": (120, 8), "large 300x31": (300, 31)}
CATEGORY = 5
# Aims of the issue.
BATCH, SINGLE, AGREEMENT, OVER_SCORING = 25.0, 10.0, 1e-9, 5.0

Explain = Callable[[np.ndarray], Any]


@dataclass(frozen=True)
class Effort:
    """How much is measured."""

    training_rows: int
    country: int
    batch: int
    repetitions: int
    seconds: float  # for one turn of a peer, at most


FULL = Effort(training_rows=60_000, country=1_000_000, batch=10_000, repetitions=3, seconds=3.0)
QUICK = Effort(training_rows=10_000, country=20_000, batch=2_000, repetitions=3, seconds=0.2)


def run(quick: bool) -> dict[str, Any]:
    """Measure, and return the benchmark's document."""
    warnings.filterwarnings("ignore", message="LightGBM binary classifier with TreeExplainer")
    effort = QUICK if quick else FULL
    threads = len(os.sched_getaffinity(0))
    rows = enterprises(effort.country, seed=1)
    training = enterprises(effort.training_rows, seed=0)
    label = found_problem(training)
    figures: dict[str, Any] = {
        "threads": threads,
        "features": FEATURES,
        "shap": "hands LightGBM models over to pred_contrib, with as many threads as OpenMP likes",
    }
    for package in ("woodelf", "fasttreeshap"):
        if find_spec(package) is None:
            figures[package] = "not installed"
    ratios: dict[str, float] = {}
    for name, (trees, leaves) in MODELS.items():
        booster = fit(training, label, trees, leaves, threads)
        figures[name], model_ratios = compare(booster, rows, effort, threads)
        ratios |= {f"{peer}, {name}": ratio for peer, ratio in model_ratios.items()}
        print(f"{name}: {figures[name]}", flush=True)
    large = ("batch", "country")
    batch = min(1 / ratios[f"pred_contrib, {size}, {name}"] for size in large for name in MODELS)
    single = min(1 / ratios[f"pred_contrib, one row, {name}"] for name in MODELS)
    difference = max(figures[name]["largest difference from pred_contrib"] for name in MODELS)
    scoring = max(ratios[f"score, {size}, {name}"] for size in large for name in MODELS)
    return {
        "benchmark": "explain",
        "quick": quick,
        "ratios": ratios,
        "figures": figures,
        "aims": {
            "times faster than pred_contrib in batches": aim(batch, BATCH, batch >= BATCH),
            "times faster than pred_contrib for one row": aim(single, SINGLE, single >= SINGLE),
            "largest difference from pred_contrib": aim(difference, AGREEMENT, difference <= AGREEMENT),
            "explaining over scoring in batches": aim(scoring, OVER_SCORING, scoring <= OVER_SCORING),
        },
    }


def aim(value: float, target: float, met: bool) -> dict[str, Any]:
    """Return an entry of ``aims``."""
    return {"value": float(f"{value:.4g}"), "aim": target, "met": bool(met)}


def enterprises(n: int, seed: int) -> np.ndarray:
    """Return features as records give them: counts, days since, amounts, flags, a category; float64."""
    rng = np.random.default_rng(seed)
    conduct = rng.normal(size=n)
    matrix = np.empty((n, FEATURES))
    for j in range(FEATURES):
        kind = j % 6
        if j == CATEGORY:
            matrix[:, j] = rng.integers(0, 20, n)
        elif kind < 3:
            matrix[:, j] = rng.poisson(np.exp(0.4 * conduct + 0.2 * kind + rng.normal(-1.5, 0.5, n)))
        elif kind == 3:
            matrix[:, j] = np.where(rng.random(n) < 0.5, np.nan, rng.exponential(400, n).round())
        elif kind == 4:
            matrix[:, j] = rng.gamma(2, 1 + np.exp(conduct) / 2)
        else:
            matrix[:, j] = rng.random(n) < 0.5
    return matrix


def found_problem(matrix: np.ndarray) -> np.ndarray:
    """Return labels that depend on many features, some of them jointly; float64 0 or 1."""
    rng = np.random.default_rng(2)
    numbers = np.nan_to_num(matrix, nan=-1.0)
    numbers = (numbers - numbers.mean(axis=0)) / numbers.std(axis=0)
    margin = 0.25 * numbers @ rng.normal(size=FEATURES) + 0.3 * numbers[:, 4] * numbers[:, 7] - 1.5
    margin += np.where(matrix[:, CATEGORY] % 3 == 0, 0.5, 0.0) - 0.4 * np.abs(numbers[:, 10])
    return np.asarray(rng.random(len(matrix)) < 1 / (1 + np.exp(-margin)), dtype=np.float64)


def fit(matrix: np.ndarray, label: np.ndarray, trees: int, leaves: int, threads: int) -> lgb.Booster:
    """Train as the product does."""
    parameters = {
        "objective": "binary",
        "num_leaves": leaves,
        "learning_rate": 0.04,
        "min_data_in_leaf": 60,
        "lambda_l2": 5.0,
        "feature_fraction": 0.8,
        "max_cat_threshold": 16,
        "cat_smooth": 50,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": threads,
        "seed": 1,
        "verbosity": -1,
    }
    return lgb.train(
        parameters, lgb.Dataset(matrix, label, categorical_feature=[CATEGORY]), num_boost_round=trees
    )


def compare(
    booster: lgb.Booster, rows: np.ndarray, effort: Effort, threads: int
) -> tuple[dict[str, Any], dict[str, float]]:
    """Measure one model; return its figures, and ours over each peer's time a row."""
    start = time.perf_counter()
    explainer = TreeExplainer.from_booster(booster)
    figures: dict[str, Any] = {
        "seconds to build": round(time.perf_counter() - start, 2),
        "table MiB": round(explainer.table_bytes / 2**20, 2),
        "layout": explainer.layout,
    }
    sample = rows[:1000]
    exact = np.asarray(booster.predict(sample, pred_contrib=True))[:, :-1]
    ours = explainer.contributions(sample)
    figures["largest difference from pred_contrib"] = float(np.abs(ours - exact).max())
    figures["margins bit-equal"] = bool(
        np.array_equal(explainer.margin(sample), booster.predict(sample, raw_score=True))
    )
    figures["a row alone bit-equal"] = bool(
        all(np.array_equal(explainer.contributions(sample[r : r + 1])[0], ours[r]) for r in range(50))
    )
    ratios: dict[str, float] = {}
    for size, count in {"one row": 1, "batch": effort.batch, "country": len(rows)}.items():
        # For one row LightGBM is fastest with one thread, which it shall have.
        contenders: dict[str, Explain] = {
            "ours": partial(explainer.contributions, threads=threads),
            **peers(booster, threads if count > 1 else 1, figures),
        }
        seconds, counts = take_turns(contenders, rows, count, effort, figures)
        figures[f"{size}, rows"] = count
        figures[f"{size}, microseconds a row"] = {name: round(1e6 * s, 3) for name, s in seconds.items()}
        fewer = {name: given for name, given in counts.items() if given < count}
        if fewer:
            figures[f"{size}, rows of slow peers"] = fewer
        ratios |= {f"{n}, {size}": seconds["ours"] / s for n, s in seconds.items() if n != "ours"}
    return figures, ratios


def peers(booster: lgb.Booster, threads: int, figures: dict[str, Any]) -> dict[str, Explain]:
    """Return what ours is compared with; ``score`` is LightGBM's raw score, which explains nothing."""
    found: dict[str, Explain] = {
        "score": partial(booster.predict, raw_score=True, num_threads=threads),
        "pred_contrib": partial(booster.predict, pred_contrib=True, num_threads=threads),
    }
    with warnings.catch_warnings():  # of packages about themselves and each other
        warnings.simplefilter("ignore")
        import shap

        found["shap"] = shap.TreeExplainer(booster).shap_values
        if find_spec("woodelf"):
            from woodelf import WoodelfExplainer

            woodelf = WoodelfExplainer(booster)
            found["woodelf"] = lambda matrix: woodelf.shap_values(pd.DataFrame(matrix))
        if find_spec("fasttreeshap"):
            import fasttreeshap

            fast = fasttreeshap.TreeExplainer(booster, algorithm="v2", n_jobs=threads)
            found["fasttreeshap"] = fast.shap_values
    # A package that cannot explain this model is not compared; why is among the figures.
    return {name: explain for name, explain in found.items() if f"{name} failed" not in figures}


def take_turns(
    contenders: dict[str, Explain], rows: np.ndarray, count: int, effort: Effort, figures: dict[str, Any]
) -> tuple[dict[str, float], dict[str, int]]:
    """Return median seconds a row of each contender on ``count`` rows, and the rows that it got."""
    counts: dict[str, int] = {}
    calls: dict[str, int] = {}  # one row is over in no time: many calls, each with another row, make a turn
    for name, explain in contenders.items():
        pilot = rows[: min(count, 200)]
        try:
            explain(pilot)
        except Exception as error:
            if name in ("ours", "score", "pred_contrib"):
                raise
            figures[f"{name} failed"] = f"{type(error).__name__}: {error}"
            continue
        start = time.perf_counter()
        explain(pilot)
        turns = effort.seconds / (time.perf_counter() - start)
        whole = name in ("ours", "score")
        counts[name] = count if whole else min(count, max(int(turns * len(pilot)), len(pilot)))
        calls[name] = max(1, min(50, int(turns / 4))) if count == 1 else 1
    seconds: dict[str, list[float]] = {name: [] for name in counts}
    for turn in range(7 if count == 1 else effort.repetitions):
        for name, given in counts.items():
            parts = [rows[first : first + given] for first in range(50 * turn, 50 * turn + calls[name])]
            if count > 1:
                parts = [rows[:given]]
            start = time.perf_counter()
            for part in parts:
                contenders[name](part)
            seconds[name].append((time.perf_counter() - start) / len(parts) / given)
    return {name: median(each) for name, each in seconds.items()}, counts
