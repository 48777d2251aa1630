"""Special equipment: lists, statutory inspection done in time or not, incidents."""

from __future__ import annotations

import numpy as np

from features.records import codes
from features.simulation import names
from features.simulation.months import Ints
from features.simulation.population import FILLER, USER
from features.simulation.risk import sigmoid
from features.simulation.world import World, pick

CATEGORIES = tuple(codes.EQUIPMENT_CATEGORY)
STATUS = tuple(codes.EQUIPMENT_STATUS)
GRADES = tuple(codes.INCIDENT_GRADE)
DOMAINS = tuple(codes.DOMAIN)
#: Days between statutory inspections: boiler, vessel, lift, crane, vehicle, ride, pipe, ropeway.
#: Law fixes the duty (特种设备安全法 art. 40), safety rules the cycles: boilers and lifts yearly,
#: vessels some three years, cranes two.
CYCLES = np.array([365, 1095, 365, 730, 365, 365, 1095, 365])
_IN_USE, _STOPPED, _SCRAPPED = (STATUS.index(name) for name in ("in_use", "stopped", "scrapped"))


class Equipment:
    """All equipment of the province; one version of its record for each state."""

    def __init__(self, world: World) -> None:
        self._world = world
        population, rng, p = world.population, world.rngs["equipment"], world.parameters
        owners = np.flatnonzero(np.isin(population.equipment, (USER, FILLER)))
        number = np.minimum(rng.geometric(1 / p.equipment_mean, size=len(owners)), p.equipment_cap)
        self._who = np.repeat(owners, number)
        count = len(self._who)
        self._category = pick(
            {"1000": 0.09, "2000": 0.22, "3000": 0.38, "4000": 0.12, "5000": 0.14, "6000": 0.01,
             "8000": 0.04},
            count, CATEGORIES, rng,
        )  # fmt: skip
        self._maker = rng.integers(0, len(names.MAKERS), size=count)
        months = world.months
        born = np.maximum(population.established[self._who], months.first[0] - 15 * 365)
        span = np.maximum(months.first[months.count] - born, 1)
        self._installed = born + (rng.random(count) ** 1.6 * span).astype(np.int64)
        self._cycle = CYCLES[self._category]
        self._status = np.full(count, _IN_USE)
        self._record = np.full(count, -1)
        self._known = np.full(count, -(10**6))
        since = np.maximum(
            self._installed, months.first[0] - (rng.random(count) * self._cycle).astype(np.int64)
        )
        self._due = since + self._cycle
        self._numbers = np.zeros(population.count)
        self._write(np.flatnonzero(since < months.first[0]), since[since < months.first[0]])
        self._waiting = since

    @property
    def count(self) -> int:
        """How much equipment there is."""
        return len(self._who)

    def _write(self, rows: Ints, day: Ints) -> None:
        world, rng = self._world, self._world.rngs["equipment"]
        if not len(rows):
            return
        known = np.maximum(day + rng.integers(3, 26, size=len(rows)), self._known[rows] + 1)
        self._known[rows] = known
        new = self._record[rows] < 0
        self._record[rows] = world.recorder.add(
            "equipment",
            self._who[rows],
            day,
            known,
            record=None if new.all() else self._record[rows],
            equipment=world.block.equipment + rows,
            category=self._category[rows],
            status=self._status[rows],
            installed_on=self._installed[rows],
            next_due=self._due[rows],
            maker=self._maker[rows],
        )
        np.add.at(self._numbers, self._who[rows[new]], 1)

    def step(self) -> None:
        """Put equipment into use, inspect what is due, stop and scrap some; record incidents."""
        world, rng = self._world, self._world.rngs["equipment"]
        first, after = world.first, int(world.months.first[world.month + 1])
        alive = world.alive[self._who]
        fresh = np.flatnonzero(alive & (self._record < 0) & (self._waiting < after))
        start = np.maximum(self._waiting[fresh], first)
        self._due[fresh] = start + self._cycle[fresh]
        self._installed[fresh] = start
        self._write(fresh, start)

        state = world.latent.equipment[self._who] + 0.25 * world.latent.visible[self._who]
        luck = rng.random(len(alive))
        using = alive & (self._record >= 0) & (self._status == _IN_USE) & (self._known < first)
        near = using & (self._due < after + 10)
        chance = np.where(self._due >= first, sigmoid(1.7 - 1.1 * state), sigmoid(-0.5 - 0.8 * state))
        done = np.flatnonzero(near & (luck < chance))
        day = world.days(len(done), rng)
        self._due[done] = day + self._cycle[done]
        self._write(done, day)

        other = using & ~near
        stopped = np.flatnonzero(other & (luck > 0.999))
        self._status[stopped] = rng.choice([_STOPPED, _SCRAPPED], size=len(stopped), p=[0.6, 0.4])
        self._write(stopped, world.days(len(stopped), rng))
        self._incidents()

    def _incidents(self) -> None:
        world, rng, p = self._world, self._world.rngs["equipment"], self._world.parameters
        risk = world.latent.equipment + 0.25 * world.latent.visible
        rate = p.incidents_equipment * world.population.has_equipment * np.exp(1.2 * risk - 0.5)
        who = world.happens(rate * (1 + 0.3 * np.log1p(self._numbers)), rng)
        count = len(who)
        day = world.days(count, rng)
        grade = pick(
            {"near_miss": 0.25, "incident": 0.55, "general": 0.19, "larger": 0.01}, count, GRADES, rng
        )
        real = np.isin(grade, [GRADES.index("general"), GRADES.index("larger")])
        order = np.argsort(self._who, kind="stable")
        at = np.minimum(np.searchsorted(self._who[order], who), max(len(order) - 1, 0))
        own = order[at] if len(order) else np.zeros(count, dtype=np.int64)
        # Equipment that is not in use yet cannot fail.
        mine = ((self._who[own] == who) & (self._record[own] >= 0)) if len(order) else np.zeros(count, bool)
        world.recorder.add(
            "incident",
            who,
            day,
            day + rng.integers(0, 15, size=count),
            domain=DOMAINS.index("special_equipment"),
            grade=grade,
            injured=np.where(real, rng.poisson(1.2, size=count), 0),
            deaths=np.where(real & (rng.random(count) < 0.1), 1, 0),
            equipment=np.where(mine, world.block.equipment + own, -1),
        )
        world.adverse[who] += 1.0
