r"""The population stability index (PSI), with what it comes to by chance alone.

.. math:: \mathrm{PSI} = \sum_b (q_b - p_b) \ln (q_b / p_b)

over fixed bins of the reference :math:`p`. Without any drift its expectation is about
:math:`(B - 1)(1/n + 1/m)` for samples of n and m: fifty enterprises in ten bins have a PSI above 0.1
six times out of seven. So size alone is no alarm: the excess over the expectation must matter *and* a
chi-squared test of the same table must reject. (Yurdakul and Naranjo 2020, *Statistical properties of
the population stability index*.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2_contingency

BINS = 10
#: A feature with at most so many values has a bin each.
MOST_VALUES = 20
#: Excess of the PSI over its expectation from which a shift matters.
SIZE = 0.1
#: Family-wise error of the alarms of one model.
ERROR = 0.05
#: Added to each count, so that an empty bin gives a large index and not an infinite one.
SMOOTHING = 0.5


@dataclass(frozen=True)
class Bins:
    """Fixed bins of one variable; missing values have one of their own, the last.

    Attributes
    ----------
    edges
        Upper ends of all bins but the last of finite values, ascending, shape (b - 1,).
    """

    edges: tuple[float, ...]

    @classmethod
    def of(cls, values: np.ndarray) -> Bins:
        """Choose bins on a reference: a bin a value where there are few, else tenths."""
        finite = values[np.isfinite(values)]
        unique = np.unique(finite)
        if not len(unique):
            return cls(())
        if len(unique) <= MOST_VALUES:
            return cls(tuple(float(x) for x in (unique[:-1] if len(unique) > 1 else unique)))
        quantiles = np.quantile(finite, np.linspace(0, 1, BINS + 1)[1:-1])
        return cls(tuple(float(x) for x in np.unique(quantiles)))

    def count(self, values: np.ndarray) -> np.ndarray:
        """Return the number of values in each bin, missing ones last, shape (b + 1,)."""
        finite = np.isfinite(values)
        places = np.searchsorted(self.edges, values[finite], side="left")
        inside = np.bincount(places, minlength=len(self.edges) + 1)
        return np.append(inside, int((~finite).sum()))

    def labels(self, digits: int = 3) -> list[str]:
        """Return the bins as text."""
        ends = [f"{edge:.{digits}g}" for edge in self.edges]
        if not ends:
            return ["any", "none"]
        return [f"≤ {ends[0]}", *(f"≤ {end}" for end in ends[1:]), f"> {ends[-1]}", "none"]


@dataclass(frozen=True)
class Shift:
    """How far a sample lies from its reference.

    Attributes
    ----------
    psi
        The index.
    expected
        What it comes to on average without drift.
    p_value
        Of a chi-squared test that both are one distribution.
    rows
        Of the sample.
    """

    psi: float
    expected: float
    p_value: float
    rows: int

    def alarms(self, tests: int = 1) -> bool:
        """Return whether it is both large and no chance, among so many tests (Bonferroni)."""
        return self.psi - self.expected > SIZE and self.p_value < ERROR / tests


def shift(reference: np.ndarray | Sequence[int], current: np.ndarray | Sequence[int]) -> Shift:
    """Compare counts of the same bins.

    Parameters
    ----------
    reference, current
        Counts, shape (b,). Bins that are empty in both are left out.

    Examples
    --------
    >>> round(shift([500, 500], [500, 500]).psi, 6)
    0.0
    """
    counts = np.array([reference, current], dtype=np.float64)
    counts = counts[:, counts.sum(axis=0) > 0]
    rows = counts.sum(axis=1)
    if counts.shape[1] < 2 or not rows.all():
        return Shift(0.0, 0.0, 1.0, int(rows[1]))
    smooth = counts + SMOOTHING
    p, q = smooth / smooth.sum(axis=1, keepdims=True)
    psi = float(((q - p) * np.log(q / p)).sum())
    expected = float((counts.shape[1] - 1) * (1 / rows).sum())
    return Shift(psi, expected, float(chi2_contingency(counts, correction=False).pvalue), int(rows[1]))
