"""A small home with everything that the service reads: records, champions, a classification, a plan."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from features.home import Home
from features.simulation import simulate
from features.sources import ingest
from features.store import RecordStore
from risk_model.classification import ModelVersion, classify
from risk_model.evaluation.report import evaluate
from risk_model.monitoring import reference
from risk_model.pipeline import reference_at_training
from risk_model.publication import Publication
from risk_model.registry import Registry
from risk_model.specification import load_specification
from risk_model.training import train
from supervision.assignment.pool import Inspector
from supervision.workflow import plan_month

ENTERPRISES = 1_500
AS_OF = date(2025, 6, 30)
EARLIER = date(2025, 3, 31)


def build_home(root: Path) -> Home:
    """Simulate a small province, load its records, train, classify twice, plan a month."""
    home = Home(root)
    simulate(enterprises=ENTERPRISES, seed=7, out=home.simulated)
    ingest(RecordStore(home.store), "simulated", sorted((home.simulated / "records").glob("*.parquet")))
    train_and_register(home, root / "scratch")
    publish(home, EARLIER)
    publish(home, AS_OF)
    inspectors = [
        Inspector(f"JC{number:03d}", f"检查员{number}", ("99",), ("food",), visits=10) for number in range(12)
    ]
    plan_month(
        home,
        sector="food",
        month="2025-07",
        capacity=25,
        seed="a seed published before",
        inspectors=inspectors,
    )
    return home


def train_and_register(home: Home, scratch: Path) -> None:
    """Train small versions of all models on the records and register them."""
    records = RecordStore(home.store).snapshot()
    registry = Registry(home)
    trained = {}
    for name in ("general", "food", "special_equipment"):
        full = load_specification(name)
        specification = full.model_copy(
            update={
                "learner": full.learner.model_copy(update={"trees": 30, "minimum_in_leaf": 20}),
                "windows": full.windows.model_copy(
                    update={"train_dates": 4, "calibration_dates": 1, "test_dates": 1}
                ),
                "minimum_labels": 50,
            }
        )
        result = train(records, specification, base=trained.get("general"))
        trained[name] = result.model
        documents = {
            "evaluation-at-training.json": evaluate(trained[name], result.dataset, repetitions=20),
            "specification.json": specification.model_dump(mode="json"),
            reference.DOCUMENT: reference_at_training(records, result).as_dict(),
        }
        registry.log(trained[name], metrics={}, documents=documents, scratch=scratch / name)


def publish(home: Home, as_of: date) -> Publication:
    """Classify everybody with the champions."""
    registry = Registry(home)
    models = {}
    for name in ("general", "food", "special_equipment"):
        model, version = registry.load(name)
        models[name] = ModelVersion(model, version.version)
    earlier = [p for p in Publication.all(home) if p.as_of < as_of]
    return classify(
        RecordStore(home.store).snapshot(),
        models,
        as_of,
        home.published,
        previous=earlier[-1] if earlier else None,
    )
