"""The benchmark of a province runs the product's commands, and says what it saw."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks import late_records, province, renewals
from features.simulation import simulate


@pytest.mark.long
def test_every_stage_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCHMARK_DATA", str(tmp_path))
    monkeypatch.setenv("BENCHMARK_ENTERPRISES", "1000,2000")
    monkeypatch.setattr(province, "QUICK", replace(province.QUICK, trained_on=3000, others=1500))
    monkeypatch.setattr(province, "RUNNERS", ("threads", "dask"))
    monkeypatch.setattr(province, "LOOKUPS", 3)
    found = province.run(quick=True)
    assert set(found) == {"ratios", "figures", "aims"}
    large = found["figures"]["sizes"]["2000"]
    assert set(large["seconds"]) == {"simulate", "ingest", "features", "classify"}
    assert 0 < large["classified"] < 2000
    assert large["largest_residual"] < 1e-9
    assert (tmp_path / "features.parquet").is_file()
    assert found["figures"]["clusters"]["equal"]
    renewal = found["figures"]["renewal"]
    for way in late_records.LATE:
        fresh, published = renewal[way][renewals.FRESH], renewal[way][renewals.PUBLISHED]
        assert fresh["equal"]
        assert published["equal"]
        assert 0 < published["margins_changed"] <= fresh["margins_changed"] < 1
        assert 0 <= renewal[way]["tiers that differ by the kind of rates"] < 0.1
    delivery = found["figures"]["late-delivery"]
    assert delivery["enterprises"] == 2000
    assert delivery[late_records.OF_A_DISTRICT][renewals.PUBLISHED]["equal"]
    assert found["aims"]["a renewal gives what a whole run gives"]["met"]


def test_rows_are_compared_whatever_the_pieces() -> None:
    numbers = np.array([[1.0, np.nan], [2.0, 3.0], [4.0, 5.0]])

    def rows() -> pa.Table:
        # A copy: Arrow may look at the very numbers of an array.
        values = pa.FixedSizeListArray.from_arrays(pa.array(numbers.reshape(-1).copy()), 2)
        return pa.table({"credit_code": ["a", "b", "c"], "values": values})

    table = rows()
    numbers[2, 1] = 6.0
    other = rows()

    def same(one: list[pa.Table], two: list[pa.Table]) -> bool:
        return renewals._same_rows(iter(one), iter(two))

    assert same([table], [table.slice(0, 1), table.slice(1)])
    assert same([table.slice(0, 2), table.slice(2)], [table.slice(0, 1), table.slice(1)])
    assert not same([table], [other])
    assert not same([table], [table.slice(0, 2)])
    assert not same([table.slice(1)], [table])


@pytest.mark.parametrize("way", late_records.LATE)
def test_one_record_in_a_hundred_comes_late(tmp_path: Path, way: str) -> None:
    simulate(enterprises=3000, seed=1, out=tmp_path / "province")
    source = tmp_path / "province" / "records"
    files = late_records.withheld(source, tmp_path / "parts", way)
    # Exactly, where enterprises are counted; by chance elsewhere.
    assert 0.01 <= files.share < 0.0105 if way == late_records.OF_A_DISTRICT else 0.005 < files.share < 0.015
    for path in source.glob("*.parquet"):
        parts = [pq.read_table(part) for part in (*files.first, *files.late) if Path(part).name == path.name]
        assert pa.concat_tables(parts).num_rows == pq.read_metadata(path).num_rows
