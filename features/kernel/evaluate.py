"""From Arrow record tables of a range of enterprises to a matrix of feature values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from features.definitions.terms import Term
from features.errors import InputError
from features.kernel.aggregate import aggregate
from features.kernel.combine import due_year
from features.kernel.context import Context
from features.kernel.neighbours import Neighbours
from features.kernel.plan import Plan, TablePlan
from features.kernel.records import Arrays, arrays
from features.kernel.related import related
from features.kernel.survey import hashed

#: Columns that every record table must bring to the kernel, beside those of its plan.
REQUIRED = ("credit_code", "event_date", "visible_from", "visible_to")


def evaluate(
    plan: Plan,
    records: Mapping[str, pa.Table],
    codes: pa.Array,
    enterprise: np.ndarray,
    as_of: np.ndarray,
    context: Context | None = None,
) -> np.ndarray:
    """Compute features of pairs of enterprise and as-of date.

    Parameters
    ----------
    plan
        The features.
    records
        Record tables with the columns of :data:`REQUIRED` and of the plan, sorted by credit code,
        event date, recording date and record identifier. A table that is not there gives missing
        features: nothing is known. A table that is there but has no row for an enterprise gives
        counts of 0: nothing happened.
    codes
        Sorted unique credit codes that the pairs refer to.
    enterprise
        Place of each pair's enterprise in ``codes``, int64, shape (n,).
    as_of
        As-of day of each pair in days since 1970-01-01, int64, shape (n,).
    context
        What is known of other enterprises at these dates. Without it, features across enterprises
        are missing.

    Returns
    -------
    numpy.ndarray
        float64, shape (n, number of features); missing is NaN. Money in fen, time in days.

    Raises
    ------
    InputError
        If the context was made for other features or other dates.
    """
    return Prepared.of(plan, records, codes).evaluate(enterprise, as_of, context)


@dataclass(frozen=True)
class Prepared:
    """Records of a range of enterprises, ready for any pairs of them.

    Attributes
    ----------
    plan
        The features.
    codes
        Sorted unique credit codes.
    arrays
        Record table → its records.
    registrations
        The rows of ``enterprise``, if there is that table.
    """

    plan: Plan
    codes: pa.Array
    arrays: Mapping[str, Arrays]
    registrations: pa.Table | None

    @classmethod
    def of(cls, plan: Plan, records: Mapping[str, pa.Table], codes: pa.Array) -> Prepared:
        """Make record tables ready; parameters are those of :func:`evaluate`."""
        prepared, registrations = {}, None
        for name, table_plan in plan.tables.items():
            table = records.get(name)
            if table is not None:
                kept, prepared[name] = arrays(table_plan, table, codes)
                if name == "enterprise":
                    registrations = kept
        return cls(plan, codes, prepared, registrations)

    def evaluate(
        self,
        enterprise: np.ndarray,
        as_of: np.ndarray,
        context: Context | None,
        seen: list[Neighbours] | None = None,
    ) -> np.ndarray:
        """Compute the features of pairs; parameters and result are those of :func:`evaluate`.

        Parameters
        ----------
        seen
            Gets where the enterprises lie, if features look there.
        """
        plan = self.plan
        everything = np.empty((plan.term_count, len(enterprise)))
        year = due_year(as_of)
        for name, table_plan in plan.tables.items():
            if name in self.arrays:
                fill_terms(
                    table_plan, self.arrays[name], enterprise, as_of, year, everything[plan.places[name]]
                )
            else:
                everything[plan.places[name]] = np.nan
        # Features lie one after another, so that each becomes an Arrow column without being copied.
        result = np.empty((len(plan.features), len(enterprise)))
        plan.combining.fill(everything, as_of, result)
        for column, feature in enumerate(plan.features):
            if feature.across is not None:
                result[column] = np.nan
        if context is not None and plan.beyond is not None:
            at = context.places(as_of)
            if (at < 0).any() or (context.dates[at] != as_of).any():
                raise InputError(
                    "the context of other enterprises does not hold all as-of dates",
                    field="context",
                    fix="Make it with context_of for the same pairs.",
                )
            named = self.codes.take(pa.array(enterprise))
            found = fill_beyond(plan, context, everything, self.registrations, named, as_of, result)
            if seen is not None and found is not None:
                seen.append(found)
        return result.T


def fill_terms(
    plan: TablePlan,
    prepared: Arrays,
    enterprise: np.ndarray,
    as_of: np.ndarray,
    year: np.ndarray,
    out: np.ndarray,
) -> None:
    """Compute the terms of one table.

    Parameters
    ----------
    plan, prepared
        The terms, and the records.
    enterprise, as_of, year
        Place in the records, as-of day and last year due of each pair, int64, shape (n,).
    out
        float64, shape (number of terms, n), overwritten.
    """
    aggregate(
        prepared.starts,
        prepared.event_day,
        prepared.visible_from,
        prepared.visible_to,
        prepared.bits,
        prepared.values,
        enterprise,
        as_of,
        year,
        plan.first,
        plan.place,
        plan.operation,
        plan.value,
        plan.year,
        plan.parameter,
        plan.window,
        plan.weights,
        plan.blank,
        out,
    )


def fill_beyond(
    plan: Plan,
    context: Context,
    everything: np.ndarray,
    registrations: pa.Table | None,
    codes: pa.Array,
    as_of: np.ndarray,
    result: np.ndarray,
) -> Neighbours | None:
    """Fill in the features that look beyond the enterprise.

    Parameters
    ----------
    plan, context
        The features, and what is known of others.
    everything
        Terms of the enterprises themselves *at the context's dates*, shape (number of terms, n).
    registrations
        The rows of ``enterprise`` that the term of the newest registration counts.
    codes, as_of
        Enterprise and as-of day of each pair, shape (n,).
    result
        Shape (number of features, n); the rows of these features are overwritten.

    Returns
    -------
    Neighbours or None
        Where the enterprises lie; None if no feature looks there, or no registration is known.
    """
    beyond = plan.beyond
    if beyond is None:
        return None
    context.check(beyond)
    at = context.places(as_of)
    dated = at >= 0
    all_dated = bool(dated.all())

    def own(term: Term) -> np.ndarray:
        return np.asarray(everything[plan.place_of(term)])

    neighbours = None
    if beyond.rates and registrations is not None:
        neighbours = Neighbours.of(beyond, own, registrations)
        told = neighbours.rates(beyond, context, at)
        for number, rate in enumerate(beyond.rates):
            if context.survey.tables.issuperset({rate.top.table}):
                result[rate.column] = told[number]
    if beyond.related:
        for column, value in related(plan, context, hashed(codes), at):
            result[column] = value if all_dated else np.where(dated, value, np.nan)
    return neighbours
