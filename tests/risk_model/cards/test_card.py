"""The card of every training lies with its run, and says what the run says."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from features.home import Home
from features.store import RecordStore
from risk_model import pipeline
from risk_model.cards.card import hashes
from risk_model.pipeline import Trained, train_models
from risk_model.registry import Registry
from risk_model.specification import ModelSpecification


@pytest.fixture(scope="module", name="run")
def _run(
    records: RecordStore, small: Callable[[str], ModelSpecification], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Home, Trained]:
    home = Home(tmp_path_factory.mktemp("home"))
    home.store.symlink_to(records.root)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline, "load_specification", lambda name, profile: small(name))
        patch.setattr(pipeline, "QUICK_REPETITIONS", 20)
        return home, train_models(home, ["general"])[0]


def test_the_card_lies_with_the_run_and_on_disk(run: tuple[Home, Trained]) -> None:
    home, trained = run
    registry = Registry(home)
    for file in ("card.md", "card.html"):
        on_disk = (home.runs / trained.version.run_id / file).read_text(encoding="utf-8")
        assert registry.document(trained.version, file) == on_disk
    certificate = json.loads(registry.document(trained.version, "certificate.json"))
    assert certificate["holds"]
    assert set(certificate["cost"]) == {"metric", "constrained", "unconstrained", "cost"}


def test_the_card_says_what_was_measured(run: tuple[Home, Trained]) -> None:
    home, trained = run
    text = (home.runs / trained.version.run_id / "card.md").read_text(encoding="utf-8")
    for heading in (
        "What it predicts",
        "Data and training",
        "Out of time",
        "The whole population",
        "Calibration",
        "Certificate of directions",
        "What moves the score",
        "What the values do",
        "Whether reasons last",
        "Tiers",
        "By district",
        "By ownership",
        "By records known",
        "Limits",
        "What it was made from",
    ):
        assert f"\n## {heading}" in text
    evaluation = trained.evaluation
    auc = evaluation["metrics"]["roc_auc"]
    assert f"{auc['value']:.3f} [{auc['low']:.3f}, {auc['high']:.3f}]" in text
    for window in evaluation["windows"].values():
        assert f"| {window['first']} | {window['last']} |" in text
    assert "Every declared direction holds." in text
    page = (home.runs / trained.version.run_id / "card.html").read_text(encoding="utf-8")
    assert page.count("<svg ") == 5 + len(evaluation["slices"])


def test_hashes_are_those_of_the_saved_files(run: tuple[Home, Trained], tmp_path: Path) -> None:
    model = run[1].model
    model.save(tmp_path / "m")
    manifest = json.loads((tmp_path / "m" / "manifest.json").read_text(encoding="utf-8"))
    assert hashes(model)["trees"] == manifest["sha256"]["booster.txt"]
    text = (run[0].runs / run[1].version.run_id / "card.md").read_text(encoding="utf-8")
    assert manifest["sha256"]["booster.txt"] in text


def test_the_run_keeps_what_moves_the_scores(run: tuple[Home, Trained]) -> None:
    home, trained = run
    found = json.loads(Registry(home).document(trained.version, "explanation.json"))
    assert found["stability"] is None
    largest = found["importance"][0]
    text = (home.runs / trained.version.run_id / "card.md").read_text(encoding="utf-8")
    assert f"| {largest['name']} | {largest['label']['zh']} |" in text
    assert "there is no other version of this model" in text


def test_the_card_says_on_what_probabilities_are_calibrated(run: tuple[Home, Trained]) -> None:
    home, trained = run
    text = (home.runs / trained.version.run_id / "card.md").read_text(encoding="utf-8")
    assert "training rows as scored by trees that were grown without their enterprise" in text
    drawn = trained.evaluation["random_draws_only"]
    assert f"On the {drawn['rows']:,} random draws alone: expected calibration error" in text
