"""Declarations: what they refuse, and what they give by hand-worked examples."""

from __future__ import annotations

from typing import Any

import pytest

from features.definitions import LIBRARY, Direction
from features.definitions.declaration import Library
from features.definitions.expressions import col
from features.definitions.kinds import Count, Decayed, Distinct, Share, Trend, YearRatio, YearsMissing
from features.kernel import Plan
from features.records import TABLES, CodeSet, Label

GOOD: dict[str, Any] = {
    "name": "good",
    "table": "penalty",
    "label": Label("处罚", "penalties"),
    "indicator": "supervision.penalty",
}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "Bad Name"}, "'Bad Name' must be lower case with underscores"),
        ({"table": "penalties"}, "reads table 'penalties', which is none of"),
        ({"indicator": "supervision.other"}, "indicator 'supervision.other' is none of"),
        ({"sector": "drugs"}, "sector 'drugs' is none of"),
        ({"windows": ("1y", "7w")}, "window '7w' is none of"),
        ({"windows": ()}, "has no window"),
        ({"where": col("outcome") == "problem"}, "table 'penalty' has no column 'outcome'; it has"),
        ({"basis": " "}, "names no lawful basis"),
    ],
)
def test_a_declaration_says_what_is_wrong(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Count(**(GOOD | change))


def test_other_kinds_say_what_is_wrong() -> None:
    with pytest.raises(ValueError, match="half-life of 0 days"):
        Decayed(**GOOD, half_life=0)
    with pytest.raises(ValueError, match="'1y' must be shorter than '6m'"):
        Trend(**GOOD, recent="1y", windows=("6m",))
    with pytest.raises(ValueError, match="pseudo-count 0"):
        Trend(**GOOD, recent="1y", windows=("3y",), pseudo_count=0)
    codes = CodeSet("many", {str(i): Label("", "") for i in range(60)})
    with pytest.raises(ValueError, match="at most 52 codes"):
        Distinct(**GOOD, column="kind", codes=codes)
    report = GOOD | {"table": "annual_report"}
    with pytest.raises(ValueError, match="0 years, expected 1 to 51"):
        YearsMissing(**report, years=0)
    with pytest.raises(ValueError, match="compares 'revenue' of a year with itself"):
        YearRatio(**report, column="revenue")


def test_a_name_is_given_once() -> None:
    with pytest.raises(ValueError, match="'good' is declared twice"):
        Library((Count(**GOOD), Count(**GOOD)))


def test_windows_give_names_and_labels() -> None:
    features = list(Count(**GOOD | {"windows": ("1y", "all")}).features())
    assert [feature.name for feature in features] == ["good_1y", "good_all"]
    assert features[0].label == Label("近1年处罚", "penalties in 1 year")
    assert features[0].group == features[1].group == "good"
    assert features[0].meaning == "number of penalty records of the last 365 days"


def test_more_conditions_than_a_word_has_bits() -> None:
    declarations = [Count(**GOOD | {"name": f"c{i}", "where": col("amount") > i}) for i in range(65)]
    with pytest.raises(ValueError, match="65 distinct conditions, at most 64 fit"):
        Plan(Library(tuple(declarations)))


def test_fingerprint_changes_with_what_decides_a_value_and_only_then() -> None:
    def fingerprint(**change: Any) -> str:
        return Plan(Count(**GOOD | change).features()).fingerprint

    assert fingerprint() == fingerprint(label=Label("别的", "another"), direction=Direction.RAISES)
    assert fingerprint() != fingerprint(where=col("severity") == "serious")
    assert fingerprint() != fingerprint(name="other")
    trends = [
        Plan(Trend(**GOOD, recent="1y", windows=("3y",), pseudo_count=k).features()) for k in (1.0, 2.0)
    ]
    assert trends[0].fingerprint != trends[1].fingerprint


def test_a_share_counts_only_what_is_among() -> None:
    (share,) = Share(**GOOD, where=col("severity") == "serious", among=col("domain") == "food").features()
    first, second = share.terms
    assert first.where.text == "severity = serious and domain = food"
    assert second.where.text == "domain = food"


@pytest.mark.parametrize("feature", list(LIBRARY), ids=lambda feature: feature.name)
def test_every_feature_of_the_library_is_complete(feature: Any) -> None:
    assert feature.label.zh
    assert feature.label.en
    assert feature.basis
    assert feature.meaning
    assert "{" not in feature.meaning
    assert set(feature.tables) <= set(TABLES)
    if feature.codes is not None:
        assert feature.direction is Direction.NONE, "a category has no order"
        assert len(feature.categories) == len(feature.category_labels)
