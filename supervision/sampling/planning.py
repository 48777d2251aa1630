"""A month's inspection plan: the mandatory part, then a random draw with exact probabilities."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from features.errors import InputError
from risk_model.scale import TIERS
from supervision.plan_rules import ALL_TIERS, PlanRules
from supervision.sampling.allocation import Allocation, optimal_allocation
from supervision.sampling.calendar import day_number, month_bounds
from supervision.sampling.division import divide
from supervision.sampling.frame import day_numbers, frame_digest, normalise
from supervision.sampling.probabilities import GRID, inclusion_shares
from supervision.sampling.randomness import Randomness, seed_commitment
from supervision.sampling.reasons import EXCLUDED, KEY, PARTS, RANDOM, STATUTORY
from supervision.sampling.systematic import systematic_draw

#: Names the way from inputs to selection; plans made another way cannot be verified by this code.
DESIGN = "systematic-pps-random-order/2"
#: What the plan adds to the frame.
OUTPUT_COLUMNS = ("part", "reason", "inclusion_probability", "selected")


@dataclass(frozen=True)
class PlanSummary:
    """A plan in numbers.

    Attributes
    ----------
    candidates, excluded, mandatory, drawable
        Enterprises in the frame; excluded; in the mandatory part; with a chance in the random draw.
    capacity, selected, unused
        Inspections available, planned, and left because nobody else could be inspected.
    shortfall
        Mandatory enterprises that are not selected because the capacity is too small.
    reserved
        Inspections kept for the draw in spite of a shortfall.
    despite_restriction
        Statutory inspections that a cap or the no-repeat rule would otherwise have excluded.
    expected_findings
        Problems expected at the selected enterprises: the sum of their probabilities.
    expected_findings_of_design
        The same before the draw: the sum of probability times inclusion probability.
    expected_findings_uniform
        What as many inspections would find, drawn with equal chances from all who are not excluded.
    precision
        The draw tells as much of all that could be drawn as a uniform draw of this share of its size;
        none without a draw, or where weights alone decided.
    floor
        Share of the chance by tier that everybody in the draw keeps; none as above.
    without_probability
        Candidates without a probability of their own; the mean of the others stands in.
    by_tier
        One row a tier and part: candidates, selected, mean inclusion probability, expected findings.
    """

    candidates: int
    excluded: int
    mandatory: int
    drawable: int
    capacity: int
    selected: int
    unused: int
    shortfall: int
    reserved: int
    despite_restriction: int
    expected_findings: float
    expected_findings_of_design: float
    expected_findings_uniform: float
    precision: float | None
    floor: float | None
    without_probability: int
    by_tier: tuple[dict[str, Any], ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the summary as plain data."""
        return {**asdict(self), "by_tier": list(self.by_tier)}


