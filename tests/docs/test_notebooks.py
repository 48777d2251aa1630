"""The notebooks run from the first cell to the last, and what they keep is small and shows Chinese."""

from __future__ import annotations

import base64
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest

from notebooks.run import DATA
from tests.docs.reading import ROOT

pytestmark = pytest.mark.long

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
LARGEST = 300_000


def images(notebook: Any) -> list[bytes]:
    return [
        base64.b64decode(output["data"]["image/png"])
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if "image/png" in output.get("data", {})
    ]


def test_there_are_four() -> None:
    assert [path.stem for path in NOTEBOOKS] == [
        "1-features",
        "2-training",
        "3-explanations",
        "4-inspection-plan",
    ]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_what_is_kept_is_small_and_whole(path: Path) -> None:
    assert path.stat().st_size < LARGEST
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert images(notebook), "no plot is kept"
    text = path.read_text(encoding="utf-8")
    for machine in (str(ROOT), "/tmp/", "/home/"):
        assert machine not in text


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_runs(path: Path, tmp_path: Path) -> None:
    if path.stem == "2-training" and not (DATA / "chicago_food").is_dir():
        pytest.skip("RISK_MODEL_DATA does not lead to the Chicago inspections")
    # In a process of its own: what talks to kernels leaves its sockets to the end of the process.
    done = subprocess.run(
        [sys.executable, str(ROOT / "notebooks" / "run.py"), path.stem, "--to", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    notebook = nbformat.read(tmp_path / path.name, as_version=4)
    assert len(images(notebook)) == len(images(nbformat.read(path, as_version=4)))
