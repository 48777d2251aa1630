"""A classification that is renewed after more records came says what a whole run would say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from features.store import RecordStore
from risk_model import classification
from risk_model.classification import classify
from risk_model.publication import Publication, layout
from risk_model.renewal import other_side
from risk_model.shipping import Fleet, ModelVersion

AS_OF = date(2025, 12, 31)
SHARD = 700


@dataclass(frozen=True)
class Province:
    """Records that come first, and those that come late."""

    store: RecordStore
    late: list[Mapping[str, pa.Table]]
    models: dict[str, ModelVersion]


def divided(table: pa.Table, late: np.ndarray) -> tuple[pa.Table, pa.Table]:
    return table.filter(pa.array(~late)), table.filter(pa.array(late))


@pytest.fixture(scope="module")
def told_late(
    trainings: Any, canonical: Mapping[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Province:
    """Return a store without one record in a hundred; those of a few enterprises come late altogether."""
    store = RecordStore(tmp_path_factory.mktemp("late") / "store")
    rng = np.random.default_rng(5)
    first, late = {}, {}
    codes = pc.unique(canonical["enterprise"].rows["credit_code"]).to_pylist()
    unheard_of = pa.array(sorted(rng.choice(codes, 12, replace=False).tolist()))
    for name, table in canonical.items():
        rows = table.rows
        comes_late = rng.random(rows.num_rows) < 0.01
        comes_late |= pc.is_in(rows["credit_code"], value_set=unheard_of).to_numpy()
        # One table is told of by nobody late, and an end of business is: somebody is gone.
        first[name], late[name] = divided(rows, comes_late & (name != "incident"))
    halves = [{}, {}]
    for name, rows in late.items():
        in_first = rng.random(rows.num_rows) < 0.5
        for half, chosen in zip(halves, (in_first, ~in_first), strict=True):
            if chosen.any():
                half[name] = rows.filter(pa.array(chosen))
    store.load(first, load_id="first", source="test")
    models = {name: ModelVersion(model, "1") for name, model in trainings.models.items()}
    return Province(store, halves, models)


def content(publication: Publication) -> dict[str, Any]:
    """Return all that a reader can see."""
    told = {name: dict(one) for name, one in publication.document["models"].items()}
    for one in told.values():
        # Of an enterprise that has changed since it may be larger.
        assert one.pop("largest_residual") < 1e-9
    return {
        "document": {
            key: value
            for key, value in publication.document.items()
            if key not in ("created_at", "shards", "name", "models")
        },
        "models": told,
        "rows": publication.rows(),
        "features": publication.features_table(),
        **{name: publication.contributions_table(name) for name in publication.models},
    }


def same(found: Publication, expected: Publication) -> None:
    mine, theirs = content(found), content(expected)
    for what, value in theirs.items():
        if isinstance(value, pa.Table):
            pd.testing.assert_frame_equal(mine[what].to_pandas(), value.to_pandas(), check_exact=True)
        else:
            assert mine[what] == value, what
    context, other = found.context(), expected.context()
    assert context is not None
    assert other is not None
    for name in ("rates", "ties", "events"):
        assert getattr(context.survey, name).equals(getattr(other.survey, name)), name


def test_a_renewed_classification_is_what_a_whole_run_gives(
    told_late: Province, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, models = told_late.store, told_late.models
    before = classify(store.snapshot(), models, date(2025, 6, 30), tmp_path, shard=SHARD)
    known = {"previous": before, "shard": SHARD}
    publications = [before, classify(store.snapshot(), models, AS_OF, tmp_path, **known)]
    computed: list[int] = []
    kept = classification.renew_shard

    def counting(reader: Any, shared: Any, number: int) -> Any:
        computed.append(number)
        return kept(reader, shared, number)

    monkeypatch.setattr(classification, "renew_shard", counting)
    for half in told_late.late:
        store.load(half, load_id=str(len(publications)), source="test")
        base = publications[-1]
        renewed = classify(store.snapshot(), models, AS_OF, tmp_path, earlier=publications, **known)
        assert len(computed) == len(base.document["shards"])
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


def test_what_does_not_change_is_not_written_again(told_late: Province, tmp_path: Path, rows: Any) -> None:
    """One record of one enterprise: most files of most shards are links to those that were there."""
    store, models = told_late.store, told_late.models
    base = classify(store.snapshot(), models, AS_OF, tmp_path, shard=SHARD)
    code = base.rows(model="general", columns=["credit_code"])["credit_code"][5].as_py()
    late = {
        "credit_code": code,
        "event_date": date(2025, 11, 3),
        "recorded_at": date(2025, 11, 20),
        "record_id": "late:1",
        "domain": "general",
        "verified": True,
    }
    store.load({"complaint": rows("complaint", [late])}, load_id="one", source="test")
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
    told_late: Province, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, models = told_late.store, told_late.models
    base = classify(store.snapshot(), models, AS_OF, tmp_path)

    def never(*arguments: Any) -> Any:
        raise AssertionError(arguments)

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
