"""The records of one way to plan: those of the province, and what its own inspections left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.store import RecordStore
from features.store.snapshot import VISIBILITY, Snapshot

NEVER = date(9999, 12, 31)
ORDER = ("credit_code", "event_date", "recorded_at", "record_id")


class ProvinceRecords:
    """The province's records in memory, read once for all ways to plan.

    Parameters
    ----------
    store
        The ingested records.
    """

    def __init__(self, store: RecordStore) -> None:
        self.snapshot: Snapshot = store.snapshot()
        self._tables: dict[str, pa.Table] = {}
        self._places: dict[str, np.ndarray] = {}
        self._unregistered = self.snapshot.known_before_registration()

    def known_before_registration(self) -> pa.Array:
        """Return the credit codes that were known before their registration, sorted."""
        return self._unregistered

    def table(self, name: str) -> pa.Table:
        """Return all visible versions of a table's records, sorted."""
        if name not in self._tables:
            self._tables[name] = self.snapshot.read(name).combine_chunks()
        return self._tables[name]

    def places(self, name: str) -> np.ndarray:
        """Return the credit codes of a table as bytes, sorted."""
        if name not in self._places:
            self._places[name] = as_bytes(self.table(name))
        return self._places[name]


@dataclass
class OwnRecords:
    """The records of a world: a store's snapshot for whoever computes features or trains.

    Parameters
    ----------
    province
        Records of everything that does not depend on who is inspected.
    until
        Last day whose records may be read; none: all. Features ask for a date of their own.
    """

    province: ProvinceRecords
    until: date | None = None
    own: dict[str, pa.Table] = field(default_factory=dict)
    _merged: dict[str, tuple[pa.Table, np.ndarray]] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """Name of this state."""
        return f"{self.province.snapshot.id}+{sum(t.num_rows for t in self.own.values())}"

    def add(self, tables: dict[str, pa.Table]) -> None:
        """Add records, with their intervals of visibility."""
        for name, rows in tables.items():
            if rows.num_rows:
                before = self.own.get(name)
                self.own[name] = rows if before is None else pa.concat_tables([before, rows])
                self._merged.pop(name, None)

    def as_known(self, until: date) -> OwnRecords:
        """Return what was on file on a day."""
        return OwnRecords(self.province, until, dict(self.own))

    def exists(self, table: str) -> bool:
        """Return whether there are any such records."""
        return self.province.snapshot.exists(table) or table in self.own

    def codes(self) -> pa.Array:
        """Return all credit codes, sorted."""
        return self.province.snapshot.codes()

    def known_before_registration(self) -> pa.Array:
        """Return the credit codes that were known before their registration, sorted."""
        return self.province.known_before_registration()

    def read(
        self, table: str, columns: Sequence[str] | None = None, codes: tuple[str, str] | None = None
    ) -> pa.Table:
        """Return records with their interval of visibility, sorted, as a store's snapshot does."""
        rows, places = self._whole(table)
        if codes is not None:
            low = np.searchsorted(places, codes[0].encode(), side="left")
            high = np.searchsorted(places, codes[1].encode(), side="right")
            rows = rows.slice(int(low), int(high - low))
        if columns is None:
            return rows
        return rows.select([*dict.fromkeys(columns), *(f.name for f in VISIBILITY)])

    def _whole(self, name: str) -> tuple[pa.Table, np.ndarray]:
        if name not in self._merged:
            base = self.province.table(name)
            if name in self.own:
                schema = base.schema
                own = pa.table({c: self.own[name][c] for c in schema.names}, schema=schema)
                rows = pa.concat_tables([base, with_visibility(own)])
                rows = rows.sort_by([(c, "ascending") for c in ORDER]).combine_chunks()
                places = as_bytes(rows)
            else:
                rows, places = base, self.province.places(name)
            if self.until is not None:
                known = pc.less_equal(rows["visible_from"], pa.scalar(self.until))
                rows, places = rows.filter(known), places[known.to_numpy()]
            self._merged[name] = rows, places
        return self._merged[name]


def with_visibility(rows: pa.Table) -> pa.Table:
    """Return records with the interval on which each version is visible."""
    frame = rows.select(["record_id", "recorded_at", "withdrawn_at", "repaired_at", "expires_at"]).to_pandas(
        date_as_object=False
    )
    order = frame.sort_values(["record_id", "recorded_at"], kind="stable")
    follows = order.groupby("record_id")["recorded_at"].shift(-1).reindex(frame.index)
    ends: Any = follows.to_numpy(dtype="datetime64[D]")
    never = np.datetime64(NEVER, "D")
    ends = np.where(np.isnat(ends), never, ends)
    for name in ("withdrawn_at", "repaired_at", "expires_at"):
        other = frame[name].to_numpy(dtype="datetime64[D]")
        ends = np.where(np.isnat(other), ends, np.minimum(ends, other))
    until = pa.array(ends.astype("datetime64[D]").astype(np.int32)).cast(pa.date32())
    for field_, values in zip(VISIBILITY, (rows["recorded_at"], until), strict=True):
        at = rows.schema.get_field_index(field_.name)
        rows = rows.append_column(field_, values) if at < 0 else rows.set_column(at, field_, values)
    return rows


def new_rows(tables: dict[str, pa.Table]) -> dict[str, pa.Table]:
    """Return canonical rows with empty visibility, as :meth:`OwnRecords.add` keeps them."""
    made = {}
    for name, rows in tables.items():
        blank = [pa.nulls(rows.num_rows, one.type) for one in VISIBILITY]
        schema = pa.schema([*rows.schema, *VISIBILITY])
        made[name] = pa.table([*rows.columns, *blank], schema=schema)
    return made


def as_bytes(rows: pa.Table) -> np.ndarray:
    """Return the credit codes as fixed-width bytes."""
    return np.asarray(rows["credit_code"].to_numpy(), dtype="S18")
