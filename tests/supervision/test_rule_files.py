"""The reviewed rule files: complete, dated, sourced, and strict about what they do not know."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from features.errors import InputError
from features.sectors import SHIPPED
from supervision.lists.restrictions import TierIs, load_restrictions
from supervision.measures import MEASURES, load_measures, load_presets
from supervision.plan_rules import ALL_TIERS, PLAN_RULES, load_plan_rules

TODAY = date(2025, 9, 1)


@pytest.mark.parametrize("sector", SHIPPED)
def test_every_sector_has_rules_and_measures_for_all_tiers(sector: str) -> None:
    rules = load_plan_rules(sector, TODAY)
    assert set(rules.weights.by_tier()) == set(ALL_TIERS)
    measures = load_measures(sector, TODAY)
    assert set(measures.tiers) == set(ALL_TIERS)
    directions = [measures.tiers[tier].ratio.direction for tier in "ABCD"]
    assert directions == ["lower", "regular", "raise", "raise_substantially"]
    alone = {tier for tier, given in measures.tiers.items() if given.left_alone_unless}
    assert alone == {"A"}
    unless = measures.tiers["A"].left_alone_unless
    assert unless is not None
    assert set(unless.reasons) == {"complaint_report", "bigdata_alert", "transferred_lead", "statutory"}


def test_commitments_are_refused_to_the_same_tiers_in_both_files() -> None:
    refused = {
        tier
        for restriction in load_restrictions().restrictions
        if "notify_commit" in restriction.actions and isinstance(restriction.when, TierIs)
        for tier in restriction.when.tiers
    }
    for sector in SHIPPED:
        measures = load_measures(sector, TODAY)
        assert {t for t, given in measures.tiers.items() if not given.commitments.accepted} == refused


def test_numbers_of_the_draft_and_of_places_are_parameters() -> None:
    food = load_measures("food", TODAY)
    assert [food.tiers[tier].frequency.per_year for tier in "ABCD"] == [0.5, 1, 2, 3]
    assert {food.tiers[tier].frequency.trust for tier in "ABCD"} == {"parameter"}
    assert {preset.trust for preset in load_presets().values()} == {"parameter"}
    assert load_plan_rules("food", TODAY).weights.trust == "parameter"


def test_a_preset_replaces_ratios_and_their_source() -> None:
    measures = load_measures("general", TODAY, preset="bayannur_2022")
    assert [measures.tiers[tier].ratio.share for tier in "ABCD"] == [
        (0.02, 0.02),
        (0.05, 0.05),
        (1, 1),
        (1, 1),
    ]
    assert "巴彦淖尔" in measures.tiers["A"].ratio.source
    assert measures.tiers["insufficient_record"].ratio.share is None
    assert load_measures("general", TODAY, preset="lindian_2024").tiers["B"].frequency.per_year == 1
    with pytest.raises(InputError, match="bayannur_2022, lindian_2024"):
        load_measures("general", TODAY, preset="none")


def test_a_date_or_sector_without_rules_is_named() -> None:
    for load in (load_plan_rules, load_measures):
        with pytest.raises(InputError):
            load("food", date(2020, 1, 1))
        with pytest.raises(InputError) as error:
            load("toys", TODAY)
        assert error.value.field == "sector"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("D: 6\n", "D: 3\n", "must not fall from A to D"),
        ("A: 1\n", "A: 0\n", "greater than 0"),
        ("years: 2\n", "yaers: 2\n", "required|Extra"),
        ("missing_full_item: not_full", "unknown_setting: 1", "Extra"),
        (
            "source: 食品生产经营监督检查管理办法第二十二条\n        trust: law\n      key",
            "trust: law\n      key",
            "required",
        ),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, old: str, new: str, words: str) -> None:
    text = PLAN_RULES.read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "rules.yaml"
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(InputError, match=words) as error:
        load_plan_rules("food", TODAY, path)
    assert "rules.yaml" in str(error.value)
    assert error.value.field is not None


def test_measures_are_strict_too(tmp_path: Path) -> None:
    path = tmp_path / "measures.yaml"
    text = MEASURES.read_text(encoding="utf-8")
    path.write_text(
        text.replace("C: [0.21, 0.6]", "C: [0.6, 2.1]").replace("accepted: true", "acepted: true"),
        encoding="utf-8",
    )
    with pytest.raises(InputError, match=r"measures\.yaml"):
        load_measures("food", TODAY, path=path)
