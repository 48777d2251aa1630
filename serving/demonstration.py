"""All of it on a simulated province: records, models, tiers, reasons, an inspection plan."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from features.home import Home
from features.simulation.province import SimulationReport, simulate
from features.sources import IngestReport, ingest
from features.store import RecordStore
from risk_model.explanation.explanation import Explanation, explain_published
from risk_model.pipeline import Trained, classify_all, evaluate_model, train_models
from risk_model.publication import Publication
from risk_model.specification import MODEL_NAMES
from supervision.workflow import SavedPlan, plan_month

Advance = Callable[[int, int], None]
#: Opens the progress of a step by its name.
Steps = Callable[[str], AbstractContextManager[Advance]]

ENTERPRISES = 20_000
SEED = 28
SECTORS = ("food", "special_equipment")


@dataclass
class Demonstration:
    """What each step came to."""

    home: Home
    simulation: SimulationReport | None = None
    ingest: IngestReport | None = None
    trained: list[Trained] = field(default_factory=list)
    evaluations: list[dict[str, Any]] = field(default_factory=list)
    publication: Publication | None = None
    explanation: Explanation | None = None
    plot: Path | None = None
    plans: list[SavedPlan] = field(default_factory=list)


def demonstrate(
    home: Home, steps: Steps, *, enterprises: int = ENTERPRISES, seed: int = SEED
) -> Demonstration:
    """Simulate a province, ingest it, train all models, evaluate, classify, explain one of tier D, plan.

    Parameters
    ----------
    home
        Where everything goes; records that it holds already are added to.
    steps
        Shows the progress of a step.
    enterprises, seed
        Of the province.
    """
    from risk_model.explanation.plots import waterfall

    told = Demonstration(home)
    with steps("simulate") as advance:
        told.simulation = simulate(enterprises=enterprises, seed=seed, out=home.simulated, progress=advance)
    files = sorted((home.simulated / "records").glob("*.parquet"))
    with steps("ingest") as advance:
        begun: dict[str, None] = {}

        def reading(file: str, rows: int) -> None:
            begun[file] = None
            advance(len(begun), len(files))

        told.ingest = ingest(RecordStore(home.store), "simulated", files, progress=reading)
    for name in MODEL_NAMES:
        with steps(f"train {name}") as advance:
            told.trained += train_models(home, [name], progress=partial(_same, advance))
    for name in MODEL_NAMES:
        with steps(f"evaluate {name}") as advance:
            told.evaluations.append(evaluate_model(home, name, repetitions=200, progress=advance))
    with steps("classify") as advance:
        told.publication = classify_all(home, progress=advance)
    code, model = riskiest(told.publication)
    told.explanation = explain_published(told.publication, code, model)
    told.plot = waterfall(told.explanation, home.root / f"explanation-{code}.png")
    with steps("plan") as advance:
        for done, sector in enumerate(SECTORS, start=1):
            told.plans.append(next_month(home, told.publication, sector))
            advance(done, len(SECTORS))
    return told


def _same(advance: Advance, name: str) -> Advance:
    return advance


def next_month(home: Home, publication: Publication, sector: str) -> SavedPlan:
    """Plan the month after the classification; capacity is a sixth of the sector's enterprises."""
    day = publication.as_of
    month = f"{day.year + day.month // 12}-{day.month % 12 + 1:02d}"
    capacity = max(publication.document["models"][sector]["rows"] // 6, 1)
    return plan_month(home, sector=sector, month=month, capacity=capacity, seed=f"demo {sector} {month}")


def riskiest(publication: Publication) -> tuple[str, str]:
    """Return credit code and model of the highest score in tier D."""
    rows = publication.rows(columns=["credit_code", "model", "tier", "score", "decided_by"]).to_pandas()
    worst = rows[rows["tier"] == "D"]
    if worst.empty:
        worst = rows
    # One whose own records decided shows more than one that a floor of law put there.
    by_score = worst[worst["decided_by"] == "score"]
    chosen = by_score if len(by_score) else worst
    first = chosen.sort_values(["score", "credit_code"], ascending=[False, True]).iloc[0]
    return str(first["credit_code"]), str(first["model"])
