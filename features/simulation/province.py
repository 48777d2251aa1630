"""The simulation from the first month to the written files."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from features.errors import InputError
from features.records import TABLES
from features.simulation import blocks
from features.simulation.blocks import Block, Common
from features.simulation.conduct import Commitments, Complaints, Penalties
from features.simulation.dirt import QUARANTINED, soil
from features.simulation.equipment import Equipment
from features.simulation.export import Export
from features.simulation.food import Food
from features.simulation.inspections import Inspections
from features.simulation.licences import Licences
from features.simulation.lists import AbnormalList, SeriousList
from features.simulation.months import Months, to_day
from features.simulation.parameters import Parameters
from features.simulation.population import populate
from features.simulation.recorder import Recorder
from features.simulation.registration import AnnualReports, Registration
from features.simulation.relations import Relations
from features.simulation.repair import repair
from features.simulation.risk import LatentRisk, sigmoid
from features.simulation.truth import Truth
from features.simulation.world import World, generators

#: Called with months done and months in all.
Progress = Callable[[int, int], None]

START = date(2016, 1, 1)
END = date(2025, 12, 31)
#: As many as the library puts into a row group by default.
ROWS_A_GROUP = 1 << 20


@dataclass(frozen=True)
class SimulationReport:
    """What was simulated.

    Attributes
    ----------
    out
        Folder of the files.
    enterprises, seed, start, end
        As asked.
    rows
        Rows written by table, dirt included.
    dirt
        Rows added by table and kind; all but ``duplicate`` and ``legacy_code`` are to be quarantined.
    truth_rows
        Rows of the true risk.
    parameters
        All numbers that were used.
    """

    out: Path
    enterprises: int
    seed: int
    start: date
    end: date
    rows: dict[str, int]
    dirt: dict[str, dict[str, int]]
    truth_rows: int
    parameters: dict[str, Any]

    @property
    def quarantine(self) -> dict[str, int]:
        """Rows by table that a reader must quarantine."""
        return {table: sum(kinds[kind] for kind in QUARANTINED) for table, kinds in self.dirt.items()}

    def as_dict(self) -> dict[str, Any]:
        """Return the report as plain data, without the folder."""
        return {
            "enterprises": self.enterprises,
            "seed": self.seed,
            "start": self.start.isoformat(),
            "end": self.end.isoformat(),
            "rows": self.rows,
            "dirt": self.dirt,
            "quarantine": self.quarantine,
            "truth_rows": self.truth_rows,
            "parameters": self.parameters,
        }


def simulate(
    *,
    enterprises: int,
    seed: int,
    out: Path,
    start: date = START,
    end: date = END,
    progress: Progress | None = None,
    parameters: Parameters | None = None,
) -> SimulationReport:
    """Simulate a province and write what its systems would export.

    Parameters
    ----------
    enterprises
        All that are ever registered, also those that are founded on the way.
    seed
        The same seed, size, period and parameters give the same files, byte for byte, on the same libraries.
    out
        Gets ``records/<table>.parquet``, ``truth.parquet`` and ``simulation.json``.
    start, end
        First day of a month and last day of a month.
    progress
        Called after each month.
    parameters
        Rates and strengths.

    Returns
    -------
    SimulationReport
        Counts of rows and of dirt.

    Raises
    ------
    InputError
        If the number of enterprises or the period cannot be simulated.

    Notes
    -----
    ``truth.parquet`` has one row an enterprise in business and date (every 1 January and 1 July after
    the start, and the day after the end): the mean over the six months from that date of the probability
    that an inspection of a domain finds a problem; :class:`features.simulation.truth.Truth` says exactly
    what. :mod:`features.simulation.risk` has the model. Nobody but an evaluation may read it.

    A province of more than :data:`features.simulation.blocks.ENTERPRISES` is simulated and written in blocks
    of so many: the memory is that of one block. Its first block is the province of that size with the same
    seed. Rows of the files, and of the truth, come block by block.
    """
    if enterprises < 100:
        message = f"a province has at least 100 enterprises, got {enterprises}."
        raise InputError(message, field="enterprises", fix="Ask for more.")
    p, months = parameters or Parameters(), Months.between(start, end)
    sizes = blocks.sizes(enterprises)
    block = Block()
    with _Files(out, seed) as files:
        for number, size in enumerate(sizes):
            told = None if progress is None else _block_of(progress, number, len(sizes))
            world, truth = live(p, months, size, seed, told, block=block)
            files.add(world, truth)
            block = Block(
                number + 1,
                {name: world.recorder.issued(name) + files.dirty(name) for name in TABLES},
                block.equipment + world.equipment,
                blocks.together(block.subjects, world.population.subject),
                block.common or Common(world.latent.common, world.draws),
            )
            # Only what the next block must know outlives this one.
            del world, truth
    return files.report(months, p)


def _block_of(progress: Progress, number: int, of: int) -> Progress:
    return lambda done, months: progress(number * months + done, of * months)


def live(
    p: Parameters,
    months: Months,
    enterprises: int,
    seed: int,
    progress: Progress | None = None,
    *,
    handed_over: int | None = None,
    observe: Callable[[World, AbnormalList], None] | None = None,
    block: Block | None = None,
) -> tuple[World, Truth]:
    """Let the province, or a block of it, live through its months.

    Parameters
    ----------
    p, months, enterprises, seed, progress
        As for :func:`simulate`.
    handed_over
        Month from which others decide who is inspected, complaints apart.
    observe
        Called at the end of each month, before the next one begins.
    block
        Which enterprises these are; by default all.
    """
    block = block or Block()
    rngs = generators(seed, block.number)
    population = populate(p, months, enterprises, rngs["population"], block.subjects)
    risk = None if block.common is None else block.common.risk
    latent = LatentRisk(p, population, int(months.first[0]), rngs["latent"], risk)
    world = World(p, months, population, latent, Recorder(block.issued), rngs, block)
    relations = Relations(world)
    registration = Registration(world, relations)
    reports = AnnualReports(world)
    abnormal, serious = AbnormalList(world), SeriousList(world)
    penalties = Penalties(world, serious)
    complaints, commitments = Complaints(world), Commitments(world)
    licences, food, equipment = Licences(world), Food(world), Equipment(world)
    inspections = Inspections(world, penalties, abnormal, handed_over)
    world.equipment, world.draws = equipment.count, inspections.rates
    truth = Truth(population)
    told = set(months.half_years) - {0}
    while True:
        if world.month in told:
            truth.begin(world.month, world.first, world.alive)
        truth.add(latent.probabilities())
        if world.month < months.count:
            registration.step()
            reports.step()
            abnormal.step(reports.filed, reports.overdue)
            received = complaints.step()
            penalties.step()
            commitments.step()
            licences.step()
            food.step()
            equipment.step()
            inspections.step(received)
            licences.lose(*inspections.severe)
            if observe:
                observe(world, abnormal)
            if progress:
                progress(world.month + 1, months.count)
        elif not truth.waiting:
            break
        if world.month >= months.count and not truth.waiting:
            break
        world.advance()
    repair(world)
    return world, truth


def write_province(world: World, truth: Truth, seed: int, out: Path) -> SimulationReport:
    """Write records, truth and report of a province that has lived."""
    with _Files(out, seed) as files:
        files.add(world, truth)
    return files.report(world.months, world.parameters)


@dataclass
class _Files:
    """The files of a province, to which blocks of enterprises are added; a context manager.

    Parameters
    ----------
    out
        Folder.
    seed
        Of the simulation.
    """

    out: Path
    seed: int
    enterprises: int = 0
    rows: Counter[str] = field(default_factory=Counter)
    dirt: dict[str, Counter[str]] = field(default_factory=dict)
    truth_rows: int = 0
    _dirty: dict[str, int] = field(default_factory=dict)
    _writers: dict[Path, pq.ParquetWriter] = field(default_factory=dict)
    _open: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> _Files:
        (self.out / "records").mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(self, *error: object) -> None:
        self._open.close()

    def add(self, world: World, truth: Truth) -> None:
        """Write what a block has lived through."""
        rng, population = world.rngs["dirt"], world.population
        conduct = world.latent.persistent
        missing = {
            "employees": rng.random(population.count) < sigmoid(-0.9 + 0.5 * conduct),
            "paid": rng.random(population.count) < sigmoid(-0.6 + 0.4 * conduct),
        }
        export = Export(population, self.seed, to_day(world.months.end + timedelta(days=1)) - 1, missing)
        for name in TABLES:
            table = export.table(name, world.recorder.take(name))
            table, counts = soil(table, name, world.recorder.issued(name), world.parameters, rng)
            self._write(table, self.out / "records" / f"{name}.parquet")
            self.rows[name] += table.num_rows
            # A kind of dirt that did not occur is told as 0.
            told = self.dirt.setdefault(name, Counter())
            for kind, count in counts.items():
                told[kind] += count
            self._dirty[name] = sum(count for kind, count in counts.items() if kind != "duplicate")
        told_truth = truth.table()
        self._write(told_truth, self.out / "truth.parquet")
        self.truth_rows += told_truth.num_rows
        self.enterprises += population.count

    def dirty(self, table: str) -> int:
        """Return how many record numbers the dirt of the last block took."""
        return self._dirty[table]

    def _write(self, table: pa.Table, path: Path) -> None:
        if path not in self._writers:
            writer = pq.ParquetWriter(path, table.schema, compression="zstd")
            self._writers[path] = self._open.enter_context(writer)
        self._writers[path].write_table(table, row_group_size=ROWS_A_GROUP)

    def report(self, months: Months, parameters: Parameters) -> SimulationReport:
        """Write the report of all that was added, and return it."""
        report = SimulationReport(
            self.out, self.enterprises, self.seed, months.start, months.end,
            dict(self.rows), {name: dict(kinds) for name, kinds in self.dirt.items()}, self.truth_rows,
            parameters.as_dict(),
        )  # fmt: skip
        text = json.dumps(report.as_dict(), ensure_ascii=False, indent=2)
        (self.out / "simulation.json").write_text(text + "\n", encoding="utf-8")
        return report


__all__ = ["END", "START", "Progress", "SimulationReport", "simulate"]
