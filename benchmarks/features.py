"""Feature tables: the kernel beside DuckDB SQL, Polars streaming and pandas, on the same records.

Values are compared first. Then all take turns, each in a process of its own, so that the peak memory is
its own as well; the time is that of the work, without starting the interpreter and importing. Featuretools
is measured only if it is installed.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import featuretools_peer
from benchmarks.records import AS_OF, store_of

#: Ours over the better of DuckDB and Polars; bytes of memory; times faster a row than Featuretools.
TIME_AIM, MEMORY_AIM, FEATURETOOLS_AIM = 0.5, 2**30, 40.0


@dataclass(frozen=True)
class Effort:
    """How much is measured.

    Attributes
    ----------
    sizes
        Enterprises, with the peers that go so far.
    repetitions
        Turns of each.
    scaling
        Enterprises on which the cost of dates and records is measured.
    """

    sizes: dict[int, tuple[str, ...]]
    repetitions: int
    scaling: int


FULL = Effort(
    {200_000: ("ours", "duckdb", "polars", "pandas"), 2_000_000: ("ours", "duckdb", "polars")}, 3, 50_000
)
QUICK = Effort({10_000: ("ours", "duckdb", "polars", "pandas")}, 1, 2_000)


def measure(folder: Path, enterprises: int, contender: str) -> Any:
    """Run one contender in a process of its own.

    Returns
    -------
    dict
        ``seconds``, ``processor`` seconds of all threads, and ``bytes`` at the peak.
    """
    asked = json.dumps(
        {
            "folder": str(folder),
            "enterprises": enterprises,
            "contender": contender,
            "dates": AS_OF,
            "factor": 1,
        }
    )
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.features", asked],
        check=True,
        capture_output=True,
        text=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def work(asked: dict[str, Any]) -> dict[str, float]:
    """Do what :func:`measure` asks of its process."""
    import numpy as np
    import pyarrow as pa

    from benchmarks.contenders import CONTENDERS, FEATURES, Task
    from features.kernel import Plan, evaluate

    folder = Path(asked["folder"])
    snapshot = store_of(folder, asked["enterprises"], factor=asked["factor"])
    dates = tuple(date.fromisoformat(day) for day in asked["dates"])
    contender = CONTENDERS[asked["contender"]]
    if asked["contender"] == "ours":
        # Load the compiled loop, as the others' libraries are loaded compiled.
        nobody = np.zeros(0, dtype=np.int64)
        plan = Plan(FEATURES)
        none = {name: snapshot.read(name, codes=("", "")) for name in plan.tables}
        evaluate(plan, none, pa.array(["x"]), nobody, nobody)
    before, used = time.perf_counter(), time.process_time()
    contender(Task(snapshot, dates, folder / f"{asked['contender']}.parquet"))
    seconds, processor = time.perf_counter() - before, time.process_time() - used
    return {"seconds": seconds, "processor": processor, "bytes": peak_memory()}


def peak_memory() -> int:
    """Return the largest resident memory of this process since it was started, in bytes.

    ``ru_maxrss`` also counts what the parent held when it forked, so the kernel's own mark is preferred.
    """
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def agree(folder: Path, contenders: Sequence[str]) -> None:
    """Make sure that all wrote the same values.

    Raises
    ------
    AssertionError
        If they did not.
    """
    import numpy as np
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    def in_order(contender: str) -> tuple[Any, Any]:
        path = folder / f"{contender}.parquet"
        keys = pq.read_table(path, columns=["credit_code", "as_of"])
        order = pc.sort_indices(keys, [("credit_code", "ascending"), ("as_of", "ascending")])
        return order, keys.take(order)

    order, keys = in_order(contenders[0])
    orders = {contender: in_order(contender) for contender in contenders[1:]}
    for contender, (_, others) in orders.items():
        # Polars writes large strings: only the values count.
        assert keys.equals(others.cast(keys.schema)), contender
    names = pq.read_schema(folder / f"{contenders[0]}.parquet").names[2:]
    for name in names:
        ours = _column(folder, contenders[0], name, order)
        for contender, (other_order, _) in orders.items():
            theirs = _column(folder, contender, name, other_order)
            np.testing.assert_allclose(ours, theirs, rtol=1e-12, err_msg=f"{contender}: {name}")


def _column(folder: Path, contender: str, name: str, order: Any) -> Any:
    """Return one column that a contender wrote, in the order of the pairs."""
    import pyarrow.parquet as pq

    values = pq.read_table(folder / f"{contender}.parquet", columns=[name])[name]
    return values.to_numpy().astype(float)[order.to_numpy()]


def compare(folder: Path, effort: Effort, figures: dict[str, Any]) -> dict[int, dict[str, dict[str, float]]]:
    """Let all contenders take turns at every size; medians."""
    found: dict[int, dict[str, dict[str, float]]] = {}
    smallest = min(effort.sizes)
    for enterprises, contenders in effort.sizes.items():
        snapshot = store_of(folder, enterprises)
        figures[f"records_{enterprises}"] = sum(snapshot.counts().values())
        turns: dict[str, list[dict[str, float]]] = {contender: [] for contender in contenders}
        for repetition in range(effort.repetitions):
            # The order turns, so that nobody always comes after the same other.
            for contender in (
                contenders[repetition % len(contenders) :] + contenders[: repetition % len(contenders)]
            ):
                turns[contender].append(measure(folder, enterprises, contender))
            if repetition == 0 and enterprises == smallest:
                agree(folder, contenders)
                print(f"{enterprises:,} enterprises: all contenders agree on every value", flush=True)
        found[enterprises] = {
            contender: {
                key: median(turn[key] for turn in of_one) for key in ("seconds", "processor", "bytes")
            }
            for contender, of_one in turns.items()
        }
        for contender, turn in found[enterprises].items():
            mebibytes = turn["bytes"] / 2**20
            print(
                f"{enterprises:>10,} {contender:<8} {turn['seconds']:8.2f} s, "
                f"{turn['processor']:8.2f} s of processor, {mebibytes:6.0f} MiB",
                flush=True,
            )
    return found


def scaling(folder: Path, enterprises: int) -> dict[str, Any]:
    """Measure how the cost grows with the dates and with the records."""
    months = [f"{2018 + month // 12}-{month % 12 + 1:02d}-28" for month in range(95, -1, -4)]
    asked = {"folder": str(folder), "enterprises": enterprises, "contender": "ours", "factor": 1}
    seconds = {
        f"{count} dates": work({**asked, "dates": sorted(months[:count])})["seconds"] for count in (1, 4, 24)
    }
    seconds["10 times the records, 4 dates"] = work({**asked, "dates": sorted(months[:4]), "factor": 10})[
        "seconds"
    ]
    for what, value in seconds.items():
        print(f"{enterprises:>10,} enterprises, {what:<30} {value:8.2f} s", flush=True)
    return seconds


def beside_featuretools(folder: Path, *, quick: bool) -> dict[str, Any] | None:
    """Measure Featuretools and ours on the same rows; None if there is none."""
    if featuretools_peer.interpreter() is None:
        print(
            "Featuretools is not measured: make a virtual environment with "
            "`pip install featuretools pyarrow 'pandas<3'`, and name its interpreter in "
            "BENCHMARK_FEATURETOOLS",
            flush=True,
        )
        return None
    size = featuretools_peer.QUICK_ENTERPRISES if quick else featuretools_peer.ENTERPRISES
    found = featuretools_peer.measure(folder, size)
    print(
        f"{size:>10,} Featuretools {found['featuretools']:.2f} s, ours {found['ours']:.3f} s "
        f"for {found['features']} features and {found['rows']:,} rows; all values agree",
        flush=True,
    )
    return found


def run(quick: bool) -> dict[str, Any]:
    """Run the benchmark."""
    from benchmarks.contenders import FEATURES

    effort = QUICK if quick else FULL
    figures: dict[str, Any] = {"features": len(FEATURES), "as_of_dates": len(AS_OF), "cores": os.cpu_count()}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(os.environ.get("BENCHMARK_DATA") or name)
        found = compare(folder, effort, figures)
        grown = scaling(folder, effort.scaling)
        beside = beside_featuretools(folder, quick=quick)
        figures["featuretools"] = beside or "not installed, not measured"
    largest = max(found)
    of_largest = found[largest]
    best = min(of_largest[peer]["seconds"] for peer in ("duckdb", "polars"))
    figures |= {
        "seconds": {
            str(n): {c: round(t["seconds"], 3) for c, t in turns.items()} for n, turns in found.items()
        },
        "processor_seconds": {
            str(n): {c: round(t["processor"], 3) for c, t in turns.items()} for n, turns in found.items()
        },
        "peak_mib": {
            str(n): {c: round(t["bytes"] / 2**20) for c, t in turns.items()} for n, turns in found.items()
        },
        "scaling_seconds": {what: round(value, 3) for what, value in grown.items()},
    }
    ratios = {
        f"{peer}_{n}": turns["ours"]["seconds"] / turns[peer]["seconds"]
        for n, turns in found.items()
        for peer in turns
        if peer != "ours"
    }
    by_dates = grown["24 dates"] / grown["4 dates"]
    by_records = grown["10 times the records, 4 dates"] / grown["4 dates"]
    values = {
        "time over the better of DuckDB and Polars": (of_largest["ours"]["seconds"] / best, TIME_AIM),
        "peak memory in bytes": (of_largest["ours"]["bytes"], MEMORY_AIM),
        "24 dates over 4 dates": (by_dates, 6.0),
        "10 times the records": (by_records, 10.0),
    }
    aims = {
        what: {"value": value, "aim": aim, "met": bool(value <= aim)} for what, (value, aim) in values.items()
    }
    times = beside["featuretools"] / beside["ours"] if beside else None
    aims["times faster a row than Featuretools"] = {
        "value": times,
        "aim": FEATURETOOLS_AIM,
        "met": times is not None and times >= FEATURETOOLS_AIM,
    }
    return {"ratios": ratios, "figures": figures, "aims": aims}


if __name__ == "__main__":
    print(json.dumps(work(json.loads(sys.argv[1]))))
