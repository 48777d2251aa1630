"""Ingest, training, classification and publishing, killed at random points: run again they are complete.

What was in force is served throughout, and the result is that of a run which nobody disturbed.
"""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from features.home import Home
from features.simulation import simulate
from features.store import RecordStore
from risk_model.publication import Publication, layout
from risk_model.registry import Registry

pytestmark = pytest.mark.long

SCRIPT = Path(__file__).parent / "dying.py"


def run(home: Path, die_at: int, command: list[str]) -> tuple[bool, int]:
    """Run a command; return whether it died, and how many steps it took if it did not."""
    asked = [sys.executable, str(SCRIPT), str(die_at), *command, "--home", str(home)]
    done = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode != 0, 0 if done.returncode else int(done.stderr.split()[-1])


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return homes before a command: without records, without models, with one classification."""
    folder = tmp_path_factory.mktemp("homes")
    simulate(enterprises=2500, seed=4, out=folder / "simulated", start=date(2020, 1, 1))
    windows = {"train_dates": 4, "every_months": 6, "test_dates": 1}
    quick = {"windows": windows, "learner": {"trees": 20}, "minimum_labels": 50}
    (folder / "quick.yaml").write_text(yaml.safe_dump({"general": quick}))
    made: dict[str, Path] = {}
    before = folder / "nothing"
    before.mkdir()
    made["ingest"] = before
    for name, after in (("ingest", "train"), ("train", "classify")):
        made[after] = Path(shutil.copytree(made[name], folder / f"for-{after}"))
        died, _ = run(made[after], 0, commands(folder)[name])
        assert not died
    run(made["classify"], 0, ["classify", "--as-of", "2025-06-30"])
    return lambda name: made[name]


def commands(folder: Path) -> dict[str, list[str]]:
    files = sorted(str(path) for path in (folder / "simulated" / "records").glob("*.parquet"))
    return {
        "ingest": ["ingest", "simulated", *files],
        "train": ["train", "general", "--profile", str(folder / "quick.yaml")],
        "classify": ["classify", "--as-of", "2025-12-31"],
    }


def served(home: Path) -> tuple[str, ...]:
    """Return what readers are given: the newest snapshot, the champion, and the classification in force."""
    place = Home(home)
    snapshots = [one.id for one in RecordStore(place.store).snapshots()]
    champions = Registry(place).champions() if (home / "mlflow.db").exists() else ()
    current = place.published / layout.CURRENT
    publication = Publication.current(place) if current.is_file() else None
    if publication is not None:
        publication.check()
        code = publication.rows(model="general", columns=["credit_code"])["credit_code"][0].as_py()
        assert publication.contributions(code, "general").contributions.size
    return (
        str(snapshots[-1:]),
        *(Registry(place).find(name).version for name in champions),
        "" if publication is None else publication.name,
    )


def content(home: Path, command: str) -> Any:
    """Return what a command has made."""
    place = Home(home)
    if command == "ingest":
        snapshot = RecordStore(place.store).snapshot()
        return {name: snapshot.read(name) for name in snapshot.tables}
    if command == "train":
        model, _ = Registry(place).load("general")
        assert model.booster is not None
        return model.booster.model_to_string(), model.calibration, model.cuts
    folder = Publication.current(place).folder
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*.parquet"))}


@pytest.mark.parametrize("command", ["ingest", "train", "classify"])
def test_killed_anywhere_and_run_again(homes: Any, tmp_path: Path, command: str) -> None:
    asked = commands(homes("ingest").parent)[command]
    whole = Path(shutil.copytree(homes(command), tmp_path / "whole"))
    before = served(whole)
    died, steps = run(whole, 0, asked)
    assert not died
    after, expected = served(whole), content(whole, command)
    assert after != before
    # Anywhere, and at the end, where what was made is put in place.
    draw = random.Random(11)
    points = [draw.randrange(2, steps - 8), steps - draw.randrange(0, 4)]
    home = Path(shutil.copytree(homes(command), tmp_path / "killed"))
    deaths = 0
    for point in points:
        died, _ = run(home, point, asked)
        deaths += died
        assert served(home) in (before, after)
    assert deaths >= 1
    run(home, 0, asked)
    assert content(home, command) == expected
    assert not list((home / "published").glob(".making-*/"))
    assert not list((home / "runs").glob(".training-*"))
