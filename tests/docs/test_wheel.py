"""The wheel holds all that the packages need, and nothing else."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.docs.reading import ROOT

pytestmark = pytest.mark.long

ROOMS = ("features", "risk_model", "supervision", "serving", "models")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel from the files that a clone has."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    needed = [f"{room}/{name}" for room in ROOMS for name in files_of(room)]
    for path in (*needed, "setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        target = source / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((ROOT / path).read_bytes())
    done = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index",
         "--disable-pip-version-check", "--wheel-dir", str(out), str(source)],
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (built,) = out.glob("*.whl")
    return built


def files_of(room: str) -> list[str]:
    """Return the files of a room, without what Python leaves there."""
    return sorted(
        path.relative_to(ROOT / room).as_posix()
        for path in (ROOT / room).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    )


def test_every_file_of_the_rooms_is_in_the_wheel_and_no_other(wheel: Path) -> None:
    held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    wanted = {f"{room}/{name}" for room in ROOMS for name in files_of(room)}
    assert wanted - held == set()
    assert held - wanted == set()


def test_the_command_is_declared(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    (points,) = (name for name in archive.namelist() if name.endswith("entry_points.txt"))
    assert "risk-model = risk_model.cli:main" in archive.read(points).decode()


def test_the_package_finds_its_data_in_the_wheel(wheel: Path, tmp_path: Path) -> None:
    """Read from the unpacked wheel, away from the repository, with nothing of it on the path."""
    zipfile.ZipFile(wheel).extractall(tmp_path)
    code = """
import sys
from datetime import date
sys.path[:] = [p for p in sys.path if "__editable__" not in p]
sys.meta_path[:] = [f for f in sys.meta_path if "editable" not in getattr(f, "__module__", "") + repr(f)]
sys.path.insert(0, sys.argv[1])
import risk_model.specification as specification
assert specification.__file__.startswith(sys.argv[1]), specification.__file__
from features.sources.mapping import load_mapping, shipped_mappings
from risk_model.specification import MODEL_NAMES, available_profiles, load_specification
from risk_model.scale import load_policy
from supervision.measures import load_measures
from supervision.plan_rules import load_plan_rules
assert len([load_mapping(name) for name in shipped_mappings()]) >= 6
assert len(available_profiles()) >= 6
load_policy()
for name in MODEL_NAMES:
    load_specification(name), load_measures(name, date(2026, 1, 1)), load_plan_rules(name, date(2026, 1, 1))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.returncode == 0, done.stderr
