"""A province from its files to published, explained tiers: time by stage, peak memory, throughput, growth.

Every stage is a command of the product in a process of its own, so that the peak memory is its own as well.
Models are trained once, on a province of its own seed, and are taken from its registry: what grows with a
province is simulated, loaded, computed and classified. Provinces have three years of records, some ten an
enterprise. Beside the sizes three cases are measured: ``clusters``, the same classification by threads, Dask
and Spark, compared byte by byte; ``renewal``, a classification after more records came in several ways,
against a whole run and compared with it; and ``late-delivery``, the same of the largest province after the
late records of a bureau. ``BENCHMARK_ENTERPRISES=1000000,5000000`` names other sizes than the built-in ones,
``BENCHMARK_DATA`` a folder that is kept.
"""

from __future__ import annotations

import hashlib
import math
import os
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.case_results import CaseResults
from benchmarks.late_records import LATE, OF_A_DISTRICT
from benchmarks.renewals import FRESH, PUBLISHED, late_delivery, renewals
from benchmarks.stages import AS_OF, START, records_of, stage, trained

#: Enterprises classified and explained a second; bytes; growth of the time against that of the province; a
#: whole run against a renewal.
THROUGHPUT_AIM, MEMORY_AIM, GROWTH_AIM, RENEWAL_AIM = 5_000.0, 4 * 2**30, 1.1, 20.0
LOOKUPS = 100
CLUSTERS, RENEWAL, LATE_DELIVERY = "clusters", "renewal", "late-delivery"
RUNNERS = ("threads", "dask", "spark")
FULL_SIZES = ("100000", "1000000", "5000000")
CASES = (*FULL_SIZES, CLUSTERS, RENEWAL, LATE_DELIVERY)


@dataclass(frozen=True)
class Effort:
    """How much is measured.

    Attributes
    ----------
    sizes
        Enterprises of the provinces.
    trained_on
        Enterprises of the province that models are trained on.
    others
        Enterprises of the province that the other cases take; no others if 0.
    """

    sizes: tuple[int, ...]
    trained_on: int
    others: int


FULL = Effort(tuple(map(int, FULL_SIZES)), 20_000, 200_000)
#: One size: growth cannot be told in so short a time, and is told not to be met.
QUICK = Effort((2_000,), 3_000, 0)


def measure(folder: Path, enterprises: int, registry: Path, *, keep: bool) -> dict[str, Any]:
    """Run all stages at one size."""
    home = folder / f"province-{enterprises}"
    stages = {"simulate": stage(home, "simulate", "--enterprises", str(enterprises), "--start", START)}
    stages["ingest"] = stage(home, "ingest", "simulated", *records_of(home))
    out = folder / "features.parquet"
    stages["features"] = stage(home, "features", "--as-of", AS_OF, "--out", str(out))
    stages["classify"] = stage(home, "classify", "--as-of", AS_OF, registry=registry)

    from features.home import Home
    from features.store import RecordStore
    from risk_model.publication import Publication

    before = time.perf_counter()
    publication = Publication.current(Home(home))
    publication.check()
    taken_up = time.perf_counter() - before
    classified = publication.document["enterprises"]
    rows = sum(RecordStore(home / "store").snapshot().counts().values())
    residual = max(told["largest_residual"] for told in publication.document["models"].values())
    for name, found in stages.items():
        print(
            f"{enterprises:>10,} enterprises, {name:<9} {found['seconds']:9.1f} s, "
            f"{found['processor']:9.1f} s of a core, {found['bytes'] / 2**20:7.0f} MiB",
            flush=True,
        )
    told = {
        "records": rows,
        "classified": classified,
        "largest_residual": residual,
        "seconds": {name: round(found["seconds"], 2) for name, found in stages.items()},
        "processor_seconds": {name: round(found["processor"], 2) for name, found in stages.items()},
        "peak_mib": {name: round(found["bytes"] / 2**20) for name, found in stages.items()},
        "classified_a_second": classified / stages["classify"]["seconds"],
        "shards": len(publication.document["shards"]),
        "taken_up_ms": round(1000 * taken_up, 1),
        "lookup_ms": lookups(publication),
        "disk_mib": {
            name: round(sum(path.stat().st_size for path in (home / name).rglob("*.parquet")) / 2**20)
            for name in ("simulated", "store", "published")
        },
    }
    if not keep:
        shutil.rmtree(home)
        out.unlink()
    return told


