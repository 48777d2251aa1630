"""The command line: a plan from a published classification, and its verification."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
import typer
from typer.testing import CliRunner

from features.errors import InputError
from features.home import Home
from risk_model.publication import Publication
from supervision import inputs
from supervision.commands import register
from supervision.inputs import PlanInputs, in_district, known_until
from tests.publications import publish_rows

runner = CliRunner()
ARGUMENTS = ["plan", "--sector", "food", "--month", "2025-09", "--capacity", "40", "--seed", "seed"]


@pytest.fixture
def app() -> typer.Typer:
    app = typer.Typer()
    register(app)
    return app


@pytest.fixture
def home(tmp_path: Path, candidates: Callable[..., pd.DataFrame], monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a home with a published classification, and no record store but this one table."""
    frame = candidates(120)[["credit_code", "name", "district", "tier", "probability"]]
    classified = frame.assign(model="food", industry="C1411").sort_values("credit_code")
    publish_rows(
        tmp_path / "published",
        date(2025, 8, 31),
        pa.Table.from_pandas(classified, preserve_index=False),
        {},
    )
    seen = frame[["credit_code"]].assign(
        event_date=pd.Timestamp("2025-02-01"), domain="food", kind="routine", full_item=True
    )

    def read(home: Home, sector: str, district: str | None = None) -> PlanInputs:
        current = Publication.current(home)
        classified = current.rows().to_pandas()
        if district:
            classified = in_district(classified, district)
        return PlanInputs(classified, seen, None, current.name, current.as_of, 1)

    monkeypatch.setattr(inputs, "read_inputs", read)
    return tmp_path


def test_plan_and_verify_as_json(app: typer.Typer, home: Path) -> None:
    made = runner.invoke(app, [*ARGUMENTS, "--home", str(home), "--json"])
    assert made.exit_code == 0, made.output
    document = json.loads(made.stdout)
    assert document["plan"] == "food-2025-09-1"
    assert document["snapshot"] == "2025-08-31-1"
    assert document["summary"]["selected"] == 40
    assert all(Path(file).is_file() for file in document["files"].values())

    published = ["--commitment", document["seed_commitment"], "--fingerprint", document["fingerprint"]]
    for name in (document["plan"], str(home / "plans" / document["plan"])):
        done = runner.invoke(app, ["plan", "verify", name, "--home", str(home), "--json", *published])
        assert done.exit_code == 0, done.output
        assert json.loads(done.stdout)["passed"] is True
    done = runner.invoke(
        app, ["plan", "--home", str(home), "--json", "verify", document["plan"], "--commitment", "0"]
    )
    assert done.exit_code == 1
    assert json.loads(done.stdout)["passed"] is False


def test_plan_and_verify_in_words(app: typer.Typer, home: Path) -> None:
    made = runner.invoke(app, [*ARGUMENTS, "--home", str(home)], env={"COLUMNS": "140"})
    assert made.exit_code == 0, made.output
    assert "Expected findings" in made.output
    assert "selected.csv" in made.output
    done = runner.invoke(app, ["plan", "verify", "food-2025-09-1", "--home", str(home)])
    assert done.exit_code == 0
    assert "food-2025-09-1: verified" in done.output


def test_a_shortfall_is_said(app: typer.Typer, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = inputs.read_inputs

    def without_inspections(home: Home, sector: str, district: str | None = None) -> PlanInputs:
        given = read(home, sector, district)
        return PlanInputs(given.classification, given.inspections.head(0), None, "s", None, 1)

    monkeypatch.setattr(inputs, "read_inputs", without_inspections)
    made = runner.invoke(app, [*ARGUMENTS, "--home", str(home)], env={"COLUMNS": "140"})
    assert "Shortfall: 80 of 120 mandatory" in made.output
    assert "2 inspections were kept" in made.output


def test_a_district_narrows_the_plan(app: typer.Typer, home: Path) -> None:
    made = runner.invoke(app, [*ARGUMENTS, "--home", str(home), "--json", "--district", "510100"])
    frame = pd.read_parquet(json.loads(made.stdout)["files"]["frame.parquet"])
    assert set(frame["district"]) == {"510104", "510105"}
    refused = runner.invoke(app, [*ARGUMENTS, "--home", str(home), "--district", "110000"])
    assert isinstance(refused.exception, InputError)
    assert refused.exception.field == "district"


@pytest.mark.parametrize("option", ["--sector", "--month", "--capacity", "--seed"])
def test_a_missing_option_is_named(app: typer.Typer, home: Path, option: str) -> None:
    at = ARGUMENTS.index(option)
    refused = runner.invoke(app, [*ARGUMENTS[:at], *ARGUMENTS[at + 2 :], "--home", str(home)])
    assert isinstance(refused.exception, InputError)
    assert refused.exception.field == option
    assert not (home / "plans").exists()


def test_nothing_published_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no published classification"):
        Publication.current(Home(tmp_path))
    (tmp_path / "published").mkdir()
    (tmp_path / "published" / "CURRENT").write_text("../elsewhere")
    with pytest.raises(InputError, match="no published classification"):
        Publication.current(Home(tmp_path))


def test_a_plan_knows_what_was_known_before_its_month() -> None:
    assert known_until("2025-09", date(2025, 7, 31)) == date(2025, 8, 31)
    assert known_until("2025-09", None) == date(2025, 8, 31)
    assert known_until("2025-09", date(2025, 9, 10)) == date(2025, 9, 10)
    with pytest.raises(InputError, match="after 2025-09"):
        known_until("2025-09", date(2025, 10, 1))


def test_the_module_is_light() -> None:
    heavy = {"pandas", "numpy", "yaml", "pyarrow"}
    code = f"import sys, supervision.commands; sys.exit(bool({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
