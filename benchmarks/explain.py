"""Exact explanations: ours against LightGBM's ``pred_contrib`` and the packages for trees.

Four cases: the general and the food model as they are trained on a simulated province, on the features of its
enterprises; and a larger model of 300 trees of 31 leaves and 60 features, with a category and without. One
row, a batch and a country. All contenders use the same number of threads and take turns; medians are
reported. A peer whose cost is linear in rows gets fewer of them where all would take too long, as
``figures`` says, and is compared by the row. ``woodelf``, which prepares each call anew, gets as many as it
can explain within the time of a turn, but for a batch always all.

With ``--results FILE`` cases can be measured in turns: ``--case "trained food"``.
"""

from __future__ import annotations

import io
import os
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import asdict, dataclass, field
from functools import cache, partial
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd

from benchmarks.case_results import CaseResults
from features.simulation import simulate
from features.sources import ingest
from features.store import RecordStore
from risk_model.explanation.trees import TreeExplainer
from risk_model.model import RiskModel
from risk_model.specification import load_specification
from risk_model.training import train

FEATURES = 60
CATEGORY = 5
#: Rows that are explained at once.
BLOCK = 50_000
CASES = ("trained general", "trained food", "large 300x31", "large 300x31 without category")
#: Peers that are measured where they are installed, by the name of the package.
PEERS = {"woodelf": "woodelf-explainer", "fasttreeshap": "fasttreeshap"}
# Aims of the issue.
BATCH, SINGLE, AGREEMENT, OVER_SCORING = 25.0, 10.0, 1e-9, 5.0

Explain = Callable[[Any], Any]


@dataclass(frozen=True)
class Effort:
    """How much is measured."""

    province: int
    training_dates: int
    training_rows: int
    country: int
    batch: int
    repetitions: int
    seconds: float  # for one turn of a peer, at most
    patience: float  # for all turns of a contender; one turn is taken in any case


FULL = Effort(8_000, 8, 60_000, 1_000_000, 10_000, repetitions=3, seconds=3.0, patience=30.0)
QUICK = Effort(1_500, 3, 10_000, 20_000, 2_000, repetitions=3, seconds=0.2, patience=1.0)


