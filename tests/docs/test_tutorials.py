"""The tutorials as a reader follows them: every ``sh`` block of a page, in one shell, in a new folder.

The guide to sectors of one's own is followed in ``tests/examples/test_industrial_products.py``.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.reading import DOCS, ROOT, blocks

pytestmark = pytest.mark.long

TUTORIALS = DOCS / "tutorials"
#: The first leaves the home that the others go on in.
FIRST = "first-classification"
OTHERS = ("monthly-retrain", "reading-an-explanation", "drawing-a-plan")


def follow(page: Path, folder: Path) -> str:
    """Run all ``sh`` blocks of a page; return what they print."""
    return run(["bash", "-c", "\n".join(["set -euo pipefail", *blocks(page, "sh")])], folder)


def run(words: list[str], folder: Path, **environment: str) -> str:
    """Run a program with the commands of this environment; return what it prints."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        words,
        cwd=folder,
        env={**os.environ, "PATH": path, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=3_600,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
    assert "Traceback" not in done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that holds what a clone does, as far as readers use it."""
    folder = tmp_path_factory.mktemp("clone")
    (folder / "examples").symlink_to(ROOT / "examples")
    return folder


@pytest.fixture(scope="module")
def followed(clone: Path) -> str:
    """Follow the first tutorial."""
    return follow(TUTORIALS / f"{FIRST}.md", clone)


def test_first_classification(followed: str, clone: Path) -> None:
    assert "published:" in followed
    assert followed.count("food") >= 2
    assert (clone / "why.svg").stat().st_size > 5_000


@pytest.mark.parametrize("name", OTHERS)
def test_the_others_go_on_in_its_home(name: str, followed: str, clone: Path) -> None:
    told = follow(TUTORIALS / f"{name}.md", clone)
    assert told.strip()


@pytest.mark.parametrize("name", ["architecture", "explanations"])
def test_python_of_other_pages_runs_there(name: str, followed: str, clone: Path) -> None:
    """Pages whose examples need a home with a classification; only the credit code differs."""
    page = DOCS / f"{name}.md"
    environment = {"RISK_MODEL_HOME": "var/tutorial", "MPLBACKEND": "Agg", "PYTHONPATH": str(ROOT)}
    riskiest = run([sys.executable, "examples/riskiest.py", "food", "1"], clone, **environment)
    for command in blocks(page, "sh"):
        run(["bash", "-c", command], clone, **environment)
    script = "\n".join(blocks(page, "python")).replace("91990103MA38XFL553", riskiest.split()[0])
    told = run([sys.executable, "-c", script], clone, **environment)
    if name == "explanations":
        lines = told.splitlines()
        # Records of the reasons, then the five facts that weigh most.
        assert len(lines) > 5
        assert "{'value': " in lines[-1]


def test_your_files(clone: Path) -> None:
    told = follow(TUTORIALS / "your-files.md", clone)
    assert "quarantined" in told.lower()
    assert "published:" in told
    # Five of the county's own enterprises, by name.
    assert told.count("91") >= 5


def test_new_rule_version(clone: Path) -> None:
    told = follow(DOCS / "how-to" / "new-rule-version.md", clone)
    before, _, after = told.partition("from 2027-01-01")
    assert "from 2022-01-13" in before
    assert "信用风险高的企业" in after
    assert "信用风险高的企业" not in before


def test_every_tutorial_is_followed() -> None:
    assert {page.stem for page in TUTORIALS.glob("*.md")} == {FIRST, *OTHERS, "your-files"}
