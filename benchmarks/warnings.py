"""Early warnings against the true risk of simulated provinces: precision, lead time, and whether risk rose.

A province lives until a day on the records that its own inspections left; models are trained, two dates half
a year apart are classified, and the warnings of the day are raised as in the product. What comes after is
known to the simulation alone: for every enterprise and month, the probability that an inspection would find a
problem, and whether it would, whoever comes. So nothing depends on who is inspected after a warning. The risk
has risen if it is higher in the half-year after the day than in the one before the earlier classification:
the half-year between the two is when the records came that the warning speaks of. Models are trained on all
records up to the day, so the scores of the earlier date are of a model that has seen later labels.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from features.home import Home
from features.simulation.handover import HandedOver, hand_over
from features.simulation.risk import DOMAINS
from features.sources import ingest
from features.store import RecordStore
from risk_model.pipeline import classify_all, train_models
from supervision.early_warning.warning import early_warnings

START, EARLIER, DAY, END = date(2017, 7, 1), date(2025, 1, 1), date(2025, 7, 1), date(2026, 6, 30)
#: The half-year before the earlier classification begins here.
BEFORE = date(2024, 7, 1)
#: Months over which the risk after a warning is taken.
MONTHS = 6
#: Months that are watched for the first problem.
WATCHED = 12
EVERYBODY = "everybody"


@dataclass(frozen=True)
class Effort:
    """How much is measured."""

    provinces: tuple[int, ...]
    enterprises: int
    models: tuple[str, ...]
    repetitions: int


FULL = Effort((3, 5), 40_000, ("general", "food", "special_equipment"), 1_000)
QUICK = Effort((3,), 3_000, ("general",), 200)


def run(quick: bool) -> dict[str, Any]:
    """Measure, and return the benchmark's document."""
    effort, began = (QUICK if quick else FULL), time.perf_counter()

    def say(what: str) -> None:
        print(f"{time.perf_counter() - began:6.0f} s  {what}", flush=True)

    parts = [warned(seed, effort, say) for seed in effort.provinces]
    rows = pd.concat(parts, ignore_index=True)
    table = {kind: figures_of(rows, kind, effort.repetitions) for kind in kinds(rows)}
    show(table)
    rising = table.get("rising_risk")
    if rising is None:
        msg = "no warning of rising risk was raised: there is nothing to measure"
        raise RuntimeError(msg)
    aims = {
        "rising risk: times the risk of everybody, lower end": above(rising["lift"]["low"], 1.0),
        "rising risk: share of the warned whose true risk rose, less that of everybody, lower end": above(
            rising["true risk rose, beyond everybody"]["low"], 0.0
        ),
        "rising risk: days earlier than everybody's first problem, lower end": above(
            rising["days earlier than everybody"]["low"], 0.0
        ),
    }
    settings = {"provinces": len(parts), "enterprises ever registered, a province": effort.enterprises}
    return {"ratios": {}, "figures": settings | {"warnings": table}, "aims": aims}


def above(value: float, aim: float) -> dict[str, Any]:
    """Return an aim that is met above a figure."""
    return {"value": round(float(value), 4), "aim": aim, "met": bool(value > aim)}


def kinds(rows: pd.DataFrame) -> list[str]:
    """Return the kinds of warning that were raised, and everybody last."""
    return [*sorted({kind for told in rows["kinds"] for kind in told}), EVERYBODY]


def warned(seed: int, effort: Effort, say: Callable[[str], None]) -> pd.DataFrame:
    """Return everybody in business on the day, with the kinds of warning raised and what is true.

    Returns
    -------
    pandas.DataFrame
        ``kinds`` (set of str), ``chance`` (mean probability that an inspection finds a problem in the months
        after), ``first`` (days to the first month in which it would, NaN: not within the months watched),
        ``rose`` (log odds of the true probability, half-year after the day less half-year before the
        earlier classification; NaN for who is not in both).
    """
    with tempfile.TemporaryDirectory(prefix="benchmark-warnings-") as name:
        home = Home(Path(name))
        province = hand_over(
            enterprises=effort.enterprises, seed=seed, out=home.simulated, start=START, on=DAY, end=END
        )
        known = [known_by(path, DAY) for path in sorted((home.simulated / "records").glob("*.parquet"))]
        ingest(RecordStore(home.store), "simulated", known)
        say(f"province {seed}: simulated and ingested")
        train_models(home, effort.models)
        say(f"province {seed}: trained")
        for day in (EARLIER, DAY):
            classify_all(home, day)
        raised = early_warnings(home, DAY).rows
        say(f"province {seed}: {len(raised):,} warnings")
        truth = pq.read_table(home.simulated / "truth.parquet").to_pandas(date_as_object=False)
    return with_truth(province, truth, raised)


