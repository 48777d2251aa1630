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
    pairs = pairs.sort_by([("credit_code", "ascending"), ("as_of", "ascending")]).combine_chunks()
    if not pairs.num_rows:
        return
    codes = pc.unique(pairs["credit_code"])
    place = pc.index_in(pairs["credit_code"], value_set=codes).to_numpy()
    days = pairs["as_of"].cast(pa.int32()).to_numpy().astype(np.int64)
    size = max(1, min(size, PAIRS_A_RANGE * len(codes) // pairs.num_rows))
    for first in range(0, len(codes), size):
        low, high = np.searchsorted(place, [first, first + size])
        yield Range(
            codes=codes[first : first + size],
            enterprise=place[low:high].astype(np.int64) - first,
            as_of=days[low:high],
            pairs=pairs.slice(low, high - low),
        )
