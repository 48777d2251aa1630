"""Ranges of enterprises on Spark."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from features.runners.processes import StoredSnapshot, packed, run
from features.runners.work import RecordReader


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
        ranges = [packed(item) for item in items]
        if not ranges:
            return
        everywhere = self._context.broadcast(shared)
        place = self._place

        def task(item: Any) -> Any:
            return run(work, place, everywhere.value, item)

        # One task a range; the driver holds the results of one task at a time, and one ahead.
        tasks = self._context.parallelize(ranges, len(ranges)).map(task)
        yield from tasks.toLocalIterator(prefetchPartitions=True)
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
