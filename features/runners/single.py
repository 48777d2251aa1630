"""One enterprise whose records are at hand, or several: the service's way to the same kernel."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

import numpy as np
import pyarrow as pa

from features.kernel import Context, Plan
from features.kernel.combine import due_year
from features.kernel.evaluate import fill_beyond, fill_terms
from features.kernel.few import EPOCH, Few, FewRecords, few_lists, rows_of
from features.kernel.many import ManyRecords
from features.kernel.records import Arrays


def compute_one(
    plan: Plan,
    records: Mapping[str, pa.Table | FewRecords],
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
    today = np.array([as_of.toordinal() - EPOCH], dtype=np.int64)
    lists: dict[str, Few] = {}
    registrations = None
    known = frozenset(known_tables)
    near = context is not None and plan.beyond is not None
    for name, table_plan in plan.tables.items():
        if name in known:
            table = records.get(name)
            if table is not None and table.num_rows:
                found = lists[name] = few_lists(table_plan, table)
                if name == "enterprise" and near:
                    registrations = rows_of(table, found.order)
            elif name == "enterprise":
                registrations = []
    one = plan.of_one
    packed = one.packed(lists)
    terms = one.terms(packed, known, today)
    result = np.full(len(plan.features), np.nan)
    one.combine(terms, today, result)
    if context is not None and near:
        at = int(context.places(today)[0])
        if at >= 0 and context.dates[at] != today[0]:
            # The context counts this enterprise as it was then: so it must be left out.
            terms = one.terms(packed, known, context.dates[at : at + 1])
        one.look_beyond(context, terms, registrations, credit_code, at, result)
    return result[None]


def compute_many(
    plan: Plan, records: ManyRecords, *, known_tables: Iterable[str], context: Context | None = None
) -> np.ndarray:
    """Compute the features of several enterprises, of each what :func:`compute_one` does.

    Parameters
    ----------
    plan, known_tables, context
        As there.
    records
        Whose features, and their records.

    Returns
    -------
    numpy.ndarray
        Shape (n, number of features).
    """
    today, near = records.as_of, plan.beyond if context is not None else None
    prepared: dict[str, Arrays] = {}
    registrations = None
    known = frozenset(known_tables)
    for name, table_plan in plan.tables.items():
        if name in known:
            registered = near is not None and name == "enterprise"
            places = [level.column for level in near.levels] if near is not None and registered else []
            table, prepared[name] = records.arrays(table_plan, places)
            if registered:
                registrations = table
    everything = _terms(plan, prepared, today)
    result = np.full((len(plan.features), len(today)), np.nan)
    plan.combining.fill(everything, today, result)
    if context is not None and near is not None:
        at = context.places(today)
        days = np.where(at >= 0, context.dates[at], today)
        if (days != today).any():
            # The context counts these enterprises as they were then: so they must be left out.
            everything = _terms(plan, prepared, days)
        fill_beyond(plan, context, everything, registrations, records.codes, today, result)
    return result.T


def _terms(plan: Plan, prepared: Mapping[str, Arrays], today: np.ndarray) -> np.ndarray:
    everything = np.full((plan.term_count, len(today)), np.nan)
    each = np.arange(len(today), dtype=np.int64)
    year = due_year(today)
    for name, found in prepared.items():
        fill_terms(plan.tables[name], found, each, today, year, everything[plan.places[name]])
    return everything
