"""Writers in processes of their own: two at once, and some that are killed on the way."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from features.store import RecordStore

WRITER = Path(__file__).with_name("writer.py")
ROOT = Path(__file__).parents[3]
LOAD = ("load", "second", "300", "600")


def start(store: Path, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, str(WRITER), str(store), *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def run(store: Path, *arguments: object) -> int:
    """Run a writer to its end; return the steps it took."""
    process = start(store, *arguments)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    return int(output.split()[-1])


def killed_at(store: Path, step: int, *arguments: object) -> bool:
    """Run a writer that dies at a step; return whether it did."""
    process = start(store, *arguments, "--die-at", step)
    process.communicate(timeout=120)
    assert process.returncode in {0, -signal.SIGKILL}
    return process.returncode != 0


def killed_after(store: Path, seconds: float, *arguments: object) -> bool:
    """Kill a writer some time after it began; return whether it was still at work."""
    process = start(store, *arguments)
    assert process.stdout is not None
    assert process.stdout.readline() == "begin\n"
    time.sleep(seconds)
    process.kill()
    process.communicate(timeout=120)
    return process.returncode != 0


def content(folder: Path, snapshot: int | None = None) -> dict[str, Any]:
    """Return all that a reader can see, but for the times of loading."""
    store = RecordStore(folder)
    state = store.snapshot(snapshot)
    refused = store.quarantine(snapshot).drop_columns(["quarantined_at"])
    loads = store.loads(snapshot).drop_columns(["started_at", "finished_at"])
    return {
        **{name: state.read(name) for name in state.tables},
        "counts": state.counts(),
        "quarantine": refused.sort_by("row_hash"),
        "loads": loads.sort_by([("load_id", "ascending"), ("table", "ascending")]),
    }


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store with one load."""
    folder = tmp_path_factory.mktemp("loaded") / "store"
    run(folder, "load", "first", 0, 400)
    return folder


@pytest.fixture
def store(loaded: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(loaded, tmp_path / "store"))


@pytest.fixture(scope="module")
def uninterrupted(
    loaded: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, Any], int, float]:
    """Return what the store holds after a second load, the load's steps and its seconds."""
    folder = Path(shutil.copytree(loaded, tmp_path_factory.mktemp("whole") / "store"))
    process = start(folder, *LOAD)
    assert process.stdout is not None
    assert process.stdout.readline() == "begin\n"
    began = time.perf_counter()
    output, _ = process.communicate(timeout=120)
    return content(folder), int(output.split()[-1]), time.perf_counter() - began


def test_a_load_killed_at_any_step_leaves_nothing_and_can_be_run_again(
    store: Path, uninterrupted: tuple[dict[str, Any], int, float]
) -> None:
    whole, steps, _ = uninterrupted
    before = content(store)
    draw = random.Random(7)
    # Anywhere, and around the end, where the manifest is put in place.
    points = sorted(draw.sample(range(1, steps), 4) + draw.sample(range(steps - 12, steps), 2))
    died = 0
    for point in points:
        died += killed_at(store, point, *LOAD)
        # All or nothing: the state before, or, if only the last steps were missing, the state after.
        seen = content(store)
        assert seen in (before, whole)
        if seen == whole:
            break
    assert died >= 4
    run(store, *LOAD)
    assert content(store) == whole
    assert content(store, 1) == before


def test_a_load_killed_at_any_moment_leaves_nothing_and_can_be_run_again(
    store: Path, uninterrupted: tuple[dict[str, Any], int, float]
) -> None:
    whole, _, seconds = uninterrupted
    before = content(store)
    died = 0
    for share in (0.05, 0.4, 0.8):
        died += killed_after(store, share * seconds, *LOAD)
        seen = content(store)
        assert seen in (before, whole)
        if seen == whole:
            break
    assert died
    run(store, *LOAD)
    assert content(store) == whole


def test_maintenance_killed_on_the_way_loses_nothing(store: Path, tmp_path: Path) -> None:
    for number in range(2, 4):
        run(store, "load", f"load {number}", number * 300, 400)
    before = content(store)
    trial = Path(shutil.copytree(store, tmp_path / "trial"))
    draw = random.Random(13)
    for what in (("compact",), ("retain", 1)):
        steps = run(trial, *what)
        for point in sorted(draw.sample(range(1, steps), 2)):
            killed_at(store, point, *what)
            assert _same_rows(content(store), before)
        run(store, *what)
    assert _same_rows(content(store), before)
    assert len(RecordStore(store).snapshot().files("penalty")) == 1
    assert len(list((store / "records" / "penalty").glob("*.parquet"))) == 1


def test_two_writers_at_once_both_get_everything_in(tmp_path: Path) -> None:
    folder, loads = tmp_path / "store", 2
    # Both bring number 150 to 249, and the same contradiction: the second to come finds them known.
    writers = [
        start(folder, "load", f"{name} {k}", first + 100 * k, 150)
        for k in range(loads)
        for name, first in (("one", 0), ("two", 50))
    ]
    for process in writers:
        output, _ = process.communicate(timeout=120)
        assert process.returncode == 0, output
    seen = RecordStore(folder)
    numbers = set(range(50 + 100 * (loads - 1) + 150))
    for table, letter in (("penalty", "P"), ("change", "C")):
        records = seen.snapshot().read(table, columns=["record_id"])["record_id"].to_pylist()
        assert sorted(records) == sorted(f"{letter}{n}" for n in numbers)
    assert [snapshot.id for snapshot in seen.snapshots()] == list(range(1, seen.snapshot().id + 1))
    told = seen.loads().to_pandas()
    # Each load's account adds up, and what they accepted together is what is there.
    assert (told["rows_in"] == told[["accepted", "duplicate", "quarantined"]].sum(axis=1)).all()
    assert told.groupby("table")["accepted"].sum().to_dict() == {
        "change": len(numbers),
        "penalty": len(numbers),
    }


def _same_rows(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return all(_as_set(one[name]) == _as_set(other[name]) for name in one)


def _as_set(value: Any) -> Any:
    return sorted(map(str, value.to_pylist())) if isinstance(value, pa.Table) else value
