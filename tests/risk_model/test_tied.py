"""Features of tied enterprises in a file of their own: laid over what the shards say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from risk_model.publication import layout
from risk_model.publication.tied import Tied

ALL = ("a", "tied_one", "b", "tied_two")


def rows(codes: list[str]) -> pa.Table:
    values = np.arange(4.0 * len(codes)).reshape(-1, 4)
    lists = pa.FixedSizeListArray.from_arrays(pa.array(values.reshape(-1)), 4)
    return pa.table([pa.array(codes, pa.string()), lists], schema=layout.features_schema(4))


def test_the_columns_are_found_by_name_and_the_rows_by_code(tmp_path: Path) -> None:
    columns = {"tied_two": np.array([-1.0, -2.0, -3.0]), "tied_one": np.array([np.nan, -20.0, -30.0])}
    told = Tied.of(pa.array(["B", "C", "Z"]), columns)
    told.save(tmp_path / layout.TIED)
    for one in (told, Tied.load(tmp_path / layout.TIED, told.names)):
        found = one.laid_over(rows(["A", "B", "C", "D"]), ALL)
        assert found.schema == layout.features_schema(4)
        np.testing.assert_array_equal(
            np.array(found["values"].to_pylist(), dtype=float),
            [[0, 1, 2, 3], [4, np.nan, 6, -1], [8, -20, 10, -2], [12, 13, 14, 15]],
        )


def test_who_is_not_in_it_is_left_as_it_is() -> None:
    told = Tied.of(pa.array(["Z"]), {"tied_one": np.array([1.0])})
    there = rows(["A", "B"])
    assert told.laid_over(there, ALL) is there
    assert Tied.of(pa.array([], pa.string()), {}).laid_over(there, ALL) is there


def test_the_later_one_counts_and_of_the_changed_nothing_is_told() -> None:
    earlier = Tied.of(pa.array(["A", "B", "D"]), {"x": np.array([1.0, 2.0, 4.0])})
    later = Tied.of(pa.array(["B", "C"]), {"x": np.array([20.0, 30.0])})
    found = later.over(earlier, pa.array(["A", "Y"]))
    assert found.codes.to_pylist() == ["B", "C", "D"]
    assert found.values[:, 0].tolist() == [20.0, 30.0, 4.0]
    assert later.over(None, pa.array(["A"])) is later
