"""The simulation from the first month to the written files."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from features.errors import InputError
from features.records import TABLES
from features.simulation.conduct import Commitments, Complaints, Penalties
from features.simulation.dirt import QUARANTINED, soil
from features.simulation.equipment import Equipment
from features.simulation.export import Export, write
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
        The same seed and parameters give the same files, byte for byte, on the same libraries.
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
    """
    if enterprises < 100:
        message = f"a province has at least 100 enterprises, got {enterprises}."
        raise InputError(message, field="enterprises", fix="Ask for more.")
    p = parameters or Parameters()
    world, truth = live(p, Months.between(start, end), enterprises, seed, progress)
    return write_province(world, truth, seed, out)


def live(
    p: Parameters,
    months: Months,
    enterprises: int,
    seed: int,
    progress: Progress | None = None,
    *,
    handed_over: int | None = None,
    observe: Callable[[World, AbnormalList], None] | None = None,
) -> tuple[World, Truth]:
    """Let the province live through its months.

    Parameters
    ----------
    p, months, enterprises, seed, progress
        As for :func:`simulate`.
    handed_over
        Month from which others decide who is inspected, complaints apart.
    observe
        Called at the end of each month, before the next one begins.
    """
    rngs = generators(seed)
    population = populate(p, months, enterprises, rngs["population"])
    latent = LatentRisk(p, population, int(months.first[0]), rngs["latent"])
    world = World(p, months, population, latent, Recorder(), rngs)
    relations = Relations(world)
    registration = Registration(world, relations)
    reports = AnnualReports(world)
    abnormal, serious = AbnormalList(world), SeriousList(world)
    penalties = Penalties(world, serious)
    complaints, commitments = Complaints(world), Commitments(world)
    licences, food, equipment = Licences(world), Food(world), Equipment(world)
    inspections = Inspections(world, penalties, abnormal, handed_over)
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
    rows, dirt = _write(world, seed, out)
    told = truth.table()
    write(told, out / "truth.parquet")
    months = world.months
    report = SimulationReport(
        out, world.population.count, seed, months.start, months.end, rows, dirt, told.num_rows,
        world.parameters.as_dict(),
    )  # fmt: skip
    text = json.dumps(report.as_dict(), ensure_ascii=False, indent=2)
    (out / "simulation.json").write_text(text + "\n", encoding="utf-8")
    return report


def _write(world: World, seed: int, out: Path) -> tuple[dict[str, int], dict[str, dict[str, int]]]:
    folder = out / "records"
    folder.mkdir(parents=True, exist_ok=True)
    rng, population = world.rngs["dirt"], world.population
    conduct = world.latent.persistent
    missing = {
        "employees": rng.random(population.count) < sigmoid(-0.9 + 0.5 * conduct),
        "paid": rng.random(population.count) < sigmoid(-0.6 + 0.4 * conduct),
    }
    export = Export(population, seed, to_day(world.months.end + timedelta(days=1)) - 1, missing)
    rows: dict[str, int] = {}
    dirt: dict[str, dict[str, int]] = {}
    for name in TABLES:
        table = export.table(name, world.recorder.take(name))
        table, counts = soil(table, name, world.recorder.issued(name), world.parameters, rng)
        write(table, folder / f"{name}.parquet")
        rows[name], dirt[name] = table.num_rows, dict(counts)
    return rows, dirt


__all__ = ["END", "START", "Progress", "SimulationReport", "simulate"]
