"""The survey of all on disk, and what some enterprises tell otherwise since: the files are left alone."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.kernel.survey import EVENTS, RATES, TIES, Survey, balance, replaced_rates, signed

#: Rows that are there more often now (times > 0) or less often (times < 0) than in the file beside it.
CHANGES = "changes-"
_WHOLE = {"ties": TIES, "events": EVENTS}
#: With more changes than this share of the rows the files are written anew: each look reads all changes.
_MOST = 0.25


@dataclass(frozen=True)
class ChangedSurvey:
    """What :class:`~features.kernel.Survey` holds, of which ties and events are read as they are needed.

    Attributes
    ----------
    folder
        Where :meth:`features.kernel.Context.save`, or :meth:`save`, has written a survey of all.
    about
        ``context.json`` there.
    rates, tables
        As in a :class:`~features.kernel.Survey`.
    changes
        ``ties`` and ``events`` → rows, and how often more they are there now than in the files there.
    """

    folder: Path
    about: dict[str, Any]
    rates: pa.Table
    tables: frozenset[str]
    changes: dict[str, pa.Table]

    @classmethod
    def load(cls, folder: Path) -> ChangedSurvey:
        """Return what lies in a folder."""
        about = json.loads((folder / "context.json").read_text(encoding="utf-8"))
        changes = {}
        for name, schema in _WHOLE.items():
            path = folder / f"{CHANGES}{name}.parquet"
            changes[name] = pq.read_table(path) if path.is_file() else signed(schema.empty_table(), 1)
        rates = pq.read_table(folder / "rates.parquet", schema=RATES)
        return cls(folder, about, rates, frozenset(about["tables"]), changes)

    @property
    def dates(self) -> np.ndarray:
        """Sorted as-of days since 1970-01-01, int64."""
        return np.array(self.about["dates"], dtype=np.int64)

    def changed(self, before: Survey, after: Survey) -> ChangedSurvey:
        """Return the same in which some enterprises tell something else.

        Parameters
        ----------
        before, after
            Of the same enterprises, as they were and as they are.
        """
        changes = {
            name: balance(
                [self.changes[name], signed(getattr(before, name), -1), signed(getattr(after, name), 1)]
            )
            for name in _WHOLE
        }
        rates = replaced_rates(self.rates, before.rates, after.rates)
        return replace(self, rates=rates, tables=self.tables | after.tables, changes=changes)

    def with_rates(self, rates: pa.Table) -> ChangedSurvey:
        """Return the same with other sums behind the rates."""
        return replace(self, rates=rates)

    def ties_of(self, hubs: pa.Array) -> pa.Table:
        """Return the ties of some hubs, in any order."""
        return self._rows("ties", "hub", hubs)

    def events_of(self, codes: pa.Array) -> pa.Table:
        """Return what is counted of some enterprises (hashes of their credit codes), in any order."""
        return self._rows("events", "code", codes)

    def _rows(self, name: str, column: str | None = None, values: pa.Array | None = None) -> pa.Table:
        """Return the rows as they are now: all, or those with some values in a column."""
        schema, changes = _WHOLE[name], self.changes[name]
        if values is not None and not len(values):
            return schema.empty_table()
        wanted = None if column is None else pc.field(column).isin(values)
        rows = pq.read_table(self.folder / f"{name}.parquet", schema=schema, filters=wanted)
        if wanted is not None:
            changes = changes.filter(wanted)
        if not changes.num_rows:
            return rows
        near = pc.is_in(rows["code"], value_set=pc.unique(changes["code"]))
        left = balance([signed(rows.filter(near), 1), changes])
        times = left["times"].to_numpy()
        if (times < 0).any():
            msg = "the survey of all lacks what the enterprises had told"
            raise ValueError(msg)
        again = left.drop_columns(["times"]).take(pa.array(np.repeat(np.arange(len(times)), times)))
        return pa.concat_tables([rows.filter(pc.invert(near)), again.cast(schema)])

    def whole(self) -> Survey:
        """Return all of it, ties and events in any order."""
        return Survey(self.rates, self._rows("ties"), self._rows("events"), self.tables)

    def save(self, folder: Path) -> None:
        """Write it: what did not change as links to the files that are there."""
        folder.mkdir(parents=True, exist_ok=True)
        pq.write_table(self.rates, folder / "rates.parquet", compression="zstd")
        for name in _WHOLE:
            source, changes = self.folder / f"{name}.parquet", self.changes[name]
            target = folder / source.name
            target.unlink(missing_ok=True)
            if changes.num_rows > _MOST * pq.read_metadata(source).num_rows:
                pq.write_table(self._rows(name), target, compression="zstd")
                continue
            # The same bytes: no survey changes a file once it is there.
            os.link(source, target)
            if changes.num_rows:
                pq.write_table(changes, folder / f"{CHANGES}{name}.parquet", compression="zstd")
        about = {**self.about, "tables": sorted(self.tables)}
        (folder / "context.json").write_text(json.dumps(about) + "\n", encoding="utf-8")
