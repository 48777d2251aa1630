"""Rules that no linter knows: rooms, pickles, clocks, quick help."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("features", "risk_model", "supervision", "serving")
HEAVY = ("pandas", "pyarrow", "lightgbm", "mlflow", "numba", "bentoml")


def modules(*rooms: str) -> Iterator[tuple[Path, ast.Module]]:
    for room in rooms:
        for path in sorted((ROOT / room).rglob("*.py")):
            yield path.relative_to(ROOT), ast.parse(path.read_text(encoding="utf-8"))


def calls(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func)


def test_a_room_imports_only_rooms_to_its_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert lint_imports(config_filename="setup.cfg", no_cache=True) == EXIT_STATUS_SUCCESS


def test_no_pickle_is_loaded() -> None:
    forbidden = {f"{m}.{f}" for m in ("pickle", "joblib", "cloudpickle", "dill") for f in ("load", "loads")}
    for path, tree in modules(*ROOMS):
        assert not forbidden & set(calls(tree)), path
        source = (ROOT / path).read_text(encoding="utf-8")
        assert "allow_pickle=True" not in source, path


def test_features_and_scores_never_look_at_the_clock() -> None:
    """A feature or a score at a date must not depend on when it is computed."""
    clocks = {"datetime.now", "date.today", "datetime.today", "time.time", "datetime.utcnow"}
    pure = (
        "features/definitions",
        "features/kernel",
        "features/cohort",
        "risk_model/model",
        "risk_model/scale",
        "risk_model/labels",
        "risk_model/splits",
        "risk_model/scoring",
        "risk_model/explanation",
    )
    for path, tree in modules("features", "risk_model"):
        if str(path).startswith(pure):
            assert not clocks & set(calls(tree)), path


def test_no_module_is_a_drawer_for_everything() -> None:
    for room in ROOMS:
        for path in (ROOT / room).rglob("*"):
            assert path.stem not in {"utils", "util", "helpers", "helper", "common", "misc"}, path


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from risk_model.cli import build; build(); "
        f"print(*(m for m in {HEAVY} if m in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == ""


def test_telemetry_is_off_before_anything_is_imported() -> None:
    code = "import os, risk_model; print(os.environ['MLFLOW_DISABLE_TELEMETRY'], os.environ['DO_NOT_TRACK'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.split() == ["true", "true"]
