"""Where the real files lie, and what must hold of every load."""

from __future__ import annotations

from pathlib import Path

import pytest

from features.sources import IngestReport

DATA = Path(__file__).parents[3].parent / "shared" / "data"


def real(folder: str, *names: str) -> list[Path]:
    """Return files of the shared real data, or skip where they are not at hand."""
    files = [DATA / folder / f"{name}.csv.gz" for name in names]
    if not all(file.exists() for file in files):
        pytest.skip(f"the real data {folder} are not at hand")
    return files


def assert_accounted(report: IngestReport) -> None:
    """Every row of every file and table is in exactly one count."""
    assert report.files
    for file in report.files:
        assert file.tables
        for counts in file.tables.values():
            assert counts.rows_in == (
                counts.accepted + counts.duplicate + counts.quarantined + counts.not_applicable
            )
            assert sum(counts.reasons.values()) == counts.quarantined


def assert_nothing_new(again: IngestReport, first: IngestReport) -> None:
    """The second load of the same files knows every row."""
    assert not again.changed
    assert again.snapshot_id == first.snapshot_id
    for file, before in zip(again.files, first.files, strict=True):
        assert file.sha256 == before.sha256
        for table, counts in file.tables.items():
            earlier = before.tables[table]
            assert counts.accepted == 0
            assert counts.quarantined_new == 0
            assert counts.duplicate == earlier.accepted + earlier.duplicate
            assert counts.quarantined == earlier.quarantined
            assert counts.reasons == earlier.reasons
            assert counts.not_applicable == earlier.not_applicable
