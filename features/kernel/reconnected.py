"""Who is tied to whom after a few of the ties changed: only what they touch is looked at again.

Put into what was there before it is what :func:`features.kernel.survey.connected` gives, row for row, without
sorting everybody.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.kernel.survey import EVENTS, TIES, Survey, sorted_rates

#: Put before the names of the files of a reconnection.
AGAIN = "again-"


@dataclass(frozen=True)
class Reconnection:
    """What is told of some hubs and some enterprises in place of all that was told of them.

    Attributes
    ----------
    hubs, ties
        Hubs, uint64, and all ties of theirs that tie somebody.
    codes, events
        Hashes of credit codes, uint64, and all that is counted of those of them that are tied to somebody.
    """

    hubs: pa.Array
    ties: pa.Table
    codes: pa.Array
    events: pa.Table

    @property
    def rows(self) -> int:
        """Number of rows that it has."""
        return len(self.hubs) + len(self.codes) + int(self.ties.num_rows + self.events.num_rows)

    def of(self, before: Survey, rates: pa.Table, tables: frozenset[str]) -> Survey:
        """Return what is known of all, in order.

        Parameters
        ----------
        before
            What was, connected.
        rates, tables
            What it has of them.
        """
        ties, events = _without(before.ties, "hub", self.hubs), _without(before.events, "code", self.codes)
        return Survey(
            sorted_rates(rates),
            _inserted(ties, _sorted(self.ties, TIES), ("tie", "hub")),
            _inserted(events, _sorted(self.events, EVENTS), ("code",)),
            tables,
        )

    def over(self, earlier: Reconnection | None) -> Reconnection:
        """Return both as one, this the later one."""
        if earlier is None:
            return self
        return Reconnection(
            _both(earlier.hubs, self.hubs),
            pa.concat_tables([_without(earlier.ties, "hub", self.hubs), self.ties]),
            _both(earlier.codes, self.codes),
            pa.concat_tables([_without(earlier.events, "code", self.codes), self.events]),
        )

    def save(self, folder: Path) -> None:
        """Write it, as files beside those of what was before; nothing if there is nothing to tell."""
        if not self.rows:
            return
        tables = {
            "hubs": pa.table({"hub": self.hubs}),
            "ties": self.ties,
            "codes": pa.table({"code": self.codes}),
            "events": self.events,
        }
        for name, table in tables.items():
            pq.write_table(table, folder / f"{AGAIN}{name}.parquet", compression="zstd")

    @classmethod
    def load(cls, folder: Path) -> Reconnection | None:
        """Read what :meth:`save` wrote; None if there is nothing."""
        if not (folder / f"{AGAIN}events.parquet").is_file():
            return None
        hubs, ties, codes, events = (
            pq.read_table(folder / f"{AGAIN}{name}.parquet") for name in ("hubs", "ties", "codes", "events")
        )
        return cls(hubs["hub"].combine_chunks(), ties, codes["code"].combine_chunks(), events)


def reconnected(
    before: Survey,
    of_hubs: pa.Table,
    ties: pa.Table,
    events: pa.Table,
    events_of: Callable[[pa.Array], pa.Table],
) -> Reconnection:
    """Return what :func:`features.kernel.survey.connected` gives otherwise of all as they are.

    Parameters
    ----------
    before
        What it gave before, of all or of those around whoever changed.
    of_hubs
        All ties of the hubs of ``ties`` that tie somebody, as they are.
    ties, events
        Rows that one of the two states of all has and the other has not.
    events_of
        Gives all that is counted of some enterprises, as it is.
    """
    hubs = values_of(ties["hub"])
    there = pc.is_in(before.ties["hub"], value_set=hubs)
    # Whoever lost his last tie is no longer told of, and whoever has his first is.
    codes = values_of(before.ties["code"].filter(there), of_hubs["code"], events["code"])
    others = before.ties["code"].filter(pc.invert(there))
    tied = codes.filter(pc.is_in(codes, value_set=values_of(others, of_hubs["code"])))
    return Reconnection(hubs, of_hubs, codes, events_of(tied))


def values_of(*columns: pa.ChunkedArray) -> pa.Array:
    """Return the distinct values of some columns of hashes."""
    return pc.unique(pa.chunked_array([chunk for column in columns for chunk in column.chunks], pa.uint64()))


def _both(one: pa.Array, other: pa.Array) -> pa.Array:
    return pc.unique(pa.concat_arrays([one, other]))


def _without(rows: pa.Table, column: str, values: pa.Array) -> pa.Table:
    return rows.filter(pc.invert(pc.is_in(rows[column], value_set=values)))


def _sorted(table: pa.Table, schema: pa.Schema) -> pa.Table:
    return table.sort_by([(name, "ascending") for name in schema.names])


def _inserted(many: pa.Table, few: pa.Table, key: tuple[str, ...]) -> pa.Table:
    """Put rows among others; both are sorted, and none of either has the key of one of the other."""
    if not few.num_rows:
        return many.combine_chunks()
    low, high = np.zeros(few.num_rows, dtype=np.int64), np.full(few.num_rows, many.num_rows)
    for name in key:
        column, wanted = many[name].to_numpy(), few[name].to_numpy()
        # Few values of the wider columns, so each stretch is searched once.
        for first, last in sorted(set(zip(low.tolist(), high.tolist(), strict=True))):
            own = (low == first) & (high == last)
            found = column[first:last]
            low[own] = first + np.searchsorted(found, wanted[own], side="left")
            high[own] = first + np.searchsorted(found, wanted[own], side="right")
    order = np.insert(np.arange(many.num_rows), low, many.num_rows + np.arange(few.num_rows))
    return pa.concat_tables([many, few]).combine_chunks().take(pa.array(order)).combine_chunks()
