"""Strategies that generate declarations of every kind over every record table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from features.definitions.declaration import Declaration
from features.definitions.expressions import EVERYTHING, Expression, col
from features.definitions.kinds import (
    Count,
    DaysOverdue,
    DaysSince,
    DaysSinceDate,
    DaysSinceFirst,
    DaysUntil,
    Decayed,
    Distinct,
    Frequency,
    GreatestAge,
    InForce,
    Latest,
    LatestCode,
    LatestRatio,
    LongestInForce,
    Maximum,
    Mean,
    MeanAge,
    Overdue,
    Repeats,
    Share,
    Streak,
    Sum,
    TimeInForce,
    Trend,
    YearRatio,
    YearsMissing,
    YearValue,
)
from features.definitions.terms import WINDOWS
from features.records import TABLES, Label
from features.records.schema import Column, RecordTable
from tests.features.records_at_random import WORDS, day

LABEL = Label("标签", "label")
NUMBERS = ("int", "float", "fen")


def _of_type(table: RecordTable, *types: str) -> list[Column]:
    return [column for column in table.columns if column.type in types]


@st.composite
def leaves(draw: st.DrawFn, table: RecordTable) -> Expression:  # noqa: PLR0911
    """Generate a condition on one column."""
    column = draw(st.sampled_from(table.columns))
    reference = col(column.name)
    if draw(st.integers(0, 5)) == 0:
        return reference.is_missing() if draw(st.booleans()) else reference.is_present()
    if column.type == "bool":
        return reference == draw(st.booleans())
    if column.type == "string":
        values = list(column.codes or WORDS.get(column.name, ["a", "b", "ab"]))
        form = draw(st.integers(0, 3))
        if form == 0:
            return reference.isin(draw(st.lists(st.sampled_from(values), min_size=1, max_size=3)))
        if form == 1:
            prefixes = draw(st.lists(st.sampled_from([v[:1] for v in values]), min_size=1, max_size=2))
            return reference.startswith(*prefixes)
        value = draw(st.sampled_from(values))
        return reference == value if form == 2 else reference != value
    if column.type == "date":
        return reference < day(draw(st.integers(0, 2000)))
    number: Any = draw(st.integers(0, 4))
    if column.type == "float":
        number /= 4
    forms: list[Callable[[], Expression]] = [
        lambda: reference < number,
        lambda: reference <= number,
        lambda: reference > number,
        lambda: reference >= number,
        lambda: reference == number,
        lambda: reference != number,
    ]
    return draw(st.sampled_from(forms))()


def expressions(table: RecordTable) -> st.SearchStrategy[Expression]:
    """Generate a condition over a table."""
    return st.recursive(
        leaves(table),
        lambda inner: st.one_of(
            st.builds(lambda a, b: a & b, inner, inner),
            st.builds(lambda a, b: a | b, inner, inner),
            st.builds(lambda a: ~a, inner),
        ),
        max_leaves=4,
    )


@st.composite
def declarations(draw: st.DrawFn) -> Declaration:
    """Generate a declaration of any kind that looks at an enterprise's own records."""
    table = draw(st.sampled_from(list(TABLES.values())))
    where = draw(st.one_of(st.just(EVERYTHING), expressions(table)))
    common: dict[str, Any] = {
        "name": "generated",
        "table": table.name,
        "label": LABEL,
        "indicator": "basic.scale",
        "where": where,
        "windows": tuple(draw(st.lists(st.sampled_from(list(WINDOWS)), min_size=1, max_size=2, unique=True))),
    }
    makers: list[Callable[[], Declaration]] = [
        lambda: Count(**common),
        lambda: DaysSince(**common),
        lambda: DaysSinceFirst(**common),
        lambda: Decayed(**common, half_life=draw(st.integers(1, 900))),
        lambda: Share(**common, among=draw(expressions(table))),
        lambda: Streak(**common, reset=draw(expressions(table))),
        lambda: Trend(
            **(common | {"windows": (draw(st.sampled_from(["2y", "3y", "5y"])),)}),
            recent=draw(st.sampled_from(["6m", "1y"])),
            pseudo_count=draw(st.sampled_from([0.5, 1.0, 3.0])),
        ),
        lambda: Frequency(**common, size_table="enterprise", size_column="employees"),
    ]
    numeric = [column.name for column in _of_type(table, *NUMBERS)]
    dates = [column.name for column in _of_type(table, "date")]
    coded = [column for column in _of_type(table, "string") if column.codes is not None]
    for kind in (Sum, Maximum, Mean, Latest):
        if numeric:
            makers.append(lambda kind=kind: kind(**common, column=draw(st.sampled_from(numeric))))
    for kind in (DaysSinceDate, MeanAge, GreatestAge, Overdue, DaysOverdue, DaysUntil):
        if dates:
            makers.append(lambda kind=kind: kind(**common, column=draw(st.sampled_from(dates))))
    for kind in (InForce, TimeInForce, LongestInForce):
        if dates:
            makers.append(lambda kind=kind: kind(**common, until=draw(st.sampled_from(dates))))
    if numeric:
        makers.append(
            lambda: LatestRatio(
                **common, column=draw(st.sampled_from(numeric)), over=draw(st.sampled_from(numeric))
            )
        )
    if coded:
        column = draw(st.sampled_from(coded))
        of_code = common | {"column": column.name, "codes": column.codes}
        makers += [
            lambda: LatestCode(**of_code),
            lambda: Distinct(**of_code),
            lambda: Repeats(**of_code, within_days=draw(st.integers(1, 700))),
        ]
    if table.name == "annual_report":
        makers += [
            lambda: YearsMissing(**common, years=draw(st.integers(1, 8))),
            lambda: YearValue(**common, column=draw(st.sampled_from(["revenue", "profit", "employees"]))),
            lambda: YearRatio(**common, column="revenue", lag=draw(st.integers(1, 3))),
            lambda: YearRatio(**common, column="liabilities", over="assets"),
        ]
    return draw(st.sampled_from(makers))()
