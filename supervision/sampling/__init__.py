"""Who is inspected in a month: what is mandatory, and a random draw with known probabilities."""

from supervision.sampling.allocation import Allocation, optimal_allocation
from supervision.sampling.estimation import (
    hajek_standard_error,
    horvitz_thompson_error,
    horvitz_thompson_mean,
    horvitz_thompson_total,
)
from supervision.sampling.frame import INPUT_COLUMNS, frame_digest, normalise
from supervision.sampling.planning import Plan, PlanSummary, plan_inspections
from supervision.sampling.probabilities import GRID, inclusion_shares
from supervision.sampling.randomness import Randomness, seed_commitment
from supervision.sampling.systematic import systematic_draw

__all__ = [
    "GRID",
    "INPUT_COLUMNS",
    "Allocation",
    "Plan",
    "PlanSummary",
    "Randomness",
    "frame_digest",
    "hajek_standard_error",
    "horvitz_thompson_error",
    "horvitz_thompson_mean",
    "horvitz_thompson_total",
    "inclusion_shares",
    "normalise",
    "optimal_allocation",
    "plan_inspections",
    "seed_commitment",
    "systematic_draw",
]
