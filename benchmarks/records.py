"""Records for benchmarks: many enterprises fast, shaped like those of a province."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from features.records import TABLES
from features.store import RecordStore
from features.store.snapshot import Snapshot

FIRST = np.datetime64("2018-01-01", "D").astype(int)
DAYS = 2900
#: As-of dates, the last of which sees all records but the late ones.
AS_OF = ("2022-12-31", "2023-12-31", "2024-12-31", "2025-12-31")
#: Mean number of records an enterprise.
MEANS = {
    "enterprise": 1.0,
    "inspection": 3.0,
    "penalty": 0.6,
    "complaint": 1.5,
    "annual_report": 2.5,
    "change": 0.8,
    "abnormal_list": 0.3,
    "relation": 1.2,
    "licence": 0.6,
    "commitment": 0.4,
}
#: Loaded at once; bounds the memory of loading.
ENTERPRISES_A_LOAD = 500_000
_COMPANIES = 1_000_000_000


def credit_codes(first: int, count: int) -> np.ndarray:
    """Return sorted identifiers of another register, so that no real enterprise is meant."""
    numbers = np.arange(first, first + count) + _COMPANIES
    return np.char.add("BENCH:", numbers.astype("U10")).astype(object)


def records(
    first: int, count: int, seed: int, factor: int = 1, *, plain: bool = False
) -> dict[str, pa.Table]:
    """Return the records of enterprises ``first`` to ``first + count``.

    Parameters
    ----------
    first, count
        Which enterprises.
    seed
        The same seed gives the same records.
    factor
        Records of each table but the registration, times this.
    plain
        Whether every record is known on its day and never ends, for peers that can express no more.
    """
    rng = np.random.default_rng([seed, first, factor])
    codes = credit_codes(first, count)
    return {
        name: _table(name, mean * (1 if name == "enterprise" else factor), codes, rng, plain=plain)
        for name, mean in MEANS.items()
    }


def _table(name: str, mean: float, codes: np.ndarray, rng: np.random.Generator, *, plain: bool) -> pa.Table:
    table = TABLES[name]
    number = np.ones(len(codes), dtype=np.int64) if name == "enterprise" else rng.poisson(mean, len(codes))
    who = np.repeat(np.arange(len(codes)), number)
    rows = len(who)
    event = np.where(name == "enterprise", 0, rng.integers(0, DAYS, rows)) + FIRST
    recorded = event + (0 if plain else rng.integers(0, 40, rows))
    start = np.char.add(f"{name}-", (np.arange(rows)).astype("U9")).astype(object)
    identifier = np.char.add(np.char.add(codes[who].astype("U16"), ":"), start.astype("U24"))
    columns: dict[str, Any] = {
        "credit_code": pa.array(codes).take(pa.array(who)),
        "event_date": _dates(event),
        "recorded_at": _dates(recorded),
        "provider": pa.repeat("bench", rows),
        "record_id": pa.array(identifier.astype(object), pa.string()),
    }
    for end, share in (("withdrawn_at", 0.01), ("repaired_at", 0.01), ("expires_at", 0.1)):
        columns[end] = _dates(
            recorded + rng.integers(30, 1100, rows), rng.random(rows) >= (0.0 if plain else share)
        )
    for column in table.columns:
        missing = None if column.required else rng.random(rows) < 0.1
        if column.codes is not None:
            values = pa.array(list(column.codes))
            weight = 1.0 / np.arange(1, len(values) + 1)
            place = rng.choice(len(values), rows, p=weight / weight.sum())
            columns[column.name] = values.take(pa.array(place, mask=missing))
        elif column.type == "date":
            columns[column.name] = _dates(event + rng.integers(0, 1500, rows), rng.random(rows) < 0.4)
        elif column.type == "bool":
            columns[column.name] = pa.array(rng.random(rows) < 0.2, mask=missing)
        elif column.name == "year":
            columns[column.name] = pa.array(
                (event.astype("datetime64[D]").astype("datetime64[Y]")).astype(int) + 1969
            )
        elif column.type == "float":
            columns[column.name] = pa.array(np.round(rng.random(rows), 3), mask=missing)
        elif column.type in ("int", "fen"):
            low, high = (
                (1, 4) if column.name == "static_risk" else (0, 5 if column.type == "int" else 10_000_000)
            )
            columns[column.name] = pa.array(rng.integers(low, high + 1, rows), mask=missing)
        else:
            columns[column.name] = _words(column.name, rows, codes, rng)
    return pa.table([columns[n] for n in table.arrow_schema.names], schema=table.arrow_schema)


def _words(name: str, rows: int, codes: np.ndarray, rng: np.random.Generator) -> pa.Array:
    if name == "industry":
        words = [f"{section}{division}10" for section in "ACFHL" for division in range(11, 20)]
    elif name == "district":
        words = [f"99{city:02d}{county:02d}" for city in range(1, 12) for county in range(1, 13)]
    elif name == "person_key":
        people = np.char.add("P", rng.integers(0, 2 * len(codes), rows).astype("U10"))
        return pa.array(people.astype(object), pa.string())
    elif name == "related_code":
        return pa.array(rng.choice(codes, rows), pa.string(), mask=rng.random(rows) < 0.8)
    elif name == "address":
        street = np.char.add("Road ", rng.integers(0, len(codes), rows).astype("U10"))
        return pa.array(street.astype(object), pa.string())
    else:
        words = [f"{name} {number}" for number in range(20)]
    return pa.array(words).take(pa.array(rng.integers(0, len(words), rows)))


def _dates(days: np.ndarray, missing: np.ndarray | None = None) -> pa.Array:
    return pa.array(days.astype(np.int32), pa.int32(), mask=missing).cast(pa.date32())


def store_of(
    folder: Path, enterprises: int, seed: int = 1, factor: int = 1, *, plain: bool = False
) -> Snapshot:
    """Load such records into a store and return its snapshot; an earlier load is used again."""
    store = RecordStore(folder / f"store-{enterprises}-{seed}-{factor}{'-plain' if plain else ''}")
    for first in range(0, enterprises, ENTERPRISES_A_LOAD):
        marker = store.root / f"loaded-{first}"
        if marker.exists():
            continue
        count = min(ENTERPRISES_A_LOAD, enterprises - first)
        with store.begin(load_id=f"bench-{first}", source="bench") as load:
            for name, table in records(first, count, seed, factor, plain=plain).items():
                load.add(name, table.append_column("source_line", pa.array(np.arange(table.num_rows))))
            load.commit([])
        marker.touch()
    return store.snapshot()
