"""The same features, by our kernel and as one would write them by hand in DuckDB SQL, Polars and pandas.

All read the store's Parquet files in place and write one Parquet file. The peers are spared what these
records do not have: versions and repair decisions; they filter on the four dates that decide. Each
aggregates once a table and as-of date, all features of the table together, which is how one would write
it. Only features that all can express in a natural way are compared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import reduce
from pathlib import Path
from typing import Any

from benchmarks.records import MEANS
from features.definitions import LIBRARY, Feature
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
from features.definitions.terms import Combination, Operation, Term
from features.kernel import Plan
from features.store.snapshot import Snapshot

NATURAL = {
    Operation.COUNT,
    Operation.SUM,
    Operation.MAXIMUM,
    Operation.DAYS_SINCE,
    Operation.DAYS_SINCE_FIRST,
    Operation.IN_FORCE,
    Operation.OVERDUE,
    Operation.DAYS_OVERDUE,
    Operation.DAYS_UNTIL,
    Operation.AGE_SUM,
    Operation.AGE_MAXIMUM,
}
ZERO = {Operation.COUNT, Operation.SUM, Operation.IN_FORCE, Operation.OVERDUE, Operation.AGE_SUM}
SHARED = ("credit_code", "event_date", "recorded_at", "withdrawn_at", "repaired_at", "expires_at")
ENDS = SHARED[3:]


def _natural(feature: Feature) -> bool:
    return (
        feature.across is None
        and feature.combination in (Combination.VALUE, Combination.RATIO)
        and all(term.operation in NATURAL and term.table in MEANS for term in feature.terms)
        and len({term.table for term in feature.terms}) == 1
    )


FEATURES = tuple(feature for feature in LIBRARY if _natural(feature))


@dataclass(frozen=True)
class Task:
    """What every contender does.

    Attributes
    ----------
    snapshot
        Records.
    dates
        As-of dates.
    out
        Parquet file to write.
    """

    snapshot: Snapshot
    dates: tuple[date, ...]
    out: Path


def terms_by_table() -> dict[str, dict[Term, str]]:
    """Return the distinct terms of the features, with a name for each, by table."""
    found: dict[str, dict[Term, str]] = {}
    for feature in FEATURES:
        for term in feature.terms:
            of_table = found.setdefault(term.table, {})
            of_table.setdefault(term, f"{term.table}_{len(of_table)}")
    return found


def columns_of(table: str, terms: Iterable[Term]) -> list[str]:
    """Return the columns that the terms of a table need."""
    own = {name for term in terms for name in term.where.columns}
    own |= {term.column for term in terms if term.column is not None}
    return [*SHARED, *sorted(own - set(SHARED))]


# --- ours -------------------------------------------------------------------------------------------


def ours(task: Task) -> None:
    """Run the kernel on threads, as ``risk-model features`` does."""
    import pyarrow.parquet as pq

    from features.cohort import everyone
    from features.runners import stream
    from features.runners.work import empty_result

    plan = Plan(FEATURES)
    pairs = everyone(task.snapshot, task.dates)
    with pq.ParquetWriter(task.out, empty_result(plan).schema, compression="zstd") as writer:
        for part in stream(task.snapshot, plan, pairs):
            writer.write_table(part)


# --- DuckDB -----------------------------------------------------------------------------------------


def _literal(value: object) -> str:
    if isinstance(value, bool):
        return str(value).upper()
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else repr(value)


def sql_condition(expression: Expression) -> str:  # noqa: PLR0911
    """Return a condition in SQL."""
    match expression:
        case Everything():
            return "TRUE"
        case Comparison(column, operator, value):
            return f"{column} {'=' if operator == '==' else operator} {_literal(value)}"
        case Membership(column, values):
            return f"{column} IN ({', '.join(map(_literal, values))})"
        case Prefix(column, prefixes):
            return "(" + " OR ".join(f"starts_with({column}, {_literal(p)})" for p in prefixes) + ")"
        case Negated(Missing(column)):
            return f"{column} IS NOT NULL"
        case Missing(column):
            return f"{column} IS NULL"
        case Negated(inner):
            return f"NOT ({sql_condition(inner)})"
        case Combined(operator, left, right):
            parts = [sql_condition(part) for part in (left, right)]
            kept = [part for part in parts if part != "TRUE"]
            if operator == "and":
                return "(" + " AND ".join(kept) + ")" if kept else "TRUE"
            return f"({' OR '.join(parts)})"
    raise TypeError(expression)


def _sql_term(term: Term, day: date) -> str:
    x, today = term.column, f"DATE '{day}'"
    inner = {
        Operation.COUNT: ("count(*)", ""),
        Operation.SUM: (f"sum({x})", ""),
        Operation.MAXIMUM: (f"max({x})", ""),
        Operation.DAYS_SINCE: (f"{today} - max(event_date)", ""),
        Operation.DAYS_SINCE_FIRST: (f"{today} - min(event_date)", ""),
        Operation.IN_FORCE: ("count(*)", f"({x} IS NULL OR {x} > {today})"),
        Operation.OVERDUE: ("count(*)", f"{x} < {today}"),
        Operation.DAYS_OVERDUE: (f"{today} - min({x})", f"{x} < {today}"),
        Operation.DAYS_UNTIL: (f"min({x}) - {today}", f"{x} >= {today}"),
        Operation.AGE_SUM: (f"sum({today} - {x})", ""),
        Operation.AGE_MAXIMUM: (f"{today} - min({x})", ""),
    }
    aggregate, condition = inner[term.operation]
    conditions = [part for part in (sql_condition(term.where), condition) if part not in ("TRUE", "")]
    if term.window.name != "all":
        conditions.append(f"event_date > DATE '{day - timedelta(days=term.window.days)}'")
    if not conditions:
        return aggregate
    # The filter belongs to the aggregate, which may be the second operand of a difference.
    clause = f" FILTER (WHERE {' AND '.join(conditions)})"
    head, _, tail = aggregate.partition(") - ")
    return f"{head}){clause} - {tail}" if tail else aggregate + clause


def duckdb_sql(task: Task) -> None:
    """Run one SQL statement an as-of date, and write their union."""
    import duckdb

    tables = terms_by_table()
    connection = duckdb.connect(":memory:")
    files = {table: str(task.snapshot.files(table)) for table in tables}
    every = " UNION ".join(
        f"SELECT DISTINCT credit_code FROM read_parquet({task.snapshot.files(t)})"
        for t in task.snapshot.tables
    )
    connection.execute(f"CREATE TEMP TABLE codes AS {every}")
    parts = []
    for day in task.dates:
        joins, names = [], {}
        for table, terms in tables.items():
            aggregates = ", ".join(f"{_sql_term(term, day)} AS {name}" for term, name in terms.items())
            gone = " AND ".join(f"({end} IS NULL OR {end} > DATE '{day}')" for end in ENDS)
            joins.append(
                f"LEFT JOIN (SELECT credit_code, {aggregates} FROM read_parquet({files[table]}) "
                f"WHERE event_date <= DATE '{day}' AND recorded_at <= DATE '{day}' AND {gone} "
                f"GROUP BY credit_code) USING (credit_code)"
            )
            for term, name in terms.items():
                names[term] = f"coalesce({name}, 0)" if term.operation in ZERO else name
        columns = []
        for feature in FEATURES:
            top, bottom = names[feature.terms[0]], names[feature.terms[-1]]
            value = top if len(feature.terms) == 1 else f"CASE WHEN {bottom} > 0 THEN {top} / {bottom} END"
            columns.append(f"({value})::DOUBLE AS {feature.name}")
        parts.append(
            f"SELECT credit_code, DATE '{day}' AS as_of, {', '.join(columns)} FROM codes {' '.join(joins)}"
        )
    connection.execute(
        f"COPY ({' UNION ALL '.join(parts)}) TO '{task.out}' (FORMAT parquet, COMPRESSION zstd)"
    )
    connection.close()


# --- Polars -----------------------------------------------------------------------------------------


def polars_condition(expression: Expression) -> Any:  # noqa: PLR0911
    """Return a condition as a Polars expression."""
    import polars as pl

    operators: Mapping[str, Callable[[Any, Any], Any]] = {
        "==": lambda a, b: a == b,
        "!=": lambda a, b: a != b,
        "<": lambda a, b: a < b,
        "<=": lambda a, b: a <= b,
        ">": lambda a, b: a > b,
        ">=": lambda a, b: a >= b,
    }
    match expression:
        case Everything():
            return pl.col("event_date").is_not_null()
        case Comparison(column, operator, value):
            return operators[operator](pl.col(column), value)
        case Membership(column, values):
            return pl.col(column).is_in(list(values))
        case Prefix(column, prefixes):
            return reduce(lambda a, b: a | b, [pl.col(column).str.starts_with(p) for p in prefixes])
        case Missing(column):
            return pl.col(column).is_null()
        case Negated(inner):
            return ~polars_condition(inner)
        case Combined(operator, left, right):
            one, other = polars_condition(left), polars_condition(right)
            return one & other if operator == "and" else one | other
    raise TypeError(expression)


def _polars_term(term: Term, day: date) -> Any:  # noqa: PLR0911
    import polars as pl

    where = polars_condition(term.where)
    if term.window.name != "all":
        where = where & (pl.col("event_date") > day - timedelta(days=term.window.days))
    x = pl.col(term.column or "event_date")
    today = pl.lit(day)

    def days(difference: Any) -> Any:
        return difference.dt.total_days()

    match term.operation:
        case Operation.COUNT:
            return where.sum()
        case Operation.SUM:
            return x.filter(where).sum()
        case Operation.MAXIMUM:
            return x.filter(where).max()
        case Operation.DAYS_SINCE:
            return days(today - pl.col("event_date").filter(where).max())
        case Operation.DAYS_SINCE_FIRST:
            return days(today - pl.col("event_date").filter(where).min())
        case Operation.IN_FORCE:
            return (where & (x.is_null() | (x > day))).sum()
        case Operation.OVERDUE:
            return (where & (x < day)).sum()
        case Operation.DAYS_OVERDUE:
            return days(today - x.filter(where & (x < day)).min())
        case Operation.DAYS_UNTIL:
            return days(x.filter(where & (x >= day)).min() - today)
        case Operation.AGE_SUM:
            return days(today - x.filter(where)).sum()
        case Operation.AGE_MAXIMUM:
            return days(today - x.filter(where).min())
    raise TypeError(term.operation)


def polars_streaming(task: Task) -> None:
    """Run lazy queries on the streaming engine."""
    import polars as pl

    tables = terms_by_table()
    codes = pl.concat(
        [pl.scan_parquet(task.snapshot.files(t)).select("credit_code").unique() for t in task.snapshot.tables]
    ).unique()
    codes = codes.collect(engine="streaming").lazy()
    parts = []
    for day in task.dates:
        frame = codes
        for table, terms in tables.items():
            records = pl.scan_parquet(task.snapshot.files(table)).select(columns_of(table, terms))
            seen = (pl.col("event_date") <= day) & (pl.col("recorded_at") <= day)
            for end in ENDS:
                seen = seen & (pl.col(end).is_null() | (pl.col(end) > day))
            grouped = records.filter(seen).group_by("credit_code")
            aggregated = grouped.agg(
                _polars_term(term, day).cast(pl.Float64).alias(name) for term, name in terms.items()
            )
            frame = frame.join(aggregated, on="credit_code", how="left")
        named = {term: name for terms in tables.values() for term, name in terms.items()}
        values = []
        for feature in FEATURES:
            filled = [
                pl.col(named[t]).fill_null(0) if t.operation in ZERO else pl.col(named[t])
                for t in feature.terms
            ]
            value = filled[0]
            if len(filled) > 1:
                value = pl.when(filled[1] > 0).then(filled[0] / filled[1])
            values.append(value.alias(feature.name))
        parts.append(frame.select("credit_code", pl.lit(day).alias("as_of"), *values))
    pl.concat(parts).sink_parquet(task.out, compression="zstd", engine="streaming")


# --- pandas -----------------------------------------------------------------------------------------


def _pandas_mask(expression: Expression, frame: Any) -> tuple[Any, Any]:
    """Return where a condition holds, and where it fails."""
    import numpy as np

    match expression:
        case Everything():
            return np.ones(len(frame), bool), np.zeros(len(frame), bool)
        case Missing(column):
            null = frame[column].isna().to_numpy()
            return null, ~null
        case Negated(inner):
            holds, fails = _pandas_mask(inner, frame)
            return fails, holds
        case Combined(operator, left, right):
            (a, not_a), (b, not_b) = _pandas_mask(left, frame), _pandas_mask(right, frame)
            return (a & b, not_a | not_b) if operator == "and" else (a | b, not_a & not_b)
        case Comparison(column, operator, value):
            names = {"==": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"}
            data = frame[column]
            holds = getattr(data, names[operator])(value).fillna(False).to_numpy(bool)
        case Membership(column, values):
            data = frame[column]
            holds = data.isin(list(values)).to_numpy(bool)
        case Prefix(column, prefixes):
            data = frame[column]
            holds = data.str.startswith(prefixes).fillna(False).to_numpy(bool)
        case _:
            raise TypeError(expression)
    known = data.notna().to_numpy()
    return holds & known, ~holds & known


def _pandas_term(  # noqa: PLR0911, PLR0912
    term: Term, frame: Any, today: Any, conditions: dict[Expression, Any]
) -> tuple[Any, str]:
    """Return the column to aggregate and how."""
    import numpy as np

    if term.where not in conditions:
        conditions[term.where] = _pandas_mask(term.where, frame)[0]
    where = conditions[term.where]
    age = frame["age"].to_numpy()
    if term.window.name != "all":
        where = where & (age < term.window.days)
    match term.operation:
        case Operation.COUNT:
            return where.astype(float), "sum"
        case Operation.DAYS_SINCE:
            return np.where(where, age, np.nan), "min"
        case Operation.DAYS_SINCE_FIRST:
            return np.where(where, age, np.nan), "max"
        case Operation.SUM:
            return np.where(where, frame[term.column].to_numpy(float, na_value=np.nan), 0.0), "sum"
        case Operation.MAXIMUM:
            return np.where(where, frame[term.column].to_numpy(float, na_value=np.nan), np.nan), "max"
    ahead = (frame[term.column] - today).dt.days.to_numpy(float, na_value=np.nan)
    match term.operation:
        case Operation.IN_FORCE:
            return (where & ~(ahead <= 0)).astype(float), "sum"
        case Operation.OVERDUE:
            return (where & (ahead < 0)).astype(float), "sum"
        case Operation.DAYS_OVERDUE:
            return np.where(where & (ahead < 0), -ahead, np.nan), "max"
        case Operation.DAYS_UNTIL:
            return np.where(where & (ahead >= 0), ahead, np.nan), "min"
        case Operation.AGE_SUM:
            return np.where(where, -ahead, 0.0), "sum"
        case Operation.AGE_MAXIMUM:
            return np.where(where, -ahead, np.nan), "max"
    raise TypeError(term.operation)


def pandas_groupby(task: Task) -> None:
    """Run group-bys in memory, one a table and as-of date."""
    import pandas as pd

    tables = terms_by_table()
    codes = pd.Index(task.snapshot.codes().to_pandas())
    days = [name for name in SHARED if name not in ("credit_code",)]
    frames = {}
    for table, terms in tables.items():
        read = [
            pd.read_parquet(name, columns=columns_of(table, terms)) for name in task.snapshot.files(table)
        ]
        frame = pd.concat(read)
        for name in frame.columns:
            if name in days or any(term.column == name for term in terms if term.operation not in ZERO):
                if frame[name].dtype == object:
                    frame[name] = pd.to_datetime(frame[name])
            elif name in ("removed_on", "valid_to", "ended_on"):
                frame[name] = pd.to_datetime(frame[name])
        frames[table] = frame
    parts = []
    for day in task.dates:
        today = pd.Timestamp(day)
        named = {}
        for table, terms in tables.items():
            frame = frames[table]
            seen = (frame["event_date"] <= today) & (frame["recorded_at"] <= today)
            for end in ENDS:
                seen &= ~(frame[end] <= today)
            frame = frame[seen]
            frame = frame.assign(age=(today - frame["event_date"]).dt.days)
            conditions: dict[Expression, Any] = {}
            made = {n: _pandas_term(t, frame, today, conditions) for t, n in terms.items()}
            columns = pd.DataFrame({n: column for n, (column, _) in made.items()}, index=frame.index)
            grouped = columns.groupby(frame["credit_code"].to_numpy(), sort=False)
            found = grouped.agg({n: how for n, (_, how) in made.items()}).reindex(codes)
            for term, name in terms.items():
                named[term] = found[name].fillna(0) if term.operation in ZERO else found[name]
        values = {}
        for feature in FEATURES:
            value = named[feature.terms[0]]
            if len(feature.terms) > 1:
                value = (value / named[feature.terms[1]]).where(named[feature.terms[1]] > 0)
            values[feature.name] = value.astype(float).to_numpy()
        parts.append(pd.DataFrame({"credit_code": codes, "as_of": day, **values}))
    pd.concat(parts).to_parquet(task.out, compression="zstd", index=False)


CONTENDERS: Mapping[str, Callable[[Task], None]] = {
    "ours": ours,
    "duckdb": duckdb_sql,
    "polars": polars_streaming,
    "pandas": pandas_groupby,
}
