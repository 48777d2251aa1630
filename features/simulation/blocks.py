"""A large province is simulated block by block: memory is bounded by the block, not by the province.

The first block is the province of that size, bit for bit. Every later one is drawn by generators of its own
and takes over what is the province's: the levels of its districts, the centre and spread of what registration
shows, the intercepts, the rates of its draws, and all numbers that are taken. Persons, groups, branches,
investments and addresses tie enterprises of one block; which block an enterprise is in follows from nothing
else.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from features.simulation import names
from features.simulation.months import Floats, Ints

#: Enterprises of a block.
ENTERPRISES = 200_000
#: Fewer than these are no block of their own.
FEWEST = 1_000
#: Numbers of persons that a block has for itself.
_PERSONS = 1 << 48


@dataclass(frozen=True)
class CommonRisk:
    """What the latent risk of all blocks has in common.

    Attributes
    ----------
    districts
        Levels of the districts, shape (districts,).
    centre, spread
        Mean and standard deviation of what registration shows.
    age_mean
        Mean effect of age at the start.
    base
        Intercepts by domain, shape (3,).
    """

    districts: Floats
    centre: float
    spread: float
    age_mean: float
    base: Floats


@dataclass(frozen=True)
class Common:
    """What all blocks of a province have in common.

    Attributes
    ----------
    risk
        Of the latent risk.
    draws
        Yearly rates of the random draw by year, domain and district.
    """

    risk: CommonRisk
    draws: Floats


@dataclass(frozen=True)
class Block:
    """Which enterprises of a province are simulated together, and what those before them have used.

    Attributes
    ----------
    number
        Counted from 0.
    issued
        Record numbers that are taken, by table.
    equipment
        Numbers of equipment that are taken.
    subjects
        Subject numbers of credit codes that are taken.
    common
        What the province is; None for the first block, which decides it.
    """

    number: int = 0
    issued: dict[str, int] = field(default_factory=dict)
    equipment: int = 0
    subjects: Ints | None = None
    common: Common | None = None

    @property
    def first_person(self) -> int:
        """The first number of the block's persons."""
        return self.number * _PERSONS

    @property
    def first_address(self) -> int:
        """The first number of the block's addresses: where there are more enterprises streets are longer."""
        return self.number * len(names.STREETS) * names.HOUSES


def sizes(enterprises: int) -> list[int]:
    """Return how many enterprises each block has.

    Examples
    --------
    >>> sizes(450_000), sizes(200_900)
    ([200000, 200000, 50000], [200900])
    """
    full, rest = divmod(enterprises, ENTERPRISES)
    found = [ENTERPRISES] * full
    if rest >= FEWEST or not found:
        return [*found, rest]
    found[-1] += rest
    return found


def together(subjects: Ints | None, more: Ints) -> Ints:
    """Return subject numbers that are taken after a block."""
    return more if subjects is None else np.concatenate([subjects, more])
