"""Records of several enterprises that are at hand, each seen at a date of its own, as the loop reads them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import chain

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.kernel.few import FewRecords
from features.kernel.plan import TablePlan
from features.kernel.records import Arrays, arrays_of, days
from features.records import TABLES
from features.store.visibility import visible_to


@dataclass(frozen=True)
class ManyRecords:
    """What is known of several enterprises.

    Attributes
    ----------
    codes
        Credit code of each, shape (n,); the same one may be there more than once.
    as_of
        Day at which each is looked at, in days since 1970-01-01, int64, shape (n,).
    tables
        Record table → records in canonical schema, those of the first enterprise first, of each in any order.
        Of a table that is not there nobody has a record. Versions of one record must not be there together:
        the newest state of each is enough, since it is looked at once.
    whose
        Record table → place of the enterprise of each record, int64, ascending, shape (records,).
    """

    codes: pa.Array
    as_of: np.ndarray
    tables: Mapping[str, pa.Table | FewRecords]
    whose: Mapping[str, np.ndarray]

    @classmethod
    def of(cls, asked: Sequence[tuple[Mapping[str, pa.Table | FewRecords], str, date]]) -> ManyRecords:
        """Put together the records, credit code and date of each."""
        tables: dict[str, pa.Table | FewRecords] = {}
        whose = {}
        for name in TABLES:
            parts = [(place, own[0][name]) for place, own in enumerate(asked) if name in own[0]]
            if not parts:
                continue
            places, found = zip(*parts, strict=True)
            whose[name] = np.repeat(places, [part.num_rows for part in found]).astype(np.int64)
            tables[name] = _together(found)
        codes = pa.array([code for _, code, _ in asked], pa.string())
        as_of = np.array([np.datetime64(day, "D").astype(np.int64) for _, _, day in asked], dtype=np.int64)
        return cls(codes, as_of, tables, whose)

    def __len__(self) -> int:
        return len(self.as_of)

    def days(self) -> list[date]:
        """Return :attr:`as_of` as dates."""
        found: list[date] = self.as_of.astype("datetime64[D]").tolist()
        return found

    def each(self) -> Iterator[tuple[Mapping[str, pa.Table | FewRecords], str, date]]:
        """Yield records, credit code and date of each, as :meth:`of` takes them."""
        for place, (code, as_of) in enumerate(zip(self.codes.to_pylist(), self.days(), strict=True)):
            yield self.between(place, place + 1).tables, code, as_of

    def between(self, begin: int, end: int) -> ManyRecords:
        """Return some of the enterprises, from a place up to another; nothing is copied but who is whose."""
        tables, whose = {}, {}
        for name, owners in self.whose.items():
            first, last = np.searchsorted(owners, [begin, end])
            table = self.tables[name]
            tables[name] = (
                FewRecords(table.schema, table.rows[first:last])
                if isinstance(table, FewRecords)
                else table.slice(first, last - first)
            )
            whose[name] = owners[first:last] - begin
        return ManyRecords(self.codes[begin:end], self.as_of[begin:end], tables, whose)

    def arrays(self, plan: TablePlan, more: Sequence[str] = ()) -> tuple[pa.Table, Arrays]:
        """Return the records of a table in the order of the loop, and as arrays.

        Parameters
        ----------
        plan
            What is needed of the table.
        more
            Columns that the table is to hold beside those.
        """
        wanted = list(dict.fromkeys((*plan.of_a_row[0], "record_id", *more)))
        table = self.tables.get(plan.table)
        if table is None:
            whose, table = np.zeros(0, dtype=np.int64), TABLES[plan.table].arrow_schema.empty_table()
        else:
            whose = self.whose[plan.table]
        table = table.table(wanted) if isinstance(table, FewRecords) else table.select(wanted)
        event, recorded = days(table["event_date"]), days(table["recorded_at"])
        order = np.lexsort((recorded, event, whose))
        if _tied(whose[order], event[order], recorded[order]):
            # Rare: so only then are texts compared.
            keyed = pa.table([whose, event, recorded, table["record_id"]], names=["0", "1", "2", "3"])
            order = pc.sort_indices(keyed, sort_keys=[(name, "ascending") for name in keyed.column_names])
        table = table.take(order)
        until = days(visible_to(table, versions=False, repairs=None, table=plan.table))
        counts = np.bincount(whose, minlength=len(self))
        return table, arrays_of(plan, table, counts, days(table["recorded_at"]), until)


def _together(parts: Sequence[pa.Table | FewRecords]) -> pa.Table | FewRecords:
    few = [part for part in parts if isinstance(part, FewRecords)]
    if len(few) == len(parts):
        return FewRecords(few[0].schema, list(chain.from_iterable(part.rows for part in few)))
    return pa.concat_tables(part.table() if isinstance(part, FewRecords) else part for part in parts)


def _tied(whose: np.ndarray, event: np.ndarray, recorded: np.ndarray) -> bool:
    """Return whether records that are sorted by these have the same next to each other."""
    same = [values[1:] == values[:-1] for values in (whose, event, recorded)]
    return bool(np.logical_and.reduce(same).any())
