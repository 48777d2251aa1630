"""A province from its files to published, explained tiers: time by stage, peak memory, throughput, growth.

Every stage is a command of the product in a process of its own, so that the peak memory is its own as well.
Models are trained once, on a province of its own seed, and are taken from its registry: what grows with a
province is simulated, loaded, computed and classified. Provinces have three years of records, some ten an
enterprise. Beside the sizes two cases are measured: ``clusters``, the same classification by threads, Dask
and Spark, compared byte by byte; and ``renewal``, a classification after more records came, against a whole
run and compared with it. ``BENCHMARK_ENTERPRISES=1000000,5000000`` names other sizes than the built-in ones,
``BENCHMARK_DATA`` a folder that is kept.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.case_results import CaseResults
from benchmarks.features import peak_memory
from benchmarks.late_records import LATE, OF_ANYBODY, load_late, withheld

AS_OF, MONTH_BEFORE = "2025-12-31", "2025-11-30"
START = "2023-01-01"
#: Enterprises classified and explained a second; bytes; growth of the time against that of the province; a
#: whole run against a renewal.
THROUGHPUT_AIM, MEMORY_AIM, GROWTH_AIM, RENEWAL_AIM = 5_000.0, 4 * 2**30, 1.1, 20.0
LOOKUPS = 100
CLUSTERS, RENEWAL = "clusters", "renewal"
RUNNERS = ("threads", "dask", "spark")
FULL_SIZES = ("100000", "1000000", "5000000")
CASES = (*FULL_SIZES, CLUSTERS, RENEWAL)


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
#: Up to so many enterprises models are trained on few dates, and the general one alone: what is measured is
#: not how good they are.
FEW = 3_000
FEW_DATES = {
    "general": {"windows": {"train_dates": 8, "every_months": 6, "test_dates": 1}, "minimum_labels": 50}
}


def stage(home: Path, name: str, *arguments: str, registry: Path | None = None) -> dict[str, float]:
    """Run a command in a process of its own; return its seconds and the bytes at its peak.

    Returns
    -------
    dict
        ``seconds``; ``processor`` seconds and ``bytes`` of the process itself; ``bytes_in_all``, of it and
        all that it started, as seen every quarter of a second.
    """
    environment = dict(os.environ)
    if registry is not None:
        environment["RISK_MODEL_TRACKING_URI"] = f"sqlite:///{registry / 'mlflow.db'}"
    asked = json.dumps([name, *arguments, "--home", str(home)])
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.province", asked],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        watch = _Watch(process.pid)
        output, _ = process.communicate()
        in_all = watch.peak()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, [name, *arguments], output)
    found: dict[str, float] = json.loads(output.splitlines()[-1])
    return {**found, "bytes_in_all": max(in_all, found["bytes"])}


class _Watch:
    """Looks at the memory of a process and all that it started until it is gone."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._highest = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def peak(self) -> float:
        """Return the highest sum seen, in bytes; memory that processes share counts for each."""
        self._over.set()
        self._thread.join()
        return self._highest

    def _look(self) -> None:
        while not self._over.wait(0.25):
            self._highest = max(self._highest, _resident(self._pid))


