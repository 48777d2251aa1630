"""Ranges of enterprises on Spark."""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from typing import Any

from features.runners.processes import StoredSnapshot, packed, run
from features.runners.work import RecordReader

#: Tasks of each executor's core that are handed out at once.
WAVES = 4


class Spark:
    """Runs ranges as tasks of Spark; it schedules, it computes nothing of its own.

    Parameters
    ----------
    context
        ``pyspark.SparkContext``.
    place
        Where the records lie, for every executor.
    """

    def __init__(self, context: Any, place: StoredSnapshot) -> None:
        self._context = context
        self._place = place

    def map(
        self, work: Callable[[RecordReader, Any, Any], Any], shared: Any, items: Iterable[Any]
    ) -> Iterator[Any]:
        """Yield ``work(reader, shared, item)`` of each item, in their order."""
        everywhere = self._context.broadcast(shared)
        place = self._place

        def task(item: Any) -> Any:
            return run(work, place, everywhere.value, item)

        def together(ranges: list[Any]) -> list[Any]:
            found: list[Any] = self._context.parallelize(ranges, len(ranges)).map(task).collect()
            return found

        # One task a range, as many at once as keep every executor busy; the driver holds the results of two
        # such waves: one that it hands on, and one that the executors work on meanwhile.
        wave = WAVES * int(self._context.defaultParallelism)
        todo = iter(items)
        with ThreadPoolExecutor(1) as ahead:
            waiting: deque[Future[list[Any]]] = deque()
            while ranges := [packed(item) for item in islice(todo, wave)]:
                waiting.append(ahead.submit(together, ranges))
                if len(waiting) > 1:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        everywhere.unpersist()


@contextmanager
def spark_scheduler(place: StoredSnapshot, master: str | None = None) -> Iterator[Spark]:
    """Start a Spark application.

    Parameters
    ----------
    place
        Where the records lie.
    master
        URL of the cluster; by default local processes, one a core.
    """
    from pyspark.sql import SparkSession

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    os.environ.setdefault("PYSPARK_DRIVER_PYTHON", sys.executable)
    session = (
        SparkSession.builder.master(master or "local[*]")
        .appName("risk-model features")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("ERROR")
    try:
        yield Spark(session.sparkContext, place)
    finally:
        session.stop()
