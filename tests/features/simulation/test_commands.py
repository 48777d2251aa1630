"""``risk-model simulate``."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import typer
from typer.testing import CliRunner

from features.commands.simulation import register
from features.errors import InputError


@pytest.fixture
def app() -> typer.Typer:
    app = typer.Typer()
    # A lone command would be the application itself, without its name.
    app.callback()(lambda: None)
    register(app)
    return app


def test_files_go_into_the_home_and_the_report_is_one_document(app: typer.Typer, tmp_path: Path) -> None:
    arguments = ["simulate", "--enterprises", "120", "--seed", "3", "--home", str(tmp_path), "--json"]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert document["seed"] == 3
    assert Path(document["out"]) == tmp_path / "simulated"
    written = pq.read_metadata(tmp_path / "simulated" / "records" / "penalty.parquet").num_rows
    assert document["rows"]["penalty"] == written
    assert json.loads((tmp_path / "simulated" / "simulation.json").read_text())["rows"] == document["rows"]


def test_the_table_for_people_names_rows_and_places(app: typer.Typer, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["simulate", "--enterprises", "120", "--out", str(tmp_path / "x")])
    assert done.exit_code == 0, done.output
    assert "120 enterprises, 2016-01-01 to 2025-12-31, seed 1" in done.stdout
    assert "penalty 行政处罚" in done.stdout
    assert str(tmp_path / "x" / "truth.parquet") in done.stdout


def test_too_few_enterprises(app: typer.Typer, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["simulate", "--enterprises", "5", "--out", str(tmp_path)])
    assert isinstance(done.exception, InputError)
    assert done.exception.field == "enterprises"
