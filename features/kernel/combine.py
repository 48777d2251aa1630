"""From the terms of a feature to its value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True)
class Combining:
    """Which terms become which features, those of one combination together.

    Attributes
    ----------
    columns
        Combination → places of the features; int64, shape (k,).
    terms
        Combination → places of their first and second terms (the first again if there is one only);
        int64, shape (2, k).
    parameters
        Combination → parameters of the features, shape (parameters, k, 1).
    """

    columns: Mapping[Combination, np.ndarray]
    terms: Mapping[Combination, np.ndarray]
    parameters: Mapping[Combination, np.ndarray]

    @classmethod
    def build(cls, features: Sequence[Feature], places: Sequence[tuple[int, ...]]) -> Combining:
        """Sort the features that look at the enterprise alone by combination.

        Parameters
        ----------
        features
            The features.
        places
            Places of the terms of each.
        """
        columns: dict[Combination, list[int]] = {}
        for column, feature in enumerate(features):
            if feature.across is None:
                columns.setdefault(feature.combination, []).append(column)
        return cls(
            {kind: np.array(of_kind) for kind, of_kind in columns.items()},
            {
                kind: np.array([[places[column][0], places[column][-1]] for column in of_kind]).T
                for kind, of_kind in columns.items()
            },
            {
                kind: np.array([features[column].parameters for column in of_kind]).T[:, :, None]
                for kind, of_kind in columns.items()
            },
        )

    def fill(self, terms: np.ndarray, as_of: np.ndarray, result: np.ndarray) -> None:
        """Fill in the features.

        Parameters
        ----------
        terms
            float64, shape (number of terms, n).
        as_of
            Days since 1970-01-01, int64, shape (n,).
        result
            float64, shape (number of features, n).
        """
        for kind, columns in self.columns.items():
            first, second = self.terms[kind]
            match kind:
                case Combination.VALUE:
                    result[columns] = terms[first]
                case Combination.RATIO:
                    result[columns] = ratio(terms[first], terms[second])
                case Combination.TREND:
                    result[columns] = _trend(terms[first], terms[second], *self.parameters[kind])
                case Combination.BITS:
                    result[columns] = _bits(terms[first])
                case Combination.YEARS_MISSING:
                    (years,) = self.parameters[kind]
                    result[columns] = _years_missing(terms[first], terms[second], as_of, years)


def ratio(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return first by second, missing where the second is not positive."""
    found = np.full(np.shape(first), np.nan)
    return np.asarray(np.divide(first, second, out=found, where=second > 0))


def _trend(
    recent: np.ndarray,
    total: np.ndarray,
    recent_days: np.ndarray,
    total_days: np.ndarray,
    pseudo: np.ndarray,
) -> np.ndarray:
    before_days = total_days - recent_days
    now = (recent + pseudo) / recent_days
    then = (total - recent + pseudo * before_days / recent_days) / before_days
    # Only where the total is not a total of the recent ones, too, is there a division by zero.
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(total > 0, now / then, np.nan)


def _bits(words: np.ndarray) -> np.ndarray:
    count = np.bitwise_count(np.nan_to_num(words).astype(np.int64))
    return np.where(np.isnan(words), np.nan, count)


def _years_missing(words: np.ndarray, age: np.ndarray, as_of: np.ndarray, years: np.ndarray) -> np.ndarray:
    founded = (as_of - np.nan_to_num(age).astype(np.int64)).astype("datetime64[D]").astype("datetime64[Y]")
    # The year of the foundation is the first that is reported.
    due = due_year(as_of) - (founded.astype(np.int64) + 1970) + 1
    due = np.clip(due, 0, years.astype(np.int64))
    reported = np.nan_to_num(words).astype(np.int64) & ((np.int64(1) << due) - 1)
    missing = due - np.bitwise_count(reported)
    return np.where(np.isnan(words) | np.isnan(age), np.nan, missing)
