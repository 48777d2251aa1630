"""Features of tied enterprises: what is counted of whoever shares a person, owner, address or producer."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from features.definitions.across import Measure, Tie
from features.kernel.combine import ratio
from features.kernel.context import Context
from features.kernel.plan import Plan


def related(
    plan: Plan, context: Context, hashes: np.ndarray, at: np.ndarray
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the column of each such feature, and its values; none where a table that it counts is not known.

    They are the same whatever else is known of the enterprises, so of those of whom nothing else has changed
    they can be computed without a look at their records.

    Parameters
    ----------
    plan, context
        The features, and what is known of others.
    hashes
        Of the credit codes (:func:`features.kernel.survey.hashed`), uint64, shape (n,).
    at
        Places of dates in the context, int64, shape (n,).
    """
    beyond = plan.beyond
    if beyond is None or not beyond.related:
        return
    members, terms = context.members(hashes), len(beyond.terms)
    found: dict[tuple[Tie, int], np.ndarray] = {}
    for part in beyond.related:
        if not context.survey.tables.issuperset(plan.features[part.column].tables):
            continue
        asked = part.related.tie, part.related.at_most
        if asked not in found:
            tie = beyond.ties.index(part.related.tie)
            found[asked] = context.related_to(tie, part.related.at_most, terms, members, at)
        yield part.column, _measure(part.related.measure, part.term, terms, found[asked])


def _measure(measure: Measure, term: int, terms: int, found: np.ndarray) -> np.ndarray:
    """Return a measure from what :meth:`Context.related_to` found, shape (n,)."""
    if measure is Measure.NUMBER:
        return found[:, 0]
    if measure is Measure.TOTAL:
        return found[:, 1 + term]
    return ratio(found[:, 1 + terms + term], found[:, 0])
