"""The default runner: ranges of enterprises on threads of one machine."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

import pyarrow as pa

from features.kernel import Plan, evaluate
from features.runners.ranges import ENTERPRISES_A_RANGE, Range, cut

Progress = Callable[[int, int], None]


class RecordReader(Protocol):
    """What a runner needs of a store's snapshot."""

    def read(
        self, table: str, columns: list[str] | None = None, codes: tuple[str, str] | None = None
    ) -> pa.Table:
        """Return records with their interval of visibility, sorted."""

    def exists(self, table: str) -> bool:
        """Return whether any such records were ever loaded."""


def read_range(snapshot: RecordReader, plan: Plan, part: Range) -> dict[str, pa.Table]:
    """Read the record tables of a range of enterprises that a plan needs."""
    between = (part.codes[0].as_py(), part.codes[-1].as_py())
    columns = ["credit_code", "event_date"]
    return {
        name: snapshot.read(name, columns=[*columns, *table.columns], codes=between)
        for name, table in plan.tables.items()
        if snapshot.exists(name)
    }


def to_table(plan: Plan, part: Range, values: object) -> pa.Table:
    """Put pairs and values side by side."""
    columns = [pa.array(values[:, i]) for i in range(len(plan.names))]  # type: ignore[index]
    return pa.table(
        [part.pairs["credit_code"], part.pairs["as_of"], *columns],
        names=["credit_code", "as_of", *plan.names],
    )


def stream(
    snapshot: RecordReader,
    plan: Plan,
    pairs: pa.Table,
    *,
    threads: int | None = None,
    size: int = ENTERPRISES_A_RANGE,
    progress: Progress | None = None,
) -> Iterator[pa.Table]:
    """Yield feature tables of ranges of enterprises, in the order of their codes.

    Parameters
    ----------
    snapshot
        Where records are read.
    plan
        The features.
    pairs
        Columns ``credit_code`` and ``as_of``.
    threads
        Ranges computed at once; the number of cores by default.
    size
        Enterprises a range.
    progress
        Called with pairs done and pairs in all.
    """
    workers = threads or os.cpu_count() or 1

    def work(part: Range) -> pa.Table:
        records = read_range(snapshot, plan, part)
        return to_table(plan, part, evaluate(plan, records, part.codes, part.enterprise, part.as_of))

    done = 0
    waiting: deque[Future[pa.Table]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        for part in cut(pairs, size):
            waiting.append(pool.submit(work, part))
            # No more ranges are read ahead than there are threads, so memory stays bounded.
            if len(waiting) > workers:
                table = waiting.popleft().result()
                done += table.num_rows
                if progress:
                    progress(done, pairs.num_rows)
                yield table
        while waiting:
            table = waiting.popleft().result()
            done += table.num_rows
            if progress:
                progress(done, pairs.num_rows)
            yield table


def compute(
    snapshot: RecordReader,
    plan: Plan,
    pairs: pa.Table,
    *,
    threads: int | None = None,
    size: int = ENTERPRISES_A_RANGE,
    progress: Progress | None = None,
) -> pa.Table:
    """Return the feature table of all pairs, sorted by credit code and as-of date.

    Parameters are those of :func:`stream`.

    Returns
    -------
    pyarrow.Table
        ``credit_code``, ``as_of`` and one float64 column a feature.
    """
    parts = list(stream(snapshot, plan, pairs, threads=threads, size=size, progress=progress))
    if not parts:
        schema = [pa.field("credit_code", pa.string()), pa.field("as_of", pa.date32())]
        return pa.schema(schema + [pa.field(n, pa.float64()) for n in plan.names]).empty_table()
    return pa.concat_tables(parts)
