"""Values and conditions of a mapping, one setting at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.records import TABLES
from features.sources.reading import Chunk
from features.sources.settings import Condition, Value
from features.sources.values import Evaluation, digest, group_named

ROWS = pa.table(
    {
        "text": ["a", "b", None, "c1"],
        "number": ["1", "2.5", "x", None],
        "other": pa.array([10, None, 30, 40]),
        "day": ["2021-01-02", "02/01/2021", "nothing", None],
    }
)
CHUNK = Chunk(ROWS, pa.array([2, 3, 4, 5]))


def _evaluated(
    setting: dict[str, Any], table: str = "penalty", column: str = "basis"
) -> tuple[list[Any], Evaluation]:
    evaluation = Evaluation(CHUNK, {"day": "2023-12-31"})
    values = evaluation.column(TABLES[table].column(column), Value.model_validate(setting))
    return values.to_pylist(), evaluation


@pytest.mark.parametrize(
    ("setting", "wanted"),
    [
        ({"column": "text"}, ["a", "b", None, "c1"]),
        ({"column": "other"}, ["10", None, "30", "40"]),
        ({"constant": "z"}, ["z"] * 4),
        ({"constant": None}, [None] * 4),
        ({"parameter": "day"}, ["2023-12-31"] * 4),
        ({"template": "x:{text}-{other}"}, ["x:a-10", None, None, "x:c1-40"]),
        ({"column": "text", "prefix": "P:"}, ["P:a", "P:b", None, "P:c1"]),
        ({"column": "text", "extract": r"^\w(\d)$"}, [None, None, None, "1"]),
        ({"column": "text", "replace": {"[ab]": "x", "x": "yy"}}, ["yy", "yy", None, "c1"]),
        ({"column": "text", "codes": {"a": "1", "b": None}, "default": "?"}, ["1", None, None, "?"]),
        ({"column": "text", "codes": {"": "none"}, "default": None}, [None, None, "none", None]),
        ({"sum_of": ["other", "number"]}, ["11", "2.5", "30", "40"]),
        ({"first_of": [{"column": "other"}, {"column": "text"}]}, ["10", "b", "30", "40"]),
        (
            {
                "case": [
                    {"when": {"column": "text", "among": ["a"]}, "value": {"constant": "first"}},
                    {"when": {"column": "other", "above": 5}, "value": "text"},
                ]
            },
            ["first", None, None, "c1"],
        ),
    ],
)
def test_texts(setting: dict[str, Any], wanted: list[Any]) -> None:
    values, evaluation = _evaluated(setting)
    assert values == wanted
    assert evaluation.problems == []


def test_translation_without_default_is_a_problem_of_the_row() -> None:
    values, evaluation = _evaluated({"column": "text", "codes": {"a": "fine"}}, column="kind")
    assert values == ["fine", None, None, None]
    (problem,) = evaluation.problems
    assert problem.reason == "unknown_code"
    assert problem.rows.tolist() == [False, True, False, True]
    assert problem.detail(3) == "kind: 'c1' is a code that the mapping has not"


def test_dates_in_several_ways() -> None:
    both = {"column": "day", "dates": ["%Y-%m-%d", "%d/%m/%Y"]}
    values, evaluation = _evaluated(both, column="event_date")
    assert [str(value) for value in values] == ["2021-01-02", "2021-01-02", "None", "None"]
    assert [problem.rows.tolist() for problem in evaluation.problems] == [[False, False, True, False]]
    values, evaluation = _evaluated({**both, "unreadable": "missing"}, column="event_date")
    assert evaluation.problems == []
    parts = [{"column": "day", "dates": ["%d/%m/%Y"], "unreadable": "missing"}, {"parameter": "day"}]
    values, evaluation = _evaluated({"first_of": parts}, column="event_date")
    assert [str(value) for value in values] == ["2023-12-31", "2021-01-02", "2023-12-31", "2023-12-31"]
    assert evaluation.problems == []


def test_only_rows_that_take_a_branch_can_fail_in_it() -> None:
    case = [
        {"when": {"column": "text", "among": ["a"]}, "value": {"column": "text", "codes": {"z": "fine"}}},
        {"when": {"column": "text", "missing": False}, "value": {"constant": "other"}},
    ]
    values, evaluation = _evaluated({"case": case}, column="kind")
    assert values == [None, "other", None, "other"]
    assert [problem.rows.tolist() for problem in evaluation.problems] == [[True, False, False, False]]


@pytest.mark.parametrize(
    ("condition", "wanted"),
    [
        ({"column": "text", "among": ["a", "c1"]}, [1, 0, 0, 1]),
        ({"column": "text", "not_among": ["a"]}, [0, 1, 0, 1]),
        ({"column": "other", "among": [10]}, [1, 0, 0, 0]),
        ({"column": "text", "missing": True}, [0, 0, 1, 0]),
        ({"column": "text", "missing": False}, [1, 1, 0, 1]),
        ({"column": "text", "matches": r"\d"}, [0, 0, 0, 1]),
        ({"column": "number", "above": 1}, [0, 1, 0, 0]),
        ({"column": "number", "at_least": 1}, [1, 1, 0, 0]),
        ({"column": "number", "at_least": 1, "above": 1.0}, [0, 1, 0, 0]),
        (
            {"any_of": [{"column": "text", "among": ["a"]}, {"column": "number", "missing": True}]},
            [1, 0, 0, 1],
        ),
        (
            {"none_of": [{"column": "text", "among": ["a"]}, {"column": "number", "missing": True}]},
            [0, 1, 1, 0],
        ),
        ({"column": "text", "missing": False, "none_of": [{"column": "text", "among": ["a"]}]}, [0, 1, 0, 1]),
    ],
)
def test_conditions(condition: dict[str, Any], wanted: list[int]) -> None:
    holds = Evaluation(CHUNK).holds([Condition.model_validate(condition)])
    assert holds.tolist() == np.array(wanted, dtype=bool).tolist()


@given(st.lists(st.tuples(st.text(max_size=3), st.text(max_size=3)), min_size=1, max_size=20))
def test_digest_depends_on_the_texts_and_on_nothing_else(rows: list[tuple[str, str]]) -> None:
    def made(given: list[tuple[str, str]]) -> list[str]:
        return digest([pa.array([row[place] for row in given], pa.string()) for place in (0, 1)]).to_pylist()

    assert made(rows) == made(rows[::-1])[::-1]
    separable = [row for row in rows if "\x1f" not in "".join(row)]
    assert len(set(made(separable or [("", "")]))) == len(set(separable or [("", "")]))


def test_digests_are_the_same_on_every_machine() -> None:
    """They are identifiers of stored records: a change would load every record a second time."""
    assert digest([pa.array(["甲", None]), pa.array(["1", "2"])]).to_pylist() == [
        "855bf269dd8bf095",
        "51dfbf423a480c5f",
    ]


@pytest.mark.parametrize(
    ("pattern", "wanted"),
    [
        (r"a(b)", r"a(?P<found>b)"),
        (r"\((\d)\)", r"\((?P<found>\d)\)"),
        (r"[(](x)", r"[(](?P<found>x)"),
        (r"(?:a|b)(c)", r"(?:a|b)(?P<found>c)"),
    ],
)
def test_the_group_that_is_extracted(pattern: str, wanted: str) -> None:
    assert group_named(pattern) == wanted
