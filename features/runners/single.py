"""One enterprise whose records are at hand, or several: the service's way to the same kernel."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

import numpy as np
import pyarrow as pa

from features.kernel import Context, Plan
from features.kernel.beyond import BeyondPlan
from features.kernel.combine import due_year
from features.kernel.evaluate import fill_beyond, fill_terms
from features.kernel.few import EPOCH, Few, FewRecords, few_arrays, few_lists, rows_of, together
from features.kernel.records import Arrays
from features.records import TABLES


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
    plan: Plan,
    asked: Sequence[tuple[Mapping[str, pa.Table | FewRecords], str, date]],
    *,
    known_tables: Iterable[str],
    context: Context | None = None,
) -> np.ndarray:
    """Compute the features of several enterprises, of each what :func:`compute_one` does.

    Parameters
    ----------
    plan, known_tables, context
        As there.
    asked
        Records, credit code and date of each; the same enterprise may be there more than once.

    Returns
    -------
    numpy.ndarray
        Shape (n, number of features).
    """
    if not asked:
        return np.empty((0, len(plan.features)))
    today = np.array([np.datetime64(as_of, "D").astype(np.int64) for _, _, as_of in asked])
    prepared: dict[str, Arrays] = {}
    registrations: list[pa.Table] = []
    known = set(known_tables)
    for name, table_plan in plan.tables.items():
        if name not in known:
            continue
        parts = []
        for records, _, _ in asked:
            order, one = few_arrays(table_plan, records.get(name))
            parts.append(one)
            if name == "enterprise" and context is not None and plan.beyond is not None:
                registrations.append(_registrations(records.get(name), order, plan.beyond))
        prepared[name] = together(parts)
    everything = _terms(plan, prepared, today)
    result = np.full((len(plan.features), len(asked)), np.nan)
    plan.combining.fill(everything, today, result)
    if context is not None and plan.beyond is not None:
        at = context.places(today)
        days = np.where(at >= 0, context.dates[at], today)
        if (days != today).any():
            everything = _terms(plan, prepared, days)
        codes = pa.array([code for _, code, _ in asked], pa.string())
        registered = pa.concat_tables(registrations).combine_chunks() if registrations else None
        fill_beyond(plan, context, everything, registered, codes, today, result)
    return result.T


def _registrations(table: pa.Table | FewRecords | None, order: Sequence[int], beyond: BeyondPlan) -> pa.Table:
    """Return where the enterprise was registered, in the order of its registrations."""
    columns = list(dict.fromkeys(level.column for level in beyond.levels))
    if table is None:
        return TABLES["enterprise"].arrow_schema.empty_table().select(columns)
    if isinstance(table, FewRecords):
        return table.table(columns, order)
    return table.select(columns).take(pa.array(order, pa.int64()))


def _terms(plan: Plan, prepared: Mapping[str, Arrays], today: np.ndarray) -> np.ndarray:
    everything = np.full((plan.term_count, len(today)), np.nan)
    each = np.arange(len(today), dtype=np.int64)
    year = due_year(today)
    for name, found in prepared.items():
        fill_terms(plan.tables[name], found, each, today, year, everything[plan.places[name]])
    return everything
