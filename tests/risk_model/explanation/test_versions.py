"""``risk-model explain-model``: registered versions on the enterprises of a date."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from features.errors import InputError
from features.home import Home
from features.store import RecordStore
from risk_model.calibration import Platt
from risk_model.cli import build
from risk_model.explanation.versions import explain_version
from risk_model.registry import Registry

DAY = date(2025, 6, 30)


@pytest.fixture(scope="module", name="home")
def _home(records: RecordStore, trainings: Any, tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("versions"))
    home.store.symlink_to(records.root)
    registry = Registry(home)
    for place, calibration in enumerate((Platt(), Platt(1.5, 0.2))):
        model = replace(trainings.general.model, calibration=calibration)
        registry.log(model, metrics={}, documents={}, scratch=home.root / f"scratch-{place}")
    return home


@pytest.fixture(name="run")
def _run(home: Home) -> Callable[..., Any]:
    def run(*arguments: str) -> Any:
        return CliRunner().invoke(build(), ["explain-model", *arguments, "--home", str(home.root)])

    return run


def test_a_version_beside_another_on_a_date(home: Home) -> None:
    found = explain_version(home, "general", "2", against="1", as_of=DAY, rows=400, repetitions=20)
    assert (found.version, found.as_of, found.overall.against) == ("2", DAY, "1")
    assert found.overall.rows == 400
    assert found.overall.stability is not None
    assert found.overall.stability.same_first.value > 0.95


def test_the_command_prints_what_it_found_and_writes_a_page(
    home: Home, run: Callable[..., Any], tmp_path: Path
) -> None:
    page = tmp_path / "page.html"
    options = ("general", "--as-of", DAY.isoformat(), "--rows", "300", "--html", str(page))
    told = run(*options, "--against", "2", "--json")
    assert told.exit_code == 0
    document = json.loads(told.stdout)
    assert (document["version"], document["against"], document["rows"]) == ("1", "2", 300)
    assert document["html"] == str(page)
    expected = explain_version(home, "general", "1", against="2", as_of=DAY, rows=300).overall
    assert document["importance"] == json.loads(json.dumps(expected.as_dict()["importance"]))
    assert "Whether reasons last" in page.read_text(encoding="utf-8")
    shown = run(*options)
    assert shown.exit_code == 0
    assert expected.importance[0].name in shown.stdout


def test_what_cannot_be_explained_says_what_to_do(home: Home) -> None:
    with pytest.raises(InputError, match="version 1 of 'general' is on both sides"):
        explain_version(home, "general", "1", against="1")
    with pytest.raises(InputError, match="speaks of no enterprise on 1900-01-01"):
        explain_version(home, "general", as_of=date(1900, 1, 1))
    with pytest.raises(InputError, match="no '9' of model 'general'"):
        explain_version(home, "general", "9")
