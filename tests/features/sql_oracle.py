"""Every operation once more, in SQL: the independent oracle of the kernel.

One query a term, written for clarity: it joins every pair with the records that are visible then and
aggregates. Nothing is shared with the kernel but the declarations.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import duckdb
import numpy as np
import pyarrow as pa

from features.definitions.expressions import (
    Combined,
    Comparison,
    Everything,
    Expression,
    Membership,
    Missing,
    Negated,
    Prefix,
)
from features.definitions.feature import Feature
from features.definitions.terms import Combination, Operation, Term

DUE = "(year(p.as_of) - CASE WHEN month(p.as_of) >= 7 THEN 1 ELSE 2 END)"
VISIBLE = (
    "{t}.credit_code = p.credit_code AND {t}.visible_from <= p.as_of AND p.as_of < {t}.visible_to "
    "AND {t}.event_date <= p.as_of"
)
NEWEST = "ORDER BY t.event_date, t.recorded_at, t.record_id"


def literal(value: object) -> str:
    """Return a constant in SQL."""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return f"DATE '{value}'" if isinstance(value, date) else repr(value)


def condition(expression: Expression, t: str = "t") -> str:  # noqa: PLR0911
    """Return an expression over a table's alias in SQL, whose three-valued logic is the standard's."""
    match expression:
        case Everything():
            return "TRUE"
        case Comparison(column, operator, value):
            return f"{t}.{column} {'=' if operator == '==' else operator} {literal(value)}"
        case Membership(column, values):
            return f"{t}.{column} IN ({', '.join(map(literal, values))})"
        case Prefix(column, prefixes):
            return "(" + " OR ".join(f"starts_with({t}.{column}, {literal(p)})" for p in prefixes) + ")"
        case Missing(column):
            return f"{t}.{column} IS NULL"
        case Negated(inner):
            return f"NOT ({condition(inner, t)})"
        case Combined(operator, left, right):
            return f"(({condition(left, t)}) {operator.upper()} ({condition(right, t)}))"
    raise TypeError(expression)


def value(term: Term, t: str = "t") -> str:
    """Return the value of a term's column in SQL, a code as its place in the list."""
    column = f"{t}.{term.column}"
    if term.categories is None:
        return column
    text = column if term.characters is None else f"left({column}, {term.characters})"
    places = " ".join(f"WHEN {literal(code)} THEN {i}" for i, code in enumerate(term.categories))
    return f"(CASE {text} {places} END)"


def aggregate(term: Term) -> str:
    """Return the aggregate of a term in SQL."""
    x = value(term)
    force = f"({x} IS NULL OR {x} > p.as_of)"
    table: Mapping[Operation, str] = {
        Operation.COUNT: "count(t.credit_code)",
        Operation.SUM: f"coalesce(sum({x}), 0)",
        Operation.MAXIMUM: f"max({x})",
        Operation.LATEST: f"last({x} {NEWEST}) FILTER (t.credit_code IS NOT NULL)",
        Operation.DAYS_SINCE: "any_value(p.as_of) - max(t.event_date)",
        Operation.IN_FORCE: f"count(t.credit_code) FILTER {force}",
        Operation.OVERDUE: f"count(t.credit_code) FILTER ({x} < p.as_of)",
        Operation.DAYS_OVERDUE: f"max(p.as_of - {x}) FILTER ({x} < p.as_of)",
        Operation.DAYS_UNTIL: f"min({x} - p.as_of) FILTER ({x} >= p.as_of)",
        Operation.DAYS_SINCE_DATE: f"any_value(p.as_of) - last({x} {NEWEST})"
        " FILTER (t.credit_code IS NOT NULL)",
        Operation.DECAYED: "coalesce(sum(round(1048576 * pow(2.0, -(p.as_of - t.event_date) / "
        f"{term.parameter}.0)) / 1048576), 0)",
        Operation.AGE_SUM: f"coalesce(sum(p.as_of - {x}), 0)",
        Operation.AGE_MAXIMUM: f"max(p.as_of - {x})",
        Operation.DAYS_SINCE_FIRST: "any_value(p.as_of) - min(t.event_date)",
        Operation.TIME_IN_FORCE: "coalesce(sum(greatest(0, least(coalesce("
        f"{x}, p.as_of), p.as_of) - t.event_date)), 0)",
        Operation.LONGEST_IN_FORCE: f"any_value(p.as_of) - min(t.event_date) FILTER {force}",
        Operation.DISTINCT: f"coalesce(bit_or(1::BIGINT << {x}), 0)",
        Operation.YEARS: f"coalesce(bit_or(1::BIGINT << greatest({DUE} - {x}, 0)) "
        f"FILTER ({DUE} - {x} BETWEEN 0 AND 51), 0)",
        Operation.YEAR_VALUE: f"last({x} {NEWEST}) FILTER (t.{term.year} = {DUE} - {term.parameter})",
        Operation.REPEATS: f"""count(t.credit_code) FILTER (EXISTS (FROM {term.table} q
            WHERE {VISIBLE.format(t="q")} AND ({condition(term.where, "q")})
                AND {value(term, "q")} = {x} AND q.event_date < t.event_date
                AND t.event_date - q.event_date <= {term.parameter}))""",
        Operation.STREAK: f"""count(t.credit_code) FILTER (NOT EXISTS (FROM {term.table} q
            WHERE {VISIBLE.format(t="q")} AND p.as_of - q.event_date < {term.window.days}
                AND ({condition(term.reset, "q") if term.reset else "FALSE"})
                AND (q.event_date, q.recorded_at, q.record_id)
                    >= (t.event_date, t.recorded_at, t.record_id)))""",
    }
    return table[term.operation]


