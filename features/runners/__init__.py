"""Who hands the kernel its ranges of enterprises."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from features.errors import InputError
from features.runners.threads import Threads, compute, context_of, stream
from features.runners.work import Progress, RecordReader, Scheduler

RUNNERS = ("threads", "dask", "spark")


@contextmanager
def scheduler_of(runner: str, snapshot: Any, address: str | None = None) -> Iterator[Scheduler]:
    """Open a scheduler by name.

    Parameters
    ----------
    runner
        ``threads``, ``dask`` or ``spark``.
    snapshot
        A store's snapshot.
    address
        Of a running Dask scheduler, or master URL of Spark; local processes by default.

    Raises
    ------
    InputError
        If there is no such runner, or it is not installed.
    """
    if runner not in RUNNERS:
        raise InputError(
            f"there is no runner {runner!r}", field="--runner", fix=f"Runners: {', '.join(RUNNERS)}."
        )
    if runner == "threads":
        yield Threads(snapshot)
        return
    from features.runners.processes import StoredSnapshot

    place = StoredSnapshot.of(snapshot)
    try:
        if runner == "dask":
            import dask.distributed  # noqa: F401

            from features.runners.dask import dask_scheduler as opened
        else:
            import pyspark  # noqa: F401

            from features.runners.spark import spark_scheduler as opened  # type: ignore[assignment]
    except ImportError:
        raise InputError(
            f"the runner {runner!r} is not installed",
            field="--runner",
            fix=f"Install it: pip install risk-model[{runner}].",
        ) from None
    with opened(place, address) as scheduler:
        yield scheduler


__all__ = [
    "RUNNERS",
    "Progress",
    "RecordReader",
    "Scheduler",
    "Threads",
    "compute",
    "context_of",
    "scheduler_of",
    "stream",
]