def lookups(publication: Any) -> dict[str, float]:
    """Return the median milliseconds of a row and of an exact explanation, by credit code.

    Codes are drawn at random, so that hardly any two are of one shard: each look-up opens its files.
    """
    import numpy as np

    shards = len(publication.document["shards"])
    rng = np.random.default_rng(1)
    turns: dict[str, list[float]] = {
        "row": [],
        "contributions": [],
        "row again": [],
        "contributions again": [],
    }
    for number in rng.integers(0, shards, LOOKUPS).tolist():
        first = publication.document["shards"][number]["first"]
        last = publication.document["shards"][number]["last"]
        codes = publication.between(first, last, ["credit_code"])["credit_code"]
        code = codes[int(rng.integers(0, len(codes)))].as_py()
        for again in ("", " again"):
            before = time.perf_counter()
            publication.find(code, "general")
            between = time.perf_counter()
            publication.contributions(code, "general")
            turns[f"row{again}"].append(between - before)
            turns[f"contributions{again}"].append(time.perf_counter() - between)
    return {name: round(1000 * median(seconds), 3) for name, seconds in turns.items()}


def clusters(folder: Path, enterprises: int, registry: Path) -> dict[str, Any]:
    """Classify by every runner; return time, memory, and whether every file is the same byte by byte."""
    home = folder / f"clusters-{enterprises}"
    stage(home, "simulate", "--enterprises", str(enterprises), "--start", START)
    stage(home, "ingest", "simulated", *records_of(home))
    found: dict[str, Any] = {}
    digests: dict[str, str] = {}
    for runner in RUNNERS:
        told = stage(home, "classify", "--as-of", AS_OF, "--runner", runner, "--anew", registry=registry)
        digests[runner] = digest(home)
        found[runner] = {
            "seconds": round(told["seconds"], 2),
            "peak_mib_of_all_processes": round(told["bytes_in_all"] / 2**20),
        }
        print(f"{enterprises:>10,} enterprises, classify by {runner:<8} {told['seconds']:8.1f} s", flush=True)
    shutil.rmtree(home)
    return {"enterprises": enterprises, "equal": len(set(digests.values())) == 1, "runners": found}


def digest(home: Path) -> str:
    """Return a SHA-256 of all files of the shards in force."""
    from features.home import Home
    from risk_model.publication import Publication

    publication = Publication.current(Home(home))
    told = hashlib.sha256()
    for path in sorted(publication.folder.rglob("[0-9]*/*.parquet")):
        told.update(str(path.relative_to(publication.folder)).encode())
        told.update(path.read_bytes())
    return told.hexdigest()


def run(quick: bool, cases: tuple[str, ...] = (), results: Path | None = None) -> dict[str, Any]:
    """Run the benchmark, or some of its cases."""
    effort = QUICK if quick else FULL
    named = os.environ.get("BENCHMARK_ENTERPRISES")
    sizes = tuple(map(int, named.split(","))) if named else effort.sizes
    kept = CaseResults(results)
    others = (CLUSTERS, RENEWAL, LATE_DELIVERY) if effort.others else ()
    told = {"trained_on": effort.trained_on, "start": START, "as_of": AS_OF}
    with tempfile.TemporaryDirectory() as name:
        stays = os.environ.get("BENCHMARK_DATA")
        folder = Path(stays or name)
        for case in cases or (*map(str, sizes), *others):
            if case not in cases and kept.has(case, told):
                continue
            registry = trained(folder, effort.trained_on)
            before = time.perf_counter()
            if case == CLUSTERS:
                figures = {CLUSTERS: clusters(folder, effort.others, registry)}
            elif case == RENEWAL:
                figures = {RENEWAL: renewals(folder, effort.others, registry)}
            elif case == LATE_DELIVERY:
                figures = {LATE_DELIVERY: late_delivery(folder, max(sizes), registry)}
            else:
                figures = {case: measure(folder, int(case), registry, keep=bool(stays))}
            kept.put(case, told, figures, {}, time.perf_counter() - before)
    there = tuple(
        case for case in (*map(str, sizes), CLUSTERS, RENEWAL, LATE_DELIVERY) if kept.has(case, told)
    )
    return summary(kept.document(there)["figures"], [case for case in there if case.isdigit()])


