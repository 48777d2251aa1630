"""One enterprise whose records are at hand: the service's way to the same kernel."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

import numpy as np
import pyarrow as pa

from features.kernel import Context, Plan
from features.kernel.combine import due_year
from features.kernel.evaluate import fill_beyond, fill_terms
from features.kernel.few import few_arrays
from features.kernel.records import Arrays
from features.records import TABLES


def compute_one(
    plan: Plan,
    records: Mapping[str, pa.Table],
    credit_code: str,
    as_of: date,
    *,
    known_tables: Iterable[str],
    context: Context | None = None,
) -> np.ndarray:
    """Compute the features of one enterprise.

    Parameters
    ----------
    plan
        The features.
    records
        Record tables in canonical schema, only of this enterprise. Versions of one record must not be
        sent together: the newest state of each is enough, since it is scored at one date.
    credit_code
        Its code.
    as_of
        Date of the classification.
    known_tables
        Tables that the store behind the model holds. Of those, one that is not sent means that
        the enterprise has no such record; any other gives missing features, as in the batch.
    context
        What is known of other enterprises, at this date or the last one before it. Without it,
        features across enterprises are missing.

    Returns
    -------
    numpy.ndarray
        Shape (1, number of features).

    Raises
    ------
    InputError
        If the context was made for other features.
    """
    today = np.array([np.datetime64(as_of, "D").astype(np.int64)])
    prepared, registrations = {}, None
    known = set(known_tables)
    for name, table_plan in plan.tables.items():
        if name in known:
            order, prepared[name] = few_arrays(table_plan, records.get(name))
            if name == "enterprise" and context is not None:
                registrations = records.get(name, TABLES[name].arrow_schema.empty_table()).take(
                    pa.array(order, pa.int64())
                )
    everything = _terms(plan, prepared, today)
    result = np.full((len(plan.features), 1), np.nan)
    plan.combining.fill(everything, today, result)
    if context is not None and plan.beyond is not None:
        at = context.places(today)
        if at[0] >= 0 and context.dates[at[0]] != today[0]:
            # The context counts this enterprise as it was then: so it must be left out.
            everything = _terms(plan, prepared, context.dates[at])
        fill_beyond(plan, context, everything, registrations, pa.array([credit_code]), today, result)
    return result.T


def _terms(plan: Plan, prepared: Mapping[str, Arrays], today: np.ndarray) -> np.ndarray:
    everything = np.full((plan.term_count, 1), np.nan)
    nobody_else = np.zeros(1, dtype=np.int64)
    year = due_year(today)
    for name, found in prepared.items():
        fill_terms(plan.tables[name], found, nobody_else, today, year, everything[plan.places[name]])
    return everything
