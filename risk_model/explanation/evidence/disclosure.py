"""What a reader may be told of records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import pyarrow as pa

from features.records import TABLES


class Disclosure(Protocol):
    """What one kind of reader may be told."""

    def tell(self, table: str, rows: pa.Table) -> list[Mapping[str, Any] | None]:
        """Return of each row what may be told: column → value; None if it may not even be named.

        Parameters
        ----------
        table
            Name of the record table.
        rows
            Rows with all columns of the table.
        """


class Officers:
    """Those who supervise the enterprise: every record, but never who a natural person is."""

    def tell(self, table: str, rows: pa.Table) -> list[Mapping[str, Any] | None]:
        """Return all columns of all rows but the personal ones."""
        return list(rows.drop([c.name for c in TABLES[table].all_columns if c.personal]).to_pylist())
