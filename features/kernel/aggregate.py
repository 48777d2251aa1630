"""The loop: every term over the visible records of every (enterprise, as-of date) pair.

One pass over the records of an enterprise computes all terms of a table. The loop is compiled
(Numba), releases the interpreter lock, and goes through the records in their order, so that a value
is the same to the last bit in whatever batch, thread or process it is computed.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from features.definitions.terms import Operation
from features.kernel.plan import OPERATION_CODES

COUNT = OPERATION_CODES[Operation.COUNT]
SUM = OPERATION_CODES[Operation.SUM]
MAXIMUM = OPERATION_CODES[Operation.MAXIMUM]
LATEST = OPERATION_CODES[Operation.LATEST]
DAYS_SINCE = OPERATION_CODES[Operation.DAYS_SINCE]
IN_FORCE = OPERATION_CODES[Operation.IN_FORCE]
OVERDUE = OPERATION_CODES[Operation.OVERDUE]
DAYS_OVERDUE = OPERATION_CODES[Operation.DAYS_OVERDUE]
DAYS_UNTIL = OPERATION_CODES[Operation.DAYS_UNTIL]
DAYS_SINCE_DATE = OPERATION_CODES[Operation.DAYS_SINCE_DATE]
DECAYED = OPERATION_CODES[Operation.DECAYED]
AGE_SUM = OPERATION_CODES[Operation.AGE_SUM]
AGE_MAXIMUM = OPERATION_CODES[Operation.AGE_MAXIMUM]
DAYS_SINCE_FIRST = OPERATION_CODES[Operation.DAYS_SINCE_FIRST]
TIME_IN_FORCE = OPERATION_CODES[Operation.TIME_IN_FORCE]
LONGEST_IN_FORCE = OPERATION_CODES[Operation.LONGEST_IN_FORCE]
DISTINCT = OPERATION_CODES[Operation.DISTINCT]
YEARS = OPERATION_CODES[Operation.YEARS]
YEAR_VALUE = OPERATION_CODES[Operation.YEAR_VALUE]
REPEATS = OPERATION_CODES[Operation.REPEATS]
STREAK = OPERATION_CODES[Operation.STREAK]
LATEST_ROW = OPERATION_CODES[Operation.LATEST_ROW]

#: Longest series of years of which :data:`YEARS` keeps track.
_YEARS_KEPT = 52.0
_LONG_AGO = -(1 << 40)


@njit(nogil=True, cache=True)
def aggregate(  # type: ignore[no-untyped-def]  # noqa: PLR0912, PLR0915
    starts,
    event_day,
    visible_from,
    visible_to,
    bits,
    values,
    pair_enterprise,
    pair_day,
    pair_year,
    first,
    place,
    operation,
    value,
    year,
    parameter,
    window,
    weights,
    blank,
    out,
):
    """Fill ``out`` with the terms of one table.

    Parameters
    ----------
    starts : int64, shape (n_enterprises + 1,)
        Records of enterprise e are rows ``starts[e]:starts[e + 1]``, sorted by event day.
    event_day, visible_from, visible_to : int32, shape (n_records,)
        Days since 1970-01-01; a record is visible on ``[visible_from, visible_to)``.
    bits : uint64, shape (n_records,)
        Bit c: condition c holds.
    values : float64, shape (n_values, n_records)
        Value columns; dates in days; missing is NaN.
    pair_enterprise, pair_day, pair_year : int64, shape (n_pairs,)
        Enterprise (place in ``starts``), as-of day, and last year whose report was due then.
    first, place, operation, value, year, parameter, window, weights, blank
        The plan of the table, as in :class:`features.kernel.plan.TablePlan`.
    out : float64, shape (n_terms, n_pairs)
        Result, overwritten.
    """
    one = np.uint64(1)
    terms = operation.shape[0]
    conditions = first.shape[0] - 1
    # For each term that looks for repeats and each category: its last day, and the day before that.
    repeats = False
    for k in range(terms):
        repeats = repeats or operation[k] == REPEATS
    last = np.empty((terms if repeats else 0, 64), dtype=np.int64)
    before = np.empty((terms if repeats else 0, 64), dtype=np.int64)
    for pair in range(pair_enterprise.shape[0]):
        for k in range(terms):
            out[k, pair] = blank[k]
        if repeats:
            last[:] = _LONG_AGO
            before[:] = _LONG_AGO
        enterprise = pair_enterprise[pair]
        today = pair_day[pair]
        for row in range(starts[enterprise], starts[enterprise + 1]):
            happened = event_day[row]
            if happened > today:
                break
            if visible_from[row] > today or visible_to[row] <= today:
                continue
            word = bits[row]
            if word == 0:
                continue
            age = today - happened
            for condition in range(conditions):
                if (word >> np.uint64(condition)) & one == 0:
                    continue
                for k in range(first[condition], first[condition + 1]):
                    code = operation[k]
                    to = place[k]
                    if code == REPEATS:
                        met = values[value[k], row]
                        if np.isnan(met):
                            continue
                        category = np.int64(met)
                        if happened > last[k, category]:
                            before[k, category] = last[k, category]
                            last[k, category] = happened
                        if age < window[k] and happened - before[k, category] <= parameter[k]:
                            out[to, pair] += 1.0
                        continue
                    if age >= window[k]:
                        continue
                    if code == COUNT:
                        out[to, pair] += 1.0
                        continue
                    if code == DAYS_SINCE:
                        out[to, pair] = age
                        continue
                    if code == DECAYED:
                        if age < weights.shape[1]:
                            out[to, pair] += weights[parameter[k], age]
                        continue
                    if code == STREAK:
                        if (word >> np.uint64(parameter[k])) & one == 0:
                            out[to, pair] += 1.0
                        else:
                            out[to, pair] = 0.0
                        continue
                    if code == DAYS_SINCE_FIRST:
                        if not out[to, pair] >= age:
                            out[to, pair] = age
                        continue
                    if code == LATEST_ROW:
                        out[to, pair] = row
                        continue
                    x = values[value[k], row]
                    if code == SUM:
                        out[to, pair] += x
                    elif code == LATEST:
                        out[to, pair] = x
                    elif code == DAYS_SINCE_DATE:
                        out[to, pair] = today - x
                    elif code == MAXIMUM:
                        if not out[to, pair] >= x:
                            out[to, pair] = x
                    elif code == IN_FORCE:
                        if not x <= today:
                            out[to, pair] += 1.0
                    elif code == OVERDUE:
                        if x < today:
                            out[to, pair] += 1.0
                    elif code == DAYS_OVERDUE:
                        if x < today and not out[to, pair] >= today - x:
                            out[to, pair] = today - x
                    elif code == DAYS_UNTIL:
                        if x >= today and not out[to, pair] <= x - today:
                            out[to, pair] = x - today
                    elif code == AGE_SUM:
                        out[to, pair] += today - x
                    elif code == AGE_MAXIMUM:
                        if not out[to, pair] >= today - x:
                            out[to, pair] = today - x
                    elif code == TIME_IN_FORCE:
                        end = x if x <= today else np.float64(today)
                        if end > happened:
                            out[to, pair] += end - happened
                    elif code == LONGEST_IN_FORCE:
                        if not x <= today and not out[to, pair] >= age:
                            out[to, pair] = age
                    elif code == DISTINCT:
                        if not np.isnan(x):
                            out[to, pair] = np.float64(np.int64(out[to, pair]) | (1 << np.int64(x)))
                    elif code == YEARS:
                        ago = pair_year[pair] - x
                        if 0 <= ago < _YEARS_KEPT:
                            out[to, pair] = np.float64(np.int64(out[to, pair]) | (1 << np.int64(ago)))
                    elif code == YEAR_VALUE and values[year[k], row] == pair_year[pair] - parameter[k]:
                        out[to, pair] = x
