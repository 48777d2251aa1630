"""Licences of food and special-equipment enterprises: granted, renewed, lapsed, lost."""

from __future__ import annotations

import numpy as np

from features.records import codes
from features.records.calendar import add_months
from features.simulation import industries
from features.simulation.months import MISSING, Ints
from features.simulation.population import (
    CATERER,
    COMPANY,
    FILLER,
    INSTALLER,
    MAKER,
    PRODUCER,
    SELLER,
    USER,
    Population,
)
from features.simulation.risk import sigmoid
from features.simulation.world import World, pick

KINDS = tuple(codes.LICENCE_KIND)
STATUS = tuple(codes.LICENCE_STATUS)
LEVELS = tuple(codes.LEVEL)
_VALID, _CANCELLED, _REVOKED, _SUSPENDED = (
    STATUS.index(name) for name in ("valid", "cancelled", "revoked", "suspended")
)
#: Years of validity; 0: without end. Food licences five years (食品经营许可和备案管理办法),
#: special-equipment licences four (特种设备生产单位许可规则).
_YEARS = {"equipment_manufacture": 4, "equipment_installation": 4, "equipment_filling": 4, "equipment_use": 0}


class Licences:
    """One record a licence; a renewal or loss is a later version."""

    def __init__(self, world: World) -> None:
        self._world = world
        population, rng = world.population, world.rngs["licences"]
        who, kind = _wanted(population, rng)
        years = np.array([_YEARS.get(name, 5) for name in KINDS])
        self._who, self._kind = who, kind
        self._months = years[kind] * 12
        self._level = pick({"county": 0.6, "city": 0.25, "provincial": 0.15}, len(who), LEVELS, rng)
        self._record = np.full(len(who), -1)
        self._from = np.full(len(who), MISSING)
        self._to = np.full(len(who), MISSING)
        self._ended = np.zeros(len(who), dtype=bool)
        self._known = np.zeros(len(who), dtype=np.int64)
        # Who was there before the first month has a licence of any remaining length.
        early = np.flatnonzero(population.born[who] < 0)
        elapsed = (rng.random(len(early)) * np.maximum(self._months[early], 60)).astype(np.int64)
        day = add_months(np.full(len(early), world.first), -elapsed - 1) + rng.integers(
            0, 25, size=len(early)
        )
        day = np.maximum(day, population.established[who[early]])
        self._grant(early, day)

    def _grant(self, rows: Ints, day: Ints) -> None:
        """Grant or renew licences from a day on."""
        self._from[rows] = day
        endless = self._months[rows] == 0
        self._to[rows] = np.where(endless, MISSING, add_months(day, self._months[rows]) - 1)
        self._write(rows, day, _VALID)

    def _write(self, rows: Ints, day: Ints, state: int) -> None:
        world, rng = self._world, self._world.rngs["licences"]
        known = np.maximum(day + rng.integers(0, 8, size=len(rows)), self._known[rows] + 1)
        self._known[rows] = known
        new = self._record[rows] < 0
        if not len(rows):
            return
        record = None if new.all() else self._record[rows]
        self._record[rows] = world.recorder.add(
            "licence",
            self._who[rows],
            day,
            known,
            record=record,
            kind=self._kind[rows],
            category=world.population.industry[self._who[rows]],
            valid_from=self._from[rows],
            valid_to=self._to[rows],
            status=state,
            issuer_level=self._level[rows],
        )

    def step(self) -> None:
        """Grant, renew and end the month's licences."""
        world, rng = self._world, self._world.rngs["licences"]
        alive = world.alive[self._who]
        opened = np.flatnonzero(
            alive & (self._record < 0) & (world.population.born[self._who] == world.month - 1)
        )
        self._grant(opened, world.days(len(opened), rng))
        held = alive & (self._record >= 0) & ~self._ended & (self._to != MISSING)
        left = self._to - world.first
        calm = world.latent.visible[self._who]
        luck = rng.random(len(held))
        due = held & (left >= 0) & (left < 31) & (luck < sigmoid(2.6 - 0.8 * calm))
        late = held & (left < 0) & (luck < 0.22)
        renewed = np.flatnonzero(due | late)
        self._grant(renewed, world.days(len(renewed), rng))
        closed = np.flatnonzero(~alive & (self._record >= 0) & ~self._ended & (luck < 0.3))
        self._ended[closed] = True
        self._write(closed, world.days(len(closed), rng), _CANCELLED)

    def lose(self, who: Ints, day: Ints) -> None:
        """Suspend the licences of enterprises, and revoke some, after severe findings."""
        rng = self._world.rngs["licences"]
        hit = np.zeros(self._world.population.count, dtype=np.int64)
        hit[who] = day
        rows = np.flatnonzero((hit[self._who] > 0) & (self._record >= 0) & ~self._ended)
        rows = rows[rng.random(len(rows)) < 0.15]
        revoked = rng.random(len(rows)) < 0.25
        self._ended[rows[revoked]] = True
        self._write(rows[revoked], hit[self._who[rows[revoked]]], _REVOKED)
        suspended = rows[~revoked]
        self._write(suspended, hit[self._who[suspended]], _SUSPENDED)
        # A suspended licence is given back within months, with the time it had left.
        self._write(suspended, hit[self._who[suspended]] + rng.integers(60, 180, size=len(suspended)), _VALID)


def _wanted(population: Population, rng: np.random.Generator) -> tuple[Ints, Ints]:
    code = np.array(industries.CODES)[population.industry]
    luck = rng.random(population.count)
    wanted = (
        (population.food == PRODUCER, "food_production"),
        ((population.food == PRODUCER) & (code == "C1492"), "special_food_production"),
        ((population.food == PRODUCER) & (luck < 0.05), "food_additive_production"),
        (population.food == SELLER, "food_trade"),
        (population.food == CATERER, "catering"),
        (population.equipment == MAKER, "equipment_manufacture"),
        ((population.equipment == MAKER) & (luck < 0.2), "equipment_design"),
        (np.isin(population.equipment, (MAKER, INSTALLER)) & (luck > 0.3), "equipment_installation"),
        ((population.equipment == INSTALLER) & (luck <= 0.3), "equipment_installation"),
        (population.equipment == FILLER, "equipment_filling"),
        (population.equipment == USER, "equipment_use"),
        ((population.kind == COMPANY) & (population.food < 0) & (luck < 0.02), "industrial_product"),
        ((population.food < 0) & (luck > 0.96), "other"),
    )
    who = [np.flatnonzero(members) for members, _ in wanted]
    kind = [np.full(len(rows), KINDS.index(name)) for rows, (_, name) in zip(who, wanted, strict=True)]
    return np.concatenate(who), np.concatenate(kind)
