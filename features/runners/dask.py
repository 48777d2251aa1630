"""Ranges of enterprises on a Dask cluster."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from features.runners.processes import StoredSnapshot, packed, run
from features.runners.work import RecordReader


class Dask:
    """Runs ranges on the workers of a Dask cluster; it schedules, it computes nothing of its own.

    Parameters
    ----------
    client
        ``dask.distributed.Client``.
    place
        Where the records lie, for every worker.
    """

    def __init__(self, client: Any, place: StoredSnapshot) -> None:
        self.client = client
        self._place = place

    def map(
        self, work: Callable[[RecordReader, Any, Any], Any], shared: Any, items: Iterable[Any]
    ) -> Iterator[Any]:
        """Yield ``work(reader, shared, item)`` of each item, in their order."""
        client = self.client
        ahead = 2 * max(sum(client.nthreads().values()), 1)
        everywhere = client.scatter(shared, broadcast=True)
        waiting: deque[Any] = deque()
        for item in items:
            waiting.append(client.submit(run, work, self._place, everywhere, packed(item), pure=False))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def local_cluster(workers: int) -> Any:
    """Start a cluster of local processes with a core each; nothing listens but it, on this host only.

    Parameters
    ----------
    workers
        How many.

    Returns
    -------
    dask.distributed.LocalCluster
    """
    from dask.distributed import LocalCluster

    return LocalCluster(  # type: ignore[no-untyped-call]
        n_workers=workers,
        threads_per_worker=1,
        host="127.0.0.1",
        # No dashboard; what answers in its place takes any port, so that clusters can run side by side.
        dashboard_address=None,
        scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},
    )


@contextmanager
def dask_scheduler(place: StoredSnapshot, address: str | None = None) -> Iterator[Dask]:
    """Connect to a cluster, or start one of local processes, one a core.

    Parameters
    ----------
    place
        Where the records lie.
    address
        Of a running scheduler; a local cluster by default.
    """
    from dask.distributed import Client, WorkerPlugin

    class Apart(WorkerPlugin):
        """Sends what libraries of a worker print to standard error.

        Its standard output is that of the process that started it: the answer of a command. LightGBM writes
        there from C++, past Python's own.
        """

        def setup(self, worker: Any) -> None:
            os.dup2(2, 1)

    if address is not None:
        with Client(address) as client:  # type: ignore[no-untyped-call]
            yield Dask(client, place)
        return
    with (
        local_cluster(os.cpu_count() or 1) as cluster,
        Client(cluster) as client,  # type: ignore[no-untyped-call]
    ):
        client.register_plugin(Apart())
        yield Dask(client, place)
