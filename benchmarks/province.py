"""A province from its files to published, explained tiers: time by stage, peak memory, throughput, growth.

Every stage is a command of the product in a process of its own, so that the peak memory is its own as well.
Models are trained once, on a province of its own seed, and are taken from its registry: what grows with a
province is simulated, loaded, computed and classified. ``BENCHMARK_ENTERPRISES=1000000,5000000`` names other
sizes than the built-in ones, ``BENCHMARK_DATA`` a folder that is kept.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.features import peak_memory

FULL, QUICK = (200_000, 1_000_000), (5_000, 10_000)
TRAINED_ON, TRAINED_ON_QUICK = 20_000, 8_000
AS_OF = "2025-12-31"
#: Enterprises classified and explained a second; bytes; growth of the time against that of the province.
THROUGHPUT_AIM, MEMORY_AIM, GROWTH_AIM = 5_000.0, 4 * 2**30, 1.1
LOOKUPS = 200


def stage(home: Path, name: str, *arguments: str, registry: Path | None = None) -> dict[str, float]:
    """Run a command in a process of its own; return its seconds and the bytes at its peak."""
    environment = dict(os.environ)
    if registry is not None:
        environment["RISK_MODEL_TRACKING_URI"] = f"sqlite:///{registry / 'mlflow.db'}"
    asked = json.dumps([name, *arguments, "--home", str(home)])
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.province", asked],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def work(arguments: Sequence[str]) -> dict[str, float]:
    """Do what :func:`stage` asks of its process."""
    from risk_model.cli import build

    before = time.perf_counter()
    build()(args=list(arguments), standalone_mode=False)
    return {"seconds": time.perf_counter() - before, "bytes": float(peak_memory())}


def records_of(home: Path) -> list[str]:
    """Return the files of a simulated province."""
    return [str(path) for path in sorted((home / "simulated" / "records").glob("*.parquet"))]


def trained(folder: Path, enterprises: int) -> Path:
    """Return a home with champions, made unless it is there."""
    home = folder / f"trained-{enterprises}"
    if not (home / "trained").exists():
        stage(home, "simulate", "--enterprises", str(enterprises), "--seed", "2")
        stage(home, "ingest", "simulated", *records_of(home))
        stage(home, "train", "all")
        (home / "trained").touch()
    return home


def measure(folder: Path, enterprises: int, registry: Path) -> dict[str, Any]:
    """Run all stages at one size."""
    home = folder / f"province-{enterprises}"
    stages = {"simulate": stage(home, "simulate", "--enterprises", str(enterprises))}
    stages["ingest"] = stage(home, "ingest", "simulated", *records_of(home))
    out = str(folder / "features.parquet")
    stages["features"] = stage(home, "features", "--as-of", AS_OF, "--out", out)
    stages["classify"] = stage(home, "classify", "--as-of", AS_OF, registry=registry)

    from features.home import Home
    from features.store import RecordStore
    from risk_model.publication import Publication

    publication = Publication.current(Home(home))
    classified = publication.document["enterprises"]
    rows = sum(RecordStore(home / "store").snapshot().counts().values())
    residual = max(told["largest_residual"] for told in publication.document["models"].values())
    for name, found in stages.items():
        print(
            f"{enterprises:>10,} enterprises, {name:<9} {found['seconds']:9.1f} s, "
            f"{found['bytes'] / 2**20:7.0f} MiB",
            flush=True,
        )
    return {
        "records": rows,
        "classified": classified,
        "largest_residual": residual,
        "seconds": {name: round(found["seconds"], 2) for name, found in stages.items()},
        "peak_mib": {name: round(found["bytes"] / 2**20) for name, found in stages.items()},
        "classified_a_second": classified / stages["classify"]["seconds"],
        "lookup_ms": lookups(publication),
    }


def lookups(publication: Any) -> dict[str, float]:
    """Return the median milliseconds of a row and of an exact explanation, by credit code."""
    import numpy as np

    codes = publication.rows(model="general", columns=["credit_code"])["credit_code"]
    chosen = np.random.default_rng(1).choice(len(codes), LOOKUPS)
    turns: dict[str, list[float]] = {"row": [], "contributions": []}
    for place in chosen.tolist():
        code = codes[place].as_py()
        before = time.perf_counter()
        publication.find(code, "general")
        between = time.perf_counter()
        publication.contributions(code, "general")
        turns["row"].append(between - before)
        turns["contributions"].append(time.perf_counter() - between)
    return {name: round(1000 * median(seconds), 3) for name, seconds in turns.items()}


def run(quick: bool) -> dict[str, Any]:
    """Run the benchmark."""
    named = os.environ.get("BENCHMARK_ENTERPRISES")
    sizes = tuple(int(size) for size in named.split(",")) if named else (QUICK if quick else FULL)
    figures: dict[str, Any] = {"cores": os.cpu_count(), "as_of": AS_OF}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(os.environ.get("BENCHMARK_DATA") or name)
        registry = trained(folder, TRAINED_ON_QUICK if quick else TRAINED_ON)
        found = {size: measure(folder, size, registry) for size in sizes}
    small, large = found[min(sizes)], found[max(sizes)]
    growth = {
        name: (large["seconds"][name] / small["seconds"][name]) / (max(sizes) / min(sizes))
        for name in large["seconds"]
    }
    figures["sizes"] = {str(size): told for size, told in found.items()}
    values = {
        "enterprises classified and explained a second": (large["classified_a_second"], THROUGHPUT_AIM),
        "peak memory in bytes of any stage": (max(large["peak_mib"].values()) * 2**20, MEMORY_AIM),
        "growth of classify against linear": (growth["classify"], GROWTH_AIM),
    }
    return {
        "ratios": {f"growth_{name}": round(value, 3) for name, value in growth.items()},
        "figures": figures,
        "aims": {
            what: {
                "value": value,
                "aim": aim,
                "met": bool(value >= aim if aim == THROUGHPUT_AIM else value <= aim),
            }
            for what, (value, aim) in values.items()
        },
    }


if __name__ == "__main__":
    print(json.dumps(work(json.loads(sys.argv[1]))))
