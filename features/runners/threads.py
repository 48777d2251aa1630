"""The default runner: ranges of enterprises on threads of one machine."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from features.kernel import Context, Plan
from features.runners.ranges import ENTERPRISES_A_RANGE, cut
from features.runners.work import (
    Progress,
    RecordReader,
    Scheduler,
    compute_range,
    dates_of,
    empty_result,
    make_context,
)

__all__ = ["Progress", "RecordReader", "Threads", "compute", "context_of", "stream"]


@dataclass(frozen=True)
class Threads:
    """Runs ranges on threads.

    Parameters
    ----------
    reader
        Where records are read; from several threads at once.
    workers
        Ranges worked on at once; the number of cores by default.
    """

    reader: RecordReader
    workers: int | None = None

    def map(
        self, work: Callable[[RecordReader, Any, Any], Any], shared: Any, items: Iterable[Any]
    ) -> Iterator[Any]:
        """Yield ``work(reader, shared, item)`` of each item, in their order."""
        workers = self.workers or os.cpu_count() or 1
        waiting: deque[Future[Any]] = deque()
        with ThreadPoolExecutor(workers) as pool:
            for item in items:
                waiting.append(pool.submit(work, self.reader, shared, item))
                # No more ranges are read ahead than there are threads, so memory stays bounded.
                if len(waiting) > workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()


def context_of(
    snapshot: RecordReader,
    plan: Plan,
    pairs: pa.Table,
    *,
    scheduler: Scheduler | None = None,
    threads: int | None = None,
    size: int = ENTERPRISES_A_RANGE,
) -> Context | None:
    """Return what features across enterprises must know at the dates of some pairs.

    All enterprises of the snapshot are surveyed, whichever are asked for: a value does not depend on
    the batch.

    Parameters
    ----------
    snapshot
        Where records are read.
    plan
        The features.
    pairs
        Column ``as_of``.
    scheduler, threads, size
        As for :func:`stream`.

    Returns
    -------
    Context or None
        None if no feature looks beyond the enterprise.
    """
    if plan.beyond is None:
        return None
    scheduler = scheduler or Threads(snapshot, threads)
    return make_context(scheduler, snapshot.codes(), plan.beyond, dates_of(pairs), size)


def stream(
    snapshot: RecordReader,
    plan: Plan,
    pairs: pa.Table,
    *,
    threads: int | None = None,
    size: int = ENTERPRISES_A_RANGE,
    progress: Progress | None = None,
    scheduler: Scheduler | None = None,
    context: Context | None = None,
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
    scheduler
        Who runs the ranges; threads by default.
    context
        What is known of other enterprises at the dates of the pairs; made first if it is needed and
        not given.
    """
    scheduler = scheduler or Threads(snapshot, threads)
    if context is None and pairs.num_rows:
        context = context_of(snapshot, plan, pairs, scheduler=scheduler, size=size)
    done = 0
    for table in scheduler.map(compute_range, (plan, context), cut(pairs, size)):
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
    scheduler: Scheduler | None = None,
    context: Context | None = None,
) -> pa.Table:
    """Return the feature table of all pairs, sorted by credit code and as-of date.

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
    scheduler
        Who runs the ranges; threads by default.
    context
        What is known of other enterprises at the dates of the pairs; made first if it is needed and
        not given.

    Returns
    -------
    pyarrow.Table
        ``credit_code``, ``as_of`` and one float64 column a feature.
    """
    parts = list(
        stream(
            snapshot,
            plan,
            pairs,
            threads=threads,
            size=size,
            progress=progress,
            scheduler=scheduler,
            context=context,
        )
    )
    return pa.concat_tables(parts) if parts else empty_result(plan)