def _resident(root: int) -> float:
    parents, sizes = {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            # Gone while we looked.
            continue
        parents[int(folder.name)] = int(fields[1])
        sizes[int(folder.name)] = int(fields[21]) * os.sysconf("SC_PAGE_SIZE")
    wanted = {root}
    while more := {pid for pid, parent in parents.items() if parent in wanted} - wanted:
        wanted |= more
    return float(sum(sizes.get(pid, 0) for pid in wanted))


def work(arguments: Sequence[str]) -> dict[str, float]:
    """Do what :func:`stage` asks of its process."""
    from risk_model.cli import build

    before, processor = time.perf_counter(), time.process_time()
    build()(args=list(arguments), standalone_mode=False)
    return {
        "seconds": time.perf_counter() - before,
        "processor": time.process_time() - processor,
        "bytes": float(peak_memory()),
    }


def records_of(home: Path) -> list[str]:
    """Return the files of a simulated province."""
    return [str(path) for path in sorted((home / "simulated" / "records").glob("*.parquet"))]


def trained(folder: Path, enterprises: int) -> Path:
    """Return a home with champions, made unless it is there."""
    home = folder / f"trained-{enterprises}"
    if not (home / "trained").exists():
        stage(home, "simulate", "--enterprises", str(enterprises), "--seed", "2")
        stage(home, "ingest", "simulated", *records_of(home))
        if enterprises > FEW:
            stage(home, "train", "all")
        else:
            profile = home / "few-dates.yaml"
            # JSON is YAML.
            profile.write_text(json.dumps(FEW_DATES), encoding="utf-8")
            stage(home, "train", "general", "--profile", str(profile))
        (home / "trained").touch()
    return home


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


def renewals(folder: Path, enterprises: int, registry: Path) -> dict[str, Any]:
    """Renew a classification after late records, in each way that they may come; compare with whole runs."""
    found: dict[str, Any] = {"enterprises": enterprises}
    source = folder / f"late-{enterprises}"
    stage(source, "simulate", "--enterprises", str(enterprises), "--start", START)
    for way in LATE:
        home = folder / f"late-{enterprises}-{way.replace(' ', '-')}"
        files = withheld(source / "simulated" / "records", home / "files", way)
        stage(home, "ingest", "simulated", *files.first)
        stage(home, "classify", "--as-of", AS_OF, registry=registry)
        load_late(home, files)
        renewed = stage(home, "classify", "--as-of", AS_OF, registry=registry)
        whole = stage(home, "classify", "--as-of", AS_OF, "--anew", registry=registry)
        told = agreement(home)
        found[way] = {
            "records_late": files.share,
            "seconds_renewed": round(renewed["seconds"], 2),
            "seconds_whole": round(whole["seconds"], 2),
            "faster": whole["seconds"] / renewed["seconds"],
            **told,
        }
        print(f"{enterprises:>10,} enterprises, late: {way:<30} {found[way]}", flush=True)
        if way == OF_ANYBODY:
            found["untouched by a month"] = untouched_by_a_month(home, registry)
        shutil.rmtree(home)
    shutil.rmtree(source)
    return found


def untouched_by_a_month(home: Path, registry: Path) -> float:
    """Return the share of enterprises of whom a month later the general model would say the same.

    Every feature is then between the same two thresholds as it was: that is what a renewal from one month to
    the next could leave alone.
    """
    import numpy as np

    from features.definitions import LIBRARY
    from features.home import Home
    from risk_model.publication import Publication
    from risk_model.registry import Registry
    from risk_model.renewal import other_side
    from risk_model.shipping import Fleet, ModelVersion

    later = Publication.current(Home(home))
    stage(home, "classify", "--as-of", MONTH_BEFORE, registry=registry)
    before = Publication.current(Home(home))
    model, version = Registry(Home(registry)).load("general")
    thresholds = Fleet({"general": ModelVersion(model, version.version)}).thresholds
    both = [
        one.features_table(model.feature_names).to_pandas().set_index("credit_code")
        for one in (before, later)
    ]
    both = [one.loc[both[0].index.intersection(both[1].index)] for one in both]
    changed = np.zeros(len(both[0]), dtype=bool)
    for name in model.feature_names:
        old, new = (one[name].to_numpy() for one in both)
        if LIBRARY[name].categories is not None:
            changed |= ~((old == new) | (np.isnan(old) & np.isnan(new)))
        else:
            changed |= other_side(thresholds.get(name), old, new)
    return float(1 - changed.mean())


def agreement(home: Path) -> dict[str, Any]:
    """Return whether the last two classifications say the same, and how much of them had changed before."""
    from features.home import Home
    from risk_model.publication import Publication

    base, renewed, whole = Publication.all(Home(home))[-3:]
    # As frames: missing values are equal there.
    values = (one.features_table().to_pandas() for one in (renewed, whole))
    equal = renewed.rows().equals(whole.rows()) and next(values).equals(next(values))
    for model in whole.models:
        equal &= renewed.contributions_table(model).equals(whole.contributions_table(model))
    before, after = (
        one.rows(model="general", columns=["credit_code", "margin"]).to_pandas().set_index("credit_code")
        for one in (base, whole)
    )
    both = before.rename(columns={"margin": "before"}).join(after, how="outer")
    return {"equal": equal, "margins_changed": float((both["before"] != both["margin"]).mean())}


def run(quick: bool, cases: tuple[str, ...] = (), results: Path | None = None) -> dict[str, Any]:
    """Run the benchmark, or some of its cases."""
    effort = QUICK if quick else FULL
    named = os.environ.get("BENCHMARK_ENTERPRISES")
    sizes = tuple(map(int, named.split(","))) if named else effort.sizes
    kept = CaseResults(results)
    others = (CLUSTERS, RENEWAL) if effort.others else ()
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
            else:
                figures = {case: measure(folder, int(case), registry, keep=bool(stays))}
            kept.put(case, told, figures, {}, time.perf_counter() - before)
    there = tuple(case for case in (*map(str, sizes), CLUSTERS, RENEWAL) if kept.has(case, told))
    return summary(kept.document(there)["figures"], [case for case in there if case.isdigit()])


def summary(figures: dict[str, Any], sizes: list[str]) -> dict[str, Any]:
    """Return ratios, figures and aims from what the cases gave."""
    found = {"cores": os.cpu_count(), "as_of": AS_OF, "measured": figures["measured"]}
    found["sizes"] = {size: figures[size] for size in sizes}
    found |= {case: figures[case] for case in (CLUSTERS, RENEWAL) if case in figures}
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
    if RENEWAL in figures:
        ways = [figures[RENEWAL][way] for way in LATE]
        aims["a renewal gives what a whole run gives"] = aim(
            float(all(way["equal"] for way in ways)), 1.0, least=True
        )
        for way in LATE:
            aims[f"renewal against a whole run, late: {way}"] = aim(
                figures[RENEWAL][way]["faster"], RENEWAL_AIM, least=True
            )
    return {"ratios": ratios, "figures": found, "aims": aims}


def aim(value: float, wanted: float, *, least: bool = False) -> dict[str, Any]:
    """Return a figure beside its aim."""
    told = value if math.isfinite(value) else None
    return {"value": told, "aim": wanted, "met": bool(value >= wanted if least else value <= wanted)}


if __name__ == "__main__":
    print(json.dumps(work(json.loads(sys.argv[1]))))
