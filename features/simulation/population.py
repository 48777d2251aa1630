"""Who there is: enterprises, their trades, sizes, persons and groups."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from features.records import codes
from features.simulation import industries, names
from features.simulation.identifiers import credit_codes, text
from features.simulation.months import LAST_EVENT_DAY, Bools, Floats, Ints, Months
from features.simulation.parameters import Parameters

COMPANY, INDIVIDUAL, COOPERATIVE, BRANCH = range(4)
#: Positions of our four types in the canonical code set.
TYPE_CODES = tuple(
    list(codes.ENTERPRISE_TYPE).index(name)
    for name in ("company", "individual_business", "cooperative", "branch")
)
PREFIXES = np.array([91, 92, 93, 91])

PRODUCER, SELLER, CATERER = range(3)
MAKER, INSTALLER, FILLER, USER = range(4)
NONE = -1


@dataclass
class Population:
    """What an enterprise is from birth; columns of shape (n,).

    Attributes
    ----------
    codes
        Credit codes as text, and the ``subject`` number in each.
    kind
        Company, individual business, cooperative, branch.
    industry, district, brand, address
        Positions in the vocabularies.
    established
        Day number; ``born`` the month, -1 before the first.
    food, equipment
        Class within the sector, :data:`NONE` outside it.
    capital
        Registered, fen; ``paid`` its share paid in.
    employees
        Persons.
    group
        Group of enterprises tied by the same persons, :data:`NONE` if alone.
    parent
        Head company of a branch, else :data:`NONE`.
    """

    codes: pa.Array
    kind: Ints
    industry: Ints
    district: Ints
    brand: Ints
    address: Ints
    established: Ints
    born: Ints
    food: Ints
    equipment: Ints
    capital: Ints
    paid: Floats
    employees: Ints
    group: Ints
    parent: Ints
    static_risk: Ints
    subject: Ints

    @property
    def count(self) -> int:
        """How many enterprises there are."""
        return len(self.kind)

    @property
    def is_food(self) -> Bools:
        """Whether each is a food enterprise."""
        member: Bools = self.food != NONE
        return member

    @property
    def has_equipment(self) -> Bools:
        """Whether each makes, installs, fills or uses special equipment."""
        member: Bools = self.equipment != NONE
        return member


def division(district: Ints) -> Ints:
    """Return division codes, 990101 and following."""
    return 990101 + district


def populate(
    parameters: Parameters,
    months: Months,
    count: int,
    rng: np.random.Generator,
    taken: Ints | None = None,
) -> Population:
    """Draw a population whose subject numbers are not among those that are taken."""
    kind = rng.choice(4, size=count, p=parameters.type_shares)
    food = np.where(
        rng.random(count) < parameters.food_share, rng.choice(3, size=count, p=parameters.food_classes), NONE
    )
    equipment = np.where(
        rng.random(count) < parameters.equipment_share,
        rng.choice(4, size=count, p=parameters.equipment_classes),
        NONE,
    )
    # Shops and kitchens are mostly individual businesses; works are companies.
    served = (food == SELLER) | (food == CATERER)
    kind = np.where(served & (rng.random(count) < 0.45), INDIVIDUAL, kind)
    made = (food == PRODUCER) | ((equipment != NONE) & (food == NONE))
    kind = np.where(made & (kind != BRANCH), COMPANY, kind)
    equipment = np.where((food != NONE) & (equipment != NONE), USER, equipment)
    industry = _industries(food, equipment, rng)

    weights = 1 / (1 + np.arange(parameters.districts)) ** 0.5
    district = rng.choice(parameters.districts, size=count, p=weights / weights.sum())
    established, born = _births(parameters, months, count, rng)
    characters, subject = credit_codes(PREFIXES[kind], division(district), rng, taken)
    group = _groups(parameters.grouped_share, kind, rng)
    parent = np.full(count, NONE)
    heads = np.flatnonzero(kind == COMPANY)
    if len(heads):
        branches = np.flatnonzero(kind == BRANCH)
        parent[branches] = rng.choice(heads, size=len(branches))
    scale = rng.normal(size=count)
    small = np.isin(kind, (INDIVIDUAL, COOPERATIVE))
    employees = np.clip(np.exp(np.where(small, 0.9, 2.0) + 1.0 * scale), 1, 5000).astype(np.int64)
    steps = np.array([3, 10, 30, 50, 100, 200, 500, 1000, 2000, 5000, 20000]) * 1_000_000
    level = np.where(small, 1.2, 4.6) + 1.3 * scale + rng.normal(scale=1.0, size=count)
    capital = steps[np.clip(np.rint(level), 0, len(steps) - 1).astype(np.int64)]
    static = np.array([industries.STATIC_RISK.get(code, 0) for code in industries.CODES])[industry]
    return Population(
        codes=text(characters),
        kind=kind,
        industry=industry,
        district=district,
        brand=rng.integers(0, names.BRANDS, size=count),
        address=rng.integers(0, len(names.STREETS) * names.HOUSES, size=count),
        established=established,
        born=born,
        food=food,
        equipment=equipment,
        capital=capital,
        paid=rng.beta(0.8, 0.8, size=count),
        employees=employees,
        group=group,
        parent=parent,
        static_risk=np.where(food == NONE, 0, static),
        subject=subject,
    )


def _industries(food: Ints, equipment: Ints, rng: np.random.Generator) -> Ints:
    count = len(food)
    weights = np.array([industry.weight for industry in industries.INDUSTRIES])
    industry = rng.choice(len(weights), size=count, p=weights / weights.sum())
    sectors = (
        (equipment == MAKER, industries.EQUIPMENT_MAKERS),
        (equipment == INSTALLER, industries.EQUIPMENT_INSTALLERS),
        (equipment == FILLER, industries.EQUIPMENT_FILLERS),
        (food == PRODUCER, industries.FOOD_PRODUCERS),
        (food == SELLER, industries.FOOD_SELLERS),
        (food == CATERER, industries.CATERERS),
    )
    for members, choices in sectors:
        industry[members] = rng.choice(choices, size=int(members.sum()))
    return industry


def _births(
    parameters: Parameters, months: Months, count: int, rng: np.random.Generator
) -> tuple[Ints, Ints]:
    before = rng.random(count) < parameters.established_before
    age = np.clip(rng.exponential(6.5 * 365.25, size=count), 10, 35 * 365).astype(np.int64)
    month = rng.integers(0, months.count, size=count)
    day = months.first[month] + rng.integers(0, LAST_EVENT_DAY, size=count)
    established = np.where(before, months.first[0] - age, day)
    return established, np.where(before, -1, month)


def _groups(share: float, kind: Ints, rng: np.random.Generator) -> Ints:
    """Put a share of the enterprises into groups of two to six; branches follow their head instead."""
    members = rng.permutation(np.flatnonzero(kind != BRANCH))
    members = members[: int(share * len(kind))]
    sizes = rng.choice([2, 3, 4, 5, 6], size=len(members) // 2 + 1, p=[0.45, 0.25, 0.15, 0.10, 0.05])
    label = np.repeat(np.arange(len(sizes)), sizes)[: len(members)]
    group = np.full(len(kind), NONE)
    group[members] = label
    return group
