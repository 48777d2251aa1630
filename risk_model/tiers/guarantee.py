r"""Cuts with a statistical guarantee: "this tier holds at least x % violators, with 90 % confidence".

Learn then test (Angelopoulos, Bates, Candès, Jordan and Lei 2021): candidate cuts are chosen without
looking at labels (tails of the reference population), each is tested by an exact binomial test of
"the rate above the cut is below x" on labelled enterprises that no tree was grown on, and Bonferroni
makes all certified cuts true together. The candidates lie where scores are: a grid over 0 to 1, which
general libraries take by default, certifies nothing where probabilities stay low.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import binom

#: Shares of the reference population above the candidate cuts.
TAILS = (0.01, 0.02, 0.03, 0.05, 0.075, 0.10, 0.15, 0.20, 0.30, 0.50)


@dataclass(frozen=True)
class Certified:
    """A cut and what the labelled enterprises above it said.

    Attributes
    ----------
    score
        The lowest score that the guarantee covers.
    share
        Share of the reference population that reaches it.
    rows, found
        Labelled enterprises above it, and violators among them.
    lower
        Exact lower confidence bound of the rate, at the confidence of the whole family of candidates.
    """

    score: float
    share: float
    rows: int
    found: int
    lower: float


def certify_cut(
    reference: np.ndarray,
    score: np.ndarray,
    label: np.ndarray,
    *,
    at_least: float,
    confidence: float,
    not_below: float = -np.inf,
    tails: tuple[float, ...] = TAILS,
) -> Certified | None:
    """Return the lowest candidate cut above which the rate is certified, or None.

    Parameters
    ----------
    reference
        Scores of the population from which candidates are chosen, shape (m,).
    score, label
        Independent labelled enterprises, shape (n,).
    at_least
        Rate that is to be exceeded.
    confidence
        Of the statement, for example 0.9.
    not_below
        Lowest cut that is wanted; it is a candidate itself, if it is finite.
    tails
        Shares of the population above the candidates.
    """
    if not len(reference):
        return None
    grid = np.quantile(reference, 1 - np.array(tails), method="higher")
    candidates = np.unique(np.append(grid[grid >= not_below], [not_below] if np.isfinite(not_below) else []))
    error = (1 - confidence) / len(candidates)
    best: Certified | None = None
    for cut in candidates[::-1]:
        above = score >= cut
        rows, found = int(above.sum()), int(label[above].sum())
        # P(at least so many | rate = at_least): small if the rate is really higher.
        if rows and binom.sf(found - 1, rows, at_least) <= error:
            lower = _lower_bound(found, rows, error)
            best = Certified(float(cut), float((reference >= cut).mean()), rows, found, lower)
    return best


def _lower_bound(found: int, rows: int, error: float) -> float:
    """Return the one-sided bound of Clopper and Pearson (1934)."""
    from scipy.stats import beta

    return float(beta.ppf(error, found, rows - found + 1)) if found else 0.0