def known_by(path: Path, day: date) -> Path:
    """Keep of a file what was recorded by a day; rows whose date cannot be read stay for the quarantine."""
    table = pq.read_table(path)
    recorded = pd.to_datetime(table["recorded_at"].to_pandas(), errors="coerce", format="mixed")
    keep = ~(recorded > pd.Timestamp(day)).to_numpy()
    pq.write_table(table.filter(pa.array(keep)), path)
    return path


def with_truth(province: HandedOver, truth: pd.DataFrame, raised: pd.DataFrame) -> pd.DataFrame:
    """Join warnings and truth, by enterprise; see :func:`warned`."""
    states = province.months[:WATCHED]
    alive = np.flatnonzero(states[0].alive)
    chance, first = np.zeros(len(alive)), np.full(len(alive), np.nan)
    members = [province.members(domain)[alive] for domain in range(len(DOMAINS))]
    for number, state in enumerate(states):
        # An inspection of any domain in which the enterprise can be inspected, in business by then.
        missed, found = np.ones(len(alive)), np.zeros(len(alive), dtype=bool)
        for domain, inside in enumerate(members):
            missed *= 1 - np.where(inside, state.probability(domain)[alive], 0.0)
            found |= inside & (state.problem(domain) & state.tells(domain))[alive]
        found &= state.alive[alive]
        if number < MONTHS:
            chance += (1 - missed) / MONTHS
        first[found & np.isnan(first)] = (state.first - states[0].first).days
    codes = province.population.codes.take(pa.array(alive)).to_pylist()
    rows = pd.DataFrame({"credit_code": codes, "chance": chance, "first": first})
    rows["rose"] = rows["credit_code"].map(risen(truth))
    told = raised.groupby("credit_code")["kind"].agg(frozenset)
    kinds = rows["credit_code"].map(told)
    rows["kinds"] = kinds.map(lambda one: one if isinstance(one, frozenset) else frozenset())
    return rows


def risen(truth: pd.DataFrame) -> pd.Series:
    """Return by how much the log odds of the true general probability rose over the year."""
    odds = truth.assign(odds=np.log(truth["p_general"] / (1 - truth["p_general"])))
    by_date = odds.pivot_table(index="credit_code", columns="as_of", values="odds")
    return by_date[pd.Timestamp(DAY)] - by_date[pd.Timestamp(BEFORE)]


def figures_of(rows: pd.DataFrame, kind: str, repetitions: int) -> dict[str, Any]:
    """Return what is true of the enterprises that a kind of warning names, with 95 % intervals.

    Intervals are of a bootstrap of enterprises, warned and not.
    """
    hit = (
        np.ones(len(rows), dtype=bool)
        if kind == EVERYBODY
        else np.array([kind in told for told in rows["kinds"]])
    )
    chance, rose = rows["chance"].to_numpy(), rows["rose"].to_numpy()
    # Who has no problem within the months watched is later than all who have.
    first = rows["first"].fillna(WATCHED * 31.0).to_numpy()
    compared = np.isfinite(rose)

    def measured(place: np.ndarray) -> dict[str, float]:
        own = place[hit[place]]
        if not len(own):
            return dict.fromkeys(MEASURES, float("nan"))
        both, own_both = place[compared[place]], own[compared[own]]
        found = {
            "precision": float(chance[own].mean()),
            "lift": float(chance[own].mean() / chance[place].mean()),
            "days to the first problem, mean": float(first[own].mean()),
            "days earlier than everybody": float(first[place].mean() - first[own].mean()),
            "true risk rose": float((rose[own_both] > 0).mean()),
        }
        rest = float((rose[both] > 0).mean())
        return found | {"true risk rose, beyond everybody": found["true risk rose"] - rest}

    everyone = np.arange(len(rows))
    rng = np.random.default_rng(1)
    drawn = pd.DataFrame([measured(rng.integers(0, len(rows), len(rows))) for _ in range(repetitions)])
    found: dict[str, Any] = {"enterprises": int(hit.sum())}
    found["median days to the first problem"] = float(np.median(first[hit]))
    for name, value in measured(everyone).items():
        low, high = drawn[name].quantile([0.025, 0.975])
        found[name] = {"value": value, "low": float(low), "high": float(high)}
    return found


MEASURES = (
    "precision", "lift", "days to the first problem, mean", "days earlier than everybody", "true risk rose",
    "true risk rose, beyond everybody",
)  # fmt: skip


def show(table: dict[str, Any]) -> None:
    """Print the figures on the way."""
    for kind, found in table.items():
        told = "  ".join(
            f"{name} {found[name]['value']:.3f} [{found[name]['low']:.3f}, {found[name]['high']:.3f}]"
            for name in MEASURES
        )
        print(f"  {kind:20s} {found['enterprises']:7,d}  {told}", flush=True)
