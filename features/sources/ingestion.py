"""A load: files in, one atomic snapshot out, every row accounted for."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.records import TABLES
from features.records.publication import publication_ends
from features.sources.gathering import (
    Gathered,
    Progress,
    gather,
    identifying,
    is_first,
    with_joined,
)
from features.sources.mapping import load_mapping
from features.sources.reading import Chunk, Unreadable, chunks
from features.sources.recognition import Input, recognise
from features.sources.report import FileReport, IngestReport, TableCounts
from features.sources.settings import RecordMapping, SourceMapping, Value
from features.sources.validation import (
    LEGACY,
    NAME_AMBIGUOUS,
    NAME_WITHOUT_CODE,
    Candidate,
    validate,
)
from features.sources.values import ITEM_NAME, ITEM_VALUE, Evaluation, Mask, Problem
from features.store import LoadTransaction, RecordStore
from features.store.quarantine import REJECTED

#: Rows that are held back before they are written; what bounds the memory of a load.
HELD = 500_000
HELD_REJECTED = 100_000
UNREADABLE_ROW = "unreadable_row"


def ingest(
    store: RecordStore, source: str | Path, files: Sequence[Path], progress: Progress | None = None
) -> IngestReport:
    """Load files of one source as one atomic snapshot.

    Parameters
    ----------
    store
        Where records go.
    source
        Name of a shipped mapping, or path of a YAML file.
    files
        CSV, CSV packed by gzip, Parquet, or JSON lines.
    progress
        Called with the file and the number of its rows that were read, after each chunk.

    Returns
    -------
    IngestReport
        For each file and table: ``rows_in = accepted + duplicate + quarantined + not_applicable``.

    Raises
    ------
    InputError
        If the mapping or a file cannot be used. The store is unchanged then.
    """
    mapping = load_mapping(source)
    inputs = recognise(mapping, files)
    before = store.snapshots()[-1].id if store.snapshots() else 0
    load_id = _load_id(mapping, inputs)
    reports, provenance = [], []
    with store.begin(load_id=load_id, source=mapping.source) as load:
        gathered = gather(mapping, inputs, store, progress)
        for number, one in enumerate(inputs):
            started = datetime.now(UTC)
            loading = _FileLoad(mapping, one, number, gathered, load)
            loading.run(progress)
            reports.append(loading.report)
            provenance += _provenance(mapping, one, loading.report, started)
        snapshot = load.commit(provenance)
    _count_new(store, load_id, reports)
    return IngestReport(mapping.source, load_id, snapshot, snapshot != before, tuple(reports))


def _load_id(mapping: SourceMapping, inputs: Sequence[Input]) -> str:
    digest = hashlib.sha256("".join(one.sha256 for one in inputs).encode()).hexdigest()[:8]
    return f"{mapping.source}-{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{digest}"


def _provenance(
    mapping: SourceMapping, one: Input, report: FileReport, started: datetime
) -> list[dict[str, Any]]:
    rows = []
    for table, counts in report.tables.items():
        providers = {
            str(mapping.parameters[value.parameter] if value.parameter else value.constant)
            for record in mapping.files[one.kind].records
            if record.table == table and (value := record.columns.get("provider")) is not None
            if value.parameter is not None or value.constant is not None
        }
        rows.append(
            {
                "provider": "; ".join(sorted(providers)),
                "file": one.name,
                "sha256": one.sha256,
                "table": table,
                "rows_in": counts.rows_in,
                "accepted": counts.accepted,
                "duplicate": counts.duplicate,
                "quarantined": counts.quarantined,
                "not_applicable": counts.not_applicable,
                "started_at": started,
                "finished_at": datetime.now(UTC),
            }
        )
    return rows


def _count_new(store: RecordStore, load_id: str, reports: Sequence[FileReport]) -> None:
    """Say of the refused rows how many the quarantine did not hold before."""
    kept = store.quarantine(columns=["load_id", "file", "table"])
    kept = (
        kept.filter(pc.equal(kept["load_id"], load_id))
        .group_by(["file", "table"])
        .aggregate([([], "count_all")])
    )
    for row in kept.to_pylist():
        for report in reports:
            if report.file == row["file"]:
                report.tables[row["table"]].quarantined_new = row["count_all"]


@dataclass
class _FileLoad:
    """The load of one file."""

    mapping: SourceMapping
    one: Input
    number: int
    gathered: Gathered
    load: LoadTransaction
    held: dict[str, list[pa.Table]] = field(default_factory=dict)
    rejected: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.file = self.mapping.files[self.one.kind]
        self.own = tuple(
            name for name in self.one.columns if name not in {*self.file.omit, *self.file.conceal}
        )
        self.report = FileReport(self.one.name, self.one.kind, self.one.sha256)
        for record in self.file.records:
            self.report.tables.setdefault(record.table, TableCounts())

    def run(self, progress: Progress | None) -> None:
        """Read the file chunk by chunk."""
        for chunk in chunks(self.one.path, self.file):
            self.report.rows += len(chunk) + len(chunk.unreadable)
            for row in chunk.unreadable:
                self._refuse_unreadable(row)
            if len(chunk):
                whole = with_joined(chunk, self.one.kind, self.file.joins, self.gathered)
                for number, record in enumerate(self.file.records):
                    self._add(whole, number, record)
            self._write(least=HELD)
            if progress:
                progress(self.one.name, self.report.rows)
        self._write(least=1)
        for table, counts in self.report.tables.items():
            counts.check(f"{self.one.name}, {table}")

    def _add(self, chunk: Chunk, number: int, record: RecordMapping) -> None:
        counts = self.report.tables[record.table]
        holds = np.ones(len(chunk), dtype=bool)
        if record.once:
            holds = is_first(chunk, self.one.kind, number, record.once, self.number, self.gathered)
        rows = self._holding(chunk, record, holds)
        candidates = len(chunk) * len(record.for_each or (None,))
        counts.rows_in += candidates
        counts.not_applicable += candidates - len(rows)
        if not len(rows):
            return
        candidate, problems = self._evaluated(rows, record)
        problems += validate(TABLES[record.table], candidate)
        bad = np.zeros(len(rows), dtype=bool)
        for problem in problems:
            bad |= problem.rows
        if bad.any():
            self._refuse(rows, number, record, np.flatnonzero(bad), problems)
        good = pa.array(~bad)
        legacy = pc.and_(pc.is_in(candidate.kinds, value_set=LEGACY), good)
        counts.legacy_codes += pc.sum(legacy).as_py() or 0
        accepted = candidate.rows.append_column("source_line", rows.lines).filter(good)
        self.held.setdefault(record.table, []).append(accepted)

    def _holding(self, chunk: Chunk, record: RecordMapping, holds: Mask) -> Chunk:
        """Return the rows that hold the record: for each of several columns, those that do."""
        if record.for_each is None:
            mask = holds & Evaluation(chunk, self.mapping.parameters).holds(record.when)
            return chunk if mask.all() else chunk.take(np.flatnonzero(mask))
        parts = []
        for name in record.for_each:
            item = chunk.rows.append_column(ITEM_NAME, pa.repeat(pa.scalar(name), len(chunk)))
            item = item.append_column(ITEM_VALUE, chunk.column(name))
            part = Chunk(item, chunk.lines)
            mask = holds & Evaluation(part, self.mapping.parameters).holds(record.when)
            parts.append(part.take(np.flatnonzero(mask)))
        rows = pa.concat_tables([part.rows for part in parts], promote_options="permissive")
        return Chunk(rows.combine_chunks(), pa.concat_arrays([part.lines for part in parts]))

    def _evaluated(self, rows: Chunk, record: RecordMapping) -> tuple[Candidate, list[Problem]]:
        table = TABLES[record.table]
        values = dict(record.columns)
        if record.same_names:
            for name in table.arrow_schema.names:
                if name in rows.rows.column_names:
                    values.setdefault(name, Value(column=name))
        evaluation = Evaluation(rows, self.mapping.parameters)
        columns: dict[str, pa.Array] = {}
        for column in table.all_columns:
            value = values.get(column.name)
            if value is None:
                columns[column.name] = pa.nulls(len(rows), table.arrow_schema.field(column.name).type)
            elif value.lag_days is not None:
                days = columns["event_date"].cast(pa.int32())
                columns[column.name] = pc.add(days, pa.scalar(value.lag_days, pa.int32())).cast(pa.date32())
            else:
                columns[column.name] = evaluation.column(column, value)
        if record.publication:
            ends = publication_ends(record.table, columns)
            columns["expires_at"] = pc.coalesce(columns["expires_at"], ends)
        codes, kinds, told = self._identified(rows, values["credit_code"], columns["credit_code"])
        columns["credit_code"] = codes
        candidate = Candidate(pa.table(columns, schema=table.arrow_schema), kinds, told)
        return candidate, evaluation.problems

    def _identified(self, rows: Chunk, value: Value, codes: pa.Array) -> tuple[pa.Array, pa.Array, pa.Array]:
        """Return codes, the kind of each, and what stood in their place: code or name."""
        plain, kinds = identifying(codes)
        if value.name is None or self.gathered.links is None:
            return plain, kinds, plain
        names = rows.column(value.name)
        bare = pc.and_(pc.is_null(plain), pc.is_valid(names))
        found, ambiguous = self.gathered.links.resolve(names)
        found_plain, found_kinds = identifying(found)
        failed = pc.if_else(pa.array(ambiguous), NAME_AMBIGUOUS, NAME_WITHOUT_CODE)
        linked = pc.if_else(pc.is_valid(found_plain), found_kinds, failed)
        return (
            pc.if_else(bare, found_plain, plain),
            pc.if_else(bare, linked, kinds),
            pc.if_else(bare, names, plain),
        )

    # -- rows that cannot be used ------------------------------------------------------------------

    def _refuse(
        self, rows: Chunk, number: int, record: RecordMapping, bad: np.ndarray, problems: Sequence[Problem]
    ) -> None:
        counts = self.report.tables[record.table]
        several = sum(other.table == record.table for other in self.file.records) > 1
        recorded = record.columns.get("recorded_at")
        lagged = recorded is not None and recorded.lag_days is not None
        kept = [name for name in self.own if name in rows.rows.column_names]
        raws = rows.rows.select(kept).take(pa.array(bad)).to_pylist()
        items = rows.column(ITEM_NAME).take(pa.array(bad)).to_pylist() if record.for_each else None
        for place, row in enumerate(bad):
            found = [problem for problem in problems if problem.rows[row]]
            # What could not be read is missing afterwards: that is one fault, not two.
            first_of_column = {problem.column: problem for problem in reversed(found)}
            if lagged and "event_date" in first_of_column:
                # Nor is the date of recording, which is made of the event's, a fault of its own.
                first_of_column.pop("recorded_at", None)
            told = [problem for problem in found if first_of_column.get(problem.column) is problem]
            raw = raws[place]
            if items is not None:
                raw["#record"] = items[place]
            elif several:
                raw["#record"] = f"{record.table} {number + 1}"
            self._reject(
                counts,
                record.table,
                rows.lines[row].as_py(),
                told[0],
                "; ".join(problem.detail(row) for problem in told),
                json.dumps(raw, ensure_ascii=False, default=str),
            )

    def _refuse_unreadable(self, row: Unreadable) -> None:
        raw = {"#text": row.text} if row.text is not None else {"#text": "withheld"}
        problem = Problem(UNREADABLE_ROW, "", np.ones(1, dtype=bool), None, row.detail)
        for table, counts in self.report.tables.items():
            counts.rows_in += 1
            self._reject(counts, table, row.line, problem, row.detail, json.dumps(raw, ensure_ascii=False))

    def _reject(
        self, counts: TableCounts, table: str, line: int, problem: Problem, detail: str, raw: str
    ) -> None:
        counts.quarantined += 1
        counts.reasons[problem.reason] += 1
        self.rejected.append(
            {
                "table": table,
                "file": self.one.name,
                "source_line": line,
                "reason": problem.reason,
                "detail": detail,
                "field": problem.column,
                "raw": raw,
            }
        )

    # -- writing -------------------------------------------------------------------------------------

    def _write(self, *, least: int) -> None:
        """Hand over what is held back, if it is enough."""
        for table, parts in list(self.held.items()):
            if sum(part.num_rows for part in parts) >= least:
                result = self.load.add(table, pa.concat_tables(parts).combine_chunks(), file=self.one.name)
                counts = self.report.tables[table]
                counts.accepted += result.accepted
                counts.duplicate += result.duplicate
                counts.quarantined += result.conflict
                counts.reasons.update(result.reasons)
                del self.held[table]
        if len(self.rejected) >= min(least, HELD_REJECTED):
            self.load.quarantine(pa.Table.from_pylist(self.rejected, REJECTED))
            self.rejected = []
