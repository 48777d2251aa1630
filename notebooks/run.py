"""Run the notebooks and keep what they show: ``python notebooks/run.py [--to FOLDER] [NAME …]``."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat

from features.plotting import has_chinese

if TYPE_CHECKING:
    from nbformat import NotebookNode

HERE = Path(__file__).resolve().parent
DATA_VARIABLE = "RISK_MODEL_DATA"
#: Public records lie beside the repository, never in it.
DATA = Path(os.environ.get(DATA_VARIABLE) or HERE.parent.parent / "shared" / "data")


def executed(path: Path) -> NotebookNode:
    """Return a notebook with the outputs of all its cells, run in the repository's root."""
    from jupyter_client.manager import AsyncKernelManager
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        # Sockets in the file system, not ports of the machine.
        kernel = AsyncKernelManager(kernel_name="python3", transport="ipc", ip=str(Path(folder) / "kernel"))
        NotebookClient(notebook, km=kernel, timeout=600, record_timing=False).execute(
            cwd=str(HERE.parent), env=os.environ | {DATA_VARIABLE: str(DATA)}
        )
    return notebook


def keep(path: Path, folder: Path) -> None:
    """Run a notebook and write it to a folder with its outputs."""
    began = time.monotonic()
    notebook = executed(path)
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for cell in notebook.cells:
        # Progress and warnings of a machine are not what a notebook shows.
        if cell.cell_type == "code":
            told = "".join(output.get("text", "") for output in cell.outputs)
            if "missing from font" in told and has_chinese():
                sys.exit(f"{path.name}: a plot lacks characters:\n{told}")
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
    out = folder / path.name
    nbformat.write(notebook, out)
    sys.stdout.write(f"{path.name}: {time.monotonic() - began:.0f} s, {out.stat().st_size / 1000:.0f} kB\n")
    sys.stdout.flush()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="all of them by default")
    parser.add_argument("--to", type=Path, default=HERE, help="a folder other than that of the notebooks")
    given = parser.parse_args()
    for notebook in sorted(HERE.glob("*.ipynb")):
        if not given.names or notebook.stem in given.names:
            keep(notebook, given.to)