@dataclass(frozen=True)
class Case:
    """A model and rows of its features.

    Attributes
    ----------
    boosters
        Its trees, and which columns of the rows they look at: of a sector model those of the general
        model, too.
    explain, score
        Ours, and LightGBM's raw scores alone.
    rows
        Shape (n, features).
    facts
        What it is.
    """

    boosters: tuple[tuple[lgb.Booster, np.ndarray], ...]
    explain: Callable[..., Any]
    rows: np.ndarray
    facts: dict[str, Any] = field(default_factory=dict)


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
    warnings.filterwarnings("ignore", message="LightGBM binary classifier with TreeExplainer")
    effort = QUICK if quick else FULL
    threads = len(os.sched_getaffinity(0))
    kept, told = CaseResults(results), asdict(effort)
    for name in tuple(cases) or CASES:
        if not cases and kept.has(name, told):
            continue
        began = time.perf_counter()
        figures, ratios = compare(case_of(name, effort, threads), effort, threads)
        kept.put(name, told, {name: figures | {"ratios": ratios}}, {}, time.perf_counter() - began)
        print(f"{name}: {figures}", flush=True)
    done = tuple(name for name in CASES if kept.has(name, told))
    found = kept.document(done)["figures"]
    figures = {
        "threads": threads,
        "shap": "hands LightGBM models over to pred_contrib, with as many threads as OpenMP likes",
        **{
            module: version(package) if find_spec(module) else f"not compared: {package} is not installed"
            for module, package in PEERS.items()
        },
        **found,
    }
    ratios = {f"{peer}, {name}": ratio for name in done for peer, ratio in found[name]["ratios"].items()}
    large = ("batch", "country")
    batch = min(1 / ratios[f"pred_contrib, {size}, {name}"] for size in large for name in done)
    single = min(1 / ratios[f"pred_contrib, one row, {name}"] for name in done)
    difference = max(found[name]["largest difference from pred_contrib"] for name in done)
    scoring = max(ratios[f"score, {size}, {name}"] for size in large for name in done)
    return {
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


def case_of(name: str, effort: Effort, threads: int) -> Case:
    """Return the model and the rows of a case."""
    if name.startswith("trained "):
        return _trained(name.removeprefix("trained "), effort)
    categorical = "without" not in name
    training = enterprises(effort.training_rows, seed=0)
    booster = fit(training, found_problem(training), 300, 31, threads, categorical=categorical)
    explainer = TreeExplainer.from_booster(booster)
    return Case(
        ((booster, np.arange(FEATURES)),),
        explainer.contributions,
        enterprises(effort.country, seed=1),
        {"categorical": categorical},
    )


@cache
def _province(effort: Effort) -> dict[str, tuple[RiskModel, pd.DataFrame]]:
    """Simulate a province and train the general and the food model with the learners that ship."""
    found: dict[str, tuple[RiskModel, pd.DataFrame]] = {}
    with tempfile.TemporaryDirectory(prefix="risk-model-bench-") as scratch:
        folder = Path(scratch)
        simulate(enterprises=effort.province, seed=20210721, out=folder / "simulated")
        store = RecordStore(folder / "store")
        ingest(store, "simulated", sorted((folder / "simulated" / "records").glob("*.parquet")))
        for name in ("general", "food"):
            full = load_specification(name)
            update: dict[str, Any] = {
                "windows": full.windows.model_copy(
                    update={"train_dates": effort.training_dates, "test_dates": 1}
                ),
                "minimum_labels": 50,
            }
            if effort is QUICK:
                # So few rows give no trees at all otherwise.
                update["learner"] = full.learner.model_copy(update={"minimum_in_leaf": 20, "l2": 5.0})
            base = found["general"][0] if full.increment_over else None
            done = train(store.snapshot(), full.model_copy(update=update), base=base)
            found[name] = done.model, done.population
    return found


def _trained(name: str, effort: Effort) -> Case:
    model, population = _province(effort)[name]
    matrix = model.matrix(population)
    # A country of such enterprises: rows of the province, drawn again and again.
    chosen = np.random.default_rng(3).integers(0, len(matrix), effort.country)
    boosters = []
    for part in (model.base, model):
        if part is not None and part.booster is not None:
            place = {feature: i for i, feature in enumerate(model.feature_names)}
            boosters.append((part.booster, np.array([place[f] for f in part.own_features])))
    if not sum(booster.num_trees() for booster, _ in boosters):
        msg = (
            f"the {name} model grew no trees on {effort.province:,} enterprises: there is nothing to measure"
        )
        raise RuntimeError(msg)
    return Case(
        tuple(boosters),
        lambda rows, threads=None: model.contributions(rows).values,
        np.ascontiguousarray(matrix[chosen]),
        {
            "features": len(model.feature_names),
            "trees": [booster.num_trees() for booster, _ in boosters],
            "enterprises": len(matrix),
        },
    )


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


def fit(
    matrix: np.ndarray, label: np.ndarray, trees: int, leaves: int, threads: int, *, categorical: bool
) -> lgb.Booster:
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
    data = lgb.Dataset(matrix, label, categorical_feature=[CATEGORY] if categorical else [])
    return lgb.train(parameters, data, num_boost_round=trees)


def compare(case: Case, effort: Effort, threads: int) -> tuple[dict[str, Any], dict[str, float]]:
    """Measure one case; return its figures, and ours over each peer's time a row."""
    start = time.perf_counter()
    explainers = [TreeExplainer.from_booster(booster) for booster, _ in case.boosters]
    figures: dict[str, Any] = {
        **case.facts,
        "seconds to build": round(time.perf_counter() - start, 2),
        "table MiB": round(sum(each.table_bytes for each in explainers) / 2**20, 2),
        "layout": [each.layout for each in explainers],
    }
    sample = case.rows[:1000]
    ours = case.explain(sample)
    figures["largest difference from pred_contrib"] = 0.0
    figures["margins bit-equal"] = True
    for (booster, columns), explainer in zip(case.boosters, explainers, strict=True):
        own = sample[:, columns]
        exact = np.asarray(booster.predict(own, pred_contrib=True))[:, :-1]
        difference = float(np.abs(explainer.contributions(own) - exact).max())
        figures["largest difference from pred_contrib"] = max(
            figures["largest difference from pred_contrib"], difference
        )
        figures["margins bit-equal"] &= np.array_equal(
            explainer.margin(own), booster.predict(own, raw_score=True)
        )
    figures["a row alone bit-equal"] = bool(
        all(np.array_equal(case.explain(sample[r : r + 1])[0], ours[r]) for r in range(50))
    )
    ratios: dict[str, float] = {}
    for size, count in {"one row": 1, "batch": effort.batch, "country": len(case.rows)}.items():
        # For one row LightGBM is fastest with one thread, which it shall have.
        contenders: dict[str, Explain] = {
            "ours": partial(_in_blocks, partial(case.explain, threads=threads)),
            **peers(case, threads if count > 1 else 1, figures),
        }
        seconds, counts = take_turns(contenders, case.rows, count, effort, figures)
        figures[f"{size}, rows"] = count
        figures[f"{size}, microseconds a row"] = {name: round(1e6 * s, 3) for name, s in seconds.items()}
        fewer = {name: given for name, given in counts.items() if given < count}
        if fewer:
            figures[f"{size}, rows of slow peers"] = fewer
        ratios |= {f"{n}, {size}": seconds["ours"] / s for n, s in seconds.items() if n != "ours"}
    return figures, ratios


def peers(case: Case, threads: int, figures: dict[str, Any]) -> dict[str, Explain]:
    """Return what ours is compared with; ``score`` is LightGBM's raw score, which explains nothing."""
    makers: dict[str, Callable[[lgb.Booster], Explain]] = {
        "score": lambda booster: partial(booster.predict, raw_score=True, num_threads=threads),
        "pred_contrib": lambda booster: partial(booster.predict, pred_contrib=True, num_threads=threads),
    }
    with warnings.catch_warnings():  # of packages about themselves and each other
        warnings.simplefilter("ignore")
        import shap

        makers["shap"] = lambda booster: shap.TreeExplainer(booster).shap_values
        if find_spec("woodelf"):
            from woodelf import WoodelfExplainer

            def woodelf(booster: lgb.Booster) -> Explain:
                return partial(_quietly, WoodelfExplainer(booster).shap_values)

            makers["woodelf"] = woodelf
        if find_spec("fasttreeshap"):
            import fasttreeshap

            makers["fasttreeshap"] = lambda booster: (
                fasttreeshap.TreeExplainer(booster, algorithm="v2", n_jobs=threads).shap_values
            )
        found: dict[str, Explain] = {}
        for name, maker in makers.items():
            # A package that cannot explain this model is not compared; why is among the figures.
            if f"{name} failed" in figures:
                continue
            try:
                parts = [(maker(booster), columns) for booster, columns in case.boosters]
            except Exception as error:
                if name in ("score", "pred_contrib"):
                    raise
                figures[f"{name} failed"] = f"{type(error).__name__}: {error}"
                continue
            found[name] = partial(_all, parts)
    return found


def _in_blocks(explain: Explain, matrix: np.ndarray) -> Any:
    """Explain as a classification does: a country's contributions are written block by block."""
    if len(matrix) <= BLOCK:
        return explain(matrix)
    for first in range(0, len(matrix), BLOCK):
        explain(matrix[first : first + BLOCK])
    return None


def _quietly(explain: Explain, matrix: np.ndarray) -> None:
    """Explain with a package that tells its progress on both streams."""
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        explain(pd.DataFrame(matrix))


def _all(parts: list[tuple[Explain, np.ndarray]], matrix: np.ndarray) -> None:
    for explain, columns in parts:
        explain(matrix if len(columns) == matrix.shape[1] else matrix[:, columns])


def take_turns(
    contenders: dict[str, Explain], rows: np.ndarray, count: int, effort: Effort, figures: dict[str, Any]
) -> tuple[dict[str, float], dict[str, int]]:
    """Return median seconds a row of each contender on ``count`` rows, and the rows that it got."""
    counts: dict[str, int] = {}
    calls: dict[str, int] = {}  # one row is over in no time: many calls, each with another row, make a turn
    for name, explain in contenders.items():
        pilot = rows[: min(count, 200)]
        start = time.perf_counter()
        try:
            explain(pilot)
        except Exception as error:
            if name in ("ours", "score", "pred_contrib"):
                raise
            figures[f"{name} failed"] = f"{type(error).__name__}: {error}"
            continue
        pilot_seconds = time.perf_counter() - start
        if pilot_seconds < effort.patience:  # the first call may compile something
            start = time.perf_counter()
            explain(pilot)
            pilot_seconds = time.perf_counter() - start
        turns = effort.seconds / pilot_seconds
        whole = name in ("ours", "score") or (name == "woodelf" and count <= effort.batch)
        affordable = max(int(turns * len(pilot)), len(pilot))
        if name == "woodelf":
            # What it prepares costs the same for any number of rows: more of them are cheaper by the row.
            affordable = max(affordable, 5 * effort.batch)
        counts[name] = count if whole else min(count, affordable)
        calls[name] = max(1, min(50, int(turns / 4))) if count == 1 else 1
    seconds: dict[str, list[float]] = {name: [] for name in counts}
    spent = dict.fromkeys(counts, 0.0)
    for turn in range(7 if count == 1 else effort.repetitions):
        for name, given in counts.items():
            if turn and spent[name] > effort.patience:
                continue
            parts = [rows[first : first + given] for first in range(50 * turn, 50 * turn + calls[name])]
            if count > 1:
                parts = [rows[:given]]
            start = time.perf_counter()
            for part in parts:
                contenders[name](part)
            taken = time.perf_counter() - start
            spent[name] += taken
            seconds[name].append(taken / len(parts) / given)
    return {name: median(each) for name, each in seconds.items()}, counts
