"""Every entry point of ``MLproject`` runs through ``mlflow run``, on a small simulated province."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

from features.home import Home
from risk_model.publication import Publication
from risk_model.registry import Registry

pytestmark = pytest.mark.long

ROOT = Path(__file__).resolve().parents[2]
#: Entry point → its parameters beside ``home``, in the order of a first month.
STEPS: dict[str, dict[str, str]] = {
    "simulate": {"enterprises": "3000", "seed": "28"},
    "features": {"as_of": "2025-06-30", "out": "{work}/features.parquet"},
    "train": {"model": "all"},
    "evaluate": {},
    "classify": {},
    "monitor": {},
}


def mlflow_run(entry: str, parameters: dict[str, str], work: Path) -> str:
    """Run an entry point as a user does, away from the repository's own folder of runs."""
    command = [sys.executable, "-m", "mlflow", "run", str(ROOT), "-e", entry, "--env-manager", "local"]
    for name, value in {"home": str(work / "home"), **parameters}.items():
        command += ["-P", f"{name}={value.format(work=work)}"]
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "MLFLOW_TRACKING_URI": f"sqlite:///{work / 'project.db'}",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
        "GIT_PYTHON_REFRESH": "quiet",
    }
    environment.pop("RISK_MODEL_HOME", None)
    done = subprocess.run(command, cwd=work, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{entry}: {done.stdout}\n{done.stderr}"
    return done.stdout


def test_the_entry_points_are_those_of_a_month() -> None:
    project = yaml.safe_load((ROOT / "MLproject").read_text(encoding="utf-8"))
    assert set(project["entry_points"]) == set(STEPS)
    assert yaml.safe_load((ROOT / project["python_env"]).read_text(encoding="utf-8"))["python"] == "3.11"


def test_a_month_through_mlflow(tmp_path: Path) -> None:
    said = {entry: mlflow_run(entry, parameters, tmp_path) for entry, parameters in STEPS.items()}
    home = Home(tmp_path / "home")
    table = pq.read_table(tmp_path / "features.parquet")
    assert {"credit_code", "as_of"} < set(table.column_names)
    assert table.num_rows > 1_000
    registry = Registry(home)
    assert registry.champions() == ("food", "general", "special_equipment")
    for name in registry.champions():
        version = registry.find(name)
        card = registry.document(version, "card.md")
        assert card.startswith("# Model card")
        assert json.loads(registry.document(version, "evaluation.json"))["version"] == version.version
        assert name in said["evaluate"]
    publication = Publication.current(home)
    assert set(publication.models) == set(registry.champions())
    assert publication.rows(columns=["credit_code"]).num_rows > 1_000
    assert publication.name in said["monitor"]
