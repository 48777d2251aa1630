"""The state of the province in the current month, which all stages read and change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from features.simulation.blocks import Block
from features.simulation.months import LAST_EVENT_DAY, MISSING, Bools, Floats, Ints, Months
from features.simulation.parameters import Parameters
from features.simulation.population import NONE, Population
from features.simulation.recorder import Recorder
from features.simulation.risk import LatentRisk

STAGES = (
    "population", "latent", "registration", "reports", "lists", "conduct", "relations", "licences",
    "inspections", "food", "equipment", "repair", "dirt",
)  # fmt: skip


def generators(seed: int, block: int = 0) -> Mapping[str, np.random.Generator]:
    """Return an independent generator for every stage of a block."""
    # The stages of the first block have the keys below their number; so it is the province of its size.
    key = (len(STAGES) - 1 + block,) if block else ()
    children = np.random.SeedSequence(seed, spawn_key=key).spawn(len(STAGES))
    return {stage: np.random.default_rng(child) for stage, child in zip(STAGES, children, strict=True)}


@dataclass
class World:
    """Everything that changes from month to month.

    Attributes
    ----------
    block
        Which enterprises of the province these are.
    month
        Number of the current month; ``first`` its first day.
    alive
        In business and registered before this month began.
    status
        Position in the code set of the registration status.
    adverse, grievances
        What the authority has seen lately: adverse records and complaints, fading by the month.
    missed
        Annual reports missed in a row.
    """

    parameters: Parameters
    months: Months
    population: Population
    latent: LatentRisk
    recorder: Recorder
    rngs: Mapping[str, np.random.Generator]
    block: Block = field(default_factory=Block)
    month: int = 0
    alive: Bools = field(init=False)
    status: Ints = field(init=False)
    adverse: Floats = field(init=False)
    grievances: Floats = field(init=False)
    missed: Ints = field(init=False)
    #: How much equipment there is, and the yearly rates of the draws: what the next block must know.
    equipment: int = field(init=False, default=0)
    draws: Floats = field(init=False)

    def __post_init__(self) -> None:
        count = self.population.count
        self.alive = self.population.born < 0
        self.status = np.zeros(count, dtype=np.int64)
        self.adverse = np.zeros(count)
        self.grievances = np.zeros(count)
        self.missed = np.zeros(count, dtype=np.int64)

    @property
    def first(self) -> int:
        """First day of the current month."""
        return int(self.months.first[self.month])

    def advance(self) -> None:
        """Begin the next month: those who were registered last month take part, what was seen fades."""
        self.month += 1
        self.alive |= self.population.born == self.month - 1
        self.adverse *= 0.95
        self.grievances *= 0.85
        self.latent.step(self.first)

    def days(self, count: int, rng: np.random.Generator) -> Ints:
        """Return days of the current month."""
        return self.first + rng.integers(0, LAST_EVENT_DAY, size=count)

    def happens(self, yearly: npt.NDArray[np.floating[Any]] | float, rng: np.random.Generator) -> Ints:
        """Return the enterprises in business to which something happens this month.

        Parameters
        ----------
        yearly
            Rate a year, one for all or one each.
        rng
            The stage's generator.
        """
        drawn = rng.random(self.population.count) < np.minimum(np.asarray(yearly) / 12, 0.9)
        return np.flatnonzero(self.alive & drawn)


def pick(shares: dict[str, float], count: int, codes: tuple[str, ...], rng: np.random.Generator) -> Ints:
    """Draw codes with given shares, as positions in the code set."""
    places = np.array([codes.index(code) for code in shares])
    weights = np.array(list(shares.values()))
    chosen: Ints = places[rng.choice(len(places), size=count, p=weights / weights.sum())]
    return chosen


def known_after(count: int, low: int, high: int, slow: float, rng: np.random.Generator) -> Ints:
    """Return lags in days: mostly between two bounds, a share of them much longer."""
    lag = rng.integers(low, high + 1, size=count)
    late = rng.random(count) < slow
    return np.where(late, lag + rng.exponential(75, size=count).astype(np.int64) + 10, lag)


__all__ = ["MISSING", "NONE", "World", "generators", "known_after", "pick"]
