"""Who is inspected, how they were chosen, and what was found."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.records import codes
from features.simulation.conduct import DOMAINS as FIELDS
from features.simulation.conduct import Penalties
from features.simulation.lists import AbnormalList
from features.simulation.months import Bools, Floats, Ints
from features.simulation.parameters import Parameters
from features.simulation.population import NONE
from features.simulation.risk import DOMAINS, EQUIPMENT, FOOD, GENERAL, sigmoid
from features.simulation.world import World, pick

KINDS = tuple(codes.INSPECTION_KIND)
SELECTIONS = tuple(codes.SELECTION)
OUTCOMES = tuple(codes.OUTCOME)
SEVERITIES = tuple(codes.ITEM_SEVERITY)
#: Published result codes, single and in the combinations that occur.
RESULTS = (
    "1",
    "E",
    "F",
    "B",
    "C",
    "6",
    "D",
    "2",
    "3",
    "4",
    "5",
    "A",
    "8",
    "7",
    "9",
    "12",
    "B,D",
    "3,A",
    "4,A",
    "2,6",
)
_FIELD = np.array([FIELDS.index(domain) for domain in DOMAINS])
_NO_PROBLEM, _CORRECTED, _PROBLEM, _SEVERE, _NEUTRAL, _CENSORED = range(6)
_RANDOM, _TARGETED, _COMPLAINT, _FOLLOW_UP, _FULL = (
    SELECTIONS.index(name) for name in ("random", "targeted", "complaint", "follow_up", "full_coverage")
)


@dataclass
class Batch:
    """Inspections to be held: enterprise, domain, day, how chosen, kind, inclusion probability, boost."""

    who: Ints
    domain: Ints
    day: Ints
    selection: Ints
    kind: Ints
    probability: Floats
    boost: Floats

    @classmethod
    def of(
        cls,
        who: Ints,
        domain: Ints | int,
        day: Ints,
        *,
        selection: int,
        kind: Ints | int,
        probability: Floats | float = np.nan,
        boost: float = 0.0,
    ) -> Batch:
        """Build a batch from arrays and single values."""
        count = len(who)
        return cls(
            who,
            np.broadcast_to(domain, (count,)),
            day,
            np.full(count, selection),
            np.broadcast_to(kind, (count,)),
            np.broadcast_to(probability, (count,)),
            np.full(count, boost),
        )

    @classmethod
    def all_of(cls, batches: list[Batch]) -> Batch:
        """Put batches together."""
        return cls(
            *(
                np.concatenate([getattr(batch, name) for batch in batches])
                for name in ("who", "domain", "day", "selection", "kind", "probability", "boost")
            )
        )


class Inspections:
    """The month's inspections.

    From the month ``handed_over`` on, only complaints are followed up here: who else is inspected is decided
    elsewhere (:mod:`features.simulation.handover`).

    Notes
    -----
    The random draw takes every enterprise of a stratum (district, year, and whether the authority has a
    recent adverse record) independently with the probability that its rows state: the probability of
    being drawn in that month's draw of that domain. Officers who target see past records and
    complaints, and know something of the present risk that no record shows; the probability that an
    inspection finds a problem depends on the risk, not on how it was chosen, except after a complaint.
    """

    def __init__(
        self, world: World, penalties: Penalties, abnormal: AbnormalList, handed_over: int | None = None
    ) -> None:
        self._world = world
        self._handed_over = handed_over
        self._penalties = penalties
        self._abnormal = abnormal
        rng, p = world.rngs["inspections"], world.parameters
        years = int(world.months.year[world.months.count] - world.months.year[0] + 1)
        rates = np.array([p.draw_general, p.draw_food, p.draw_equipment])
        spread = np.exp(rng.normal(scale=0.22, size=(3, p.districts)))
        swing = np.exp(rng.normal(scale=0.10, size=(years, 3)))
        #: Yearly draw rate by year, domain and district.
        self.rates = rates[None, :, None] * spread[None] * swing[:, :, None]
        if world.block.common is not None:
            self.rates = world.block.common.draws
        self._coverage_month = rng.integers(0, 24, size=world.population.count)
        year, month = (int(part) for part in p.classes_from.split("-"))
        self._classes_from = year * 12 + month
        #: Enterprises with severe findings in this month, and the day.
        self.severe: tuple[Ints, Ints] = (np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))

    def step(self, complaints: tuple[Ints, Ints, Ints]) -> None:
        """Choose and hold the month's inspections."""
        batches = []
        if self._handed_over is None or self._world.month < self._handed_over:
            batches = [self._random(domain) for domain in range(3)]
            batches += [self._coverage(), self._targeted()]
        batches.append(self._after_complaints(*complaints))
        batch = Batch.all_of(batches)
        # A problem list is about one look: an enterprise is seen once a month in a domain; the random
        # draw comes first, so that its stated probability stays true.
        key = batch.who * 3 + batch.domain
        _, first = np.unique(key, return_index=True)
        first.sort()
        self.hold(Batch(*(getattr(batch, f)[first] for f in batch.__dataclass_fields__)))

    def _random(self, domain: int) -> Batch:
        world, rng, p = self._world, self._world.rngs["inspections"], self._world.parameters
        year = int(world.months.year[world.month])
        rate = self.rates[year - int(world.months.year[0]), domain][world.population.district]
        if year * 12 + int(world.months.month[world.month]) >= self._classes_from:
            rate = rate * np.where(world.adverse > 0.5, p.draw_adverse, p.draw_clean)
        probability = np.minimum(rate / 12, 1.0)
        drawn = rng.random(len(probability)) < probability
        who = np.flatnonzero(drawn & world.alive & world.latent.members(domain))
        return Batch.of(
            who,
            domain,
            world.days(len(who), rng),
            selection=_RANDOM,
            kind=KINDS.index("random"),
            probability=np.round(probability[who], 8),
        )

    def _coverage(self) -> Batch:
        """Food enterprises in turn, all within some years, whatever their conduct."""
        world, rng, p = self._world, self._world.rngs["inspections"], self._world.parameters
        turn = (world.month + self._coverage_month) % 24 == 0
        held = rng.random(world.population.count) < min(2 * p.coverage_food, 1.0)
        who = np.flatnonzero(turn & held & world.alive & world.population.is_food)
        return Batch.of(who, FOOD, world.days(len(who), rng), selection=_FULL, kind=KINDS.index("routine"))

    def _targeted(self) -> Batch:
        world, rng, p = self._world, self._world.rngs["inspections"], self._world.parameters
        population, latent = world.population, world.latent
        count = population.count
        domain = np.zeros(count, dtype=np.int64)
        luck = rng.random(count)
        domain[population.is_food & (luck < 0.8)] = FOOD
        domain[population.has_equipment & (luck > 0.3)] = EQUIPMENT
        true = latent.logits[domain, np.arange(count)]
        spread = true[world.alive].std() + 1e-9
        knowledge = p.knowledge_link * (true - true[world.alive].mean()) / spread
        knowledge = knowledge + np.sqrt(1 - p.knowledge_link**2) * rng.normal(size=count)
        rate = p.targeted * np.exp(
            p.targeted_adverse * np.minimum(world.adverse, 3)
            + p.targeted_complaints * np.minimum(world.grievances, 3)
            + p.targeted_knowledge * knowledge
            - 0.2
        )
        who = world.happens(rate * np.where(domain == GENERAL, 1.0, 1.8), rng)
        kind = pick({"special": 0.55, "routine": 0.35, "flight": 0.10}, len(who), KINDS, rng)
        licensed = (domain[who] == EQUIPMENT) & (population.equipment[who] != NONE)
        kind = np.where(licensed & (rng.random(len(who)) < 0.3), KINDS.index("post_licence"), kind)
        kind = np.where(
            (population.static_risk[who] == 4) & (domain[who] == FOOD) & (rng.random(len(who)) < 0.2),
            KINDS.index("system"),
            kind,
        )
        return Batch.of(who, domain[who], world.days(len(who), rng), selection=_TARGETED, kind=kind)

    def _after_complaints(self, who: Ints, day: Ints, field: Ints) -> Batch:
        rng, p = self._world.rngs["inspections"], self._world.parameters
        looked = rng.random(len(who)) < p.complaint_inspected
        who, day, field = who[looked], day[looked], field[looked]
        domain = np.where(
            field == _FIELD[FOOD], FOOD, np.where(field == _FIELD[EQUIPMENT], EQUIPMENT, GENERAL)
        )
        return Batch.of(
            who,
            domain,
            day + rng.integers(2, 16, size=len(who)),
            selection=_COMPLAINT,
            kind=KINDS.index("complaint"),
            boost=p.complaint_boost,
        )

    def hold(self, batch: Batch, outcome: Ints | None = None) -> None:
        """Hold inspections: record what they find, and what follows from it.

        Parameters
        ----------
        batch
            An enterprise and domain at most once.
        outcome
            What each finds, where that is decided already; else it is drawn.
        """
        world, rng = self._world, self._world.rngs["inspections"]
        logit = world.latent.logits[batch.domain, batch.who] + batch.boost
        if outcome is None:
            luck = np.stack([rng.random(len(batch.who)) for _ in range(4)])
            outcome = outcomes(world.parameters, logit, self._abnormal.listed[batch.who], luck)
        self._record(batch, outcome, logit)
        self._follow(batch, outcome)

    def _record(self, batch: Batch, outcome: Ints, logit: Floats) -> None:
        world, rng = self._world, self._world.rngs["inspections"]
        count = len(batch.who)
        bad = np.where(outcome == _SEVERE, 2, np.where(outcome == _PROBLEM, 1, 0))
        mean = np.clip(np.exp(0.25 * (logit + 2)), 0.4, 3)
        looked = outcome <= _SEVERE
        critical = rng.poisson(np.array([0.0, 0.35, 1.4])[bad] * mean)
        serious = rng.poisson(np.array([0.02, 0.9, 1.6])[bad] * mean)
        minor = rng.poisson(np.where(outcome == _CORRECTED, 1.5, 0.30 + 0.9 * bad) * mean)
        minor = np.where((outcome == _CORRECTED) & (critical + serious + minor == 0), 1, minor)
        serious = np.where((bad > 0) & (critical + serious == 0), 1, serious)
        critical = np.where((bad == 2) & (critical == 0), 1, critical)
        critical, serious, minor = (
            np.where(looked, np.minimum(items, 8), 0) for items in (critical, serious, minor)
        )
        sector = batch.domain != GENERAL
        points = np.clip(100 - 8.0 * critical - 4.0 * serious - 1.0 * minor, 0, 100)
        lag = rng.integers(0, 21, size=count) + np.where(rng.random(count) < 0.05, 25, 0)
        recorded = batch.day + lag
        field = _FIELD[batch.domain]
        full = (batch.selection == _FULL) | ((batch.selection == _RANDOM) & (rng.random(count) < 0.4))
        inspection = world.recorder.add(
            "inspection",
            batch.who,
            batch.day,
            recorded,
            kind=batch.kind,
            domain=field,
            selection=batch.selection,
            inclusion_probability=batch.probability,
            outcome=outcome,
            result_codes=self._results(batch.domain, outcome, rng),
            critical_items=critical,
            serious_items=serious,
            minor_items=minor,
            points=np.where(sector & looked, points, np.nan),
            full_item=full.astype(np.int8),
        )
        for severity, items in enumerate((critical, serious, minor)):
            rows = np.repeat(np.arange(count), items)
            fined = (severity < 2) & (rng.random(len(rows)) < 0.06)
            world.recorder.add(
                "finding",
                batch.who[rows],
                batch.day[rows],
                recorded[rows],
                inspection=inspection[rows],
                item=batch.domain[rows] * 8 + rng.integers(0, 8, size=len(rows)),
                severity=severity,
                domain=field[rows],
                fined=np.where(fined, rng.integers(1, 40, size=len(rows)) * 50_000, 0),
            )

    @staticmethod
    def _results(domain: Ints, outcome: Ints, rng: np.random.Generator) -> Ints:
        count = len(domain)
        law = (
            pick({"B": 0.36, "D": 0.20, "2": 0.20, "5": 0.08, "A": 0.10, "B,D": 0.06}, count, RESULTS, rng),
            pick({"3": 0.75, "3,A": 0.15, "A": 0.10}, count, RESULTS, rng),
            pick({"4": 0.75, "4,A": 0.15, "A": 0.10}, count, RESULTS, rng),
        )
        problem = np.stack(law)[domain, np.arange(count)]
        grave = (
            pick({"C": 0.25, "6": 0.55, "8": 0.12, "2,6": 0.08}, count, RESULTS, rng),
            pick({"3": 0.80, "8": 0.10, "6": 0.10}, count, RESULTS, rng),
            pick({"4": 0.80, "8": 0.10, "6": 0.10}, count, RESULTS, rng),
        )
        severe = np.stack(grave)[domain, np.arange(count)]
        gone = pick({"7": 0.75, "9": 0.15, "12": 0.10}, count, RESULTS, rng)
        one, corrected, neutral = (np.full(count, RESULTS.index(code)) for code in ("1", "E", "F"))
        return np.choose(outcome, [one, corrected, problem, severe, neutral, gone])

    def _follow(self, batch: Batch, outcome: Ints) -> None:
        world, rng, p = self._world, self._world.rngs["inspections"], self._world.parameters
        found = (outcome == _PROBLEM) | (outcome == _SEVERE)
        severe = outcome == _SEVERE
        np.add.at(world.adverse, batch.who[found], 1.0)
        chance = np.where(severe, p.penalty_after_severe, np.where(found, p.penalty_after_problem, 0.0))
        case = rng.random(len(outcome)) < chance
        decided = batch.day + rng.integers(20, 120, size=len(outcome))
        self._penalties.decide(
            batch.who[case],
            decided[case],
            _FIELD[batch.domain[case]],
            severe[case] & (rng.random(int(case.sum())) < 0.35),
        )
        unreachable = severe & (batch.domain == GENERAL) & (rng.random(len(outcome)) < 0.5)
        self._abnormal.enter(batch.who[unreachable], batch.day[unreachable] + 5, codes_of_unreachable())
        self.severe = (batch.who[severe], batch.day[severe] + 15)
        self._recheck(batch, found)

    def _recheck(self, batch: Batch, found: Bools) -> None:
        world, rng = self._world, self._world.rngs["inspections"]
        again = found & (rng.random(len(found)) < world.parameters.recheck_share)
        who, domain = batch.who[again], batch.domain[again]
        count = len(who)
        day = batch.day[again] + rng.integers(15, 50, size=count)
        still = rng.random(count) < sigmoid(-1.8 + 0.5 * world.latent.visible[who])
        outcome = np.where(still, _PROBLEM, np.where(rng.random(count) < 0.2, _CORRECTED, _NO_PROBLEM))
        items = np.where(still, rng.integers(1, 3, size=count), 0)
        world.recorder.add(
            "inspection",
            who,
            day,
            day + rng.integers(0, 21, size=count),
            kind=KINDS.index("recheck"),
            domain=_FIELD[domain],
            selection=_FOLLOW_UP,
            inclusion_probability=np.nan,
            outcome=outcome,
            result_codes=self._results(domain, outcome, rng),
            critical_items=0,
            serious_items=items,
            minor_items=(outcome == _CORRECTED).astype(np.int64),
            points=np.nan,
            full_item=np.int8(0),
        )


