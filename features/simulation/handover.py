"""A simulated province whose inspections somebody else decides from a month on.

Everything else goes on as ever, complaints and what follows from them included: conduct does not depend on
who is inspected, so the province lives through all its months once, and any number of ways to choose whom
to inspect meet the same enterprises in the same months. What an inspection of an enterprise would find in a
month is decided once, whoever comes; what follows from findings (penalties, listings, re-inspections) goes
into the records of him who came, by random numbers of his own. Licences are not lost in these worlds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.errors import InputError
from features.records import TABLES
from features.simulation.conduct import Penalties
from features.simulation.export import Export
from features.simulation.inspections import (
    KINDS,
    OUTCOMES,
    SELECTIONS,
    Batch,
    Inspections,
    outcomes,
)
from features.simulation.lists import AbnormalList, SeriousList
from features.simulation.months import LAST_EVENT_DAY, Bools, Floats, Ints, Months, to_date, to_day
from features.simulation.parameters import Parameters
from features.simulation.population import Population
from features.simulation.province import Progress, SimulationReport, live, write_province
from features.simulation.recorder import Recorder
from features.simulation.risk import DOMAINS, EQUIPMENT, FOOD, sigmoid
from features.simulation.world import World, generators

#: Tables in which inspections and what follows from them leave records.
FOLLOWING = ("inspection", "finding", "penalty", "serious_violation_list", "abnormal_list")
#: Numbers between the records of the province and those of whoever inspects it.
_APART = 10_000_000


@dataclass(frozen=True)
class MonthState:
    """The province in one month after the handover.

    Attributes
    ----------
    first
        Its first day.
    alive
        In business, shape (n,).
    logits
        Log odds that an inspection finds a problem, by domain, shape (3, n).
    visible
        What records of all kinds follow, shape (n,).
    found
        Position of the outcome that an inspection of a domain has, whoever holds it, shape (3, n).
    day
        Day of the month on which it is held, shape (3, n).
    """

    first: date
    alive: Bools
    logits: Floats
    visible: Floats
    found: Ints
    day: Ints

    def problem(self, domain: int) -> Bools:
        """Return where an inspection of a domain finds a problem."""
        return np.isin(self.found[domain], [OUTCOMES.index(name) for name in ("problem", "severe")])

    def tells(self, domain: int) -> Bools:
        """Return where an inspection of a domain says something: it is neither neutral nor censored."""
        return ~np.isin(self.found[domain], [OUTCOMES.index(name) for name in ("neutral", "censored")])

    def probability(self, domain: int) -> Floats:
        """Return the probability that an inspection finds a problem, if it says something."""
        return sigmoid(self.logits[domain].astype(np.float64))


@dataclass
class HandedOver:
    """A province that has lived, and its months after the handover.

    Attributes
    ----------
    report
        What was written.
    parameters, calendar, seed
        What it was simulated with.
    population
        Enterprises; positions in all arrays are theirs.
    months
        States after the handover, in order.
    handed_over
        Number of the first of them, counted from the start.
    issued
        Record numbers that the province has used, by table.
    """

    report: SimulationReport
    parameters: Parameters
    calendar: Months
    population: Population
    months: list[MonthState]
    handed_over: int
    seed: int
    issued: Mapping[str, int]

    def members(self, domain: int) -> Bools:
        """Return who can be inspected in a domain."""
        if domain == FOOD:
            return self.population.is_food
        if domain == EQUIPMENT:
            return self.population.has_equipment
        return np.ones(self.population.count, dtype=np.bool_)

    def places(self, credit_codes: pa.Array) -> Ints:
        """Return the positions of enterprises; -1 for codes that no enterprise has."""
        found = pc.index_in(credit_codes, value_set=self.population.codes)
        return np.asarray(pc.fill_null(found, -1), dtype=np.int64)


@dataclass(frozen=True)
class Visits:
    """Inspections of one domain that somebody decided on for a month.

    Attributes
    ----------
    who
        Positions of enterprises, each once.
    domain
        Position in :data:`features.simulation.risk.DOMAINS`.
    selection
        Code of how each was chosen.
    probability
        Inclusion probability; NaN where there was no draw.
    """

    who: Ints
    domain: int
    selection: np.ndarray
    probability: Floats


@dataclass
class InspectedProvince:
    """The records that one way to choose inspections leaves in a province.

    Parameters
    ----------
    province
        Where the inspections take place.
    """

    province: HandedOver

    def __post_init__(self) -> None:
        province = self.province
        issued = {table: province.issued.get(table, 0) + _APART for table in FOLLOWING}
        self._world = World(
            province.parameters, province.calendar, province.population,
            _Frozen(province, province.months[0]),  # type: ignore[arg-type]
            Recorder(issued), generators(province.seed + 1),
        )  # fmt: skip
        self._abnormal = AbnormalList(self._world)
        self._penalties = Penalties(self._world, SeriousList(self._world))
        self._inspections = Inspections(self._world, self._penalties, self._abnormal)

    def hold(self, month: int, visits: list[Visits]) -> dict[str, pa.Table]:
        """Hold a month's inspections.

        Parameters
        ----------
        month
            Counted from the handover.
        visits
            At most one entry a domain.

        Returns
        -------
        dict
            Table → new records in canonical form, with the columns of its schema; some are recorded
            after the month.

        Raises
        ------
        InputError
            If an enterprise cannot be inspected in a domain.
        """
        province, world = self.province, self._world
        state = province.months[month]
        world.month = province.handed_over + month
        world.alive = state.alive
        world.latent = _Frozen(province, state)  # type: ignore[assignment]
        self._abnormal.release(world.days(province.population.count, world.rngs["lists"]))
        for group in visits:
            outside = ~province.members(group.domain)[group.who]
            if outside.any() or len(np.unique(group.who)) != len(group.who):
                raise InputError(
                    f"{int(outside.sum())} enterprises are outside {DOMAINS[group.domain]}, or one is named "
                    "twice",
                    field="who",
                )
            drawn = np.array([SELECTIONS.index(name) for name in group.selection], dtype=np.int64)
            kind = np.where(
                drawn == SELECTIONS.index("random"), KINDS.index("random"), KINDS.index("routine")
            )
            count = len(group.who)
            batch = Batch(
                group.who, np.full(count, group.domain), state.day[group.domain, group.who], drawn, kind,
                group.probability, np.zeros(count),
            )  # fmt: skip
            # Those out of business by then are met as gone: the outcome is censored.
            gone = ~state.alive[group.who]
            found = np.where(gone, OUTCOMES.index("censored"), state.found[group.domain, group.who])
            self._inspections.hold(batch, found)
        return self._take()

    def _take(self) -> dict[str, pa.Table]:
        province = self.province
        end = to_day(province.calendar.end) + 400
        export = Export(province.population, province.seed, end, {})
        made = {}
        for name in FOLLOWING:
            table = export.table(name, self._world.recorder.take(name))
            schema = TABLES[name].arrow_schema
            made[name] = pa.table(
                {column.name: table[column.name].cast(column.type) for column in schema}, schema=schema
            )
        return made


class _Frozen:
    """Latent risk of a month that has been, as stages of the simulation read it."""

    def __init__(self, province: HandedOver, state: MonthState) -> None:
        self._province = province
        self.logits = state.logits
        self.visible = state.visible

    def members(self, domain: int) -> Bools:
        """Return who can be inspected in a domain."""
        return self._province.members(domain)


def hand_over(
    *,
    enterprises: int,
    seed: int,
    out: Path,
    start: date,
    on: date,
    end: date,
    progress: Progress | None = None,
    parameters: Parameters | None = None,
) -> HandedOver:
    """Simulate a province whose inspections are decided elsewhere from a day on.

    Parameters
    ----------
    enterprises, seed, out, progress, parameters
        As for :func:`features.simulation.simulate`; the records written hold no inspection after ``on``
        but those that complaints led to, and what follows from them.
    start, on, end
        First day of the first month, of the first month after the handover, and last day of the last.

    Raises
    ------
    InputError
        If the dates do not begin and end months in that order.
    """
    p = parameters or Parameters()
    months = Months.between(start, end)
    found = np.flatnonzero(months.first[: months.count] == to_day(on))
    if not len(found):
        raise InputError(
            f"the handover of {on} is not the first day of a simulated month", field="on",
            fix=f"Give the first day of a month between {start} and {end}.",
        )  # fmt: skip
    handed_over = int(found[0])
    states: list[MonthState] = []

    def observe(world: World, abnormal: AbnormalList) -> None:
        if world.month >= handed_over:
            states.append(_state(world, abnormal, seed))

    world, truth = live(p, months, enterprises, seed, progress, handed_over=handed_over, observe=observe)
    issued = {table: world.recorder.issued(table) for table in FOLLOWING}
    report = write_province(world, truth, seed, out)
    return HandedOver(report, p, months, world.population, states, handed_over, seed, issued)


def _state(world: World, abnormal: AbnormalList, seed: int) -> MonthState:
    count = world.population.count
    logits = world.latent.logits
    found, day = [], []
    for domain in range(len(DOMAINS)):
        # One stream a month and domain, numbers for everybody: it does not matter who else is visited.
        luck = np.random.default_rng([seed, world.month, domain]).random((5, count))
        found.append(outcomes(world.parameters, logits[domain], abnormal.listed, luck[:4]))
        day.append(world.first + (luck[4] * LAST_EVENT_DAY).astype(np.int64))
    return MonthState(
        to_date(world.first),
        world.alive.copy(),
        logits.astype(np.float32),
        world.latent.visible.astype(np.float32),
        np.stack(found).astype(np.int8),
        np.stack(day).astype(np.int32),
    )


__all__ = ["FOLLOWING", "HandedOver", "InspectedProvince", "MonthState", "Visits", "hand_over"]
