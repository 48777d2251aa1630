"""The same features by Featuretools with cut-off times.

Featuretools knows one time a record and cannot be told that one is withdrawn, repaired, expired or known
only later. So it gets records that are known on the day of their event and never end, with every condition
worked out beforehand as a column. What it has a primitive for is compared: counts, sums, largest values and
days since the newest record, each with its condition and its window.

Featuretools brings its own versions of pandas and more, so it runs in an interpreter of its own: this one if
it has it, or the one that ``BENCHMARK_FEATURETOOLS`` names (a virtual environment with ``pip install
featuretools pyarrow 'pandas<3'`` is all it takes). This module imports nothing of ours when it runs there.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

#: Enterprises: Featuretools needs milliseconds a row.
ENTERPRISES = 5_000
QUICK_ENTERPRISES = 500


def interpreter() -> str | None:
    """Return the interpreter that has Featuretools, or None."""
    named = os.environ.get("BENCHMARK_FEATURETOOLS")
    if named:
        return named
    return sys.executable if find_spec("featuretools") is not None else None


def measure(folder: Path, enterprises: int) -> dict[str, Any]:
    """Compute features by both, compare every value, and return the seconds a row of each.

    Parameters
    ----------
    folder
        Where records and results may be put.
    enterprises
        How many.

    Returns
    -------
    dict
        ``rows``, ``features``, ``ours`` and ``featuretools`` (seconds).

    Raises
    ------
    AssertionError
        If the values differ.
    """
    import numpy as np
    import pyarrow.parquet as pq

    from benchmarks.records import AS_OF, store_of
    from features.cohort import everyone
    from features.kernel import Plan
    from features.runners import compute

    snapshot = store_of(folder, enterprises, plain=True)
    terms = {feature.name: feature.terms[0] for feature in expressible()}
    spec = exported(folder, snapshot, terms)
    command = interpreter()
    assert command is not None
    done = subprocess.run(
        [command, str(Path(__file__).resolve()), json.dumps(spec)],
        check=True,
        capture_output=True,
        text=True,
    )
    theirs = json.loads(done.stdout.splitlines()[-1])

    from datetime import date

    dates = tuple(date.fromisoformat(day) for day in AS_OF)
    plan = Plan(expressible())
    compute(snapshot, plan, everyone(snapshot, dates[:1]).slice(0, 10))
    before = time.perf_counter()
    ours = compute(snapshot, plan, everyone(snapshot, dates))
    seconds = time.perf_counter() - before

    found = pq.read_table(spec["out"]).sort_by([("credit_code", "ascending"), ("as_of", "ascending")])
    assert found["credit_code"].to_pylist() == ours["credit_code"].to_pylist()
    for name in terms:
        mine = ours[name].to_numpy()
        other = found[name].to_numpy()
        np.testing.assert_allclose(mine, other, rtol=1e-9, err_msg=name)
    return {
        "rows": ours.num_rows,
        "features": len(terms),
        "ours": seconds,
        "featuretools": theirs["seconds"],
    }


def expressible() -> tuple[Any, ...]:
    """Return the features that Featuretools has a primitive for."""
    from benchmarks.contenders import FEATURES
    from features.definitions.terms import Operation

    can = {Operation.COUNT, Operation.SUM, Operation.MAXIMUM, Operation.DAYS_SINCE}
    return tuple(
        feature for feature in FEATURES if len(feature.terms) == 1 and feature.terms[0].operation in can
    )


def exported(folder: Path, snapshot: Any, terms: Mapping[str, Any]) -> dict[str, Any]:
    """Write the records with their conditions as columns, and return what is asked of Featuretools."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from benchmarks.records import AS_OF
    from features.definitions.expressions import EVERYTHING, Columns

    conditions: dict[str, dict[Any, str]] = {}
    wanted: dict[str, set[str]] = {}
    features = []
    for name, term in terms.items():
        of_table = conditions.setdefault(term.table, {})
        wanted.setdefault(term.table, set()).update(term.where.columns)
        if term.column is not None:
            wanted[term.table].add(term.column)
        flag = None if term.where == EVERYTHING else of_table.setdefault(term.where, f"c{len(of_table)}")
        features.append(
            {
                "name": name,
                "table": term.table,
                "operation": term.operation.value,
                "column": term.column,
                "flag": flag,
                "days": None if term.window.name == "all" else term.window.days,
            }
        )
    tables = {}
    for table, of_table in conditions.items():
        rows = snapshot.read(
            table, columns=["record_id", "credit_code", "event_date", *sorted(wanted[table])]
        )
        columns = Columns(rows)
        kept = rows.select(
            [
                "record_id",
                "credit_code",
                "event_date",
                *sorted({f["column"] for f in features if f["table"] == table and f["column"]}),
            ]
        )
        for expression, flag in of_table.items():
            kept = kept.append_column(flag, pa.array(columns.truth(expression).holds))
        tables[table] = str(folder / f"featuretools-{table}.parquet")
        pq.write_table(kept, tables[table])
    codes = folder / "featuretools-codes.parquet"
    pq.write_table(pa.table({"credit_code": snapshot.codes()}), codes)
    return {
        "codes": str(codes),
        "tables": tables,
        "features": features,
        "dates": list(AS_OF),
        "out": str(folder / "featuretools.parquet"),
    }


