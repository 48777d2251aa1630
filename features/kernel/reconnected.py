"""Who is tied to whom after a few of the ties changed: only what they touch is looked at again.

It is what :func:`features.kernel.survey.connected` gives, row for row, without sorting everybody.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.kernel.survey import EVENTS, TIES, Survey, shared, sorted_rates


class Told(Protocol):
    """The survey of all, of which parts are looked at."""

    @property
    def rates(self) -> pa.Table:
        """Steps of the sums behind the rates."""

    @property
    def tables(self) -> frozenset[str]:
        """Record tables that there are."""

    def ties_of(self, hubs: pa.Array) -> pa.Table:
        """Return the ties of some hubs, in any order."""

    def events_of(self, codes: pa.Array) -> pa.Table:
        """Return what is counted of some enterprises, in any order."""


def reconnected(before: Survey, whole: Told, ties: pa.Table, events: pa.Table) -> Survey:
    """Return what :func:`features.kernel.survey.connected` gives of all as they are.

    Parameters
    ----------
    before
        What it gave before.
    whole
        Of all, as they are.
    ties, events
        Rows that one of the two states of all has and the other has not.
    """
    hubs = pc.unique(ties["hub"])
    there = pc.is_in(before.ties["hub"], value_set=hubs)
    of_hubs = shared(whole.ties_of(hubs))
    kept_ties = _inserted(before.ties.filter(pc.invert(there)), _sorted(of_hubs, TIES), ("tie", "hub"))
    # Whoever lost his last tie is no longer told of, and whoever has his first is.
    affected = [before.ties.filter(there)["code"], of_hubs["code"], events["code"]]
    codes = pc.unique(pa.chunked_array([chunk for one in affected for chunk in one.chunks], pa.uint64()))
    tied = codes.filter(pc.is_in(codes, value_set=pc.unique(kept_ties["code"])))
    told = before.events.filter(pc.invert(pc.is_in(before.events["code"], value_set=codes)))
    again = whole.events_of(tied)
    kept_events = _inserted(told, _sorted(again, EVENTS), ("code",))
    return Survey(sorted_rates(whole.rates), kept_ties, kept_events, whole.tables)


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
