"""Slow figures: computed once for all, kept, waited for, and tried again when they failed."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pyarrow as pa
import pytest

from serving import computed
from serving.computed import Computed, Figures


def test_computed_once_and_kept_for_other_workers(tmp_path: Path) -> None:
    calls: list[int] = []

    def make() -> Figures:
        calls.append(1)
        return Figures({"n": 1, "名": "值"}, pa.table({"a": [1, 2]}))

    first = Computed(tmp_path / "kept").get("key", make)
    assert first is not None
    again = Computed(tmp_path / "kept").get("key", make)
    assert again is not None
    assert again.facts == first.facts == {"n": 1, "名": "值"}
    assert again.rows.equals(first.rows)
    assert calls == [1]
    Computed(tmp_path / "kept").get("another key", make)
    assert calls == [1, 1]


def test_who_does_not_wait_asks_again(tmp_path: Path) -> None:
    going = threading.Event()
    kept = Computed(tmp_path)

    def make() -> Figures:
        going.wait(30)
        return Figures({"done": True})

    assert kept.get("key", make, wait=0.01) is None
    assert kept.get("key", make, wait=0.01) is None
    going.set()
    found = kept.get("key", make, wait=30)
    assert found is not None
    assert found.facts == {"done": True}


def test_two_workers_compute_it_once(tmp_path: Path) -> None:
    calls: list[int] = []

    def make() -> Figures:
        calls.append(1)
        time.sleep(0.3)
        return Figures({"n": len(calls)})

    found: list[Figures | None] = []
    workers = [
        threading.Thread(target=lambda: found.append(Computed(tmp_path).get("key", make, wait=30)))
        for _ in range(4)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert calls == [1]
    assert [one.facts for one in found if one is not None] == [{"n": 1}] * 4


def test_what_failed_is_tried_again(tmp_path: Path) -> None:
    kept = Computed(tmp_path)

    def fail() -> Figures:
        message = "no records"
        raise ValueError(message)

    with pytest.raises(ValueError, match="no records"):
        kept.get("key", fail, wait=30)
    found = kept.get("key", lambda: Figures({"n": 1}), wait=30)
    assert found is not None


def test_the_oldest_are_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(computed, "KEPT", 3)
    kept = Computed(tmp_path)
    for number in range(6):
        kept.get(f"key {number}", lambda number=number: Figures({"n": number}), wait=30)  # type: ignore[misc]
    assert len(list(tmp_path.glob("*.parquet"))) == 3
