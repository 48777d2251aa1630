"""A month's plan from what is on disk: read, decide, draw, keep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from features.home import Home
from supervision import inputs
from supervision.assignment.assigning import Assignment, assign_inspectors
from supervision.assignment.pool import Inspector
from supervision.assignment.rules import load_assignment_rules
from supervision.candidates import candidates_from
from supervision.joint import joint_assignment, joint_candidates, joint_rules, sectors_of
from supervision.pending import pending_visits
from supervision.plan_rules import load_plan_rules
from supervision.plans import save_plan
from supervision.sampling import plan_inspections
from supervision.sampling.calendar import month_bounds
from supervision.sampling.planning import Plan


@dataclass(frozen=True)
class DrawnPlan:
    """A plan that nobody keeps yet, the published classification that it rests on, and where it is from."""

    plan: Plan
    snapshot: str
    origin: dict[str, Any]
    assignment: Assignment | None = None


@dataclass(frozen=True)
class SavedPlan:
    """A plan, where it was kept, the published classification that it rests on, and who inspects whom."""

    plan: Plan
    folder: Path
    snapshot: str
    assignment: Assignment | None = None


def plan_month(
    home: Home,
    *,
    sector: str,
    month: str,
    capacity: int,
    seed: str,
    district: str | None = None,
    rules_file: Path | None = None,
    inspectors: Sequence[Inspector] | None = None,
) -> SavedPlan:
    """Plan a month's inspections from the published classification, and keep the plan.

    Parameters
    ----------
    home
        Records, published classifications, plans.
    sector
        ``general``, ``food`` or ``special_equipment``; several joined by ``+`` for joint visits.
    month
        ``YYYY-MM``.
    capacity
        Inspections that can be made.
    seed
        Text of the draw; its SHA-256 should have been published before.
    district
        GB/T 2260 code; a code that ends in 00 stands for all below it.
    rules_file
        The province's own rules.
    inspectors
        Pool from which a team is drawn for every enterprise; none: no teams.

    Raises
    ------
    InputError
        If nothing is published, or an argument cannot be used.
    """
    drawn = draw_month(
        home,
        sector=sector,
        month=month,
        capacity=capacity,
        seed=seed,
        district=district,
        rules_file=rules_file,
        inspectors=inspectors,
    )
    folder = save_plan(
        drawn.plan,
        home.plans,
        snapshot=drawn.snapshot,
        context=drawn.origin,
        assignment=drawn.assignment,
    )
    return SavedPlan(drawn.plan, folder, drawn.snapshot, drawn.assignment)


def draw_month(
    home: Home,
    *,
    sector: str,
    month: str,
    capacity: int,
    seed: str,
    district: str | None = None,
    rules_file: Path | None = None,
    inspectors: Sequence[Inspector] | None = None,
) -> DrawnPlan:
    """Draw a month's plan as :func:`plan_month` does, and keep nothing.

    Parameters
    ----------
    home, sector, month, capacity, seed, district, rules_file, inspectors
        As in :func:`plan_month`.

    Notes
    -----
    What of it does not follow from the seed (who is mandatory, inclusion probabilities, expected findings
    of the design) can be looked at before the seed is chosen.
    """
    first, _ = month_bounds(month)
    names = sectors_of(sector)
    waiting = pending_visits(home.plans, sector=sector, month=month)
    own_rules = {name: load_plan_rules(name, first, rules_file) for name in names}
    each = {}
    for name in names:
        found = inputs.read_inputs(home, name, district)
        as_of = inputs.known_until(month, found.classified_at)
        each[name] = candidates_from(
            found.classification,
            found.inspections,
            found.licences,
            sector=name,
            month=month,
            as_of=as_of,
            rules=own_rules[name],
            pending=waiting,
        )
    candidates, rules = each[names[0]], own_rules[names[0]]
    if len(names) > 1:
        candidates = joint_candidates(each, own_rules, month)
        rules = joint_rules(list(own_rules.values()))
    made = plan_inspections(candidates, sector=sector, month=month, capacity=capacity, seed=seed, rules=rules)
    origin = {
        "known_until": as_of,
        "classified_at": found.classified_at,
        "records": found.records,
        "district": district,
    }
    assignment = None
    if inspectors is not None:
        teams = joint_assignment([load_assignment_rules(name, first) for name in names])
        assignment = assign_inspectors(made, inspectors, teams)
    return DrawnPlan(made, found.snapshot, origin, assignment)
