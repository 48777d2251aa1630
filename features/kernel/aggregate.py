"""The loop: every term over the visible records of every (enterprise, as-of date) pair.

One pass over the records of an enterprise computes all terms of a table. The loop is compiled
(Numba), releases the interpreter lock, and adds in the order of the records, so that a value is
the same to the last bit in whatever batch, thread or process it is computed.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from features.definitions.declaration import Operation
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


@njit(nogil=True, cache=True)
def aggregate(  # type: ignore[no-untyped-def]  # noqa: PLR0912
    starts,
    event_day,
    visible_from,
    visible_to,
    bits,
    values,
    pair_enterprise,
    pair_day,
    operation,
    condition,
    value,
    window,
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
    pair_enterprise, pair_day : int64, shape (n_pairs,)
        Enterprise (place in ``starts``, -1 if it has no records) and as-of day.
    operation, condition, value, window : shape (n_terms,)
        The plan of the table.
    out : float64, shape (n_pairs, n_terms)
        Result, overwritten.
    """
    one = np.uint64(1)
    terms = operation.shape[0]
    for pair in range(pair_enterprise.shape[0]):
        for k in range(terms):
            code = operation[k]
            if code == COUNT or code == SUM or code == IN_FORCE or code == OVERDUE:
                out[pair, k] = 0.0
            else:
                out[pair, k] = np.nan
        enterprise = pair_enterprise[pair]
        if enterprise < 0:
            continue
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
            for k in range(terms):
                if (word >> condition[k]) & one == 0 or happened <= today - window[k]:
                    continue
                code = operation[k]
                if code == COUNT:
                    out[pair, k] += 1.0
                elif code == DAYS_SINCE:
                    out[pair, k] = today - happened
                else:
                    x = values[value[k], row]
                    if code == SUM:
                        out[pair, k] += x
                    elif code == LATEST:
                        out[pair, k] = x
                    elif code == DAYS_SINCE_DATE:
                        out[pair, k] = today - x
                    elif code == MAXIMUM:
                        if not out[pair, k] >= x:
                            out[pair, k] = x
                    elif code == IN_FORCE:
                        if not x <= today:
                            out[pair, k] += 1.0
                    elif code == OVERDUE:
                        if x < today:
                            out[pair, k] += 1.0
                    elif code == DAYS_OVERDUE:
                        if x < today and not out[pair, k] >= today - x:
                            out[pair, k] = today - x
                    elif x >= today and not out[pair, k] <= x - today:  # DAYS_UNTIL
                        out[pair, k] = x - today
