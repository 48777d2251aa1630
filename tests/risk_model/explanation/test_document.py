"""The document of an explanation is that of the plain way to make it, for any contributions."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import date
from math import fsum
from typing import Any

import numpy as np
import pytest

from features.definitions import FIRST_LEVEL, LIBRARY, SECOND_LEVEL, Feature
from features.records import Label
from risk_model.explanation.arrangement import arrangement
from risk_model.explanation.document import rounded
from risk_model.explanation.explanation import Explanation, Part, reason_sentence
from risk_model.explanation.roll_up import Reasons
from risk_model.explanation.values import speaker, value_in_words

NAMES = tuple(feature.name for feature in LIBRARY)
UNIT = 28.853900817779268
AS_OF = date(2024, 6, 30)


def _reasons(random: np.random.Generator, share: float) -> Reasons:
    n = len(NAMES)
    contributions = np.round(random.normal(0, 0.05, n), 3)  # three digits: many are equal but for the sign
    contributions[random.random(n) >= share] = 0.0
    contributions[random.random(n) < 0.02] = -0.0
    values = random.choice([np.nan, 0.0, -0.0, 1.0, 2.0, 30.5, 800.0, 1_250_000.0, 0.25], n)
    return Reasons(arrangement(NAMES), values, contributions)


def _explanation(reasons: Reasons, parts: tuple[Part, ...] = ()) -> Explanation:
    return Explanation(
        credit_code="91350100M000100Y43",
        name="甲",
        as_of=AS_OF,
        model="general",
        model_title=Label("通用", "General"),
        target=Label("目标", "target"),
        version="1",
        base_value=-2.5,
        margin=-2.0,
        probability=0.12,
        score=533.0,
        tier="B",
        tier_by_score="B",
        decided_by="score",
        previous_tier=None,
        records=7,
        reasons=reasons,
        points_a_unit=UNIT,
        parts=parts,
    )


def _first(feature: Feature) -> str:
    return feature.indicator.partition(".")[0]


def _say(words: Label, lang: str | None) -> Any:
    return {"zh": words.zh, "en": words.en} if lang is None else words[lang]


def _group(reasons: Reasons, key: Any, label: Any, lang: str | None) -> list[dict[str, Any]]:
    members: dict[str, list[Any]] = {}
    for reason in reasons:
        members.setdefault(key(reason.feature), []).append(reason)
    found = [
        (name, label(them[0].feature), fsum(one.contribution for one in them if one.contribution))
        for name, them in members.items()
    ]
    found.sort(key=lambda one: -abs(one[2]))
    return [
        {
            "name": name,
            "label": _say(words, lang),
            "contribution": total,
            "points": round(total * UNIT, 2),
        }
        for name, words, total in found
    ]


def _features(reasons: Reasons, lang: str | None) -> list[dict[str, Any]]:
    return [
        {
            "feature": one.feature.name,
            "label": _say(one.feature.label, lang),
            "indicator": one.feature.indicator,
            "value": None if math.isnan(one.value) else one.value,
            "value_in_words": _say(value_in_words(one.feature, one.value), lang),
            "contribution": one.contribution,
            "points": round(one.contribution * UNIT, 2),
        }
        for one in sorted((r for r in reasons if r.contribution), key=lambda r: -abs(r.contribution))
    ]


@pytest.mark.parametrize("lang", [None, "zh", "en"])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.4, 1.0])
def test_document_is_that_of_the_plain_way(lang: str | None, share: float) -> None:
    random = np.random.default_rng(int(10 * share))
    for _ in range(10):
        reasons, other = _reasons(random, share), _reasons(random, share)
        parts = (Part("general", Label("通用", "General"), other),)
        told = _explanation(reasons, parts).as_dict(lang)
        by_indicator = (lambda f: f.indicator), (lambda f: SECOND_LEVEL[f.indicator])
        expected = {
            "first_levels": _group(reasons, _first, lambda f: FIRST_LEVEL[_first(f)], lang),
            "indicators": _group(reasons, *by_indicator, lang),
            "features": _features(reasons, lang),
            "residual": -2.0 - fsum([-2.5, *(r.contribution for r in reasons)]),
        }
        assert json.dumps({key: told[key] for key in expected}) == json.dumps(expected)
        inner = [one for one in _group(other, *by_indicator, lang) if one["contribution"]]
        assert json.dumps(told["parts"][0]["indicators"]) == json.dumps(inner)
        declared = _group(reasons, lambda f: f.group, lambda f: f.label, lang)
        points = {one["name"]: one["contribution"] * UNIT for one in declared if one["contribution"]}
        raised = [name for name, moved in points.items() if moved >= 0.5][:3]
        lowered = [name for name, moved in points.items() if moved <= -0.5][:3]
        assert [one["name"] for one in told["reasons"]] == raised + lowered


def test_a_caller_may_change_what_it_got() -> None:
    explanation = _explanation(_reasons(np.random.default_rng(5), 0.4))
    before = json.dumps(explanation.as_dict())
    told = explanation.as_dict()
    for one in (*told["features"], *told["indicators"], *told["first_levels"]):
        one["label"].clear()
        one.clear()
    told["sentences"]["zh"].clear()
    assert json.dumps(explanation.as_dict()) == before
    assert json.dumps(replace(explanation).as_dict()) == before


def test_points_are_rounded_as_by_round() -> None:
    random = np.random.default_rng(3)
    near = [(k + 0.5) / 100 for k in range(-300, 300)]
    for found in (random.normal(0, 5, 5000).tolist(), near, [0.0, -0.0, -0.001, 1e9, 1e300], []):
        assert list(map(repr, rounded(found, 1.0))) == [repr(round(one, 2)) for one in found]
    assert math.isnan(rounded([math.nan, 1.0], 1.0)[0])


def test_what_is_said_many_times_is_what_is_said_once() -> None:
    for feature in LIBRARY:
        for value in (-0.0, 0.0, 1.0, -0.0, 0.0, 2.5, 731.0, 1e7):
            for _ in range(2):
                assert speaker(feature)(value) == value_in_words(feature, value)
                assert "-0" not in value_in_words(feature, value).en


def test_sentences_are_those_of_the_reasons() -> None:
    random = np.random.default_rng(7)
    for share in (0.02, 0.1, 0.4, 1.0):
        found = _explanation(_reasons(random, share))
        for lang in ("zh", "en"):
            assert found.sentences(lang)[1:] == [reason_sentence(found, group, lang) for group in found.told]
        assert found.told == (*found.raised(), *found.lowered())
