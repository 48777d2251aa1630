"""Records of a small province of which some come late, and classifications compared as readers see them."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from features.store import RecordStore
from risk_model.publication import Publication
from risk_model.shipping import ModelVersion

AS_OF = date(2025, 12, 31)
SHARD = 700


@dataclass(frozen=True)
class Province:
    """Records that come first, and those that come late."""

    store: RecordStore
    late: list[Mapping[str, pa.Table]]
    models: dict[str, ModelVersion]

    def copied(self, folder: Path) -> Province:
        """Return the same with a store of its own, so that records can be loaded."""
        shutil.copytree(self.store.root, folder / "store")
        return replace(self, store=RecordStore(folder / "store"))


def divided(table: pa.Table, late: np.ndarray) -> tuple[pa.Table, pa.Table]:
    return table.filter(pa.array(~late)), table.filter(pa.array(late))


def told_late(store: RecordStore, canonical: Mapping[str, Any], models: dict[str, ModelVersion]) -> Province:
    """Fill a store without one record in a hundred; those of a few enterprises come late altogether."""
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
    return Province(store, halves, models)


def late_complaint(code: str) -> dict[str, Any]:
    """Return a complaint about an enterprise that is told of shortly before the date."""
    return {
        "credit_code": code,
        "event_date": date(2025, 11, 3),
        "recorded_at": date(2025, 11, 20),
        "record_id": "late:1",
        "domain": "general",
        "verified": True,
    }


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
            if key not in ("created_at", "shards", "name", "models", "tied")
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
