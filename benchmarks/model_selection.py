"""What a model finds in everybody, estimated from the inspected, against the truth of simulated provinces.

Inspectors go where they expect something. On each of some provinces the three models are trained as they
ship, and recall and precision at a capacity of 10 % of everybody at risk are estimated at the newest test
date: from the inspected as they are, and corrected (:mod:`risk_model.evaluation.selection`). The truth is
the true probability of every enterprise.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from features.simulation import simulate
from features.sources import ingest
from features.store import RecordStore
from risk_model.evaluation.population import outcomes
from risk_model.evaluation.report import whole_population
from risk_model.specification import MODEL_NAMES, load_specification
from risk_model.training import train

NAIVE, CORRECTED = "naive", "model_assisted"
ESTIMATES = (NAIVE, "random_draws_only", "doubly_robust", CORRECTED)
FIGURES = ("recall_at_10pct", "precision_at_10pct")
#: Largest error of the corrected recall.
AIM = 0.02


def estimated_province(
    enterprises: int, seed: int, folder: Path, repetitions: int, say: Callable[[str], None]
) -> dict[str, Any]:
    """Return model → what :func:`risk_model.evaluation.selection.selection_report` says."""
    simulate(enterprises=enterprises, seed=seed, out=folder / "simulated")
    store = RecordStore(folder / "store")
    ingest(store, "simulated", sorted((folder / "simulated" / "records").glob("*.parquet")))
    snapshot = store.snapshot()
    truth = pq.read_table(folder / "simulated" / "truth.parquet").to_pandas(date_as_object=False)
    found: dict[str, Any] = {}
    base = None
    for name in MODEL_NAMES:
        specification = load_specification(name)
        done = train(snapshot, specification, base=base if specification.increment_over else None)
        base = done.model if name == MODEL_NAMES[0] else base
        found[name] = whole_population(
            done.model,
            done.dataset,
            population=(done.population, outcomes(snapshot, specification.target, done.population)),
            truth=truth,
            unseen=done.unseen,
            repetitions=repetitions,
        )
        say(f"province {seed}, {name}: estimated")
    return found


def summary(reports: list[dict[str, Any]]) -> dict[str, Any]:
    """Return truth, estimates and errors of one model over provinces.

    Parameters
    ----------
    reports
        One a province, of the same model.

    Returns
    -------
    dict
        By figure and estimate: the values, their intervals and the truths, one a province; ``bias`` (mean of
        estimate less truth), of several provinces with a 95 % interval over them; mean and largest absolute
        error, and how many of the 95 % intervals hold the truth.
    """
    result: dict[str, Any] = {
        "enterprises at risk": [one["rows"] for one in reports],
        "inspected": [one["labelled"] for one in reports],
    }
    for figure in FIGURES:
        true = np.array([one["truth"][figure] for one in reports])
        by_estimate: dict[str, Any] = {"truth": true.tolist()}
        for name in ESTIMATES:
            told = [one["estimates"][name] for one in reports]
            if any("refused" in one for one in told):
                by_estimate[name] = {"refused": [one.get("refused", {}).get("en") for one in told]}
                continue
            value = np.array([one["metrics"][figure]["value"] for one in told])
            inside = [
                one["metrics"][figure]["low"] <= t <= one["metrics"][figure]["high"]
                for one, t in zip(told, true, strict=True)
            ]
            error = value - true
            bias = {"value": float(error.mean())}
            if len(error) > 1:
                spread = 1.96 * float(error.std(ddof=1)) / float(np.sqrt(len(error)))
                bias |= {"low": bias["value"] - spread, "high": bias["value"] + spread}
            by_estimate[name] = {
                "values": value.tolist(),
                "intervals": [[one["metrics"][figure][end] for end in ("low", "high")] for one in told],
                "bias": bias,
                "mean absolute error": float(np.abs(error).mean()),
                "largest absolute error": float(np.abs(error).max()),
                "intervals that hold the truth": f"{sum(inside)} of {len(inside)}",
            }
        result[figure] = by_estimate
    return result


def lines(name: str, told: dict[str, Any]) -> list[str]:
    """Return a model's summary as lines of a table."""
    found = [f"\nselection, {name}"]
    for figure in FIGURES:
        found.append(f"  {figure}: truth {', '.join(f'{t:.4f}' for t in told[figure]['truth'])}")
        for estimate in ESTIMATES:
            one = told[figure][estimate]
            if "refused" in one:
                found.append(f"    {estimate:18s} refused: {one['refused']}")
                continue
            bias = one["bias"]
            values = ", ".join(
                f"{v:.4f} [{low:.4f}, {high:.4f}]"
                for v, (low, high) in zip(one["values"], one["intervals"], strict=True)
            )
            over = f" [{bias['low']:+.4f}, {bias['high']:+.4f}]" if "low" in bias else ""
            found.append(
                f"    {estimate:18s} {values}  bias {bias['value']:+.4f}{over}  mean absolute error "
                f"{one['mean absolute error']:.4f}  intervals {one['intervals that hold the truth']}"
            )
    return found
