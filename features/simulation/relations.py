"""Persons and enterprises that an enterprise is tied to."""

from __future__ import annotations

import numpy as np

from features.records import codes
from features.simulation.months import MISSING, Bools, Ints
from features.simulation.population import COMPANY, NONE
from features.simulation.world import World

KINDS = tuple(codes.RELATION_KIND)
_REPRESENTATIVE, _SHAREHOLDER = KINDS.index("legal_representative"), KINDS.index("shareholder")
_BRANCH, _INVESTMENT = KINDS.index("branch"), KINDS.index("investment")
#: Person numbers: representatives of groups, of single enterprises, then others.
_OF_GROUP, _OF_ONE, _OTHER = 0, 1 << 32, 1 << 40


class Relations:
    """Legal representatives, shareholders, branches, investments.

    The enterprises of a group have one representative or one shareholder in common; that is how a
    record shows what they share in risk.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        population, rng = world.population, world.rngs["relations"]
        count = population.count
        everyone = np.arange(count)
        grouped = population.group != NONE
        shared = grouped & (rng.random(count) < 0.75)
        first = world.block.first_person
        person = np.where(shared, first + _OF_GROUP + population.group, first + _OF_ONE + everyone)
        branch = population.parent != NONE
        self._person = np.where(branch, person[population.parent], person)
        self._since = population.established.copy()
        lag = rng.integers(0, 11, size=count)
        self._record = world.recorder.add(
            "relation",
            everyone,
            self._since,
            self._since + lag,
            kind=_REPRESENTATIVE,
            related=NONE,
            person=self._person,
            share=np.nan,
            ended_on=MISSING,
        )
        self._next = first + _OTHER
        self._shareholders(shared)
        self._branches()
        self._investments()

    def _shareholders(self, shared: Bools) -> None:
        world, population, rng = self._world, self._world.population, self._world.rngs["relations"]
        companies = np.flatnonzero(population.kind == COMPANY)
        owners = rng.choice([1, 2, 3, 4], size=len(companies), p=[0.40, 0.38, 0.15, 0.07])
        who = np.repeat(companies, owners)
        nth = np.arange(len(who)) - np.repeat(np.cumsum(owners) - owners, owners)
        main = self._person[who]
        # In a group without a common representative, the first shareholder is the common person.
        tied = (population.group[who] != NONE) & ~shared[who]
        main = np.where(tied, world.block.first_person + _OF_GROUP + population.group[who], main)
        other = self._next + np.arange(len(who))
        self._next += len(who)
        weight = rng.dirichlet([2.0, 1.0, 0.8, 0.6], size=len(companies))
        mask = np.arange(4)[None, :] < owners[:, None]
        weight = np.where(mask, weight, 0)
        share = (weight / weight.sum(axis=1, keepdims=True))[mask]
        day = population.established[who]
        world.recorder.add(
            "relation",
            who,
            day,
            day + rng.integers(0, 11, size=len(who)),
            kind=_SHAREHOLDER,
            related=NONE,
            person=np.where(nth == 0, main, other),
            share=np.round(share, 4),
            ended_on=MISSING,
        )

    def _branches(self) -> None:
        world, population, rng = self._world, self._world.population, self._world.rngs["relations"]
        branches = np.flatnonzero(population.parent != NONE)
        heads = population.parent[branches]
        day = np.maximum(population.established[branches], population.established[heads])
        world.recorder.add(
            "relation",
            heads,
            day,
            day + rng.integers(0, 11, size=len(heads)),
            kind=_BRANCH,
            related=branches,
            person=-1,
            share=np.nan,
            ended_on=MISSING,
        )

    def _investments(self) -> None:
        world, population, rng = self._world, self._world.population, self._world.rngs["relations"]
        members = np.flatnonzero((population.group != NONE) & (population.kind == COMPANY))
        members = members[np.argsort(population.group[members], kind="stable")]
        pairs = population.group[members[1:]] == population.group[members[:-1]]
        pairs &= rng.random(len(pairs)) < 0.35
        investor, target = members[:-1][pairs], members[1:][pairs]
        day = np.maximum(population.established[investor], population.established[target])
        world.recorder.add(
            "relation",
            investor,
            day,
            day + rng.integers(0, 11, size=len(investor)),
            kind=_INVESTMENT,
            related=target,
            person=-1,
            share=np.round(rng.uniform(0.1, 1.0, size=len(investor)), 2),
            ended_on=MISSING,
        )

    def replace_representative(self, who: Ints, day: Ints) -> None:
        """End the representatives of some enterprises and name new ones."""
        world, rng = self._world, self._world.rngs["relations"]
        known = day + rng.integers(0, 6, size=len(who))
        world.recorder.add(
            "relation",
            who,
            self._since[who],
            known,
            record=self._record[who],
            kind=_REPRESENTATIVE,
            related=NONE,
            person=self._person[who],
            share=np.nan,
            ended_on=day,
        )
        self._person[who] = self._next + np.arange(len(who))
        self._next += len(who)
        self._since[who] = day
        self._record[who] = world.recorder.add(
            "relation",
            who,
            day,
            known,
            kind=_REPRESENTATIVE,
            related=NONE,
            person=self._person[who],
            share=np.nan,
            ended_on=MISSING,
        )
