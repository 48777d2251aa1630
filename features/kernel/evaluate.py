"""From Arrow record tables of a range of enterprises to a matrix of feature values."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from features.kernel.aggregate import aggregate
from features.kernel.combine import combine, due_year
from features.kernel.plan import Plan, TablePlan
from features.kernel.records import Arrays, arrays

#: Columns that every record table must bring to the kernel, beside those of its plan.
REQUIRED = ("credit_code", "event_date", "visible_from", "visible_to")


def evaluate(
    plan: Plan, records: Mapping[str, pa.Table], codes: pa.Array, enterprise: np.ndarray, as_of: np.ndarray
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

    Returns
    -------
    numpy.ndarray
        float64, shape (n, number of features); missing is NaN. Money in fen, time in days.
    """
    computed: dict[str, np.ndarray] = {}
    for name, table_plan in plan.tables.items():
        table = records.get(name)
        if table is not None:
            _, prepared = arrays(table_plan, table, codes)
            computed[name] = terms(table_plan, prepared, enterprise, as_of)
    return assemble(plan, computed, as_of)


def terms(plan: TablePlan, prepared: Arrays, enterprise: np.ndarray, as_of: np.ndarray) -> np.ndarray:
    """Compute the terms of one table, shape (n, number of terms)."""
    out = np.empty((len(enterprise), len(plan.operation)))
    aggregate(
        prepared.starts,
        prepared.event_day,
        prepared.visible_from,
        prepared.visible_to,
        prepared.bits,
        prepared.values,
        enterprise,
        as_of,
        due_year(as_of),
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
    return out


def assemble(plan: Plan, computed: Mapping[str, np.ndarray], as_of: np.ndarray) -> np.ndarray:
    """Put the features together from the terms of their tables.

    Parameters
    ----------
    plan
        The features.
    computed
        Table → terms, shape (n, number of terms); a table that is not there gives missing features.
    as_of
        As-of day of each pair, int64, shape (n,).
    """
    result = np.full((len(as_of), len(plan.features)), np.nan)
    for column, (feature, places) in enumerate(zip(plan.features, plan.places, strict=True)):
        if feature.across is None and all(table in computed for table, _ in places):
            parts = [computed[table][:, place] for table, place in places]
            result[:, column] = combine(feature, parts, as_of)
    return result
