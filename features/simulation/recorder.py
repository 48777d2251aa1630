"""Gathers the rows that happen, column by column, until they are written."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from features.simulation.months import Ints

Column = npt.NDArray[np.generic]
Value = npt.ArrayLike


class Recorder:
    """Rows of all tables as numbers: enterprises, codes and texts by position, dates as day numbers.

    Parameters
    ----------
    issued
        Record numbers that are taken already, by table.
    """

    def __init__(self, issued: Mapping[str, int] | None = None) -> None:
        self._parts: dict[str, list[dict[str, Column]]] = defaultdict(list)
        self._issued: dict[str, int] = defaultdict(int, issued or {})

    def add(
        self,
        table: str,
        enterprise: Ints,
        event: Ints,
        recorded: Ints,
        *,
        record: Ints | None = None,
        **columns: Value,
    ) -> Ints:
        """Add rows.

        Parameters
        ----------
        table
            Name of a canonical table.
        enterprise
            Positions of enterprises, shape (n,).
        event, recorded
            Day numbers.
        record
            Record numbers where the rows are later versions; new numbers otherwise.
        **columns
            Values of the table's own columns: arrays of n or one value for all.

        Returns
        -------
        numpy.ndarray
            Record number of each row.
        """
        count = len(enterprise)
        if record is None:
            record = np.arange(self._issued[table], self._issued[table] + count)
            self._issued[table] += count
        if count:
            part: dict[str, Column] = {
                "enterprise": np.asarray(enterprise, dtype=np.int32),
                "event_date": np.asarray(event, dtype=np.int32),
                "recorded_at": np.asarray(recorded, dtype=np.int32),
                # A copy: the caller keeps these numbers, and may put others in their place.
                "record_id": np.array(record, dtype=np.int64),
            }
            for name, value in columns.items():
                part[name] = np.array(np.broadcast_to(np.asarray(value), (count,)))
            self._parts[table].append(part)
        return record

    def issued(self, table: str) -> int:
        """Return how many record numbers a table has given out."""
        return self._issued[table]

    def take(self, table: str) -> dict[str, Column]:
        """Return a table's columns, in the order in which rows were added, and forget them."""
        parts = self._parts.pop(table, [])
        if not parts:
            return {"enterprise": np.zeros(0, dtype=np.int32)}
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def peek(self, table: str, *names: str) -> tuple[Column, ...]:
        """Return some columns of a table."""
        parts = self._parts[table]
        if not parts:
            return tuple(np.zeros(0, dtype=np.int64) for _ in names)
        return tuple(np.concatenate([part[name] for part in parts]) for name in names)


def strictly_later(record: Ints, recorded: Ints) -> Ints:
    """Return ``recorded`` with each version of a record at least a day after the one before it.

    Parameters
    ----------
    record
        Record numbers, versions in order, shape (n,).
    recorded
        Day numbers.

    Notes
    -----
    Within a record, with versions k = 0, 1, …: :math:`r'_k = k + \\max_{j \\le k} (r_j - j)`.

    Examples
    --------
    >>> strictly_later(np.array([7, 8, 7, 7]), np.array([10, 3, 9, 30])).tolist()
    [10, 3, 11, 30]
    """
    if not len(record):
        return recorded
    order = np.argsort(record, kind="stable")
    key = record[order]
    place = np.arange(len(key))
    first = np.r_[True, key[1:] != key[:-1]]
    nth = place - np.maximum.accumulate(np.where(first, place, 0))
    group = np.cumsum(first) - 1
    apart = 1_000_000
    later = np.maximum.accumulate(recorded[order] - nth + group * apart) - group * apart + nth
    result = np.empty_like(recorded)
    result[order] = later
    return result