def outcomes(p: Parameters, logit: Floats, listed: Bools, luck: Floats) -> Ints:
    """Return what inspections find.

    Parameters
    ----------
    p
        Shares of outcomes.
    logit
        Log odds that a problem is found, shape (n,).
    listed
        Whether each enterprise is on the abnormal-operation list.
    luck
        Four uniform numbers each: problem, severe, corrected, and whether there is anything to look at;
        shape (4, n).

    Returns
    -------
    numpy.ndarray
        Positions in the code set of outcomes.
    """
    problem, grave, mended, idle = luck
    found = problem < sigmoid(logit)
    severe = grave < np.clip(p.severe_share * np.exp(0.35 * (logit + 2)), 0, 0.6)
    corrected = mended < np.clip(p.corrected_share * np.exp(0.30 * (logit + 2.4)), 0, 0.6)
    outcome = np.where(
        found, np.where(severe, _SEVERE, _PROBLEM), np.where(corrected, _CORRECTED, _NO_PROBLEM)
    )
    often = 1 + 1.5 * listed
    outcome = np.where(idle < p.neutral_share * often, _NEUTRAL, outcome)
    return np.where(idle > 1 - p.censored_share * often, _CENSORED, outcome)


def codes_of_unreachable() -> int:
    """Return the position of the reason for listing: unreachable at the registered address."""
    return tuple(codes.ABNORMAL_REASON).index("4")
