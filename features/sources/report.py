"""What a load did with every row of every file."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class TableCounts:
    """What became of the records of one table that a file may hold.

    Attributes
    ----------
    rows_in
        Rows of the file, once for each record of this table that the mapping says a row may hold.
    accepted, duplicate, quarantined, not_applicable
        Stored; known already; refused; no such record according to the mapping. They sum to ``rows_in``.
    quarantined_new
        Of the refused, those that the quarantine did not hold already.
    reasons
        Reason → refused rows; sums to ``quarantined``.
    legacy_codes
        Rows with a business registration or organisation code from before 2015 that were not refused
        by validation.
    """

    rows_in: int = 0
    accepted: int = 0
    duplicate: int = 0
    quarantined: int = 0
    not_applicable: int = 0
    quarantined_new: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    legacy_codes: int = 0

    def check(self, where: str) -> None:
        """Raise if rows were lost or counted twice: such a load must not be published."""
        accounted = self.accepted + self.duplicate + self.quarantined + self.not_applicable
        if accounted != self.rows_in or sum(self.reasons.values()) != self.quarantined:
            message = f"{where}: {self.rows_in} rows in, {accounted} accounted for: {asdict(self)}"
            raise RuntimeError(message)

    def as_dict(self) -> dict[str, Any]:
        """Return the counts as plain data."""
        return {**asdict(self), "reasons": dict(self.reasons)}


@dataclass
class FileReport:
    """What became of one file.

    Attributes
    ----------
    file, kind
        Its name, and what the mapping calls such files.
    sha256
        Of the file as it is, packed or not.
    rows
        Rows of the file.
    tables
        Table → counts.
    """

    file: str
    kind: str
    sha256: str
    rows: int = 0
    tables: dict[str, TableCounts] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return the report as plain data."""
        tables = {name: counts.as_dict() for name, counts in self.tables.items()}
        return {
            "file": self.file,
            "kind": self.kind,
            "sha256": self.sha256,
            "rows": self.rows,
            "tables": tables,
        }


@dataclass(frozen=True)
class IngestReport:
    """What a load did.

    Attributes
    ----------
    source, load_id
        The mapping, and the name of the load in the store.
    snapshot_id
        The snapshot that is the latest now.
    changed
        Whether the load added anything; if not, no snapshot was made.
    files
        One report a file, in the order given.
    """

    source: str
    load_id: str
    snapshot_id: int
    changed: bool
    files: tuple[FileReport, ...]

    def totals(self) -> dict[str, TableCounts]:
        """Return the counts by table over all files."""
        result: dict[str, TableCounts] = {}
        for file in self.files:
            for name, counts in file.tables.items():
                total = result.setdefault(name, TableCounts())
                for part, number in vars(counts).items():
                    setattr(total, part, getattr(total, part) + number)
        return result

    def as_dict(self) -> dict[str, Any]:
        """Return the report as plain data."""
        return {
            "source": self.source,
            "load_id": self.load_id,
            "snapshot": self.snapshot_id,
            "changed": self.changed,
            "files": [file.as_dict() for file in self.files],
            "tables": {name: counts.as_dict() for name, counts in self.totals().items()},
        }
