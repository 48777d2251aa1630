"""Complaints, penalties and commitments."""

from __future__ import annotations

import numpy as np

from features.records import codes
from features.records.calendar import add_months
from features.simulation.lists import SeriousList, ground_of
from features.simulation.months import MISSING, Bools, Floats, Ints
from features.simulation.population import CATERER, SELLER
from features.simulation.risk import sigmoid
from features.simulation.world import World, known_after, pick

DOMAINS = tuple(codes.DOMAIN)
KINDS = tuple(codes.PENALTY_KIND)
SEVERITIES = tuple(codes.SEVERITY)
OUTCOMES = tuple(codes.COMMITMENT_OUTCOME)
_MINOR, _GENERAL, _SERIOUS = (SEVERITIES.index(name) for name in ("minor", "general", "serious"))
_FOOD, _EQUIPMENT = DOMAINS.index("food"), DOMAINS.index("special_equipment")
_UNKNOWN = -1
#: Kinds whose publication never ends early (市场监督管理行政处罚信息公示规定 art. 14).
NEVER_EARLY = tuple(
    KINDS.index(name)
    for name in ("shutdown", "restriction", "employment_ban", "downgrade", "licence_revocation", "closure")
)
_KINDS_BY_SEVERITY = (
    {"warning": 0.35, "criticism": 0.10, "fine": 0.52, "other": 0.03},
    {"fine": 0.74, "confiscation": 0.20, "licence_suspension": 0.02, "other": 0.04},
    {"fine": 0.48, "confiscation": 0.18, "shutdown": 0.14, "licence_revocation": 0.08, "restriction": 0.07,
     "downgrade": 0.02, "closure": 0.02, "employment_ban": 0.01},
)  # fmt: skip
#: Median fine in fen by severity.
_MEDIAN = np.array([1.5e5, 8e5, 6e6])


class Penalties:
    """Administrative penalties, from leads and from what inspections found."""

    def __init__(self, world: World, serious: SeriousList) -> None:
        self._world = world
        self._serious = serious

    def step(self) -> None:
        """Decide the month's cases that came from leads of all kinds."""
        world, rng, p = self._world, self._world.rngs["conduct"], self._world.parameters
        risk = world.latent.visible
        who = world.happens(p.penalties * np.exp(p.penalties_strength * risk - 0.6), rng)
        day = world.days(len(who), rng)
        domain = pick(
            {"general": 0.36, "quality": 0.17, "pricing": 0.16, "tax": 0.08, "environment": 0.06,
             "construction": 0.03, "transport": 0.04, "work_safety": 0.03, "urban_management": 0.04,
             "culture": 0.01, "health": 0.02},
            len(who), DOMAINS, rng,
        )  # fmt: skip
        self.decide(who, day, domain, rng.random(len(who)) < sigmoid(-2.6 + 0.5 * risk[who]))
        for domain_code, state, rate in (
            (_FOOD, world.latent.food, 0.020),
            (_EQUIPMENT, world.latent.equipment, 0.015),
        ):
            member = world.population.is_food if domain_code == _FOOD else world.population.has_equipment
            who = world.happens(rate * member * np.exp(1.0 * state + 0.4 * risk - 0.5), rng)
            day = world.days(len(who), rng)
            grave = rng.random(len(who)) < sigmoid(-2.4 + 0.5 * state[who])
            self.decide(who, day, np.full(len(who), domain_code), grave)

    def decide(self, who: Ints, day: Ints, domain: Ints, grave: Bools) -> None:
        """Record decisions, their publication, and the few that are later withdrawn."""
        world, rng, p = self._world, self._world.rngs["conduct"], self._world.parameters
        count = len(who)
        if not count:
            return
        severity = np.where(grave, _SERIOUS, np.where(rng.random(count) < 0.38, _MINOR, _GENERAL))
        kinds = np.stack([pick(shares, count, KINDS, rng) for shares in _KINDS_BY_SEVERITY])
        kind = kinds[severity, np.arange(count)]
        fined = np.isin(kind, [KINDS.index("fine"), KINDS.index("confiscation")]) | (
            (severity == _SERIOUS) & (rng.random(count) < 0.5)
        )
        amount = np.round(_MEDIAN[severity] * np.exp(0.9 * rng.normal(size=count)), -4).astype(np.int64)
        short = np.isin(kind, [KINDS.index("warning"), KINDS.index("criticism")]) | (severity == _MINOR)
        months = np.where(short, p.short_publication_months, p.long_publication_months)
        content = {
            "kind": kind,
            "severity": severity,
            "domain": domain,
            "amount": np.where(fined, np.maximum(amount, 5000), 0),
            "basis": _basis(domain, rng),
            "expires_at": add_months(day, months),
        }
        known = day + known_after(count, 0, 28, 0.05, rng)
        record = world.recorder.add("penalty", who, day, known, withdrawn_at=MISSING, **content)
        back = rng.random(count) < p.withdrawn_share
        withdrawn = np.maximum(day + rng.integers(40, 400, size=count), known + 1)[back]
        # Withdrawn decisions leave publication within three working days (art. 11 there).
        world.recorder.add(
            "penalty",
            who[back],
            day[back],
            withdrawn + rng.integers(0, 4, size=len(withdrawn)),
            record=record[back],
            withdrawn_at=withdrawn,
            **{name: value[back] for name, value in content.items()},
        )
        world.adverse[who] += 1.0
        listed = (severity == _SERIOUS) & (rng.random(count) < p.serious_list_share) & ~back
        self._serious.enter(
            who[listed],
            day[listed] + rng.integers(5, 40, size=int(listed.sum())),
            ground_of(domain[listed], DOMAINS, rng),
        )


