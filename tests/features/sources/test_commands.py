"""``risk-model ingest``: what it prints, and what it refuses."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from features.commands.sources import register
from features.errors import InputError
from features.home import Home
from features.store import RecordStore

runner = CliRunner()


@pytest.fixture
def app() -> typer.Typer:
    app = typer.Typer()
    app.callback()(lambda: None)
    register(app)
    return app


@pytest.fixture
def records(tmp_path: Path) -> list[str]:
    from features.simulation import simulate

    made = simulate(enterprises=200, seed=4, out=tmp_path / "province")
    return [str(path) for path in sorted((made.out / "records").glob("*.parquet"))]


def test_json_is_one_document_with_all_counts(app: typer.Typer, tmp_path: Path, records: list[str]) -> None:
    home = tmp_path / "home"
    result = runner.invoke(app, ["ingest", "simulated", *records, "--home", str(home), "--json"])
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["source"] == "simulated"
    assert len(told["files"]) == 16
    store = RecordStore(Home(home).store)
    assert told["snapshot"] == store.snapshot().id
    assert {name: counts["accepted"] for name, counts in told["tables"].items() if counts["accepted"]} == (
        store.snapshot().counts()
    )


def test_table_names_every_count(app: typer.Typer, tmp_path: Path, records: list[str]) -> None:
    arguments = ["ingest", "simulated", *records, "--home", str(tmp_path / "home")]
    first = runner.invoke(app, arguments)
    assert first.exit_code == 0, first.output
    for word in ("enterprise.parquet", "rows in", "accepted", "duplicate", "quarantined", "not applicable"):
        assert word in first.stdout
    second = runner.invoke(app, arguments)
    assert "nothing new, the store is unchanged" in second.stdout


def test_unknown_source_and_file_are_input_errors(app: typer.Typer, tmp_path: Path) -> None:
    home = ["--home", str(tmp_path)]
    for arguments, field in ((["simulate", "x.csv"], "source"), (["simulated", "x.parquet"], "files")):
        result = runner.invoke(app, ["ingest", *arguments, *home])
        assert isinstance(result.exception, InputError)
        assert result.exception.field == field
    assert runner.invoke(app, ["ingest", "simulated", *home]).exit_code == 2


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys, features.commands.sources\n"
        "heavy = {'pandas', 'pyarrow', 'pandera', 'duckdb', 'pydantic'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
