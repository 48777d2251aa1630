"""Threads, Dask, Spark and one enterprise alone give the same, on a simulated province and on Beijing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from features.definitions import LIBRARY
from features.kernel import Plan
from features.records import TABLES
from features.runners import compute, context_of, scheduler_of
from features.runners.single import compute_one
from features.simulation import simulate
from features.sources import ingest
from features.store import RecordStore
from tests.features.records_at_random import pairs_of

PLAN = Plan(LIBRARY)
BEIJING = Path(__file__).parents[4] / "shared" / "data" / "beijing_market_supervision"
ENTERPRISES = 600

pytestmark = pytest.mark.long


@pytest.fixture(scope="module", params=["simulated", "beijing"])
def province(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, date]:
    """Return a snapshot, and a date within its records."""
    folder = tmp_path_factory.mktemp(request.param)
    store = RecordStore(folder / "store")
    if request.param == "simulated":
        simulate(enterprises=ENTERPRISES, seed=5, out=folder)
        ingest(store, "simulated", sorted((folder / "records").iterdir()))
        return store.snapshot(), date(2024, 12, 31)
    if not BEIJING.is_dir():
        pytest.skip("the records of Beijing are not here")
    ingest(store, "beijing", sorted(BEIJING.glob("*.csv.gz")))
    return store.snapshot(), date(2021, 12, 31)


@pytest.fixture(scope="module")
def pairs(province: tuple[Any, date]) -> pa.Table:
    snapshot, as_of = province
    codes = snapshot.codes()
    chosen = np.sort(np.random.default_rng(1).choice(len(codes), min(len(codes), ENTERPRISES), replace=False))
    return pairs_of(codes.take(pa.array(chosen)).to_pylist(), [date(as_of.year - 1, 6, 30), as_of])


@pytest.fixture(scope="module")
def expected(province: tuple[Any, date], pairs: pa.Table) -> pa.Table:
    return compute(province[0], PLAN, pairs)


def bits(table: pa.Table) -> np.ndarray:
    """Return the features as 64-bit words, one row a pair."""
    columns = [np.ascontiguousarray(table[name].to_numpy()).view(np.int64) for name in PLAN.names]
    return np.column_stack(columns)


def differing(found: np.ndarray, expected: np.ndarray) -> list[str]:
    """Return the features that differ anywhere."""
    return [PLAN.names[i] for i in np.flatnonzero((found != expected).any(axis=0))]


def test_the_records_say_something(expected: pa.Table) -> None:
    known = [name for name in PLAN.names if len(pc.unique(expected[name])) > 1]
    assert len(known) > 30


def test_one_enterprise_alone(province: tuple[Any, date], pairs: pa.Table, expected: pa.Table) -> None:
    snapshot, as_of = province
    context = context_of(snapshot, PLAN, pairs)
    assert context is not None
    mine = expected.filter(pc.equal(expected["as_of"], as_of)).slice(0, 60)
    found = []
    for code in mine["credit_code"].to_pylist():
        own = {}
        for name in TABLES:
            table = snapshot.read(name, codes=(code, code))
            seen = pc.and_(
                pc.less_equal(table["visible_from"], as_of), pc.greater(table["visible_to"], as_of)
            )
            own[name] = table.filter(seen).drop_columns(["visible_from", "visible_to"])
        known = [name for name in TABLES if snapshot.exists(name)]
        found.append(compute_one(PLAN, own, code, as_of, known_tables=known, context=context)[0])
    assert not differing(np.ascontiguousarray(found).view(np.int64), bits(mine))


@pytest.fixture(
    params=[pytest.param("dask", marks=pytest.mark.dask), pytest.param("spark", marks=pytest.mark.spark)]
)
def scheduler(request: pytest.FixtureRequest, province: tuple[Any, date]) -> Iterator[Any]:
    address = {"dask": None, "spark": "local[2]"}[request.param]
    with scheduler_of(request.param, province[0], address) as opened:
        yield opened


@pytest.mark.filterwarnings("ignore")
def test_clusters(province: tuple[Any, date], pairs: pa.Table, expected: pa.Table, scheduler: Any) -> None:
    found = compute(province[0], PLAN, pairs, scheduler=scheduler, size=200)
    assert not differing(bits(found), bits(expected))