class Oracle:
    """Computes features of pairs in DuckDB."""

    def __init__(self, records: Mapping[str, pa.Table], codes: Sequence[str], dates: Sequence[date]) -> None:
        self._records = records
        self._connection = duckdb.connect(":memory:")
        for name, table in records.items():
            self._connection.register(name, table)
        pairs = pa.table(
            {
                "credit_code": pa.array([code for code in codes for _ in dates]),
                "as_of": pa.array([day for _ in codes for day in dates], pa.date32()),
            }
        ).append_column("pair", pa.array(np.arange(len(codes) * len(dates))))
        self._count = pairs.num_rows
        self._dates = [day for _ in codes for day in dates]
        self._connection.register("pairs", pairs)

    def __enter__(self) -> Oracle:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def term(self, term: Term) -> list[float]:
        """Return one term, NaN where it is missing."""
        if term.table not in self._records:
            return [math.nan] * self._count
        rows = self._connection.execute(
            f"""SELECT p.pair, {aggregate(term)} FROM pairs p
            LEFT JOIN {term.table} t ON {VISIBLE.format(t="t")}
                AND p.as_of - t.event_date < {term.window.days}
                AND ({condition(term.where)})
            GROUP BY p.pair ORDER BY p.pair"""
        ).fetchall()
        return [math.nan if found is None else float(found) for _, found in rows]

    def feature(self, feature: Feature) -> list[float]:
        """Return one feature."""
        terms = [self.term(term) for term in feature.terms]
        return [combine(feature, list(row), day) for *row, day in zip(*terms, self._dates, strict=True)]


def combine(feature: Feature, terms: list[float], as_of: date) -> float:
    """Combine the terms of one pair as the declarations say."""
    if any(math.isnan(term) for term in terms):
        return math.nan
    match feature.combination:
        case Combination.VALUE:
            return terms[0]
        case Combination.RATIO:
            return terms[0] / terms[1] if terms[1] > 0 else math.nan
        case Combination.TREND:
            recent, total, pseudo = feature.parameters
            before = (terms[1] - terms[0]) / (total - recent)
            at_even_rate = pseudo / recent
            rates = (terms[0] / recent + at_even_rate) / (before + at_even_rate)
            return rates if terms[1] else math.nan
        case Combination.BITS:
            return float(bin(int(terms[0])).count("1"))
        case Combination.YEARS_MISSING:
            last = as_of.year - (1 if as_of.month >= 7 else 2)
            founded = (as_of - timedelta(days=int(terms[1]))).year
            due = range(max(founded, last - int(feature.parameters[0]) + 1), last + 1)
            return float(sum(not int(terms[0]) >> (last - year) & 1 for year in due))
    raise TypeError(feature.combination)
