"""Three-valued logic of conditions."""

from __future__ import annotations

from datetime import date
from itertools import product

import numpy as np
import pyarrow as pa
import pytest

from features.definitions.expressions import EVERYTHING, Columns, Expression, col

TABLE = pa.table(
    {
        "word": ["alpha", "beta", None, ""],
        "number": pa.array([1, None, 3, 4], pa.int64()),
        "flag": [True, False, None, True],
        "day": pa.array([date(2020, 1, 1), None, date(2021, 1, 1), date(2022, 1, 1)], pa.date32()),
    }
)


def outcome(expression: Expression) -> list[bool | None]:
    """Return True, False or None (unknown) for each row."""
    truth = Columns(TABLE).truth(expression)
    assert not (truth.holds & truth.fails).any()
    return [True if h else False if f else None for h, f in zip(truth.holds, truth.fails, strict=True)]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (col("word") == "beta", [False, True, None, False]),
        (col("word") != "beta", [True, False, None, True]),
        (col("word").isin(["alpha", ""]), [True, False, None, True]),
        (col("word").startswith("al", "b"), [True, True, None, False]),
        (col("number") > 3, [False, None, False, True]),
        (col("number") >= 3, [False, None, True, True]),
        (col("number") < 3, [True, None, False, False]),
        (col("number") <= 3, [True, None, True, False]),
        (col("number").isin([1, 4]), [True, None, False, True]),
        (col("flag") == True, [True, False, None, True]),  # noqa: E712
        (col("day") < date(2021, 6, 1), [True, None, True, False]),
        (col("word").is_missing(), [False, False, True, False]),
        (col("number").is_present(), [True, False, True, True]),
        (EVERYTHING, [True, True, True, True]),
    ],
)
def test_a_condition_and_its_opposite(expression: Expression, expected: list[bool | None]) -> None:
    assert outcome(expression) == expected
    assert outcome(~expression) == [None if value is None else not value for value in expected]
    assert expression.mask(TABLE).tolist() == [value is True for value in expected]
    assert (~expression).mask(TABLE).tolist() == [value is False for value in expected]


def test_kleene_tables() -> None:
    states = (True, False, None)
    cases = list(product(states, states))
    table = pa.table({"a": pa.array([a for a, _ in cases]), "b": pa.array([b for _, b in cases])})
    a, b = col("a") == True, col("b") == True  # noqa: E712
    for (left, right), both, either in zip(cases, (a & b).mask(table), (a | b).mask(table), strict=True):
        assert both == (left is True and right is True)
        assert either == (left is True or right is True)
    for (left, right), neither, not_both in zip(
        cases, (~(a | b)).mask(table), (~(a & b)).mask(table), strict=True
    ):
        assert neither == (left is False and right is False)
        assert not_both == (left is False or right is False)


def test_no_rows_and_only_missing_values() -> None:
    empty = TABLE.slice(0, 0)
    assert (col("word") == "beta").mask(empty).shape == (0,)
    missing = pa.table({"word": pa.nulls(3, pa.string())})
    assert not (col("word") == "beta").mask(missing).any()
    assert not (col("word") != "beta").mask(missing).any()


def test_chunks_do_not_matter() -> None:
    chunked = pa.concat_tables([TABLE.slice(0, 1), TABLE.slice(1, 0), TABLE.slice(1, 3)])
    for expression in (col("word").isin(["beta"]), col("number") > 1, col("day").is_missing()):
        np.testing.assert_array_equal(expression.mask(chunked), expression.mask(TABLE))


def test_columns_and_words() -> None:
    expression = (col("word") == "x") & ((col("number") > 2) | ~col("flag").isin([True]))
    assert expression.columns == {"word", "number", "flag"}
    assert expression.text == "word = x and (number > 2 or not (flag in (True)))"
    assert (EVERYTHING & col("day").is_present()).text == "day given"
    assert hash(expression) == hash((col("word") == "x") & ((col("number") > 2) | ~col("flag").isin([True])))
