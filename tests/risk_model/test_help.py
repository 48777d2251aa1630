"""``--help`` answers at once: whatever is heavy is imported where it is needed, not before."""

from __future__ import annotations

import subprocess
import sys

import pytest

#: Each of these alone takes a tenth of a second or more. Pydantic is not here: Typer itself looks for it.
HEAVY = (
    "alembic", "bentoml", "dask", "deltalake", "duckdb", "fairlearn", "jinja2", "lightgbm", "matplotlib",
    "mlflow", "numba", "numpy", "optuna", "pandas", "pandera", "pyarrow", "pyspark", "scipy", "shap",
    "sklearn", "sqlalchemy", "uvicorn", "yaml",
)  # fmt: skip

SCRIPT = """
import sys
from risk_model.cli import main
sys.argv = ["risk-model", *sys.argv[1:]]
try:
    main()
except SystemExit as end:
    print("imported:", *sorted({name.partition(".")[0] for name in sys.modules}))
    raise SystemExit(end.code)
"""


@pytest.mark.parametrize("command", ["", "train", "plan"])
def test_help_imports_nothing_heavy(command: str) -> None:
    asked = [sys.executable, "-c", SCRIPT, *command.split(), "--help"]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    text, _, imported = done.stdout.rpartition("imported:")
    assert "Usage: risk-model" in text
    assert "typer" in imported.split()
    assert not set(HEAVY) & set(imported.split())
