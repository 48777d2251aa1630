"""Registration states, changes of registered items, annual reports."""

from __future__ import annotations

import numpy as np

from features.records import codes
from features.simulation import names
from features.simulation.months import MISSING, Bools, Ints
from features.simulation.population import COMPANY, INDIVIDUAL
from features.simulation.relations import Relations
from features.simulation.risk import sigmoid
from features.simulation.world import World, pick

STATUS = tuple(codes.STATUS)
ITEMS = tuple(codes.CHANGE_ITEM)
IN_BUSINESS, REVOKED, REVOKED_GONE = STATUS.index("1"), STATUS.index("2"), STATUS.index("3")
_NEVER = -1


class Registration:
    """The register: one version of an enterprise's record for each state."""

    def __init__(self, world: World, relations: Relations) -> None:
        self._world = world
        self._relations = relations
        population, rng = world.population, world.rngs["registration"]
        lag = rng.integers(0, 3, size=population.count)
        everyone = np.arange(population.count)
        early = population.born < 0
        self.record = np.zeros(population.count, dtype=np.int64)
        self._write(everyone[early], population.established[early], lag[early], first=True)

    def _write(self, who: Ints, event: Ints, lag: Ints, *, first: bool = False) -> None:
        population, world = self._world.population, self._world
        record = world.recorder.add(
            "enterprise",
            who,
            event,
            event + lag,
            record=None if first else self.record[who],
            status=world.status[who],
            brand=population.brand[who],
            address=world.block.first_address + population.address[who],
            registered_capital=population.capital[who],
        )
        self.record[who] = record

    def step(self) -> None:
        """Register the month's new enterprises, changes and ends."""
        world, population, rng = self._world, self._world.population, self._world.rngs["registration"]
        touched, day = self._ends()
        changed = world.happens(
            world.parameters.changes
            * np.exp(world.parameters.changes_strength * world.latent.visible - 0.15),
            rng,
        )
        changed = changed[~touched[changed]]
        self._changes(changed, world.days(len(changed), rng), touched, day)
        who = np.flatnonzero(touched)
        self._write(who, day[who], rng.integers(0, 3, size=len(who)))
        born = np.flatnonzero(population.born == world.month)
        self._write(born, population.established[born], rng.integers(0, 3, size=len(born)), first=True)

    def _ends(self) -> tuple[Bools, Ints]:
        world, rng = self._world, self._world.rngs["registration"]
        p = world.parameters
        count = world.population.count
        day = np.zeros(count, dtype=np.int64)
        touched = np.zeros(count, dtype=bool)
        gone = world.happens(p.deregistration * np.exp(0.30 * world.latent.visible), rng)
        world.status[gone] = pick({"4": 0.91, "6": 0.07, "5": 0.02}, len(gone), STATUS, rng)
        # Two years unreported and unreachable: the licence may be revoked
        # (企业信息公示暂行条例 as amended in 2024; before, 公司法 on businesses that stopped).
        idle = world.alive & (world.missed >= 2) & (world.status == IN_BUSINESS)
        revoked = np.flatnonzero(idle & (rng.random(count) < 0.02))
        world.status[revoked] = REVOKED
        later = np.flatnonzero((world.status == REVOKED) & ~world.alive & (rng.random(count) < 0.01))
        world.status[later] = REVOKED_GONE
        for who in (gone, revoked, later):
            touched[who] = True
            day[who] = world.days(len(who), rng)
        world.alive[gone] = False
        world.alive[revoked] = False
        return touched, day

    def _changes(self, who: Ints, day: Ints, touched: Bools, days: Ints) -> None:
        world, rng, population = self._world, self._world.rngs["registration"], self._world.population
        risky = world.latent.visible[who] > 0.6
        calm = pick(
            {"business_scope": 0.34, "legal_representative": 0.14, "address": 0.18, "capital": 0.10,
             "shareholder": 0.10, "name": 0.05, "other": 0.09},
            len(who), ITEMS, rng,
        )  # fmt: skip
        restless = pick(
            {"business_scope": 0.20, "legal_representative": 0.26, "address": 0.27, "capital": 0.05,
             "shareholder": 0.12, "name": 0.05, "other": 0.05},
            len(who), ITEMS, rng,
        )  # fmt: skip
        item = np.where(risky, restless, calm)
        world.recorder.add("change", who, day, day + rng.integers(0, 4, size=len(who)), item=item)
        moved = who[item == ITEMS.index("address")]
        population.address[moved] = rng.integers(0, len(names.STREETS) * names.HOUSES, size=len(moved))
        renamed = who[item == ITEMS.index("name")]
        population.brand[renamed] = rng.integers(0, names.BRANDS, size=len(renamed))
        capital = who[item == ITEMS.index("capital")]
        grown = population.capital[capital] * rng.integers(1, 5, size=len(capital)) // 2
        population.capital[capital] = np.maximum(grown, 3_000_000)
        represented = item == ITEMS.index("legal_representative")
        self._relations.replace_representative(who[represented], day[represented])
        shown = np.concatenate([moved, renamed, capital])
        touched[shown] = True
        full = np.zeros(population.count, dtype=np.int64)
        full[who] = day
        days[shown] = full[shown]