@dataclass(frozen=True)
class Plan:
    """A plan, with all that it follows from.

    Attributes
    ----------
    sector, month, capacity, seed, rules
        As given.
    frame
        All candidates, sorted by credit code, with ``part`` (statutory, key, random, excluded),
        ``reason``, ``inclusion_probability`` and ``selected``.
    summary
        The plan in numbers.
    """

    sector: str
    month: str
    capacity: int
    seed: str
    rules: PlanRules
    frame: pd.DataFrame
    summary: PlanSummary

    @property
    def commitment(self) -> str:
        """SHA-256 of the seed, published before the draw."""
        return seed_commitment(self.seed)

    @cached_property
    def frame_sha256(self) -> str:
        """SHA-256 of the inputs of all candidates."""
        return frame_digest(self.frame)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of everything that the selection follows from."""
        inputs = {
            "design": DESIGN,
            "sector": self.sector,
            "month": self.month,
            "capacity": self.capacity,
            "seed": self.seed,
            "rules": self.rules.model_dump(mode="json"),
            "frame_sha256": self.frame_sha256,
        }
        text = json.dumps(inputs, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def selected(self) -> pd.DataFrame:
        """The enterprises to inspect."""
        return self.frame[self.frame["selected"]].reset_index(drop=True)


def plan_inspections(
    candidates: pd.DataFrame, *, sector: str, month: str, capacity: int, seed: str, rules: PlanRules
) -> Plan:
    """Plan the inspections of a month.

    Parameters
    ----------
    candidates
        One row an enterprise, any order: the columns of ``INPUT_COLUMNS``.
    sector, month
        Sector of the rules; month as ``YYYY-MM``.
    capacity
        Inspections that can be made.
    seed
        The text whose commitment was published before.
    rules
        Rules of the sector that are in force.

    Returns
    -------
    Plan
        The same for the same inputs, on every machine.

    Raises
    ------
    InputError
        If an input cannot be used; names the column or argument.

    Notes
    -----
    1. Statutory minima that run out by the end of the month, then key-supervision objects, are taken in
       full. If they exceed the capacity they are taken in order of urgency (statutory by the day the
       period runs out, then key objects by weight of their tier, then by probability), the rest is
       ``deferred``, and ``summary.shortfall`` says how many. ``rules.random_reserve`` then keeps a share
       of the capacity for the draw, in which the deferred take part.
    2. What capacity is left is drawn from all others that no rule excludes, by :func:`systematic_draw`
       over a random order, with the inclusion probabilities that find the most problems under the
       conditions of ``rules.objective`` (:func:`optimal_allocation`); without an objective, or where no
       probability of a problem is known, in proportion to the weight of their tier
       (:func:`inclusion_shares`).

    Mandatory enterprises have probability 1 (deferred: that of the draw, or 0), excluded ones 0.
    Horvitz-Thompson estimates speak of those with a probability above 0.
    """
    first, last = month_bounds(month)
    if isinstance(capacity, bool) or int(capacity) != capacity or capacity < 1:
        raise InputError(f"got {capacity}, but expected a whole number of at least 1", field="capacity")
    capacity = int(capacity)
    if rules.sector != sector:
        raise InputError(f"got {sector!r}, but the rules are of sector {rules.sector!r}", field="sector")
    if rules.in_force_from > last:
        raise InputError(f"the rules come into force on {rules.in_force_from}, after {month}", field="rules")
    frame = normalise(candidates)
    for column in ("last_inspected", "last_full_inspection"):
        late = day_numbers(frame[column]) > day_number(last)
        if late.any():
            raise InputError(
                f"{frame['credit_code'][late].iloc[0]} has one after {month}",
                field=column,
                fix="Give what was known when the month was planned.",
            )

    division = divide(frame, first, last, rules)
    mandatory = len(division.urgency)
    reserved = 0
    if mandatory > capacity and rules.random_reserve:
        reserved = int(capacity * rules.random_reserve.share)
    taken = division.urgency[: capacity - reserved]
    deferred = division.urgency[capacity - reserved :]

    shares = np.zeros(len(frame), dtype=np.int64)
    shares[taken] = GRID
    selected = shares > 0
    reason = division.reason
    reason[deferred] = "deferred"
    pool = division.part == RANDOM
    pool[deferred] = True
    size = capacity - len(taken)
    allocation = None
    if size:
        allocation = _allocate(frame[pool], size, rules)
        shares[pool] = allocation.shares
        randomness = Randomness(seed, sector, month)
        start = randomness.start()
        selected[pool] = systematic_draw(shares[pool], randomness.keys(int(pool.sum())), start)
    else:
        seed_commitment(seed)
        reason[division.part == RANDOM] = "no_capacity"

    frame = frame.assign(
        part=division.part,
        reason=reason,
        # A whole number of 2**-40: exact in binary.
        inclusion_probability=shares / GRID,
        selected=selected,
    )
    summary = _summary(frame, capacity, reserved, int(division.despite.sum()), allocation)
    return Plan(sector, month, capacity, seed, rules, frame, summary)


def _allocate(pool: pd.DataFrame, size: int, rules: PlanRules) -> Allocation:
    weights = np.asarray(pool["tier"].map(rules.weights.by_tier()), dtype=np.float64)
    if rules.objective is None or pool["probability"].isna().all():
        return Allocation(inclusion_shares(weights, size), np.nan, np.nan)
    rank = pool["tier"].map({tier: place for place, tier in enumerate(TIERS)}).fillna(-1)
    tier = np.asarray(rank, dtype=np.int64)
    return optimal_allocation(_filled(pool), weights, tier, size, rules.objective)


def _filled(frame: pd.DataFrame) -> npt.NDArray[np.float64]:
    """Return the probabilities, the mean of the others where there is none; 0 if there is none at all."""
    given = frame["probability"].to_numpy(dtype=np.float64)
    unknown = np.isnan(given)
    return np.where(unknown, float(given[~unknown].mean()) if not unknown.all() else 0.0, given)


def _summary(
    frame: pd.DataFrame, capacity: int, reserved: int, despite: int, allocation: Allocation | None
) -> PlanSummary:
    unknown = frame["probability"].isna().to_numpy()
    probability = _filled(frame)
    by_objective = allocation is not None and not np.isnan(allocation.precision)
    inclusion = frame["inclusion_probability"].to_numpy()
    selected = frame["selected"].to_numpy()
    part = frame["part"].to_numpy()
    open_to_all = part != EXCLUDED
    mandatory = (part == STATUTORY) | (part == KEY)
    count = int(selected.sum())
    return PlanSummary(
        candidates=len(frame),
        excluded=int((~open_to_all).sum()),
        mandatory=int(mandatory.sum()),
        drawable=int(((part == RANDOM) & (inclusion > 0)).sum()),
        capacity=capacity,
        selected=count,
        unused=capacity - count,
        shortfall=int((mandatory & ~selected).sum()),
        reserved=reserved,
        despite_restriction=despite,
        expected_findings=float(probability[selected].sum()),
        expected_findings_of_design=float((probability * inclusion).sum()),
        expected_findings_uniform=count * float(probability[open_to_all].mean()) if count else 0.0,
        precision=allocation.precision if allocation is not None and by_objective else None,
        floor=allocation.floor if allocation is not None and by_objective else None,
        without_probability=int(unknown.sum()),
        by_tier=_by_tier(frame["tier"].to_numpy(), part, selected, inclusion, probability),
    )


def _by_tier(
    tier: npt.NDArray[Any],
    part: npt.NDArray[Any],
    selected: npt.NDArray[np.bool_],
    inclusion: npt.NDArray[np.float64],
    probability: npt.NDArray[np.float64],
) -> tuple[dict[str, Any], ...]:
    rows = []
    for one_tier in ALL_TIERS:
        for one_part in PARTS:
            here = (tier == one_tier) & (part == one_part)
            if here.any():
                rows.append(
                    {
                        "tier": one_tier,
                        "part": one_part,
                        "candidates": int(here.sum()),
                        "selected": int((here & selected).sum()),
                        "mean_inclusion_probability": float(inclusion[here].mean()),
                        "expected_findings": float(probability[here & selected].sum()),
                    }
                )
    return tuple(rows)
