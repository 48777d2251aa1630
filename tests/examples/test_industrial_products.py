"""A sector of YAML files only: trained, classified, explained, planned and served beside the shipped ones."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from features.definitions.written import read_declarations
from features.home import Home
from features.sectors import VARIABLE
from risk_model.publication import Publication
from tests.docs.test_tutorials import follow
from tests.serving.test_server import Server

ROOT = Path(__file__).resolve().parents[2]
SECTOR = ROOT / "examples" / "industrial_products"
NAME = "quality"

LIBRARY_TESTS = "changes_nothing or change_nothing or test_the_library"

pytestmark = pytest.mark.long


def run(*arguments: str, home: Path, code: int = 0, sectors: str = str(SECTOR)) -> str:
    """Run ``risk-model`` in a process that knows the sector."""
    done = subprocess.run(
        [sys.executable, "-c", "from risk_model.cli import main; main()", *arguments, "--home", str(home)],
        env=os.environ | {VARIABLE: sectors},
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
        timeout=3_600,
    )
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout if code == 0 else done.stderr


def answer(*arguments: str, home: Path) -> Any:
    return json.loads(run(*arguments, "--json", home=home))


class Followed(NamedTuple):
    """What the guide leaves: a home, and what its commands printed."""

    home: Path
    told: str


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Followed:
    """Return the home of a small province with a general model, in which the guide was followed."""
    folder = tmp_path_factory.mktemp("clone")
    (folder / "examples").symlink_to(ROOT / "examples")
    home = folder / "var" / "tutorial"
    run("simulate", "--enterprises", "5000", "--seed", "3", home=home, sectors="")
    files = sorted(str(path) for path in (home / "simulated" / "records").glob("*.parquet"))
    run("ingest", "simulated", *files, home=home, sectors="")
    quick = folder / "quick.yaml"
    windows = {"train_dates": 8, "every_months": 3, "test_dates": 2, "calibration_dates": 2}
    general = {"windows": windows, "learner": {"trees": 40, "minimum_in_leaf": 50}, "minimum_labels": 100}
    quick.write_text(yaml.safe_dump({"general": general}))
    run("train", "general", "--profile", str(quick), home=home, sectors="")
    return Followed(home, follow(ROOT / "docs" / "how-to" / "add-a-sector.md", folder))


@pytest.fixture(scope="module")
def home(followed: Followed) -> Path:
    """Return the home, with everybody classified by the general and by the added model."""
    return followed.home


def riskiest(home: Path) -> str:
    rows = Publication.current(Home(home)).rows(model=NAME).to_pandas()
    return str(rows.sort_values(["score", "credit_code"])["credit_code"].iloc[-1])


def test_the_guide_can_be_followed(followed: Followed) -> None:
    assert "gain over the general model" in followed.told
    assert "verified_quality_complaints" in followed.told
    checks = followed.home.parents[1] / "checks.csv"
    rows = len(checks.read_text(encoding="utf-8").splitlines()) - 1
    again = answer("ingest", str(SECTOR / "records.yaml"), str(checks), home=followed.home)
    table = again["files"][0]["tables"]["inspection"]
    assert (table["quarantined"], table["accepted"]) == (0, 0)
    assert table["duplicate"] == rows > 1_000


def test_the_model_learned_from_its_own_features(home: Path) -> None:
    (result,) = answer("evaluate", NAME, "--repetitions", "20", home=home)
    assert result["learned"]
    # What only the sector's records show is seen by its model, and not by the general one.
    assert result["gain_over_general"]["roc_auc"]["low"] > 0
    code = riskiest(home)
    told = answer("explain", code, "--model", NAME, home=home)
    declared = read_declarations(SECTOR / "features.yaml", "food")  # this process knows no other
    own = {feature.name for declaration in declared for feature in declaration.features()}
    assert own & {one["feature"] for one in told["features"]}
    total = told["base_value"] + sum(one["contribution"] for one in told["features"])
    assert total == pytest.approx(told["margin"], abs=1e-6)


def test_only_makers_of_industrial_products_are_classified(home: Path) -> None:
    publication = Publication.current(Home(home))
    assert list(publication.models) == ["general", NAME]
    rows = publication.rows(model=NAME).to_pandas()
    industry = rows["industry"].fillna("")
    makers = industry.str.startswith("C") & ~industry.str[:3].isin(["C13", "C14", "C15", "C16"])
    assert 0.7 < makers.mean() <= 1  # the others hold a licence
    assert 100 < len(rows) < 3_000
    assert set(rows["tier"]) >= {"A", "B", "C", "D"}


def test_its_tiers_have_measures_and_a_plan(home: Path) -> None:
    told = answer("measures", "--sector", NAME, home=home)
    assert "kinds" in json.dumps(told)
    (plan,) = (home / "plans").iterdir()
    assert len((plan / "selected.csv").read_text(encoding="utf-8").splitlines()) == 1 + 20
    assert answer("plan", "verify", plan.name, home=home)["passed"]


def test_served(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(SECTOR))
    code = riskiest(home)
    server = Server(Home(home), tmp_path)
    try:
        server.wait()
        for path in ("/planner?model=quality", f"/enterprise/{code}", "/models", "/public"):
            status, _, text = server.ask(path)
            assert status == 200, text
        assert "工业产品" in server.ask(f"/enterprise/{code}")[2]
        told = json.loads(server.ask("/classify", json.dumps({"credit_code": code}).encode())[2])
        assert told["decisive"] == NAME
        why = json.loads(server.ask("/explain", json.dumps({"credit_code": code}).encode())[2])
        assert why["model"] == NAME
    finally:
        server.close()


def test_without_the_folder_everything_says_what_is_missing(home: Path) -> None:
    told = run("classify", "--as-of", "2025-11-30", home=home, code=2, sectors="")
    assert "Name the sector's folder in RISK_MODEL_SECTORS" in told
    told = run("train", NAME, home=home, code=2, sectors="")
    assert "there is no model 'quality'" in told
    told = run("features", "--describe", home=home, code=2, sectors="/nowhere")
    assert "there is no folder /nowhere" in told


def test_its_features_keep_what_holds_for_all(home: Path) -> None:
    """No leak from the future, and the values that SQL gives: the library's own tests with the sector."""
    tests = ("tests/features/test_no_leakage.py", "tests/features/kernel/test_against_sql.py")
    done = subprocess.run(
        # Those that look at every feature of the library.
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", LIBRARY_TESTS, *tests],
        env=os.environ | {VARIABLE: str(SECTOR)},
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert "6 passed" in done.stdout
