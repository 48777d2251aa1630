"""Rows that a real export has and should not: every one is counted, none takes a true row's place."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.records import TABLES, RecordTable
from features.records.credit_code import ALPHABET
from features.simulation.parameters import Parameters

#: Dates that no calendar has, or no reader can take.
IMPOSSIBLE = ("2023-02-30", "2021-13-05", "0000-00-00", "2019-06-31")
#: A code that no code set has.
UNKNOWN = "未知码"
#: Tables whose old rows came with a business registration number of 15 digits.
LEGACY_TABLES = ("penalty", "complaint", "inspection", "annual_report")
QUARANTINED = ("wrong_check", "impossible_date", "unknown_code", "missing_required")


def soil(
    table: pa.Table, name: str, issued: int, parameters: Parameters, rng: np.random.Generator
) -> tuple[pa.Table, Mapping[str, int]]:
    """Add dirty rows to a table, at random places.

    Parameters
    ----------
    table
        The true rows, as exported.
    name
        Name of the table.
    issued
        How many record numbers the table has used; dirty rows other than exact duplicates take new
        ones, so that they are versions of nothing.
    parameters
        Shares of each kind.
    rng
        Source of the choice.

    Returns
    -------
    table, counts
        The table with dirt, and the number of rows added by kind.
    """
    schema = TABLES[name]
    shares = {
        "duplicate": parameters.dirt_duplicate,
        "wrong_check": parameters.dirt_wrong_check,
        "impossible_date": parameters.dirt_impossible_date,
        "unknown_code": parameters.dirt_unknown_code if _coded(schema) else 0.0,
        "missing_required": parameters.dirt_missing_required,
        "legacy_code": parameters.dirt_legacy_code if name in LEGACY_TABLES else 0.0,
    }
    parts, counts, number = [table], {}, issued
    for kind, share in shares.items():
        count = int(rng.poisson(share * table.num_rows))
        counts[kind] = count
        if not count:
            continue
        rows = table.take(pa.array(rng.integers(0, table.num_rows, size=count)))
        if kind != "duplicate":
            ids = pa.array([f"SIM:{name}:{number + k}" for k in range(count)])
            rows = _set(rows, "record_id", ids)
            number += count
            rows = _SPOIL[kind](rows, schema, rng)
        parts.append(rows)
    whole = pa.concat_tables(parts)
    places = np.concatenate(
        [np.arange(table.num_rows), rng.random(whole.num_rows - table.num_rows) * table.num_rows]
    )
    if whole.num_rows > table.num_rows:
        whole = whole.take(pa.array(np.argsort(places, kind="stable")))
    return whole.combine_chunks(), counts


def _coded(schema: RecordTable) -> list[str]:
    return [column.name for column in schema.columns if column.codes is not None and column.required]


def _set(table: pa.Table, column: str, values: pa.Array) -> pa.Table:
    return table.set_column(table.schema.get_field_index(column), column, values)


def _wrong_check(rows: pa.Table, schema: RecordTable, rng: np.random.Generator) -> pa.Table:
    wrong = []
    for code in rows["credit_code"].to_pylist():
        place = ALPHABET.index(code[17])
        wrong.append(code[:17] + ALPHABET[(place + int(rng.integers(1, 31))) % 31])
    return _set(rows, "credit_code", pa.array(wrong, type=pa.string()))


def _impossible_date(rows: pa.Table, schema: RecordTable, rng: np.random.Generator) -> pa.Table:
    column = "event_date" if rng.random() < 0.7 else "recorded_at"
    return _set(rows, column, pa.array([IMPOSSIBLE[i] for i in rng.integers(0, 4, size=rows.num_rows)]))


def _unknown_code(rows: pa.Table, schema: RecordTable, rng: np.random.Generator) -> pa.Table:
    choices = _coded(schema)
    column = choices[int(rng.integers(0, len(choices)))]
    return _set(rows, column, pa.array([UNKNOWN] * rows.num_rows))


def _missing_required(rows: pa.Table, schema: RecordTable, rng: np.random.Generator) -> pa.Table:
    choices = ["credit_code", "event_date", *(c.name for c in schema.columns if c.required)]
    which = rng.integers(0, len(choices), size=rows.num_rows)
    for place, column in enumerate(choices):
        values = rows[column]
        kept = pc.if_else(pa.array(which == place), pa.scalar(None, type=values.type), values)
        rows = _set(rows, column, kept)
    return rows


def _legacy_code(rows: pa.Table, schema: RecordTable, rng: np.random.Generator) -> pa.Table:
    numbers = rng.integers(10**8, 10**9, size=rows.num_rows)
    return _set(rows, "credit_code", pa.array([f"990101{number:09d}" for number in numbers]))


_SPOIL = {
    "wrong_check": _wrong_check,
    "impossible_date": _impossible_date,
    "unknown_code": _unknown_code,
    "missing_required": _missing_required,
    "legacy_code": _legacy_code,
}
