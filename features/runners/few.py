"""Some enterprises of a snapshot, here and there: their records, without work on those between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow as pa


@dataclass(frozen=True)
class Few:
    """A snapshot that holds the records of some enterprises only.

    Parameters
    ----------
    snapshot
        A store's snapshot.
    only
        Sorted credit codes.
    """

    snapshot: Any
    only: pa.Array

    def read(
        self, table: str, columns: list[str] | None = None, codes: tuple[str, str] | None = None
    ) -> pa.Table:
        """Return records with their interval of visibility, sorted."""
        found: pa.Table = self.snapshot.read(table, columns=columns, codes=codes, only=self.only)
        return found

    def exists(self, table: str) -> bool:
        """Return whether any such records were ever loaded, of anybody."""
        return bool(self.snapshot.exists(table))

    def codes(self) -> pa.Array:
        """Return the credit codes."""
        return self.only
