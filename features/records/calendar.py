"""Dates some months later."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def add_months(days: npt.NDArray[np.int64], months: npt.NDArray[np.int64] | int) -> npt.NDArray[np.int64]:
    """Return the same day some months later; the last of the month where it has no such day.

    Parameters
    ----------
    days
        Days since 1970-01-01, shape (n,).
    months
        How many months, one for all or shape (n,).

    Examples
    --------
    >>> add_months(np.array(["2024-01-31"], "datetime64[D]").astype(int), 1).astype("datetime64[D]")
    array(['2024-02-29'], dtype='datetime64[D]')
    """
    dates = days.astype("datetime64[D]")
    month = dates.astype("datetime64[M]")
    offset = (dates - month.astype("datetime64[D]")).astype(np.int64)
    target = month + np.asarray(months).astype("timedelta64[M]")
    first = target.astype("datetime64[D]").astype(np.int64)
    after = (target + np.timedelta64(1, "M")).astype("datetime64[D]").astype(np.int64)
    result: npt.NDArray[np.int64] = np.minimum(first + offset, after - 1)
    return result
