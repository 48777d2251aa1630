"""Training rows that lie on disk: as many as there are, in memory bounded by a chunk."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd

#: Rows that are read at once.
CHUNK = 50_000
_BYTES = np.dtype(np.float64).itemsize


@dataclass(frozen=True)
class StoredMatrix:
    """Columns, and maybe some of the rows, of a file of float64 rows; every process that sees it may read it.

    Attributes
    ----------
    path
        The file: rows one after the other.
    width
        Numbers a row.
    columns
        Places of the columns in a row, int64.
    rows
        Rows in the file.
    places
        The rows, ascending; None for all.
    """

    path: Path
    width: int
    columns: np.ndarray
    rows: int
    places: np.ndarray | None = None

    def __len__(self) -> int:
        return self.rows if self.places is None else len(self.places)

    def __getitem__(self, which: np.ndarray) -> StoredMatrix:
        """Return some of the rows, by a mask."""
        chosen = np.flatnonzero(which)
        places = chosen if self.places is None else self.places[chosen]
        return StoredMatrix(self.path, self.width, self.columns, self.rows, places)

    def read(self, first: int, last: int, handle: int | None = None) -> np.ndarray:
        """Return a stretch of the rows, shape (last - first, columns).

        Parameters
        ----------
        first, last
            Of this matrix.
        handle
            Of the file, where it is open already.
        """
        if last <= first:
            return np.empty((0, len(self.columns)))
        if handle is None:
            with self._opened() as own:
                return self.read(first, last, own)
        low, high = first, last
        if self.places is not None:
            low, high = int(self.places[first]), int(self.places[last - 1]) + 1
        # Read by position, not mapped into memory: what was read does not stay in this process.
        raw = os.pread(handle, (high - low) * self.width * _BYTES, low * self.width * _BYTES)
        block = np.frombuffer(raw, dtype=np.float64).reshape(high - low, self.width)
        if self.places is not None:
            block = block[self.places[first:last] - low]
        return np.ascontiguousarray(block[:, self.columns])

    def chunks(self, rows: int = CHUNK) -> Iterator[np.ndarray]:
        """Yield all rows in stretches."""
        with self._opened() as handle:
            for first in range(0, len(self), rows):
                yield self.read(first, min(first + rows, len(self)), handle)

    @contextmanager
    def batches(self) -> Iterator[lgb.Sequence]:
        """Open the rows as LightGBM reads them, batch by batch, into a table of its own of a byte a value."""
        with self._opened() as handle:
            yield _Batches(self, handle)

    @contextmanager
    def _opened(self) -> Iterator[int]:
        handle = os.open(self.path, os.O_RDONLY)
        try:
            yield handle
        finally:
            os.close(handle)


class _Batches(lgb.Sequence):
    batch_size = 4096

    def __init__(self, matrix: StoredMatrix, handle: int) -> None:
        self._matrix = matrix
        self._handle = handle

    def __len__(self) -> int:
        return len(self._matrix)

    def __getitem__(self, which: int | slice | list[int]) -> np.ndarray:
        if isinstance(which, slice):
            first, last, _ = which.indices(len(self._matrix))
            return self._matrix.read(first, last, self._handle)
        if isinstance(which, list):
            return np.vstack([self[place] for place in which])
        row: np.ndarray = self._matrix.read(int(which), int(which) + 1, self._handle)[0]
        return row


class StoredDataset(lgb.Dataset):
    """LightGBM's binned table of rows that are read in batches, made as it makes that of rows in memory.

    Of rows in batches LightGBM looks at the parameters of the table alone, not at the fewest rows of a leaf:
    it would keep features that no leaf can be cut by, and draw other features for each tree.
    """

    def get_params(self) -> dict[str, Any]:
        """Return all parameters, those of training too."""
        return dict(self.params or {})


@dataclass(frozen=True)
class StoredRows:
    """Training rows: keys and labels in memory, features on disk.

    Attributes
    ----------
    path
        File of the features, float64, rows one after the other in the order of ``frame``.
    features
        Their names.
    frame
        All columns that are no features.
    """

    path: Path
    features: tuple[str, ...]
    frame: pd.DataFrame

    def __len__(self) -> int:
        return len(self.frame)

    def matrix(self, names: Sequence[str], places: np.ndarray | None = None) -> StoredMatrix:
        """Return features by name, of all rows or of some places in ascending order."""
        at = {name: place for place, name in enumerate(self.features)}
        columns = np.array([at[name] for name in names], dtype=np.int64)
        return StoredMatrix(self.path, len(self.features), columns, len(self.frame), places)

    def take(self, places: np.ndarray) -> pd.DataFrame:
        """Return some rows, in ascending order, with their features."""
        matrix = self.matrix(self.features, places)
        values = pd.DataFrame(np.vstack([*matrix.chunks()]), columns=list(self.features))
        return pd.concat([self.frame.iloc[places].reset_index(drop=True), values], axis=1)

    def chunks(self, rows: int = CHUNK) -> Iterator[pd.DataFrame]:
        """Yield all rows with their features, in stretches."""
        for first in range(0, len(self), rows):
            yield self.take(np.arange(first, min(first + rows, len(self))))


@dataclass
class RowsWriter:
    """Writes training rows to disk as they are computed; a context manager.

    Parameters
    ----------
    path
        The file.
    features
        Names of the columns that go there.
    """

    path: Path
    features: tuple[str, ...]
    _frames: list[pd.DataFrame] = field(default_factory=list)

    def __enter__(self) -> RowsWriter:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self.path.open("wb")
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def add(self, rows: pd.DataFrame) -> None:
        """Append rows that have all features as columns."""
        np.ascontiguousarray(rows[list(self.features)].to_numpy(np.float64)).tofile(self._file)
        self._frames.append(rows.drop(columns=list(self.features)))

    def stored(self) -> StoredRows:
        """Return what was written; the writer must be closed."""
        return StoredRows(self.path, self.features, pd.concat(self._frames, ignore_index=True))


#: Rows to learn from, in memory or on disk, and some columns of them.
Rows = pd.DataFrame | StoredRows
Matrix = np.ndarray | StoredMatrix


def keys_of(rows: Rows) -> pd.DataFrame:
    """Return what is known of rows beside their features."""
    return rows.frame if isinstance(rows, StoredRows) else rows


def each(rows: Rows, function: Callable[[pd.DataFrame], np.ndarray]) -> np.ndarray:
    """Return a function of whole rows, computed chunk by chunk where they lie on disk, shape (n,)."""
    if isinstance(rows, pd.DataFrame):
        return function(rows)
    return np.concatenate([function(part) for part in rows.chunks()]) if len(rows) else np.zeros(0)


def predicted(booster: lgb.Booster, matrix: Matrix) -> np.ndarray:
    """Return raw margins, shape (n,)."""
    parts = [matrix] if isinstance(matrix, np.ndarray) else matrix.chunks()
    return np.concatenate([np.asarray(booster.predict(part, raw_score=True)) for part in parts])
