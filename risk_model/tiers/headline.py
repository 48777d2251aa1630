"""Which of an enterprise's results speaks for it where one is to be shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

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

    return sorted(rows, key=lambda row: _weight(row["model"], row["tier"], row["score"]))


def decisive(whose: np.ndarray, model: pa.Array, tier: pa.Array, score: np.ndarray) -> np.ndarray:
    """Return which results decide, as :func:`decisive_last` has it of each enterprise.

    Parameters
    ----------
    whose
        Place of the enterprise of each result, int64, shape (n,).
    model, tier, score
        Of each result, shape (n,).

    Returns
    -------
    numpy.ndarray
        bool, shape (n,): of each enterprise one.
    """
    of_sector = np.asarray(pc.not_equal(model, MODEL_NAMES[0]))
    rank = np.asarray(pc.index_in(tier, value_set=pa.array(TIERS)).fill_null(-1))
    order = np.lexsort((score, rank, of_sector, whose))
    sorted_by_whose = whose[order]
    last = np.ones(len(whose), dtype=bool)
    last[:-1] = sorted_by_whose[1:] != sorted_by_whose[:-1]
    found = np.zeros(len(whose), dtype=bool)
    found[order[last]] = True
    return found


def _weight(model: str, tier: str, score: float) -> tuple[bool, int, float]:
    return model != MODEL_NAMES[0], TIERS.index(tier) if tier in TIERS else -1, float(score)
