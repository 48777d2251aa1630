"""Sampling tests and incidents of food enterprises."""

from __future__ import annotations

import numpy as np

from features.records import codes
from features.simulation import names
from features.simulation.population import PRODUCER
from features.simulation.risk import sigmoid
from features.simulation.world import World, pick

LEVELS = tuple(codes.LEVEL)
SEVERITIES = tuple(codes.SAMPLING_SEVERITY)
RESULTS = tuple(codes.SAMPLING_RESULT)
GRADES = tuple(codes.INCIDENT_GRADE)
DOMAINS = tuple(codes.DOMAIN)


class Food:
    """What laboratories and hospitals report of food."""

    def __init__(self, world: World) -> None:
        self._world = world
        p, population = world.parameters, world.population
        rate = np.where(population.food == PRODUCER, p.sampling_producer, p.sampling_other)
        self._rate = rate * population.is_food

    def step(self) -> None:
        """Sample and record the month's tests and incidents."""
        world, rng, p = self._world, self._world.rngs["food"], self._world.parameters
        risk = world.latent.food + 0.25 * world.latent.visible
        who = world.happens(self._rate, rng)
        count = len(who)
        day = world.days(count, rng)
        fail = rng.random(count) < sigmoid(p.sampling_base + p.sampling_strength * risk[who])
        item = rng.integers(0, len(names.FAILED_ITEMS), size=count)
        kind = np.array([severity for _, severity in names.FAILED_ITEMS])[item]
        world.recorder.add(
            "sampling_test",
            who,
            day,
            day + rng.integers(20, 61, size=count),
            result=np.where(fail, RESULTS.index("fail"), RESULTS.index("pass")),
            severity=np.where(fail, kind, -1),
            level=pick(
                {"national": 0.06, "provincial": 0.24, "city": 0.30, "county": 0.40}, count, LEVELS, rng
            ),
            product=rng.integers(0, len(names.PRODUCTS), size=count),
            producer=np.where(world.population.food[who] == PRODUCER, who, -1),
            failed_item=np.where(fail, item, -1),
        )
        world.adverse[who[fail]] += 1.0
        hurt = world.happens(p.incidents_food * world.population.is_food * np.exp(1.1 * risk - 0.5), rng)
        day = world.days(len(hurt), rng)
        world.recorder.add(
            "incident",
            hurt,
            day,
            day + rng.integers(0, 15, size=len(hurt)),
            domain=DOMAINS.index("food"),
            grade=pick({"incident": 0.85, "general": 0.15}, len(hurt), GRADES, rng),
            injured=rng.poisson(4, size=len(hurt)),
            deaths=0,
            equipment=-1,
        )
        world.adverse[hurt] += 1.5
