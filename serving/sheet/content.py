"""What stands on the sheet of an enterprise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from features.errors import InputError
from features.home import Home
from risk_model.explanation.changes import Changes, changes_since
from risk_model.explanation.evidence import Evidence
from risk_model.explanation.explanation import Explanation
from risk_model.explanation.values import value_in_words
from risk_model.publication import Publication
from risk_model.registry import Registry
from serving.pages.dossier import indicators, kind, measures_of, section, told
from supervision.improvement.search import Improvement

#: On paper. The screen has everything behind each of them.
RAISED, LOWERED, HISTORY, CHANGED, STEPS = 5, 4, 8, 6, 6
BARS = 13


def sheet_content(
    home: Home,
    publication: Publication,
    row: Mapping[str, Any],
    explanation: Explanation,
    evidence: Evidence | None,
    improvement: Improvement | None,
    lang: str,
) -> dict[str, Any]:
    """Return what the template shows.

    Parameters
    ----------
    home
        With earlier classifications and the record store.
    publication, row, explanation
        The classification, and what it says of the enterprise.
    evidence
        The records behind, as far as the reader may be told; None if they are no longer there.
    improvement
        What would lower the tier; None if it could not be worked out.
    lang
        ``zh`` or ``en``.
    """
    return {
        "publication": publication,
        "row": row,
        "explanation": explanation,
        "section": section(row["industry"], lang),
        "kind": kind(row["enterprise_type"], lang),
        "title": explanation.model_title[lang],
        "decision": explanation.decision(lang),
        "raised": [told(explanation, group, evidence, lang) for group in explanation.raised(RAISED)],
        "lowered": [told(explanation, group, evidence, lang) for group in explanation.lowered(LOWERED)],
        "indicators": indicators(explanation, publication, evidence, lang, most=BARS),
        "history": _history(home, publication, row),
        "changed": _changed(home, publication, explanation, lang),
        "improvement": improvement,
        "steps": STEPS,
        "measures": measures_of(row["model"], row["tier"], publication),
        "residual": explanation.residual,
        "evidence_known": evidence is not None,
    }


def _history(home: Home, publication: Publication, row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the last tiers up to this classification, the oldest first, for a line of scores."""
    found = []
    for one in [p for p in Publication.all(home) if p.as_of <= publication.as_of][-HISTORY:]:
        for earlier in one.rows(codes=[row["credit_code"]], model=row["model"]).to_pylist():
            found.append({"as_of": one.as_of, "tier": earlier["tier"], "score": earlier["score"]})
    return found


def _changed(
    home: Home, publication: Publication, explanation: Explanation, lang: str
) -> dict[str, Any] | None:
    """Return what moved the score since the classification before; None if there is nothing to compare."""
    earlier = [p for p in Publication.all(home) if p.as_of < publication.as_of]
    if not earlier:
        return None
    try:
        found = changes_since(
            earlier[-1],
            publication,
            explanation.credit_code,
            explanation.model,
            load=lambda name, version: Registry(home).load(name, version)[0],
        )
    except InputError:
        # It was not classified then, or by a model that can no longer be read: nothing is claimed.
        return None
    return {
        "since": earlier[-1].as_of,
        "before": found.score_before,
        "tier_before": found.tier_before,
        "by_records": found.by_records * found.points_a_unit,
        "by_model": found.by_model * found.points_a_unit,
        "features": _moved(found, lang),
    }


def _moved(found: Changes, lang: str) -> list[dict[str, Any]]:
    return [
        {
            "label": change.feature.label[lang],
            "before": value_in_words(change.feature, change.before)[lang],
            "after": value_in_words(change.feature, change.after)[lang],
            "points": change.total * found.points_a_unit,
        }
        for change in found.features[:CHANGED]
    ]
