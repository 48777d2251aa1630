"""The benchmark of a province runs the product's commands, and says what it saw."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import province


@pytest.mark.long
def test_every_stage_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCHMARK_DATA", str(tmp_path))
    monkeypatch.setenv("BENCHMARK_ENTERPRISES", "1000,2000")
    monkeypatch.setattr(province, "TRAINED_ON_QUICK", 4000)
    monkeypatch.setattr(province, "LOOKUPS", 3)
    found = province.run(quick=True)
    assert set(found) == {"ratios", "figures", "aims"}
    large = found["figures"]["sizes"]["2000"]
    assert set(large["seconds"]) == {"simulate", "ingest", "features", "classify"}
    assert 0 < large["classified"] < 2000
    assert large["largest_residual"] < 1e-9
    assert (tmp_path / "features.parquet").is_file()
