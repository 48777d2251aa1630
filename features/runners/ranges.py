"""Cutting a list of (enterprise, as-of date) pairs into ranges of enterprises."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

#: Enterprises and pairs of a range: they bound memory, whatever the number of records and dates.
ENTERPRISES_A_RANGE = 25_000
PAIRS_A_RANGE = 50_000

#: Days are packed beside places: all of date32 fit.
_DAY_BITS = 32
_DAY_MASK = (1 << _DAY_BITS) - 1
_FIRST_DAY = -(1 << 31)

PAIR_SCHEMA = pa.schema([pa.field("credit_code", pa.string()), pa.field("as_of", pa.date32())])


@dataclass(frozen=True)
class Range:
    """Pairs of a stretch of enterprises.

    Attributes
    ----------
    codes
        Their sorted credit codes.
    enterprise, as_of
        Place in ``codes`` and day since 1970-01-01 of each pair, int64.
    pairs
        The pairs themselves, for the result.
    """

    codes: pa.Array
    enterprise: np.ndarray
    as_of: np.ndarray
    pairs: pa.Table


def cut(pairs: pa.Table, size: int = ENTERPRISES_A_RANGE) -> Iterator[Range]:
    """Yield the pairs in ranges of at most ``size`` enterprises, sorted by code and date.

    With several dates an enterprise, ranges are shorter: of about :data:`PAIRS_A_RANGE` pairs.

    Parameters
    ----------
    pairs
        Columns ``credit_code`` (string) and ``as_of`` (date32), any order.
    size
        Enterprises a range.
    """
    pairs = pairs.select(PAIR_SCHEMA.names).cast(PAIR_SCHEMA)
    if not pairs.num_rows:
        return
    codes = _sorted_codes(pairs["credit_code"])
    keys = _sorted_keys(pairs, codes)
    size = max(1, min(size, PAIRS_A_RANGE * len(codes) // pairs.num_rows))
    for first in range(0, len(codes), size):
        low, high = np.searchsorted(keys, [_key(first, _FIRST_DAY), _key(first + size, _FIRST_DAY)])
        enterprise = (keys[low:high] >> _DAY_BITS) - first
        as_of = (keys[low:high] & _DAY_MASK) + _FIRST_DAY
        own = codes[first : first + size]
        days = pa.array(as_of.astype(np.int32)).cast(pa.date32())
        yield Range(
            codes=own,
            enterprise=enterprise,
            as_of=as_of,
            pairs=pa.table([own.take(pa.array(enterprise)), days], schema=PAIR_SCHEMA),
        )


def _sorted_codes(codes: pa.ChunkedArray) -> pa.Array:
    """Return the codes, each once, sorted."""
    first = codes.chunk(0)
    # Cohorts of several dates are mostly the same enterprises again: no need to look each one up.
    if _rising(first) and all(chunk.equals(first) for chunk in codes.chunks[1:]):
        return first
    found = pc.unique(codes)
    return found if _rising(found) else found.take(pc.array_sort_indices(found))


def _rising(codes: pa.Array) -> bool:
    return bool(pc.all(pc.less(codes[:-1], codes[1:]), min_count=0).as_py())


def _key(place: int, day: int) -> int:
    return (place << _DAY_BITS) | (day - _FIRST_DAY)


def _sorted_keys(pairs: pa.Table, codes: pa.Array) -> np.ndarray:
    """Return place of the code and day of every pair in one number each, sorted; int64.

    Numbers sort in a fraction of the time and memory of the pairs themselves.
    """
    whole = np.arange(len(codes), dtype=np.int64)
    keys: np.ndarray = np.concatenate(
        [
            whole if chunk.equals(codes) else pc.index_in(chunk, value_set=codes).to_numpy().astype(np.int64)
            for chunk in pairs["credit_code"].chunks
        ]
    )
    keys <<= _DAY_BITS
    keys |= pairs["as_of"].cast(pa.int32()).to_numpy().astype(np.int64) - _FIRST_DAY
    keys.sort()
    return keys
