"""Where state lies, and what decides."""

from __future__ import annotations

from pathlib import Path

import pytest

from features.home import Home


def test_the_option_comes_before_the_environment_and_that_before_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RISK_MODEL_HOME", raising=False)
    assert Home.locate().root == tmp_path / "var"
    monkeypatch.setenv("RISK_MODEL_HOME", str(tmp_path / "environment"))
    assert Home.locate().root == tmp_path / "environment"
    assert Home.locate(tmp_path / "option").root == tmp_path / "option"


def test_an_entry_point_of_mlflow_sees_the_registry_of_the_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RISK_MODEL_TRACKING_URI", raising=False)
    # As ``mlflow run`` sets it.
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///elsewhere.db")
    assert Home(tmp_path).tracking_uri == f"sqlite:///{tmp_path / 'mlflow.db'}"
    monkeypatch.setenv("RISK_MODEL_TRACKING_URI", "postgresql://server/team")
    assert Home(tmp_path).tracking_uri == "postgresql://server/team"


def test_a_relative_home_stays_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    home = Home(Path("var"))
    monkeypatch.chdir(tmp_path.parent)
    assert home.root == tmp_path / "var"
    assert home.artifacts.as_uri().startswith("file:///")
