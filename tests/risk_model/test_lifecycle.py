"""From challenger to champion on a home, through the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from typer.testing import CliRunner

from features.errors import InputError
from features.home import Home
from features.records import TABLES
from features.store import RecordStore, Snapshot
from risk_model import pipeline
from risk_model.classification import ModelVersion
from risk_model.cli import build
from risk_model.lifecycle import PROMOTION, compare_versions, monitor, promote_version, roll_back
from risk_model.model import RiskModel
from risk_model.pipeline import classify_all, evaluate_model, train_models
from risk_model.registry import Registry
from risk_model.scoring import Scorer
from risk_model.specification import ModelSpecification
from risk_model.tiers.overrides import Overrides


@pytest.fixture(scope="module", name="lived")
def _lived(
    records: RecordStore, small: Callable[[str], ModelSpecification], tmp_path_factory: pytest.TempPathFactory
) -> Home:
    """A home with a champion, an equal challenger and a spoilt one, and two classifications."""
    home = Home(tmp_path_factory.mktemp("lived"))
    home.store.symlink_to(records.root)
    usual = small("general")
    learners = (
        usual.learner,
        usual.learner.model_copy(update={"seed": 5}),
        usual.learner.model_copy(update={"trees": 1, "leaves": 2}),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline, "QUICK_REPETITIONS", 20)
        for learner in learners:
            own = usual.model_copy(update={"learner": learner})
            patch.setattr(pipeline, "load_specification", lambda name, profile, own=own: own)
            train_models(home, ["general"])
    for day in (date(2025, 3, 1), date(2025, 12, 31)):
        classify_all(home, day)
    return home


def run(home: Home, *words: str) -> str:
    result = CliRunner().invoke(build(), [*words, "--home", str(home.root)])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_challenger_is_compared_and_the_gate_is_kept(lived: Home) -> None:
    told = json.loads(run(lived, "compare", "general", "--challenger", "2", "--repetitions", "100", "--json"))
    assert (told["champion"], told["challenger"]) == ("1", "2")
    assert told["gate"]["passed"], told["gate"]
    assert 0.5 < told["population"]["jaccard_at_10pct"] < 1
    registry = Registry(lived)
    assert "version 2 is champion" in run(lived, "promote", "general", "2")
    remark = json.loads(registry.tags(registry.find("general", "2"))[PROMOTION])
    assert (remark["passed"], remark["forced"], remark["against_version"]) == (True, False, "1")
    promote_version(lived, "general", "1", force=True, reason="back to what was")
    spoilt = compare_versions(lived, "general", challenger="3", repetitions=100)
    assert not spoilt["gate"]["passed"]
    with pytest.raises(InputError, match="does not pass the gate") as refused:
        promote_version(lived, "general", "3")
    assert "--force --reason" in str(refused.value.fix)
    assert registry.find("general").version == "1"
    with pytest.raises(InputError, match="needs a reason"):
        promote_version(lived, "general", "3", force=True)

    said = run(lived, "promote", "general", "3", "--force", "--reason", "trial of the gate")
    assert said.rstrip().endswith("general version 3 is champion.")
    remark = json.loads(registry.tags(registry.find("general", "3"))[PROMOTION])
    assert (remark["forced"], remark["reason"], remark["against_version"]) == (True, "trial of the gate", "1")
    assert remark["gate"]["reasons"]

    promote_version(lived, "general", "1", force=True, reason="back to what was")
    # The champion again: nothing to decide.
    assert promote_version(lived, "general", "1")[1] is None
    with pytest.raises(InputError, match="on both sides"):
        compare_versions(lived, "general", challenger="1")


def test_back_to_an_earlier_champion_at_once_with_a_reason(lived: Home) -> None:
    registry = Registry(lived)
    promote_version(lived, "general", "3", force=True, reason="trial")
    before = len(registry.reigns(registry.find("general", "1")))
    words = ("promote", "general", "1", "--rollback", "--reason", "分值分布异常，退回上一版本")
    assert "general version 1 is champion again." in run(lived, *words)
    found = registry.find("general")
    assert found.version == "1"
    reigns = registry.reigns(found)
    assert (len(reigns), reigns[0]["how"], reigns[0]["instead_of"]) == (before + 1, "first", None)
    assert {k: reigns[-1][k] for k in ("how", "reason", "instead_of")} == {
        "how": "rollback",
        "reason": "分值分布异常，退回上一版本",
        "instead_of": "3",
    }
    assert [one["from"] for one in reigns] == sorted(one["from"] for one in reigns)
    with pytest.raises(InputError, match="is champion already"):
        roll_back(lived, "general", "1", reason="again")
    with pytest.raises(InputError, match="needs a reason"):
        roll_back(lived, "general", "3", reason="  ")


def test_there_is_no_way_back_to_what_never_was_champion(
    records: RecordStore, trainings: Any, tmp_path: Path
) -> None:
    home = Home(tmp_path / "fresh")
    registry = Registry(home)
    for _ in range(2):
        registry.log(trainings.general.model, metrics={}, documents={}, scratch=tmp_path / "model")
    with pytest.raises(InputError, match="never was champion") as refused:
        roll_back(home, "general", "2", reason="a guess")
    assert "risk-model promote general 2" in str(refused.value.fix)
    words = ["promote", "general", "2", "--rollback", "--force", "--home", str(home.root)]
    result = CliRunner().invoke(build(), words)
    assert "exclude each other" in str(result.exception) + result.output


def test_the_comparison_is_told_in_words(lived: Home) -> None:
    said = run(lived, "compare", "general", "--challenger", "3", "--repetitions", "100")
    assert "Keep the champion" in said
    assert "保留冠军模型" in said
    assert "Tier before (down) and after (across)" in said
    names = sorted(path.name for path in lived.published.iterdir() if path.is_dir())
    said = run(lived, "compare", "general", "--publications", names[0], names[1])
    assert "enterprises in both" in said


def test_monitoring_says_what_moved_and_what_waits(lived: Home, tmp_path: Path) -> None:
    file = tmp_path / "monitor.html"
    told = json.loads(run(lived, "monitor", "--json", "--html", str(file)))
    assert told["html"] == str(file)
    model = told["models"]["general"]
    assert model["version"] == "1"
    assert [one["mature"] for one in model["calibration"]["classifications"]] == [True, False]
    assert "<svg " in file.read_text(encoding="utf-8")
    said = run(lived, "monitor")
    assert "not judged before" in said
    assert monitor(lived)["classification"] == told["classification"]


def test_an_evaluation_speaks_of_everybody(lived: Home) -> None:
    told = evaluate_model(lived, "general", repetitions=20)
    found = told["whole_population"]
    assert found["rows"] > found["labelled"] > 0
    assert found["estimates"]["naive"]["speaks_of"]["en"] == "the enterprises that were inspected"
    without = evaluate_model(lived, "general", repetitions=20, population_dates=0)
    assert "refused" in without["whole_population"]
    said = run(lived, "evaluate", "general", "--repetitions", "20")
    assert "At a capacity of 10 %" in said
    assert "Days sooner a problem is found" in said


def test_an_override_is_applied_with_the_next_classification(lived: Home) -> None:
    code = classify_all(lived, date(2025, 12, 31)).rows()["credit_code"][0].as_py()
    words = [
        "--by",
        "王某",
        "--role",
        "head_of_credit_supervision",
        "--reason",
        "现场核查发现记录未反映的变化",
    ]
    run(lived, "override", code, "--tier", "D", *words, "--from", "2025-12-01", "--until", "2026-02-01")
    row = classify_all(lived, date(2025, 12, 31)).find(code, "general")
    assert (row["tier"], row["decided_by"]) == ("D", "override")
    later = classify_all(lived, date(2026, 2, 1)).find(code, "general")
    assert later["decided_by"] != "override"


def test_an_override_is_applied_to_one_enterprise_as_to_all(lived: Home) -> None:
    """The scorer of single enterprises goes the same way as the classification, floors and dates included."""
    registry = Registry(lived)
    models = {"general": ModelVersion(*_of(registry))}
    publication = classify_all(lived, date(2025, 12, 31))
    rows = publication.rows(model="general").to_pandas()
    usual = rows[(rows["decided_by"] == "score") & (rows["tier"] == "A")]["credit_code"].iloc[5]
    low = rows["tier_by_score"].isin(["A", "B"])
    listed = rows[(rows["decided_by"] == "floor:on_abnormal_list") & low]["credit_code"].iloc[0]
    words = [
        "--by",
        "王某",
        "--role",
        "head_of_credit_supervision",
        "--reason",
        "现场核查发现记录未反映的变化",
    ]
    dates = ["--from", "2025-12-30", "--until", "2026-01-15"]
    run(lived, "override", usual, "--tier", "C", *words, *dates)
    run(lived, "override", listed, "--tier", "A", *words, *dates)
    after = classify_all(lived, date(2025, 12, 31))
    scorer = Scorer(models, after.context(), Overrides(lived))
    snapshot = RecordStore(lived.store).snapshot()
    for code, tier, why in ((usual, "C", "override"), (listed, "C", "floor:on_abnormal_list")):
        records = _visible(snapshot, code, date(2025, 12, 31))
        found = scorer.score(records, code, date(2025, 12, 31))["general"]
        published = after.find(code, "general")
        assert (found.tier, found.decided_by) == (published["tier"], published["decided_by"]) == (tier, why)
        # Without the override, and when it has expired, the rules alone decide.
        alone = Scorer(models, after.context()).score(records, code, date(2025, 12, 31))["general"]
        late = scorer.score(records, code, date(2026, 1, 15))["general"]
        assert alone.decided_by == rows.set_index("credit_code").loc[code, "decided_by"]
        assert late.decided_by != "override"


def _visible(snapshot: Snapshot, code: str, day: date) -> dict[str, pa.Table]:
    """Return the records of an enterprise as somebody would send them at a date."""
    found = {}
    for name in snapshot.tables:
        rows = snapshot.read(name, codes=(code, code))
        seen = pc.and_(pc.less_equal(rows["visible_from"], day), pc.greater(rows["visible_to"], day))
        found[name] = rows.filter(pc.and_(seen, pc.less_equal(rows["event_date"], day)))
    return {name: rows.select(TABLES[name].arrow_schema.names) for name, rows in found.items() if len(rows)}


def _of(registry: Registry) -> tuple[RiskModel, str]:
    model, version = registry.load("general")
    return model, version.version
