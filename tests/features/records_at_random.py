"""Random canonical records with all that real ones suffer, and the rule of visibility read once more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from features.records import TABLES
from features.records.schema import Column

NEVER = date(9999, 12, 31)
FIRST = date(2018, 1, 1)
DAYS = 2200
#: Days lie mostly on a grid, or so beside it that differences are often just a window (183, 365, 730, 1095,
#: 1826 days), or a day more or less: where rules are wrong, they are wrong at their bounds.
GRID = 73
BESIDE = (0, 0, 0, 0, 1, -1, -37)
#: Strings of columns that have no closed list of codes.
WORDS = {
    "industry": ["H6210", "C1411", "F5211", "H62", "X", ""],
    "district": ["110105", "110108", "500101"],
    "address": ["Road 1", "Road 2", "Road 3", "Road 4"],
    "category": ["乳制品", "食用农产品", "餐饮食品", "01"],
    "item": ["维护保养记录", "住所", "a"],
}
ORDER = ("event_date", "recorded_at", "record_id")


def day(number: int) -> date:
    """Return a day of the test period."""
    return FIRST + timedelta(days=int(number))


def on_grid(rng: np.random.Generator, first: int, last: int) -> int:
    """Return a number of days on the grid or just beside it."""
    return int(rng.integers(first // GRID, last // GRID + 1) * GRID + rng.choice(BESIDE))


def _value(column: Column, rng: np.random.Generator, codes: Sequence[str]) -> Any:  # noqa: PLR0911
    if not column.required and rng.random() < 0.25:
        return None
    if column.codes is not None:
        return str(rng.choice(list(column.codes)))
    if column.name == "related_code":
        return str(rng.choice(codes))
    if column.name == "person_key":
        return f"person-{rng.integers(4)}"
    if column.type == "string":
        return str(rng.choice(WORDS.get(column.name, ["a", "b", "ab", ""])))
    if column.type == "date":
        return day(on_grid(rng, -200, DAYS + 800))
    if column.type == "bool":
        return bool(rng.random() < 0.5)
    if column.type == "float":
        return float(rng.integers(0, 5)) / 4
    if column.name == "year":
        return int(rng.integers(2015, 2024))
    if column.type == "fen":
        return int(rng.integers(-3 if column.low is None else 0, 4)) * 10_000_019
    return int(rng.integers(column.low or 0, min(column.high or 4, 4) + 1))


def random_records(
    rng: np.random.Generator,
    codes: Sequence[str],
    rows: int,
    tables: Sequence[str] = tuple(TABLES),
) -> dict[str, pa.Table]:
    """Return tables of ``rows`` records, some of several versions, withdrawn, repaired, expired or late."""
    content: dict[str, list[dict[str, Any]]] = {}
    identifiers: list[tuple[str, str, str]] = []
    for name in tables:
        lines = []
        for number in range(rows):
            code = str(rng.choice(codes))
            record = f"{name}-{number:04d}"
            identifiers.append((name, record, code))
            happened = on_grid(rng, 0, DAYS)
            known = happened + rng.choice([0, 0, 1, 30, GRID, 5 * GRID])
            for version in range(rng.choice([1, 1, 1, 2, 3])):
                line = {column.name: _value(column, rng, codes) for column in TABLES[name].columns}
                line |= {
                    "credit_code": code,
                    "event_date": day(happened + (rng.choice([-GRID, 0, 0, 1]) if version else 0)),
                    "recorded_at": day(known),
                    "provider": "test",
                    "record_id": record,
                }
                for end in ("withdrawn_at", "repaired_at", "expires_at"):
                    line[end] = day(known + on_grid(rng, 0, 900)) if rng.random() < 0.15 else None
                lines.append(line)
                known += max(1, on_grid(rng, 0, 500))
        content[name] = lines
    for line in content.get("credit_repair", []):
        table, record, code = identifiers[rng.integers(len(identifiers))]
        line["target_table"], line["target_record_id"] = table, record
        line["credit_code"] = code if rng.random() < 0.8 else line["credit_code"]
    # A record belongs to one enterprise, whatever its version.
    owner: dict[str, str] = {}
    for line in content.get("credit_repair", []):
        line["credit_code"] = owner.setdefault(line["record_id"], line["credit_code"])
    return {name: pa.Table.from_pylist(rows, TABLES[name].arrow_schema) for name, rows in content.items()}


def with_visibility(records: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
    """Add the interval of visibility as docs/architecture.md states it, and sort as a snapshot does."""
    repairs: dict[tuple[str, str, str], date] = {}
    if "credit_repair" in records:
        for line in records["credit_repair"].to_pylist():
            if line["decision"] == "granted":
                key = (line["target_table"], line["target_record_id"], line["credit_code"])
                known = max(line["event_date"], line["recorded_at"])
                repairs[key] = min(known, repairs.get(key, NEVER))
    result = {}
    for name, table in records.items():
        lines = table.to_pylist()
        recorded: dict[str, list[date]] = {}
        for line in lines:
            recorded.setdefault(line["record_id"], []).append(line["recorded_at"])
        for line in lines:
            ends = [later for later in recorded[line["record_id"]] if later > line["recorded_at"]]
            ends += [line[end] for end in ("withdrawn_at", "repaired_at", "expires_at") if line[end]]
            ends.append(repairs.get((name, line["record_id"], line["credit_code"]), NEVER))
            line["visible_from"], line["visible_to"] = line["recorded_at"], min([*ends, NEVER])
        lines.sort(key=lambda line: (line["credit_code"], *(line[key] for key in ORDER)))
        schema = table.schema
        for end in ("visible_from", "visible_to"):
            schema = schema.append(pa.field(end, pa.date32()))
        result[name] = pa.Table.from_pylist(lines, schema)
    return result


def known_by(records: Mapping[str, pa.Table], as_of: date) -> dict[str, pa.Table]:
    """Return only the rows that had been recorded by a date."""
    import pyarrow.compute as pc

    return {name: table.filter(pc.less_equal(table["recorded_at"], as_of)) for name, table in records.items()}


class Tables:
    """Records with visibility, read as a runner reads a snapshot."""

    def __init__(self, records: Mapping[str, pa.Table]) -> None:
        self._tables = with_visibility(records)

    def exists(self, table: str) -> bool:
        """Return whether there is such a table."""
        return table in self._tables

    def read(
        self, table: str, columns: Sequence[str] | None = None, codes: tuple[str, str] | None = None
    ) -> pa.Table:
        """Return rows as :meth:`features.store.snapshot.Snapshot.read` does."""
        import pyarrow.compute as pc

        found = self._tables.get(table)
        if found is None:
            schema = TABLES[table].arrow_schema
            for end in ("visible_from", "visible_to"):
                schema = schema.append(pa.field(end, pa.date32()))
            found = schema.empty_table()
        if codes is not None:
            code = found["credit_code"]
            found = found.filter(pc.and_(pc.greater_equal(code, codes[0]), pc.less_equal(code, codes[1])))
        if columns is not None:
            found = found.select([*dict.fromkeys(columns), "visible_from", "visible_to"])
        return found

    def codes(self) -> pa.Array:
        """Return all credit codes, sorted."""
        found = {code for table in self._tables.values() for code in table["credit_code"].to_pylist()}
        return pa.array(sorted(found), pa.string())


def pairs_of(codes: Sequence[str], dates: Sequence[date]) -> pa.Table:
    """Return every code at every date."""
    return pa.table(
        {
            "credit_code": pa.array([code for code in codes for _ in dates], pa.string()),
            "as_of": pa.array([day for _ in codes for day in dates], pa.date32()),
        }
    )
