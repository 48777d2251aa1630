"""Pairs come in ranges of enterprises, each pair once as often as it was asked for."""

from __future__ import annotations

from datetime import date

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from features.runners.ranges import PAIR_SCHEMA, cut

pairs = st.lists(
    st.tuples(
        st.sampled_from(["BENCH:1", "BENCH:10", "BENCH:2", "测试:1", "a"]),
        st.dates(date(1, 1, 1), date(9999, 12, 31)),
    ),
    max_size=30,
)


@given(pairs, st.integers(1, 6))
def test_ranges_are_the_sorted_pairs(asked: list[tuple[str, date]], size: int) -> None:
    table = pa.table(list(zip(*asked, strict=True)) or [[], []], schema=PAIR_SCHEMA)
    parts = list(cut(table, size))
    whole = [row for part in parts for row in part.pairs.to_pylist()]
    assert [(row["credit_code"], row["as_of"]) for row in whole] == sorted(
        asked, key=lambda pair: (pair[0].encode(), pair[1])
    )
    for part in parts:
        assert 0 < len(part.codes) <= size
        assert [part.codes[int(place)].as_py() for place in part.enterprise] == part.pairs[
            "credit_code"
        ].to_pylist()
        assert (
            pa.array(part.as_of.astype("int32")).cast(pa.date32()).to_pylist()
            == part.pairs["as_of"].to_pylist()
        )
