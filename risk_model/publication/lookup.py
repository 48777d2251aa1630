"""Looking up the rows of one credit code in a sorted Parquet file: one row group is decoded, nothing else.

Opening a file costs more than the rows that are looked up, so files stay open; they never change once they
are published.
"""

from __future__ import annotations

import threading
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

KEY = "credit_code"
#: Files that stay open; each is mapped into memory and takes what of it was looked at lately.
OPEN = 256
#: Above every credit code: bound of a row group that does not tell its own.
_ABOVE_ALL = "\U0010ffff"


class SortedFile:
    """A Parquet file sorted by credit code, of which single codes are looked up.

    May be read from several threads at once.

    Parameters
    ----------
    path
        The file.
    """

    def __init__(self, path: Path) -> None:
        self._file = pq.ParquetFile(path, memory_map=True)
        # A reader of Arrow is not said to be safe for several threads.
        self._lock = threading.Lock()
        metadata = self._file.metadata
        place = self._file.schema_arrow.get_field_index(KEY)
        bounds = [metadata.row_group(group).column(place).statistics for group in range(self.groups)]
        told = [found is not None and found.has_min_max for found in bounds]
        self._lows = [found.min if known else "" for found, known in zip(bounds, told, strict=True)]
        self._highs = [found.max if known else _ABOVE_ALL for found, known in zip(bounds, told, strict=True)]

    @property
    def groups(self) -> int:
        """Number of row groups."""
        return int(self._file.metadata.num_row_groups)

    def rows(self, credit_code: str, columns: Sequence[str] | None = None) -> pa.Table:
        """Return the rows of a code, in the order of the file; none if it is not there.

        Parameters
        ----------
        credit_code
            The code.
        columns
            Columns to return; all by default.
        """
        first = bisect_left(self._highs, credit_code)
        beyond = bisect_right(self._lows, credit_code)
        if first >= beyond:
            return self._file.schema_arrow.empty_table().select(
                list(columns) if columns is not None else self._file.schema_arrow.names
            )
        read = None if columns is None else list(dict.fromkeys([KEY, *columns]))
        with self._lock:
            found = self._file.read_row_groups(
                list(range(first, beyond)), columns=read, use_threads=False
            ).combine_chunks()
        codes = found[KEY].combine_chunks()
        begin = pc.index(codes, credit_code).as_py()
        if begin < 0:
            found = found.slice(0, 0)
        else:
            end = begin + 1
            while end < len(codes) and codes[end].as_py() == credit_code:
                end += 1
            found = found.slice(begin, end - begin)
        return found if columns is None else found.select(list(columns))

    def rows_of(self, codes: pa.Array, columns: Sequence[str] | None = None) -> pa.Table:
        """Return the rows of some codes, in the order of the file.

        Parameters
        ----------
        codes
            Sorted codes.
        columns
            Columns to return, the code among them; all by default.
        """
        wanted, groups = codes.to_pylist(), []
        for group in range(self.groups):
            place = bisect_left(wanted, self._lows[group])
            if place < len(wanted) and wanted[place] <= self._highs[group]:
                groups.append(group)
        read = None if columns is None else list(columns)
        with self._lock:
            found = self._file.read_row_groups(groups, columns=read, use_threads=False)
        return found.filter(pc.is_in(found[KEY], value_set=codes))


@lru_cache(maxsize=OPEN)
def sorted_file(path: Path) -> SortedFile:
    """Return a published file, opened once."""
    return SortedFile(path)
