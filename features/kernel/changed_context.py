"""A context on disk of which little is another now: the files that are there, and what is told again."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from features.kernel.context import Context
from features.kernel.reconnected import Reconnection
from features.kernel.survey import sorted_rates

#: With more told again than this share of the rows the files are written anew.
_MOST = 0.25


@dataclass(frozen=True)
class ChangedContext:
    """What :class:`~features.kernel.Context` holds, to be written beside another one.

    Attributes
    ----------
    folder
        Where the other lies.
    rates, tables
        As in a :class:`~features.kernel.Survey`.
    again
        What is told again since the files of the folder were written.
    """

    folder: Path
    rates: pa.Table
    tables: frozenset[str]
    again: Reconnection

    @classmethod
    def upon(
        cls, folder: Path, rates: pa.Table, tables: frozenset[str], again: Reconnection
    ) -> ChangedContext:
        """Return it, upon what lies in a folder and may be told again itself."""
        return cls(folder, rates, tables, again.over(Reconnection.load(folder)))

    def save(self, folder: Path) -> None:
        """Write it: what did not change as links to the files that are there."""
        folder.mkdir(parents=True, exist_ok=True)
        about: dict[str, Any] = json.loads((self.folder / "context.json").read_text(encoding="utf-8"))
        about["tables"] = sorted(self.tables)
        sources = {name: self.folder / f"{name}.parquet" for name in ("ties", "events")}
        if self.again.rows > _MOST * sum(pq.read_metadata(path).num_rows for path in sources.values()):
            before = Context.load(self.folder, as_written=True)
            Context(
                before.fingerprint, before.dates, self.again.of(before.survey, self.rates, self.tables)
            ).save(folder)
            return
        pq.write_table(sorted_rates(self.rates), folder / "rates.parquet", compression="zstd")
        for name, source in sources.items():
            target = folder / f"{name}.parquet"
            target.unlink(missing_ok=True)
            # The same bytes: no context changes a file once it is there.
            os.link(source, target)
        self.again.save(folder)
        (folder / "context.json").write_text(json.dumps(about) + "\n", encoding="utf-8")
