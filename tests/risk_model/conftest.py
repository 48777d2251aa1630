"""A home with trained models and a published classification, made once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from features.home import Home
from features.store import RecordStore, Snapshot
from risk_model.classification import ModelVersion, classify
from risk_model.model import RiskModel
from risk_model.publication import Publication
from risk_model.specification import ModelSpecification, load_specification
from risk_model.training import Training, train
from tests.risk_model.late_records import Province, told_late

AS_OF = date(2025, 12, 31)


def small(name: str) -> ModelSpecification:
    """Return a model's specification with fewer dates, so that a test trains it in seconds."""
    specification = load_specification(name)
    windows = specification.windows.model_copy(update={"train_dates": 8, "every_months": 6, "test_dates": 2})
    learner = specification.learner.model_copy(update={"trees": 40})
    return specification.model_copy(update={"windows": windows, "learner": learner, "minimum_labels": 100})


@pytest.fixture(scope="session", name="small")
def _small() -> Callable[[str], ModelSpecification]:
    return small


class Trainings(NamedTuple):
    """A store's snapshot and the models trained on it."""

    snapshot: Snapshot
    general: Training
    food: Training
    special_equipment: Training

    @property
    def models(self) -> dict[str, RiskModel]:
        return {name: getattr(self, name).model for name in ("general", "food", "special_equipment")}


@pytest.fixture(scope="session")
def records(tmp_path_factory: pytest.TempPathFactory, canonical: Mapping[str, Any]) -> RecordStore:
    store = RecordStore(tmp_path_factory.mktemp("models") / "store")
    store.load({name: table.rows for name, table in canonical.items()}, load_id="1", source="test")
    return store


@pytest.fixture(scope="session")
def trainings(records: RecordStore) -> Trainings:
    snapshot = records.snapshot()
    general = train(snapshot, small("general"))
    sectors = [train(snapshot, small(name), base=general.model) for name in ("food", "special_equipment")]
    return Trainings(snapshot, general, *sectors)


@pytest.fixture(scope="session")
def publication(trainings: Trainings, tmp_path_factory: pytest.TempPathFactory) -> Publication:
    models = {name: ModelVersion(model, "1") for name, model in trainings.models.items()}
    return classify(trainings.snapshot, models, AS_OF, tmp_path_factory.mktemp("published"))


@pytest.fixture(scope="session")
def late_province(
    trainings: Trainings, canonical: Mapping[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Province:
    models = {name: ModelVersion(model, "1") for name, model in trainings.models.items()}
    return told_late(RecordStore(tmp_path_factory.mktemp("late") / "store"), canonical, models)


@pytest.fixture
def province_told_late(late_province: Province, tmp_path: Path) -> Province:
    """Return a province with a store of its own, of which the late records are not loaded yet."""
    return late_province.copied(tmp_path)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)
