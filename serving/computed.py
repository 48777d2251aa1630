"""Figures that take longer than a page may: computed once, beside the requests, and kept on disk."""

from __future__ import annotations

import concurrent.futures
import hashlib
import json
import logging
import os
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock

logger = logging.getLogger("risk_model.serving")

#: Seconds that a page waits for figures before it says that they are being computed.
WAIT = 3.0
#: Files that are kept; the oldest ones go.
KEPT = 60
_FACTS = b"facts"


@dataclass(frozen=True)
class Figures:
    """What was computed.

    Attributes
    ----------
    facts
        Plain data.
    rows
        A table beside it.
    """

    facts: dict[str, Any]
    rows: pa.Table = field(default_factory=lambda: pa.table({}))


class Computed:
    """Computes figures in a thread of its own, one after the other.

    Parameters
    ----------
    folder
        Where they are kept; all workers share it, so each is computed once.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._running: dict[str, concurrent.futures.Future[Figures]] = {}
        self._thread: concurrent.futures.ThreadPoolExecutor | None = None

    def get(self, key: str, make: Callable[[], Figures], wait: float | None = None) -> Figures | None:
        """Return figures, computing them if nobody has.

        Parameters
        ----------
        key
            Names the figures and all that they follow from: what changes must change it.
        make
            Computes them.
        wait
            Seconds; by default :data:`WAIT`.

        Returns
        -------
        Figures or None
            None if they are still being computed after ``wait``: ask again.

        Raises
        ------
        Exception
            What ``make`` raised; the next call tries anew.
        """
        path = self._path(key)
        found = _read(path)
        if found is not None:
            return found
        with self._lock:
            running = self._running.get(key)
            if running is None:
                if self._thread is None:
                    self._thread = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="computed")
                running = self._running[key] = self._thread.submit(self._compute, path, make)
        try:
            made = running.result(timeout=WAIT if wait is None else wait)
        except concurrent.futures.TimeoutError:
            if not running.done():
                return None
            raise
        finally:
            if running.done():
                with self._lock:
                    self._running.pop(key, None)
        return made

    def kept(self, key: str) -> Figures | None:
        """Return figures that somebody has computed; None if nobody has."""
        return _read(self._path(key))

    def _path(self, key: str) -> Path:
        return self._folder / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.parquet"

    def _compute(self, path: Path, make: Callable[[], Figures]) -> Figures:
        self._folder.mkdir(parents=True, exist_ok=True)
        # Another worker may be at the same figures.
        with FileLock(path.with_suffix(".lock")):
            found = _read(path)
            if found is not None:
                return found
            made = make()
            _write(path, made)
        self._forget_oldest()
        return made

    def _forget_oldest(self) -> None:
        files = sorted(self._folder.glob("*.parquet"), key=lambda file: file.stat().st_mtime)
        for file in files[:-KEPT]:
            file.unlink(missing_ok=True)
            file.with_suffix(".lock").unlink(missing_ok=True)


def _read(path: Path) -> Figures | None:
    try:
        table = pq.read_table(path)
    except FileNotFoundError:
        return None
    facts = json.loads((table.schema.metadata or {})[_FACTS])
    return Figures(facts, table.replace_schema_metadata(None))


def _write(path: Path, figures: Figures) -> None:
    facts = json.dumps(figures.facts, ensure_ascii=False, default=str)
    table = figures.rows.replace_schema_metadata({_FACTS: facts.encode()})
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".making-")
    os.close(handle)
    try:
        pq.write_table(table, name, compression="zstd")
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)
