"""An explanation as plain data: the document of the API, written at every score.

Everything in it is made anew for each document, so a caller may change what it gets. The labels of features
are there twice for each that adds something, so what depends on the feature alone comes ready from its
:class:`~risk_model.explanation.arrangement.Arrangement`.
"""

from __future__ import annotations

from math import isnan
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from features.records import Label
from risk_model.explanation.roll_up import Reasons, RollUp
from risk_model.explanation.values import MISSING
from risk_model.scale import TIER_WORDS

if TYPE_CHECKING:
    from risk_model.explanation.evidence import Evidence
    from risk_model.explanation.explanation import Explanation, Part

Language = Literal["zh", "en"]
#: Hundredths of a point up to here are told apart from halves of hundredths by far more than one rounding.
_LARGEST_HUNDREDTHS = 1e6
_NOT_NEARLY_HALF = 0.499999
#: Fewer numbers than this are rounded one by one.
_FEW = 24


def document(
    explanation: Explanation, lang: Language | None = None, evidence: Evidence | None = None
) -> dict[str, Any]:
    """Return an explanation as plain data; what is what, see :meth:`Explanation.as_dict`."""
    unit, reasons = explanation.points_a_unit, explanation.reasons
    return {
        "credit_code": explanation.credit_code,
        "name": explanation.name,
        "as_of": explanation.as_of.isoformat(),
        "model": explanation.model,
        "model_title": _label(explanation.model_title, lang),
        "target": _label(explanation.target, lang),
        "version": explanation.version,
        "score": explanation.score,
        "probability": explanation.probability,
        "margin": explanation.margin,
        "base_value": explanation.base_value,
        "tier": explanation.tier,
        "tier_label": _tier_label(explanation.tier, lang),
        "tier_by_score": explanation.tier_by_score,
        "decided_by": explanation.decided_by,
        "previous_tier": explanation.previous_tier,
        "records": explanation.records,
        "prior": explanation.prior,
        "sentences": {"zh": explanation.sentences("zh"), "en": explanation.sentences("en")}
        if lang is None
        else explanation.sentences(lang),
        "reasons": [
            _told(explanation, place, said, lang, evidence)
            for place, said in zip(explanation.telling, explanation.said, strict=True)
        ],
        "first_levels": _groups(reasons.first_levels, reasons.first_levels.order, unit, lang),
        "indicators": _groups(reasons.indicators, reasons.indicators.order, unit, lang),
        "parts": [_part(part, unit, lang) for part in explanation.parts],
        "features": _features(reasons, unit, lang),
        "residual": explanation.residual,
    }


def rounded(contributions: list[float], unit: float) -> list[float]:
    """Return ``[round(one * unit, 2) for one in contributions]``, to the last bit, at less cost.

    Parameters
    ----------
    contributions
        In log-odds.
    unit
        Points per unit of log-odds.
    """
    if len(contributions) < _FEW:
        return [round(one * unit, 2) for one in contributions]
    hundredths = np.array(contributions, dtype=np.float64) * unit * 100
    whole = np.rint(hundredths)
    # Not by half a hundredth, where the product with 100 may be rounded to the other side: then a whole
    # number over 100 is what the decimal number reads as. NaN and infinity fail the comparison.
    plain = (np.abs(hundredths - whole) < _NOT_NEARLY_HALF) & (np.abs(hundredths) < _LARGEST_HUNDREDTHS)
    if plain.all():
        found: list[float] = (whole / 100).tolist()
        return found
    return [round(one * unit, 2) for one in contributions]


def _label(words: Label, lang: Language | None) -> Any:
    return {"zh": words.zh, "en": words.en} if lang is None else words[lang]


def _tier_label(tier: str, lang: Language | None) -> Any:
    words = TIER_WORDS[tier]
    return _label(Label(words.zh, words.en), lang)


def _told(
    explanation: Explanation,
    place: int,
    said: Label,
    lang: Language | None,
    evidence: Evidence | None,
) -> dict[str, Any]:
    reasons = explanation.reasons
    found, facts = reasons.declarations, reasons.arrangement.facts
    return {
        "name": found.grouping.names[place],
        "sentence": _label(said, lang),
        "points": round(explanation.points(found.totals[place]), 2),
        "features": [facts[one].name for one in reasons.adding_of(found.grouping.members[place])],
        "evidence": None if evidence is None else evidence.of(found.group(place)).as_dict(lang),
    }


def _groups(found: RollUp, places: list[int], unit: float, lang: Language | None) -> list[dict[str, Any]]:
    names, labels, totals = found.grouping.names, found.grouping.labels, found.totals
    return [
        {
            "name": names[place],
            "label": _label(labels[place], lang),
            "contribution": totals[place],
            "points": points,
        }
        for place, points in zip(places, rounded([totals[place] for place in places], unit), strict=True)
    ]


def _part(part: Part, unit: float, lang: Language | None) -> dict[str, Any]:
    indicators = part.reasons.indicators
    return {
        "model": part.model,
        "label": _label(part.title, lang),
        "contribution": part.contribution,
        "points": round(part.contribution * unit, 2),
        "indicators": _groups(indicators, indicators.adding, unit, lang),
    }


def _features(reasons: Reasons, unit: float, lang: Language | None) -> list[dict[str, Any]]:
    facts, values, contributions = reasons.arrangement.facts, reasons.values, reasons.contributions
    moved = [contributions[place] for place in reasons.strongest]
    told = []
    for place, contribution, points in zip(reasons.strongest, moved, rounded(moved, unit), strict=True):
        name, zh, en, indicator, speaker = facts[place]
        value: float | None = values[place]
        if isnan(values[place]):
            value, said = None, MISSING
        else:
            said = speaker(values[place])
        told.append(
            {
                "feature": name,
                "label": {"zh": zh, "en": en} if lang is None else (zh if lang == "zh" else en),
                "indicator": indicator,
                "value": value,
                "value_in_words": {"zh": said.zh, "en": said.en}
                if lang is None
                else (said.zh if lang == "zh" else said.en),
                "contribution": contribution,
                "points": points,
            }
        )
    return told
