"""What changed between two classifications sums to the change of the margin, for everybody."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from features.errors import InputError
from features.store import RecordStore
from risk_model.calibration import Platt
from risk_model.classification import ModelVersion, classify
from risk_model.explanation.changes import changes_since, differences, record_changes
from risk_model.publication import Publication

AS_OF = date(2025, 12, 31)
BEFORE = AS_OF - timedelta(days=92)


@pytest.fixture(scope="module")
def pair(trainings: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Publication, Publication]:
    folder = tmp_path_factory.mktemp("changes")
    models = {name: ModelVersion(trainings.models[name], "1") for name in trainings.models}
    return tuple(classify(trainings.snapshot, models, day, folder) for day in (BEFORE, AS_OF))  # type: ignore[return-value]


@pytest.mark.parametrize("model", ["general", "food", "special_equipment"])
def test_differences_sum_to_the_change_of_the_margin_for_everybody(
    pair: tuple[Publication, Publication], model: str
) -> None:
    earlier, later = pair
    table = differences(earlier, later, model)
    both = set(earlier.rows(model=model)["credit_code"].to_pylist()) & set(
        later.rows(model=model)["credit_code"].to_pylist()
    )
    assert set(table["credit_code"].to_pylist()) == both
    assert len(both) > 100
    total = np.sum([table[name].to_numpy() for name in table.column_names[3:]], axis=0)
    assert np.abs(total - table["margin"].to_numpy()).max() < 1e-9
    assert not table["by_model"].to_numpy().any()
    assert (total != 0).mean() > 0.5


@pytest.mark.parametrize("model", ["general", "food"])
def test_with_a_new_version_records_and_model_sum_for_everybody(
    pair: tuple[Publication, Publication], trainings: Any, tmp_path: Path, model: str
) -> None:
    earlier, _ = pair
    general = replace(trainings.general.model, calibration=Platt(1.3, 0.4))
    other = replace(trainings.food.model, base=general, entry=Platt(0.8, 0.1), calibration=Platt(1.1, -0.2))
    models = {"general": ModelVersion(general, "2"), "food": ModelVersion(other, "2")}
    later = classify(trainings.snapshot, models, AS_OF, tmp_path)
    table = differences(earlier, later, model, load=lambda name, version: models[name].model)
    by_records = np.sum([table[name].to_numpy() for name in table.column_names[3:]], axis=0)
    by_model = table["by_model"].to_numpy()
    assert len(table) > 100
    assert np.abs(by_records + by_model - table["margin"].to_numpy()).max() < 1e-9
    assert (by_model != 0).mean() > 0.9
    # Each row is what the enterprise alone is told.
    for row in range(0, len(table), max(1, len(table) // 12)):
        code = table["credit_code"][row].as_py()
        found = changes_since(earlier, later, code, model, load=lambda name, version: models[name].model)
        assert found.by_model == pytest.approx(by_model[row], abs=1e-12)
        assert found.by_records == pytest.approx(by_records[row], abs=1e-12)


def test_the_changes_of_one_enterprise_sum_and_name_their_values(
    pair: tuple[Publication, Publication], trainings: Any
) -> None:
    earlier, later = pair
    rows = later.rows(model="food").to_pandas().sample(25, random_state=2)
    for code in rows["credit_code"]:
        try:
            found = changes_since(earlier, later, code, "food", records=trainings.snapshot)
        except InputError:
            assert code not in earlier.rows(model="food")["credit_code"].to_pylist()
            continue
        assert abs(found.residual) < 1e-9
        assert found.by_model == 0.0
        assert found.margin_after - found.margin_before == pytest.approx(found.by_records, abs=1e-9)
        kept = later.values(code)
        for change in found.features:
            value = kept[change.feature.name]
            assert change.after == value or (np.isnan(change.after) and (value is None or np.isnan(value)))


def test_a_new_version_of_the_model_is_told_apart_from_new_records(
    pair: tuple[Publication, Publication], trainings: Any, tmp_path: Path
) -> None:
    earlier, _ = pair
    other = replace(trainings.general.model, calibration=Platt(1.3, 0.4))
    later = classify(trainings.snapshot, {"general": ModelVersion(other, "2")}, AS_OF, tmp_path)
    code = earlier.rows(model="general")["credit_code"][7].as_py()
    with pytest.raises(InputError, match="versions 1 and 2"):
        changes_since(earlier, later, code)
    with pytest.raises(InputError, match="versions 1 and 2"):
        differences(earlier, later, "general")
    found = changes_since(earlier, later, code, "general", load=lambda name, version: other)
    assert abs(found.residual) < 1e-9
    # By hand: the new model at the old values, less the old model there.
    old = earlier.find(code, "general")["margin"]
    raw = (old - trainings.general.model.calibration.intercept) / trainings.general.model.calibration.slope
    assert found.by_model == pytest.approx(1.3 * raw + 0.4 - old, abs=1e-9)


def test_records_that_came_and_went_are_named_with_why(store: RecordStore, rows: Any) -> None:
    def penalty(record_id: str, event: date, **more: Any) -> dict[str, Any]:
        record = {
            "credit_code": "SIM:1",
            "event_date": event,
            "recorded_at": event,
            "record_id": record_id,
            "kind": "fine",
            "severity": "general",
            "domain": "food",
        }
        return record | more

    day = date(2024, 1, 1)
    records = [
        penalty("old", day),
        penalty("new", date(2024, 6, 1)),
        penalty("late", day, recorded_at=date(2024, 6, 3)),
        penalty("withdrawn", day, withdrawn_at=date(2024, 6, 5)),
        penalty("expired", day, expires_at=date(2024, 6, 6)),
        penalty("repaired", day, repaired_at=date(2024, 6, 7)),
        penalty("corrected", day),
        penalty("after", date(2024, 7, 1)),
    ]
    store.load({"penalty": rows("penalty", records)}, load_id="1", source="s")
    corrected = penalty("corrected", day, severity="minor", recorded_at=date(2024, 6, 8))
    store.load({"penalty": rows("penalty", [corrected])}, load_id="2", source="s")
    found = record_changes(store.snapshot(), "SIM:1", date(2024, 5, 31), date(2024, 6, 30))
    assert [(change.record_id, change.what, change.on.day) for change in found] == [
        ("new", "new", 1),
        ("late", "new", 3),
        ("withdrawn", "withdrawn", 5),
        ("expired", "expired", 6),
        ("repaired", "repaired", 7),
        ("corrected", "superseded", 8),
        ("corrected", "new", 8),
    ]
