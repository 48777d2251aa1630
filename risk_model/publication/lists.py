"""Numbers of an enterprise as one list of fixed size: the rows of a matrix in a table, and back."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


def lists_of(matrix: np.ndarray) -> pa.Array:
    """Return the rows of a matrix as lists of fixed size."""
    flat = pa.array(np.ascontiguousarray(matrix).reshape(-1))
    return pa.FixedSizeListArray.from_arrays(flat, matrix.shape[1])


def matrix_of(lists: pa.Array | pa.ChunkedArray) -> np.ndarray:
    """Return lists of fixed size as the rows of a matrix, not to be written to: maybe the very numbers."""
    return np.asarray(pc.list_flatten(lists).to_numpy().reshape(len(lists), lists.type.list_size))
