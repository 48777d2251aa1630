"""The command line from records to plan, as a user runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from risk_model.specification import MODEL_NAMES

ROOT = Path(__file__).resolve().parent.parent


def run(*arguments: str, home: Path, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run ``risk-model`` in a process of its own; check its exit code and that it shows no traceback."""
    done = subprocess.run(
        [sys.executable, "-c", "from risk_model.cli import main; main()", *arguments, "--home", str(home)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
        timeout=600,
    )
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done


def answer(*arguments: str, home: Path) -> Any:
    """Run a command with ``--json`` and return its one JSON document."""
    return json.loads(run(*arguments, "--json", home=home).stdout)


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return settings that train in seconds."""
    path = tmp_path_factory.mktemp("profile") / "quick.yaml"
    windows = {"train_dates": 6, "every_months": 6, "test_dates": 2}
    quick = {"windows": windows, "learner": {"trees": 30}, "minimum_labels": 100}
    path.write_text(yaml.safe_dump(dict.fromkeys(MODEL_NAMES, quick)))
    return path


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, profile: Path) -> Path:
    """Return a home with a simulated province, trained models and a published classification."""
    home = tmp_path_factory.mktemp("home")
    answer("simulate", "--enterprises", "6000", "--seed", "3", home=home)
    files = sorted(str(path) for path in (home / "simulated" / "records").glob("*.parquet"))
    answer("ingest", "simulated", *files, home=home)
    answer("train", "all", "--profile", str(profile), home=home)
    answer("classify", "--as-of", "2025-12-31", home=home)
    return home


def test_ingest_again_adds_nothing(home: Path) -> None:
    files = sorted(str(path) for path in (home / "simulated" / "records").glob("*.parquet"))
    first = answer("store", "snapshots", home=home)
    again = answer("ingest", "simulated", *files, home=home)
    told = json.loads((home / "simulated" / "simulation.json").read_text())
    for file in again["files"]:
        for table, counts in file["tables"].items():
            assert counts["accepted"] == 0, table
            assert counts["rows_in"] == told["rows"][table]
            assert counts["quarantined"] == told["quarantine"][table]
            assert counts["rows_in"] == sum(
                counts[name] for name in ("accepted", "duplicate", "quarantined", "not_applicable")
            )
    assert answer("store", "snapshots", home=home) == first


def test_evaluate_shows_the_model_beside_its_comparators(home: Path) -> None:
    results = {found["model"]: found for found in answer("evaluate", "--repetitions", "40", home=home)}
    assert set(results) == set(MODEL_NAMES)
    for name, found in results.items():
        assert found["windows"]["train"]["last"] < found["windows"]["calibration"]["first"]
        assert found["windows"]["calibration"]["last"] < found["windows"]["test"]["first"]
        figure = found["metrics"]["roc_auc"]
        assert figure["low"] <= figure["value"] <= figure["high"]
        expected = {"points_card", "logistic_regression", "true_probability"}
        assert expected <= set(found["comparators"])
        if name != "general":
            assert "gain_over_general" in found
    words = run("evaluate", "general", "--repetitions", "40", home=home).stdout
    assert "points card" in words
    assert "true probability" in words


def test_rates_are_taken_as_they_were_published(home: Path) -> None:
    first = answer("classify", "--as-of", "2025-12-31", home=home)
    again = answer("classify", "--as-of", "2025-12-31", "--rates-of", first["name"], home=home)
    assert again["inputs"]["rates_of"] == first["name"]
    assert again["models"] == first["models"]
    refused = run("classify", "--as-of", "2025-11-30", "--rates-of", first["name"], home=home, code=2)
    assert "speaks of 2025-12-31, not of 2025-11-30" in refused.stderr
    assert "Name one of the same date." in refused.stderr


def test_explain_adds_up_in_both_languages(home: Path, tmp_path: Path) -> None:
    published = answer("classify", "--as-of", "2025-12-31", home=home)
    assert all(told["largest_residual"] < 1e-6 for told in published["models"].values())
    from features.home import Home
    from risk_model.publication import Publication

    code = Publication.current(Home(home)).rows(model="food")["credit_code"][3].as_py()
    plot = tmp_path / "why.png"
    found = answer("explain", code, "--plot", str(plot), home=home)
    total = found["base_value"] + sum(f["contribution"] for f in found["features"])
    assert total == pytest.approx(found["margin"], abs=1e-6)
    assert plot.read_bytes()[:4] == b"\x89PNG"
    assert found["sentences"]["zh"]
    assert "风险" in run("explain", code, home=home).stdout
    assert "Tier" in run("explain", code, "--lang", "en", home=home).stdout


def test_a_plan_is_drawn_and_verified(home: Path) -> None:
    made = answer(
        "plan", "--sector", "food", "--month", "2026-01", "--capacity", "60", "--seed", "text", home=home
    )
    assert made["summary"]["selected"] == 60
    done = run("plan", "verify", made["plan"], "--commitment", made["seed_commitment"], home=home)
    assert "verified" in done.stdout


def test_promote_and_train_again(home: Path, profile: Path) -> None:
    again = answer("train", "general", "--profile", str(profile), home=home)
    assert again[0]["aliases"] == ["challenger"]
    refused = run("promote", "general", "99", home=home, code=2)
    assert "the registry has no '99'" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["explain", "91350100M000100Y43"], "is not classified"),
        (["classify", "--as-of", "31.12.2025"], "Write it as YYYY-MM-DD"),
        (["classify", "--as-of", "1900-01-01"], "no enterprise is known to be in business"),
        (["classify", "--as-of", "2025-12-31", "--rates-of", "../x"], "no published classification '../x'"),
        (["train", "shoes"], "there is no model 'shoes'"),
        (["train", "all", "--profile", "atlantis"], "there is no profile 'atlantis'"),
        (["evaluate", "general", "--beside", "x"], "NAME=FILE:KEY:SCORE"),
        (["ingest", "atlantis", "nothing.csv"], "atlantis"),
        (["plan", "--sector", "food", "--month", "2026-13", "--capacity", "5", "--seed", "s"], "2026-13"),
        (["explain", "x", "--plot", "why.gif"], "is not classified"),
    ],
)
def test_bad_input_names_what_is_wrong_and_exits_with_2(home: Path, arguments: list[str], said: str) -> None:
    assert said in run(*arguments, home=home, code=2).stderr


def test_an_empty_home_says_what_to_do(tmp_path: Path) -> None:
    assert "risk-model ingest" in run("train", "all", home=tmp_path, code=2).stderr
    assert "risk-model classify" in run("explain", "x", home=tmp_path, code=2).stderr
