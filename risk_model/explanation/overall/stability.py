"""Whether the reasons of enterprises stay the same when a model is trained again."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import rankdata, spearmanr

from risk_model.explanation.overall.facts import FactContributions
from risk_model.explanation.overall.importance import Interval, mean_with_intervals

#: Reasons of an enterprise that are compared: as many as its sentences tell.
TOP = 3


@dataclass(frozen=True)
class Stability:
    """Reasons of the same enterprises by two versions of a model.

    Attributes
    ----------
    enterprises
        How many are compared.
    importance_correlation
        Rank correlation of the mean absolute contributions of all facts.
    contribution_correlation
        Rank correlation of the contributions of one enterprise, on average.
    raised_overlap, lowered_overlap
        Of the strongest reasons that raise (lower) a score by either version, the share that both name,
        on average over the enterprises of which any version names one.
    same_first
        Share of the enterprises whose strongest reason that raises the score is the same.
    """

    enterprises: int
    importance_correlation: float
    contribution_correlation: Interval
    raised_overlap: Interval
    lowered_overlap: Interval
    same_first: Interval

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data; None where nothing is known."""
        known = self.importance_correlation
        return {
            "enterprises": self.enterprises,
            "importance_correlation": None if math.isnan(known) else known,
            "contribution_correlation": self.contribution_correlation.as_dict(),
            "raised_overlap": self.raised_overlap.as_dict(),
            "lowered_overlap": self.lowered_overlap.as_dict(),
            "same_first": self.same_first.as_dict(),
        }


def stability(
    first: FactContributions,
    second: FactContributions,
    groups: np.ndarray,
    *,
    smallest: float,
    top: int = TOP,
    repetitions: int = 300,
    seed: int = 0,
) -> Stability:
    """Compare the reasons of two versions of a model on the same rows.

    Parameters
    ----------
    first, second
        Contributions of the same rows.
    groups
        Enterprise of each row, shape (n,).
    smallest
        A contribution below this, in log-odds, is no reason: no sentence tells it.
    top
        Reasons of an enterprise that are compared.
    repetitions, seed
        Of the bootstrap over enterprises.

    Notes
    -----
    The overlap of sets A and B is :math:`|A \\cap B| / |A \\cup B|` (Jaccard).
    """
    names = list(dict.fromkeys([*first.names, *second.names]))
    one, other = first.of(names), second.of(names)
    moving = (one != 0).any(axis=0) | (other != 0).any(axis=0)
    one, other = one[:, moving], other[:, moving]
    weights = [np.abs(values).mean(axis=0) for values in (one, other)]

    def mean(values: np.ndarray, known: np.ndarray) -> Interval:
        return mean_with_intervals(values[known][:, None], groups[known], repetitions=repetitions, seed=seed)[
            0
        ]

    everybody = np.ones(len(one), dtype=bool)
    raised, any_raised = _overlap(_strongest(one, smallest, top), _strongest(other, smallest, top))
    lowered, any_lowered = _overlap(_strongest(-one, smallest, top), _strongest(-other, smallest, top))
    same = (one.argmax(axis=1) == other.argmax(axis=1)).astype(np.float64)
    return Stability(
        enterprises=len(np.unique(groups)),
        importance_correlation=float(spearmanr(*weights).statistic),
        contribution_correlation=mean(_rank_correlation(one, other), everybody),
        raised_overlap=mean(raised, any_raised),
        lowered_overlap=mean(lowered, any_lowered),
        same_first=mean(same, any_raised),
    )


def _strongest(values: np.ndarray, smallest: float, top: int) -> np.ndarray:
    """Return which facts are among the ``top`` largest of a row and not below ``smallest``, bool."""
    place = np.argsort(-values, axis=1, kind="stable")[:, :top]
    chosen = np.zeros(values.shape, dtype=bool)
    np.put_along_axis(chosen, place, True, axis=1)
    return chosen & (values >= smallest)


def _overlap(one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the overlap of two choices of each row, and whether there is any choice."""
    either = (one | other).sum(axis=1)
    return (one & other).sum(axis=1) / np.maximum(either, 1), either > 0


def _rank_correlation(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the rank correlation of each row; 1 where both are constant."""
    ranks = [rankdata(values, axis=1) for values in (one, other)]
    centred = [rank - rank.mean(axis=1, keepdims=True) for rank in ranks]
    sizes = np.sqrt((centred[0] ** 2).sum(axis=1) * (centred[1] ** 2).sum(axis=1))
    product = (centred[0] * centred[1]).sum(axis=1)
    return np.where(sizes > 0, product / np.where(sizes > 0, sizes, 1.0), 1.0)
