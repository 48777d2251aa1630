"""One code's rows come out of a sorted file as a scan of the whole file would give them."""

from __future__ import annotations

import threading
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from risk_model.publication.lookup import SortedFile

CODES = st.lists(st.text("0123456789AB", min_size=1, max_size=3), max_size=40)


def _written(path: Path, codes: list[str], group: int, statistics: bool = True) -> pa.Table:
    table = pa.table({"credit_code": pa.array(sorted(codes), pa.string()), "place": range(len(codes))})
    pq.write_table(table, path, row_group_size=group, write_statistics=statistics)
    return table


@given(codes=CODES, asked=CODES, group=st.integers(1, 7), statistics=st.booleans())
def test_rows_of_a_code(
    tmp_path_factory: pytest.TempPathFactory, codes: list[str], asked: list[str], group: int, statistics: bool
) -> None:
    path = tmp_path_factory.mktemp("sorted") / "file.parquet"
    whole = _written(path, codes, group, statistics)
    file = SortedFile(path)
    for code in [*codes, *asked]:
        expected = whole.filter(pc.equal(whole["credit_code"], code))
        assert file.rows(code).equals(expected)
        assert file.rows(code, ["place"]).equals(expected.select(["place"]))
    some = pa.array(sorted({*asked, *codes[::3]}), pa.string())
    expected = whole.filter(pc.is_in(whole["credit_code"], value_set=some))
    assert file.rows_of(some).equals(expected)
    assert file.rows_of(some, ["credit_code"]).equals(expected.select(["credit_code"]))


def test_several_threads_read_one_file(tmp_path: Path) -> None:
    path = tmp_path / "file.parquet"
    codes = [f"{number:05d}" for number in range(3_000)]
    _written(path, codes, 100)
    file = SortedFile(path)
    wrong: list[str] = []

    def look(first: int) -> None:
        for number in range(first, 3_000, 4):
            found = file.rows(codes[number]).to_pylist()
            if found != [{"credit_code": codes[number], "place": number}]:
                wrong.append(codes[number])

    threads = [threading.Thread(target=look, args=(first,)) for first in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
