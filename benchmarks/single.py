"""One enterprise: from its records to all features, as the service does it for every request.

Measured from records in canonical Arrow tables. The peer is the same kernel by the way of a batch.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.records import records
from features.definitions import LIBRARY
from features.kernel import Plan, evaluate
from features.records import TABLES
from features.runners.single import compute_one

RECORDS = 100
AS_OF = date(2025, 12, 31)
#: Seconds at the median.
AIM = 0.002


def sample(count: int) -> tuple[str, dict[str, pa.Table]]:
    """Return an enterprise with so many records, over all tables that the generator knows."""
    made = records(0, 1, seed=7, factor=12)
    own: dict[str, pa.Table] = {}
    left = count
    for name, table in made.items():
        own[name] = table.slice(0, min(table.num_rows, max(left, 0)))
        left -= own[name].num_rows
    code = own["enterprise"]["credit_code"][0].as_py()
    return code, {name: table.combine_chunks() for name, table in own.items() if table.num_rows}


def batch(plan: Plan, own: dict[str, pa.Table], code: str) -> np.ndarray:
    """Compute the same as a batch of one."""
    prepared = {}
    for name in TABLES:
        table = own.get(name)
        if table is None:
            table = TABLES[name].arrow_schema.empty_table()
        never = pa.scalar(date(9999, 12, 31), pa.date32())
        ends = [table[end] for end in ("withdrawn_at", "repaired_at", "expires_at")]
        until = pc.min_element_wise(*ends, never, skip_nulls=True)
        table = table.append_column("visible_from", table["recorded_at"]).append_column("visible_to", until)
        order = [("event_date", "ascending"), ("recorded_at", "ascending"), ("record_id", "ascending")]
        prepared[name] = table.sort_by(order)
    today = np.array([np.datetime64(AS_OF, "D").astype(np.int64)])
    return evaluate(plan, prepared, pa.array([code]), np.zeros(1, dtype=np.int64), today)


def seconds(work: Callable[[], Any], repetitions: int) -> np.ndarray:
    """Return the time of each repetition after a few that do not count."""
    for _ in range(5):
        work()
    found = np.empty(repetitions)
    for repetition in range(repetitions):
        before = time.perf_counter()
        work()
        found[repetition] = time.perf_counter() - before
    return found


def run(quick: bool) -> dict[str, Any]:
    """Run the benchmark."""
    plan = Plan(LIBRARY)
    code, own = sample(RECORDS)
    one = compute_one(plan, own, code, AS_OF, known_tables=TABLES)
    np.testing.assert_array_equal(one, batch(plan, own, code))
    repetitions = 200 if quick else 2000
    contenders: dict[str, Callable[[], Any]] = {
        "arrow": lambda: compute_one(plan, own, code, AS_OF, known_tables=TABLES),
        "batch of one": lambda: batch(plan, own, code),
    }
    times: dict[str, list[np.ndarray]] = {name: [] for name in contenders}
    for _ in range(4):
        for name, work in contenders.items():
            times[name].append(
                seconds(work, repetitions // 4 if name != "batch of one" else repetitions // 20)
            )
    milliseconds = {
        name: {f"p{q}": float(np.percentile(np.concatenate(parts), q)) * 1e3 for q in (50, 95, 99)}
        for name, parts in times.items()
    }
    for name, of_one in milliseconds.items():
        print(f"{name:<14}" + "".join(f"  {q} {value:7.3f} ms" for q, value in of_one.items()), flush=True)
    p50 = milliseconds["arrow"]["p50"] / 1e3
    return {
        "ratios": {"batch of one": milliseconds["arrow"]["p50"] / milliseconds["batch of one"]["p50"]},
        "figures": {
            "records": sum(table.num_rows for table in own.values()),
            "features": len(plan.names),
            "milliseconds": milliseconds,
        },
        "aims": {"seconds at the median, from Arrow": {"value": p50, "aim": AIM, "met": p50 <= AIM}},
    }