def _basis(domain: Ints, rng: np.random.Generator) -> Ints:
    other = rng.choice([0, 3, 4, 5], size=len(domain))
    return np.where(domain == _FOOD, 1, np.where(domain == _EQUIPMENT, 2, other))


class Complaints:
    """Complaints and reports, and what their handling found."""

    def __init__(self, world: World) -> None:
        self._world = world
        population = world.population
        retail = np.isin(population.food, (SELLER, CATERER))
        size = 0.45 * (np.log(population.employees) - 1.7)
        #: Whom consumers meet is complained of more, whatever its conduct.
        self._exposure = np.exp(size - 0.25 + 0.3 * retail)

    def step(self) -> tuple[Ints, Ints, Ints]:
        """Receive the month's complaints.

        Returns
        -------
        tuple
            Enterprise, day and domain of each.
        """
        world, rng, p = self._world, self._world.rngs["conduct"], self._world.parameters
        latent, population = world.latent, world.population
        general = world.happens(
            p.complaints * self._exposure * np.exp(p.complaints_strength * latent.visible - 0.4), rng
        )
        food = world.happens(
            p.food_complaints
            * population.is_food
            * self._exposure
            * np.exp(0.8 * latent.food + 0.3 * latent.visible - 0.4),
            rng,
        )
        lifts = world.happens(0.05 * population.has_equipment * np.exp(0.9 * latent.equipment - 0.3), rng)
        fields = pick(
            {"general": 0.55, "quality": 0.22, "pricing": 0.20, "other": 0.03}, len(general), DOMAINS, rng
        )
        who = np.concatenate([general, food, lifts])
        domain = np.concatenate([fields, np.full(len(food), _FOOD), np.full(len(lifts), _EQUIPMENT)])
        risk = np.concatenate(
            [
                latent.visible[general],
                latent.food[food] + 0.3 * latent.visible[food],
                latent.equipment[lifts] + 0.3 * latent.visible[lifts],
            ]
        )
        day = world.days(len(who), rng)
        known = day + rng.integers(0, 4, size=len(who))
        record = world.recorder.add("complaint", who, day, known, domain=domain, verified=_UNKNOWN)
        handled = rng.random(len(who)) < 0.92
        true = rng.random(len(who)) < sigmoid(-1.1 + 0.6 * risk)
        # Handled within some 60 working days (市场监督管理投诉举报处理暂行办法).
        done = known + rng.integers(7, 85, size=len(who))
        world.recorder.add(
            "complaint",
            who[handled],
            day[handled],
            done[handled],
            record=record[handled],
            domain=domain[handled],
            verified=true[handled].astype(np.int8),
        )
        np.add.at(world.grievances, who, np.where(true, 1.0, 0.5))
        return who, day, domain


class Commitments:
    """Credit commitments and whether they were kept."""

    def __init__(self, world: World) -> None:
        self._world = world

    def step(self) -> None:
        """Record the month's commitments, and the verification that follows."""
        world, rng = self._world, self._world.rngs["conduct"]
        who = world.happens(world.parameters.commitments, rng)
        count = len(who)
        day = world.days(count, rng)
        known = day + rng.integers(0, 6, size=count)
        kind = rng.choice(4, size=count, p=[0.45, 0.35, 0.08, 0.12])
        record = world.recorder.add(
            "commitment", who, day, known, kind=kind, outcome=OUTCOMES.index("pending"), verified_on=MISSING
        )
        checked = rng.random(count) < 0.8
        broken = self._broken(world.latent.visible[who], rng)
        verified = known + rng.integers(30, 200, size=count)
        world.recorder.add(
            "commitment",
            who[checked],
            day[checked],
            (verified + rng.integers(0, 11, size=count))[checked],
            record=record[checked],
            kind=kind[checked],
            outcome=np.where(broken, OUTCOMES.index("broken"), OUTCOMES.index("kept"))[checked],
            verified_on=verified[checked],
        )

    @staticmethod
    def _broken(risk: Floats, rng: np.random.Generator) -> Bools:
        broken: Bools = rng.random(len(risk)) < sigmoid(-2.7 + 1.0 * risk)
        return broken
