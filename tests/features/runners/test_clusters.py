"""Dask and Spark give what the threads give, bit for bit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from features.definitions import LIBRARY
from features.errors import InputError
from features.kernel import Plan
from features.runners import compute, scheduler_of
from features.runners.dask import local_cluster
from features.runners.processes import StoredSnapshot
from features.runners.threads import Threads
from features.store import RecordStore
from tests.features.records_at_random import Tables, day, pairs_of, random_records

CODES = [f"A{number:02d}" for number in range(30)]
DATES = [day(700), day(1500)]
PLAN = Plan(LIBRARY)


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Any:
    store = RecordStore(tmp_path_factory.mktemp("store"))
    records = random_records(np.random.default_rng(1), CODES[:-1], 150)
    store.load(
        {
            name: table.append_column("source_line", pa.array(np.arange(table.num_rows)))
            for name, table in records.items()
        },
        load_id="load",
        source="test",
    )
    return store.snapshot()


@pytest.fixture(scope="module")
def expected(snapshot: Any) -> pa.Table:
    return compute(snapshot, PLAN, pairs_of(CODES, DATES), threads=1)


def same(found: pa.Table, expected: pa.Table) -> None:
    """Assert that two feature tables are equal to the last bit."""
    assert found.schema == expected.schema
    assert found["credit_code"].to_pylist() == expected["credit_code"].to_pylist()
    for name in PLAN.names:
        left = np.ascontiguousarray(found[name].to_numpy()).view(np.int64)
        right = np.ascontiguousarray(expected[name].to_numpy()).view(np.int64)
        np.testing.assert_array_equal(left, right, err_msg=name)


@pytest.mark.dask
@pytest.mark.filterwarnings("ignore")
def test_dask_on_two_processes(snapshot: Any, expected: pa.Table) -> None:
    from dask.distributed import Client

    from features.runners.dask import Dask

    with (
        local_cluster(2) as cluster,
        Client(cluster) as client,
    ):
        scheduler = Dask(client, StoredSnapshot.of(snapshot))
        same(compute(snapshot, PLAN, pairs_of(CODES, DATES), size=4, scheduler=scheduler), expected)


@pytest.fixture(params=["local-cluster[2,1,1024]"])
def spark(request: pytest.FixtureRequest, snapshot: Any) -> Iterator[Any]:
    with scheduler_of("spark", snapshot, request.param) as scheduler:
        yield scheduler


@pytest.mark.spark
@pytest.mark.filterwarnings("ignore")
def test_spark_on_two_executors(spark: Any, snapshot: Any, expected: pa.Table) -> None:
    same(compute(snapshot, PLAN, pairs_of(CODES, DATES), size=4, scheduler=spark), expected)


def test_threads_by_name(snapshot: Any, expected: pa.Table) -> None:
    with scheduler_of("threads", snapshot) as scheduler:
        assert isinstance(scheduler, Threads)
        same(compute(snapshot, PLAN, pairs_of(CODES, DATES), size=7, scheduler=scheduler), expected)


def test_errors_say_what_to_do(tmp_path: Path) -> None:
    with (
        pytest.raises(InputError, match=r"no runner 'ray'.*threads, dask, spark"),
        scheduler_of("ray", None),
    ):
        pass
    records = Tables(random_records(np.random.default_rng(1), ["A"], 1, ["penalty"]))
    with (
        pytest.raises(InputError, match="only records of a store can be read by other processes"),
        scheduler_of("dask", records),
    ):
        pass