class AnnualReports:
    """Reports of the year before, due on 30 June: on time, late, or never."""

    def __init__(self, world: World) -> None:
        self._world = world
        count = world.population.count
        self._month = np.full(count, _NEVER)
        self._owing = np.zeros(count, dtype=bool)
        rng = world.rngs["reports"]
        #: Items that an enterprise may keep to itself (企业信息公示暂行条例 art. 9): most do.
        self._open = rng.random(count) < sigmoid(-1.0 - 0.4 * world.latent.persistent)
        self.filed = np.zeros(0, dtype=np.int64)
        self.overdue = np.zeros(0, dtype=np.int64)

    def step(self) -> None:
        """File the month's reports; ``filed`` and ``overdue`` tell who did and who failed to."""
        world = self._world
        if world.months.month[world.month] == 1:
            self._plan()
        who = np.flatnonzero(world.alive & (self._month == world.month) & self._owing)
        self.filed = who
        self._owing[who] = False
        world.missed[who] = 0
        self._file(who)
        self.overdue = np.zeros(0, dtype=np.int64)
        if world.months.month[world.month] == 7:
            self.overdue = np.flatnonzero(world.alive & self._owing)
            never = self.overdue[self._month[self.overdue] == _NEVER]
            world.missed[never] += 1
            world.adverse[self.overdue] += 0.3

    def _plan(self) -> None:
        world, rng, p = self._world, self._world.rngs["reports"], self._world.parameters
        count = world.population.count
        sole = world.population.kind == INDIVIDUAL
        risk = p.report_strength * world.latent.visible
        missing = sigmoid(p.report_missing + risk + 0.5 * sole + 0.9 * (world.missed > 0))
        late = sigmoid(p.report_late + risk + 0.3 * sole)
        luck = rng.random(count)
        timely = rng.choice(6, size=count, p=[0.05, 0.08, 0.19, 0.21, 0.22, 0.25])
        tardy = 6 + rng.integers(0, 6, size=count)
        month = np.where(rng.random(count) < late, tardy, timely) + world.month
        self._month = np.where(luck < missing, _NEVER, month)
        self._owing = world.alive.copy()

    def _file(self, who: Ints) -> None:
        world, rng, population = self._world, self._world.rngs["reports"], self._world.population
        count = len(who)
        day = world.days(count, rng)
        noise = rng.normal(size=(4, count))
        staff = np.maximum(np.rint(population.employees[who] * np.exp(0.15 * noise[0])), 1).astype(np.int64)
        revenue = np.exp(np.log(population.employees[who] * 2.2e7) + 0.9 * noise[1]).astype(np.int64)
        assets = np.exp(np.log(population.employees[who] * 2.8e7) + 0.9 * noise[2]).astype(np.int64)
        debt = sigmoid(-0.3 + 0.35 * world.latent.slow[who] / 0.55 + 0.8 * noise[3])
        profit = (revenue * (0.05 - 0.12 * (debt - 0.45) + 0.03 * noise[0])).astype(np.int64)
        shown = self._open[who]
        closed = population.kind[who] != COMPANY
        world.recorder.add(
            "annual_report",
            who,
            day,
            day,
            year=np.full(count, world.months.year[world.month] - 1),
            late=np.full(count, world.months.month[world.month] > 6, dtype=np.int8),
            employees=np.where(shown | (rng.random(count) < 0.35), staff, MISSING),
            revenue=np.where(shown, revenue, MISSING),
            assets=np.where(shown & ~closed, assets, MISSING),
            liabilities=np.where(shown & ~closed, (assets * debt).astype(np.int64), MISSING),
            profit=np.where(shown & ~closed, profit, MISSING),
        )
