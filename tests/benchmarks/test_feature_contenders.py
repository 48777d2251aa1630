"""The contenders of the feature benchmark do the same work."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from benchmarks.__main__ import names, result_of
from benchmarks.contenders import CONTENDERS, FEATURES, Task
from benchmarks.features import agree
from benchmarks.records import AS_OF, credit_codes, store_of


def test_all_contenders_write_the_same_values(tmp_path: Path) -> None:
    pytest.importorskip("polars")
    snapshot = store_of(tmp_path, 300)
    dates = tuple(date.fromisoformat(day) for day in AS_OF)
    for name, contender in CONTENDERS.items():
        contender(Task(snapshot, dates, tmp_path / f"{name}.parquet"))
    agree(tmp_path, list(CONTENDERS))
    assert len(FEATURES) > 60


def test_disagreement_is_noticed(tmp_path: Path) -> None:
    snapshot = store_of(tmp_path, 100)
    CONTENDERS["ours"](Task(snapshot, (date(2023, 12, 31),), tmp_path / "ours.parquet"))
    CONTENDERS["duckdb"](Task(snapshot, (date(2022, 12, 31),), tmp_path / "duckdb.parquet"))
    with pytest.raises(AssertionError):
        agree(tmp_path, ["ours", "duckdb"])


def test_credit_codes_are_sorted_and_of_nobody() -> None:
    codes = list(credit_codes(0, 2000))
    assert codes == sorted(codes)
    assert all(code.startswith("BENCH:") for code in codes)


def test_names_and_documents(monkeypatch: pytest.MonkeyPatch) -> None:
    from benchmarks import single

    assert {"features", "single"} <= set(names())
    assert "records" not in names()
    monkeypatch.setattr(single, "run", lambda quick: {"ratios": {}, "figures": {}, "aims": {}})
    assert result_of("single", quick=True) == {
        "benchmark": "single",
        "quick": True,
        "ratios": {},
        "figures": {},
        "aims": {},
    }
    monkeypatch.setattr(single, "run", lambda quick: {"ratios": {}, "figures": {}})
    with pytest.raises(ValueError, match="gives no 'aims'"):
        result_of("single", quick=True)
