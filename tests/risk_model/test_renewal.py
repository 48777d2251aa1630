"""A classification that is renewed after more records came says what a whole run would say."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from risk_model import classification
from risk_model.classification import classify
from risk_model.publication import Publication, layout
from risk_model.renewal import other_side
from risk_model.shipping import Fleet, ModelVersion
from tests.risk_model.late_records import AS_OF, SHARD, Province, late_complaint, same


def test_a_renewed_classification_is_what_a_whole_run_gives(
    province_told_late: Province, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, models = province_told_late.store, province_told_late.models
    before = classify(store.snapshot(), models, date(2025, 6, 30), tmp_path, shard=SHARD)
    known = {"previous": before, "shard": SHARD}
    publications = [before, classify(store.snapshot(), models, AS_OF, tmp_path, **known)]
    computed: list[int] = []
    kept = classification.renew_shards

    def counting(reader: Any, shared: Any, numbers: range) -> Any:
        computed.extend(numbers)
        return kept(reader, shared, numbers)

    monkeypatch.setattr(classification, "renew_shards", counting)
    for half in province_told_late.late:
        store.load(half, load_id=str(len(publications)), source="test")
        base = publications[-1]
        renewed = classify(store.snapshot(), models, AS_OF, tmp_path, earlier=publications, **known)
        assert sorted(computed) == list(range(len(base.document["shards"])))
        computed.clear()
        whole = classify(store.snapshot(), models, AS_OF, tmp_path / "whole", **known)
        same(renewed, whole)
        changed = renewed.rows().to_pylist() != base.rows().to_pylist()
        assert changed
        assert {row["credit_code"] for row in base.rows(model="general").to_pylist()} ^ {
            row["credit_code"] for row in renewed.rows(model="general").to_pylist()
        }
        publications.append(renewed)
        looked_up(renewed, whole)
    renewed.check()


def looked_up(found: Publication, expected: Publication) -> None:
    """Assert that a look-up of one enterprise gives the same: changed ones and others, of every model."""
    rows = expected.rows(columns=["credit_code", "model"]).to_pylist()
    for row in rows[:: max(len(rows) // 150, 1)]:
        one, other = (p.contributions(row["credit_code"], row["model"]) for p in (found, expected))
        assert one.base_value == other.base_value
        np.testing.assert_array_equal(one.contributions, other.contributions)
        np.testing.assert_array_equal(one.values, other.values)


def test_what_does_not_change_is_not_written_again(
    province_told_late: Province, tmp_path: Path, rows: Any
) -> None:
    """One record of one enterprise: most files of most shards are links to those that were there."""
    store, models = province_told_late.store, province_told_late.models
    base = classify(store.snapshot(), models, AS_OF, tmp_path, shard=SHARD)
    code = base.rows(model="general", columns=["credit_code"])["credit_code"][5].as_py()
    store.load({"complaint": rows("complaint", [late_complaint(code)])}, load_id="one", source="test")
    renewed = classify(store.snapshot(), models, AS_OF, tmp_path, earlier=[base], shard=SHARD)
    whole = classify(store.snapshot(), models, AS_OF, tmp_path / "whole", shard=SHARD)
    same(renewed, whole)
    linked = sum(
        Path(new).stat().st_ino == Path(old).stat().st_ino
        for file in (layout.FEATURES, layout.contributions_file("general"))
        for old, new in zip(base.files(file), renewed.files(file), strict=True)
    )
    assert linked >= 2 * (len(base.document["shards"]) - 1)


def test_other_models_or_rules_begin_anew(
    province_told_late: Province, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, models = province_told_late.store, province_told_late.models
    store.load(province_told_late.late[0], load_id="late", source="test")
    base = classify(store.snapshot(), models, AS_OF, tmp_path)

    def never(*_: Any) -> Any:
        raise AssertionError

    monkeypatch.setattr(classification, "renewal", never)
    only = {"general": models["general"]}
    assert classify(store.snapshot(), only, AS_OF, tmp_path, earlier=[base]).models == ("general",)
    later = classify(store.snapshot(), models, date(2025, 11, 30), tmp_path, earlier=[base])
    assert later.as_of == date(2025, 11, 30)
    store.compact()
    again = classify(store.snapshot(), models, AS_OF, tmp_path, earlier=[base])
    assert again.document["enterprises"] == base.document["enterprises"]


def test_within_two_thresholds_nothing_turns(trainings: Any) -> None:
    """Between neighbouring thresholds margins are equal to the last bit; across one they may not be."""
    model = trainings.models["food"]
    thresholds = Fleet({"food": ModelVersion(model, "1")}).thresholds
    rows = trainings.food.dataset.part("test").head(50)
    matrix = model.matrix(rows)
    rng = np.random.default_rng(3)
    moved = 0
    for place, name in enumerate(model.feature_names):
        if name not in thresholds or model.features[place].categories is not None:
            continue
        shifted = matrix.copy()
        shifted[:, place] += rng.normal(scale=0.3 * np.nanstd(matrix[:, place]) + 1e-9, size=len(rows))
        stays = ~other_side(thresholds[name], matrix[:, place], shifted[:, place])
        before, after = (model.contributions(one[stays]) for one in (matrix, shifted))
        np.testing.assert_array_equal(model.margin(matrix[stays]), model.margin(shifted[stays]))
        np.testing.assert_array_equal(before.values, after.values)
        moved += int((model.margin(matrix) != model.margin(shifted)).sum())
    assert moved > 50