def summary(figures: dict[str, Any], sizes: list[str]) -> dict[str, Any]:
    """Return ratios, figures and aims from what the cases gave."""
    found = {"cores": os.cpu_count(), "as_of": AS_OF, "measured": figures["measured"]}
    found["sizes"] = {size: figures[size] for size in sizes}
    found |= {case: figures[case] for case in (CLUSTERS, RENEWAL, LATE_DELIVERY) if case in figures}
    ratios: dict[str, float] = {}
    aims: dict[str, Any] = {}
    if sizes:
        small, large = (figures[of(sizes, key=int)] for of in (min, max))
        times = max(map(int, sizes)) / min(map(int, sizes))
        growth = {name: large["seconds"][name] / small["seconds"][name] / times for name in large["seconds"]}
        by_core, small_by_core = (one["processor_seconds"] for one in (large, small))
        for name, value in growth.items() if len(sizes) > 1 else ():
            ratios[f"growth_{name}"] = round(value, 3)
            # What a busy machine does not change.
            told = by_core[name] / small_by_core[name] / times
            ratios[f"growth_{name}_processor"] = round(told, 3)
        aims = {
            "enterprises classified and explained a second": aim(
                large["classified_a_second"], THROUGHPUT_AIM, least=True
            ),
            "peak memory in bytes of any stage": aim(max(large["peak_mib"].values()) * 2**20, MEMORY_AIM),
            "growth of classify against linear": aim(
                growth["classify"] if len(sizes) > 1 else float("inf"), GROWTH_AIM
            ),
            "milliseconds of a look-up by code": aim(max(large["lookup_ms"].values()), 10.0),
        }
    if CLUSTERS in figures:
        aims["Dask and Spark give the same bytes"] = aim(float(figures[CLUSTERS]["equal"]), 1.0, least=True)
    told = [
        (case, way, kind, figures[case][way][kind])
        for case in (RENEWAL, LATE_DELIVERY)
        if case in figures
        for way in LATE
        for kind in (FRESH, PUBLISHED)
        if kind in figures[case].get(way, {})
    ]
    if told:
        aims["a renewal gives what a whole run gives"] = aim(
            float(all(one["equal"] for *_, one in told)), 1.0, least=True
        )
    for case, way, kind, one in told:
        ratios[f"{case}, late: {way}, {kind}"] = round(one["faster"], 2)
    if LATE_DELIVERY in figures:
        aims["a renewal against a whole run, late delivery of a bureau to a province"] = aim(
            figures[LATE_DELIVERY][OF_A_DISTRICT][PUBLISHED]["faster"], RENEWAL_AIM, least=True
        )
    if RENEWAL in figures:
        # Of few enterprises the start of the process alone is a third of a whole run.
        aims["a renewal against a whole run, the worst of all ways"] = aim(
            min(one["faster"] for case, *_, one in told if case == RENEWAL), RENEWAL_AIM, least=True
        )
    return {"ratios": ratios, "figures": found, "aims": aims}


def aim(value: float, wanted: float, *, least: bool = False) -> dict[str, Any]:
    """Return a figure beside its aim."""
    told = value if math.isfinite(value) else None
    return {"value": told, "aim": wanted, "met": bool(value >= wanted if least else value <= wanted)}
