"""Commands of the product as stages of a benchmark, each in a process of its own: seconds and memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.features import peak_memory

AS_OF, MONTH_BEFORE = "2025-12-31", "2025-11-30"
START = "2023-01-01"
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
        ``seconds``; ``of_the_command``, the same with the start of the process; ``processor`` seconds and
        ``bytes`` of the process itself; ``bytes_in_all``, of it and all that it started, as seen every
        quarter of a second.
    """
    environment = dict(os.environ)
    if registry is not None:
        environment["RISK_MODEL_TRACKING_URI"] = f"sqlite:///{registry / 'mlflow.db'}"
    asked = json.dumps([name, *arguments, "--home", str(home)])
    before = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.stages", asked],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        watch = _Watch(process.pid)
        output, _ = process.communicate()
        of_the_command = time.perf_counter() - before
        in_all = watch.peak()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, [name, *arguments], output)
    found: dict[str, float] = json.loads(output.splitlines()[-1])
    told = {"of_the_command": of_the_command, "bytes_in_all": max(in_all, found["bytes"])}
    return {**found, **told}


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
    from risk_model.cli import build, collect_rarely

    collect_rarely()
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


if __name__ == "__main__":
    print(json.dumps(work(json.loads(sys.argv[1]))))
