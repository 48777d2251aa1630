"""The random assignment itself: whole numbers only, the same on every machine."""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from features.errors import InputError
from supervision.assignment.pool import Inspector, normalise_pool, pool_digest
from supervision.assignment.rules import AssignmentRules
from supervision.sampling.planning import Plan
from supervision.sampling.randomness import Randomness

#: Names the way from seed to assignment; another way gets another name.
DESIGN = "risk-model inspector assignment v1"


@dataclass(frozen=True)
class AssignmentSummary:
    """An assignment in numbers.

    Attributes
    ----------
    visits, assigned
        Enterprises of the plan, and those that have all their inspectors.
    without_eligible
        Enterprises for which too few inspectors are eligible, however much time they had.
    beyond_workload
        Enterprises whose inspectors have no visits left.
    inspectors, places
        Inspectors in the pool, and the visits that they can make.
    busiest
        Most visits of one inspector.
    """

    visits: int
    assigned: int
    without_eligible: int
    beyond_workload: int
    inspectors: int
    places: int
    busiest: int


@dataclass(frozen=True)
class Assignment:
    """Who inspects whom.

    Attributes
    ----------
    rules, pool
        As given, the pool by identifier.
    teams
        Credit code → identifiers of the inspectors, sorted; codes of the plan, sorted. Empty where none
        could be assigned: a visit is made by a whole team or not at all.
    reasons
        Credit code → ``assigned``, ``without_eligible`` or ``beyond_workload``.
    plan_fingerprint
        Of the plan that it belongs to.
    """

    rules: AssignmentRules
    pool: tuple[Inspector, ...]
    teams: dict[str, tuple[str, ...]]
    reasons: dict[str, str]
    plan_fingerprint: str

    @property
    def fingerprint(self) -> str:
        """SHA-256 of everything that the assignment follows from."""
        inputs = {
            "design": DESIGN,
            "plan": self.plan_fingerprint,
            "pool": pool_digest(list(self.pool)),
            "rules": self.rules.model_dump(mode="json"),
        }
        text = json.dumps(inputs, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def summary(self) -> AssignmentSummary:
        """The assignment in numbers."""
        reasons = list(self.reasons.values())
        loads = pd.Series([i for team in self.teams.values() for i in team], dtype=object).value_counts()
        return AssignmentSummary(
            visits=len(reasons),
            assigned=reasons.count("assigned"),
            without_eligible=reasons.count("without_eligible"),
            beyond_workload=reasons.count("beyond_workload"),
            inspectors=len(self.pool),
            places=sum(i.visits for i in self.pool),
            busiest=int(loads.max()) if len(loads) else 0,
        )

    def as_dict(self) -> dict[str, Any]:
        """Return fingerprint and summary as plain data."""
        return {"fingerprint": self.fingerprint, "summary": asdict(self.summary)}


def assign_inspectors(plan: Plan, pool: Sequence[Inspector], rules: AssignmentRules) -> Assignment:
    """Draw inspectors for every selected enterprise of a plan.

    Parameters
    ----------
    plan
        The plan; its seed, which was committed to, decides this draw too.
    pool
        The inspectors, any order.
    rules
        Rules of the plan's sector.

    Returns
    -------
    Assignment
        The same for the same inputs, on every machine.

    Raises
    ------
    InputError
        If the rules are of another sector, or the pool cannot be used.

    Notes
    -----
    An inspector is eligible for an enterprise if both share the first digits of the district code that
    the rules ask for, and there is no conflict of interest; so many of a team as the rules say are
    competent in the sector, for a joint visit in each of its sectors (one person counts for each that he
    or she knows, and whoever knows most of what is still needed is taken). Enterprises are served in
    random order; each draws one inspector after the other, with chances in proportion to the visits that
    each still has to give, so that workload evens out. Where no eligible inspector has visits left, a
    chain of exchanges is looked for: one who is full gives a visit to a colleague who is not (augmenting
    path), which changes who goes but no count; an enterprise stays without a team only if there is no
    such chain for one of its seats. All draws are of whole numbers.
    """
    if rules.sector != plan.sector:
        raise InputError(f"the rules are of {rules.sector!r}, the plan of {plan.sector!r}", field="rules")
    inspectors = normalise_pool(list(pool))
    randomness = Randomness(plan.seed, plan.sector, plan.month, scheme=DESIGN)
    selected = plan.selected
    codes = selected["credit_code"].tolist()
    districts = dict(zip(codes, selected["district"].tolist(), strict=True))
    keys = randomness.keys(len(codes)).tolist()
    order = [code for _, code in sorted(zip(keys, codes, strict=True))]
    joined = selected["sectors"].tolist()
    sectors = {c: tuple((s or plan.sector).split("+")) for c, s in zip(codes, joined, strict=True)}
    draw = _Draw(inspectors, rules, districts, sectors, randomness)
    reasons = {code: draw.serve(code) for code in order}
    return Assignment(
        rules=rules,
        pool=tuple(inspectors),
        teams={
            code: tuple(sorted(inspectors[place].inspector_id for place in draw.teams.get(code, ())))
            for code in sorted(codes)
        },
        reasons={code: reasons[code] for code in sorted(codes)},
        plan_fingerprint=plan.fingerprint,
    )


class _Draw:
    """The state of a draw: teams so far, and the visits that each inspector has left."""

    def __init__(
        self,
        inspectors: list[Inspector],
        rules: AssignmentRules,
        districts: dict[str, str],
        sectors: dict[str, tuple[str, ...]],
        randomness: Randomness,
    ) -> None:
        self.teams: dict[str, list[int]] = {}
        self._rules = rules
        self._left = [inspector.visits for inspector in inspectors]
        self._visits: list[list[str]] = [[] for _ in inspectors]
        self._randomness = randomness
        self._competences = [frozenset(inspector.competences) for inspector in inspectors]
        self._sectors = sectors
        self._conflicts = [frozenset(inspector.conflicts) for inspector in inspectors]
        self._districts = districts
        self._local: dict[str, list[int]] = {}
        for district in set(districts.values()):
            self._local[district] = [
                place
                for place, inspector in enumerate(inspectors)
                if _shares(inspector.districts, district, rules.district)
            ]

    def serve(self, code: str) -> str:
        """Draw a team for an enterprise, all or none; say what came of it."""
        everybody = [p for p in self._local[self._districts[code]] if code not in self._conflicts[p]]
        sectors = self._sectors[code]
        able = {s: [p for p in everybody if s in self._competences[p]] for s in sectors}
        if len(everybody) < self._rules.inspectors or any(
            len(found) < self._rules.competent for found in able.values()
        ):
            return "without_eligible"
        team = self.teams.setdefault(code, [])
        # The competent seats first: what is left may be filled by anybody.
        while needed := [s for s in sectors if self._count(team, s) < self._rules.competent]:
            if not self._seat(code, self._most_useful(able[needed[0]], needed, team)):
                self._release(code)
                return "beyond_workload"
        while len(team) < self._rules.inspectors:
            if not self._seat(code, everybody):
                self._release(code)
                return "beyond_workload"
        return "assigned"

    def _count(self, team: list[int], sector: str) -> int:
        return sum(sector in self._competences[p] for p in team)

    def _most_useful(self, able: list[int], needed: list[str], team: list[int]) -> list[int]:
        """Return who of the able with visits left knows most of what is still needed; all if nobody has."""
        if len(needed) == 1:
            return able
        free = [p for p in able if self._left[p] and p not in team]
        if not free:
            return able
        known = {p: len(self._competences[p].intersection(needed)) for p in free}
        most = max(known.values())
        return [p for p in free if known[p] == most]

    def _seat(self, code: str, candidates: list[int]) -> bool:
        team = self.teams.setdefault(code, [])
        open_to = [p for p in candidates if p not in team]
        total = sum(self._left[p] for p in open_to)
        if total:
            ticket = int(self._randomness.keys(1)[0]) % total
            for place in open_to:
                ticket -= self._left[place]
                if ticket < 0:
                    self._give(place, code)
                    return True
        return self._exchange(code, open_to)

    def _exchange(self, code: str, open_to: list[int]) -> bool:
        """Find a full inspector who can hand a visit on, through colleagues if need be."""
        came_from: dict[int, tuple[int, str] | None] = dict.fromkeys(open_to)
        queue = deque(open_to)
        # A visit changes hands once in a chain: what its team can do is judged as it is now.
        looked_at: set[str] = set()
        while queue:
            place = queue.popleft()
            if self._left[place]:
                while (step := came_from[place]) is not None:
                    giver, visit = step
                    self._take(giver, visit)
                    self._give(place, visit)
                    place = giver
                self._give(place, code)
                return True
            for visit in self._visits[place]:
                if visit in looked_at:
                    continue
                looked_at.add(visit)
                for colleague in self._colleagues(place, visit):
                    if colleague not in came_from:
                        came_from[colleague] = (place, visit)
                        queue.append(colleague)
        return False

    def _colleagues(self, place: int, visit: str) -> list[int]:
        """Return who could take a visit over and leave its team as able as it was."""
        team = self.teams[visit]
        rest = [p for p in team if p != place]
        lacking = [s for s in self._sectors[visit] if self._count(rest, s) < self._rules.competent]
        return [
            p
            for p in self._local[self._districts[visit]]
            if p not in team and visit not in self._conflicts[p] and self._competences[p].issuperset(lacking)
        ]

    def _give(self, place: int, code: str) -> None:
        self._left[place] -= 1
        self._visits[place].append(code)
        self.teams.setdefault(code, []).append(place)

    def _take(self, place: int, code: str) -> None:
        self._left[place] += 1
        self._visits[place].remove(code)
        self.teams[code].remove(place)

    def _release(self, code: str) -> None:
        for place in list(self.teams.get(code, ())):
            self._take(place, code)


def _shares(districts: tuple[str, ...], district: str, digits: int) -> bool:
    """Return whether an inspector works where the enterprise is, to so many digits.

    A code that ends in 00 stands for all below it.
    """
    for given in districts:
        prefix = given
        while len(prefix) > 2 and len(prefix) % 2 == 0 and prefix.endswith("00"):
            prefix = prefix[:-2]
        shared = min(len(prefix), digits)
        if prefix[:shared] == district[:shared]:
            return True
    return digits == 0
