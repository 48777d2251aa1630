"""Which of an enterprise's results speaks for it where one is to be shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from risk_model.scale import TIERS
from risk_model.specification import MODEL_NAMES

Row = TypeVar("Row", bound=Mapping[str, Any])


def decisive_last(rows: Sequence[Row]) -> list[Row]:
    """Return the results of one enterprise in the order of what they weigh, the decisive one last.

    Parameters
    ----------
    rows
        ``model``, ``tier`` and ``score`` of each.

    Notes
    -----
    A sector's professional model speaks before the general one, which it starts from. Of several sectors the
    riskiest tier does, then the higher score (the models have one scale). A tier speaks before a record
    that is too thin for one.

    Examples
    --------
    >>> food = {"model": "food", "tier": "C", "score": 530.0}
    >>> lifts = {"model": "special_equipment", "tier": "A", "score": 410.0}
    >>> decisive_last([food, lifts])[-1]["model"]
    'food'
    """

    def weight(row: Row) -> tuple[bool, int, float]:
        tier = row["tier"]
        return (
            row["model"] != MODEL_NAMES[0],
            TIERS.index(tier) if tier in TIERS else -1,
            float(row["score"]),
        )

    return sorted(rows, key=weight)
