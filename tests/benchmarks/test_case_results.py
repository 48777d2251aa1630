"""A benchmark measured in turns: what is measured stays, and what is asked for is measured anew."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import models
from benchmarks.__main__ import result_of
from benchmarks.case_results import CaseResults


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Put two cases that only count in place of the real ones."""
    calls: list[str] = []

    def measure(case: str, effort: Any, clock: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        calls.append(case)
        return {case: {"auc": 0.7}}, {f"aim of {case}": models.above(0.7, 0.6)}

    monkeypatch.setattr(models, "CASES", {"Chicago": measure, "simulated": measure})
    return calls


def test_cases_are_measured_once_and_anew_where_they_are_named(counted: list[str], tmp_path: Path) -> None:
    file = tmp_path / "deep" / "results.json"
    first = result_of("models", quick=True, cases=("simulated",), results=file)
    assert set(first["aims"]) == {"aim of simulated"}
    whole = result_of("models", quick=True, results=file)
    assert counted == ["simulated", "Chicago"]
    assert set(whole["aims"]) == {"aim of simulated", "aim of Chicago"}
    assert whole["figures"]["Chicago"] == {"auc": 0.7}
    assert all(one["by the present sources"] for one in whole["figures"]["measured"].values())
    result_of("models", quick=True, cases=("Chicago",), results=file)
    assert counted == ["simulated", "Chicago", "Chicago"]


def test_results_of_another_effort_are_not_taken(counted: list[str], tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    result_of("models", quick=True, results=file)
    result_of("models", quick=False, cases=("Chicago",), results=file)
    assert counted == ["Chicago", "simulated", "Chicago"]
    kept = CaseResults(file)
    assert kept.has("Chicago", models.FULL.of("Chicago"))
    assert not kept.has("Chicago", models.QUICK.of("Chicago"))
    # A case that another effort measured stays until it is measured again.
    assert kept.has("simulated", models.QUICK.of("simulated"))
    assert "selection_seeds" not in models.FULL.of("Chicago")


def test_older_sources_are_said(counted: list[str], tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    result_of("models", quick=True, results=file)
    kept = json.loads(file.read_text())
    kept["Chicago"]["sources"] = "0" * 64
    file.write_text(json.dumps(kept))
    told = result_of("models", quick=True, results=file)["figures"]["measured"]
    assert not told["Chicago"]["by the present sources"]
    assert told["simulated"]["by the present sources"]


def test_an_unknown_case_is_refused_in_words(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks", "models", "--quick", "--case", "Atlantis"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "no case 'Atlantis'; it has: Chicago" in done.stderr
    assert "Traceback" not in done.stderr
