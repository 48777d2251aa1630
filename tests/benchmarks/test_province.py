"""The benchmark of a province runs the product's commands, and says what it saw."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks import late_records, province
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
    assert all(renewal[way]["equal"] for way in late_records.LATE)
    assert all(0 < renewal[way]["margins_changed"] < 1 for way in late_records.LATE)
    assert found["aims"]["a renewal gives what a whole run gives"]["met"]


@pytest.mark.parametrize("way", late_records.LATE)
def test_one_record_in_a_hundred_comes_late(tmp_path: Path, way: str) -> None:
    simulate(enterprises=3000, seed=1, out=tmp_path / "province")
    source = tmp_path / "province" / "records"
    files = late_records.withheld(source, tmp_path / "parts", way)
    assert 0.004 < files.share < 0.02
    for path in source.glob("*.parquet"):
        parts = [pq.read_table(part) for part in (*files.first, *files.late) if Path(part).name == path.name]
        assert pa.concat_tables(parts).num_rows == pq.read_metadata(path).num_rows
