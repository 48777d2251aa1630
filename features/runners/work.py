"""What is done with one range of enterprises, whoever schedules it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.kernel import Context, Neighbours, Plan, Survey, connected, merge, survey
from features.kernel.beyond import BeyondPlan
from features.kernel.evaluate import REQUIRED, Prepared
from features.runners.ranges import ENTERPRISES_A_RANGE, PAIR_SCHEMA, Range

Progress = Callable[[int, int], None]

#: Pairs computed at once. Arrays of some ten megabytes are given back to the process and used again;
#: larger ones are fetched from the system each time, at more than the cost of filling them.
PAIRS_A_BLOCK = 8_192


class RecordReader(Protocol):
    """What a runner needs of a store's snapshot."""

    def read(
        self, table: str, columns: list[str] | None = None, codes: tuple[str, str] | None = None
    ) -> pa.Table:
        """Return records with their interval of visibility, sorted."""

    def exists(self, table: str) -> bool:
        """Return whether any such records were ever loaded."""

    def codes(self) -> pa.Array:
        """Return the credit codes of all tables, sorted, each once."""


class Scheduler(Protocol):
    """Who runs the work on ranges: threads, Dask or Spark."""

    def map(
        self, work: Callable[[RecordReader, Any, Any], Any], shared: Any, items: Iterable[Any]
    ) -> Iterator[Any]:
        """Yield ``work(reader, shared, item)`` of each item, in their order, holding few at a time."""


def read_tables(
    reader: RecordReader, columns: Mapping[str, Iterable[str]], codes: pa.Array
) -> dict[str, pa.Table]:
    """Read the record tables of a range of enterprises that exist."""
    between = (codes[0].as_py(), codes[-1].as_py())
    return {
        name: reader.read(name, columns=list(dict.fromkeys([*REQUIRED[:2], *wanted])), codes=between)
        for name, wanted in columns.items()
        if reader.exists(name)
    }


def compute_range(
    reader: RecordReader,
    shared: tuple[Plan, Context | None],
    part: Range,
    seen: list[Neighbours] | None = None,
) -> pa.Table:
    """Compute the features of a range: pairs and values side by side.

    Parameters
    ----------
    reader
        Where records are read.
    shared
        Features, and what those across enterprises know of the others.
    part
        The range.
    seen
        Gets where the enterprises lie, if features look there.
    """
    plan, context = shared
    records = read_tables(reader, {name: table.columns for name, table in plan.tables.items()}, part.codes)
    prepared = Prepared.of(plan, records, part.codes)
    names = ["credit_code", "as_of", *plan.names]
    blocks = []
    for first in range(0, len(part.as_of), PAIRS_A_BLOCK):
        block = slice(first, first + PAIRS_A_BLOCK)
        values = prepared.evaluate(part.enterprise[block], part.as_of[block], context, seen)
        pairs = part.pairs.slice(first, PAIRS_A_BLOCK)
        columns = [pa.array(values[:, i]) for i in range(len(plan.names))]
        blocks.append(pa.table([pairs["credit_code"], pairs["as_of"], *columns], names=names))
    return pa.concat_tables(blocks)


def survey_range(
    reader: RecordReader,
    shared: tuple[BeyondPlan, np.ndarray],
    codes: pa.Array,
    only: frozenset[str] | None = None,
) -> Survey:
    """Survey a range: what it adds to what features across enterprises must know.

    Parameters
    ----------
    reader
        Where records are read.
    shared
        What is needed, and the sorted as-of days.
    codes
        Sorted unique credit codes of the range.
    only
        As for :func:`features.kernel.survey.survey`; other tables are not read.
    """
    plan, dates = shared
    wanted = _surveyed(plan)
    if only is not None:
        wanted = {table: columns for table, columns in wanted.items() if table in only}
    return survey(plan, read_tables(reader, wanted, codes), codes, dates, only)


def _surveyed(plan: BeyondPlan) -> dict[str, list[str]]:
    """Return the columns that a survey looks at, by table."""
    wanted: dict[str, list[str]] = {table: list(names) for table, names in plan.tie_columns.items()}
    for term in plan.survey_terms:
        columns = wanted.setdefault(term.table, [])
        columns += sorted(term.where.columns)
        if term.column is not None:
            columns.append(term.column)
    if plan.levels:
        wanted.setdefault("enterprise", []).extend(level.column for level in plan.levels)
    return wanted


def make_context(
    scheduler: Scheduler,
    codes: pa.Array,
    plan: BeyondPlan,
    dates: np.ndarray,
    size: int = ENTERPRISES_A_RANGE,
) -> Context:
    """Make what features across enterprises must know: one pass over everybody.

    Parameters
    ----------
    scheduler
        Who surveys the ranges.
    codes
        Sorted credit codes of all enterprises.
    plan
        What is needed.
    dates
        Sorted as-of days, int64.
    size
        Enterprises a range.
    """
    return known(survey_all(scheduler, codes, plan, dates, size))


def survey_all(
    scheduler: Scheduler,
    codes: pa.Array,
    plan: BeyondPlan,
    dates: np.ndarray,
    size: int = ENTERPRISES_A_RANGE,
) -> Context:
    """Return what everybody tells for features across enterprises, those included that are tied to nobody.

    Parameters are those of :func:`make_context`.
    """
    ranges = (codes.slice(first, size) for first in range(0, len(codes), size))
    whole: Survey = merge(scheduler.map(survey_range, (plan, dates), ranges))
    return Context(plan.fingerprint, dates, whole)


def known(whole: Context) -> Context:
    """Return of what everybody tells that which features must know."""
    return Context(whole.fingerprint, whole.dates, connected(whole.survey))


def dates_of(pairs: pa.Table) -> np.ndarray:
    """Return the distinct as-of days of pairs, sorted, int64."""
    days = pc.unique(pairs["as_of"].cast(pa.date32())).cast(pa.int32()).to_numpy().astype(np.int64)
    return np.sort(days)


def empty_result(plan: Plan) -> pa.Table:
    """Return the feature table of no pairs."""
    fields = [*PAIR_SCHEMA, *(pa.field(name, pa.float64()) for name in plan.names)]
    return pa.schema(fields).empty_table()
