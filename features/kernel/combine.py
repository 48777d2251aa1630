"""From the terms of a feature to its value."""

from __future__ import annotations

import numpy as np

from features.definitions.feature import Feature
from features.definitions.terms import Combination


def due_year(as_of: np.ndarray) -> np.ndarray:
    """Return the last year whose annual report was due by 30 June before each day.

    Parameters
    ----------
    as_of
        Days since 1970-01-01, int64, shape (n,).

    Returns
    -------
    numpy.ndarray
        int64, shape (n,).
    """
    months = as_of.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    year, month = 1970 + months // 12, months % 12
    return np.asarray(year - np.where(month >= 6, 1, 2))


def combine(feature: Feature, terms: list[np.ndarray], as_of: np.ndarray) -> np.ndarray:
    """Return the values of a feature.

    Parameters
    ----------
    feature
        The declaration.
    terms
        Its terms, each float64 of shape (n,).
    as_of
        Days since 1970-01-01, int64, shape (n,).
    """
    match feature.combination:
        case Combination.VALUE:
            return terms[0]
        case Combination.RATIO:
            return ratio(terms[0], terms[1])
        case Combination.TREND:
            return _trend(terms[0], terms[1], *feature.parameters)
        case Combination.BITS:
            return _bits(terms[0])
        case Combination.YEARS_MISSING:
            return _years_missing(terms[0], terms[1], as_of, int(feature.parameters[0]))


def ratio(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return first by second, missing where the second is not positive."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(second > 0, first / second, np.nan)


def _trend(
    recent: np.ndarray, total: np.ndarray, recent_days: float, total_days: float, pseudo: float
) -> np.ndarray:
    before_days = total_days - recent_days
    now = (recent + pseudo) / recent_days
    then = (total - recent + pseudo * before_days / recent_days) / before_days
    return np.where(total > 0, now / then, np.nan)


def _bits(words: np.ndarray) -> np.ndarray:
    known = ~np.isnan(words)
    count = np.full(len(words), np.nan)
    count[known] = np.bitwise_count(words[known].astype(np.int64))
    return count


def _years_missing(words: np.ndarray, age: np.ndarray, as_of: np.ndarray, years: int) -> np.ndarray:
    known = ~np.isnan(words) & ~np.isnan(age)
    missing = np.full(len(words), np.nan)
    today = as_of[known]
    founded = (today - age[known].astype(np.int64)).astype("datetime64[D]").astype("datetime64[Y]")
    # The year of the foundation is the first that is reported.
    due = np.clip(due_year(today) - (founded.astype(np.int64) + 1970) + 1, 0, years)
    mask = (np.int64(1) << due) - 1
    missing[known] = due - np.bitwise_count(words[known].astype(np.int64) & mask)
    return missing