def run_there(spec: dict[str, Any]) -> float:
    """Compute the features by Featuretools; return the seconds of the work without imports."""
    import warnings

    import featuretools as ft
    import pandas as pd
    from featuretools import primitives

    warnings.simplefilter("ignore")
    before = time.perf_counter()
    entities = ft.EntitySet("records")
    codes = pd.read_parquet(spec["codes"])
    entities.add_dataframe(dataframe_name="enterprise_", dataframe=codes, index="credit_code")
    for table, path in spec["tables"].items():
        rows = pd.read_parquet(path)
        rows["event_date"] = pd.to_datetime(rows["event_date"])
        kinds = {name: "Boolean" for name in rows.columns if rows[name].dtype == bool}
        kinds |= {
            name: "Double"
            for name in rows.columns
            if name not in kinds and name not in ("record_id", "credit_code", "event_date")
        }
        entities.add_dataframe(
            dataframe_name=table,
            dataframe=rows,
            index="record_id",
            time_index="event_date",
            logical_types={**kinds, "credit_code": "Categorical"},
        )
        entities.add_relationship("enterprise_", "credit_code", table, "credit_code")
    made = {
        "count": lambda: primitives.Count,
        "sum": lambda: primitives.Sum,
        "maximum": lambda: primitives.Max,
        "days_since": lambda: primitives.TimeSinceLast(unit="days"),
    }
    base = {"count": "record_id", "days_since": "event_date"}
    windows: dict[Any, list[Any]] = {}
    for asked in spec["features"]:
        frame = entities[asked["table"]].ww
        where = None if asked["flag"] is None else ft.Feature(frame[asked["flag"]]) == True  # noqa: E712
        feature = ft.Feature(
            frame[base.get(asked["operation"], asked["column"])],
            parent_dataframe_name="enterprise_",
            primitive=made[asked["operation"]](),
            where=where,
        ).rename(asked["name"])
        windows.setdefault(asked["days"], []).append((asked, feature))
    cutoffs = pd.concat(
        [
            pd.DataFrame({"credit_code": codes["credit_code"], "time": pd.Timestamp(day)})
            for day in spec["dates"]
        ]
    )
    parts = []
    for days, features in windows.items():
        parts.append(
            ft.calculate_feature_matrix(
                [feature for _, feature in features],
                entityset=entities,
                cutoff_time=cutoffs,
                cutoff_time_in_index=True,
                training_window=None if days is None else ft.Timedelta(days, "d"),
                include_cutoff_time=True,
            )
        )
    whole = pd.concat(parts, axis=1)
    for asked in spec["features"]:
        values = whole[asked["name"]].astype(float)
        if asked["operation"] in ("count", "sum"):
            values = values.fillna(0.0)
        whole[asked["name"]] = values
    whole = whole.reset_index().rename(columns={"time": "as_of"})
    whole["credit_code"] = whole["credit_code"].astype(str)
    whole.to_parquet(spec["out"], index=False)
    return time.perf_counter() - before


if __name__ == "__main__":
    print(json.dumps({"seconds": run_there(json.loads(sys.argv[1]))}))
