"""From margin to score, and from score to tier."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from pydantic import Field, model_validator

from risk_model.specification import MODELS, Strict, Words, read_yaml, validate
from risk_model.tiers.guarantee import certify_cut
from risk_model.tiers.overrides import DECIDED_BY

TIERS = ("A", "B", "C", "D")
INSUFFICIENT = "insufficient_record"
TIER_WORDS: Mapping[str, Words] = {
    "A": Words(zh="信用风险低", en="low risk"),
    "B": Words(zh="信用风险一般", en="ordinary risk"),
    "C": Words(zh="信用风险较高", en="elevated risk"),
    "D": Words(zh="信用风险高", en="high risk"),
    INSUFFICIENT: Words(zh="记录不足", en="insufficient record"),
}
LOWEST, HIGHEST = 0.0, 1000.0
#: Scores are given with one decimal.
STEP = 0.1


class ScoreScale(Strict):
    """Points to double the odds, and where the scale hangs."""

    points_to_double_odds: float = Field(gt=0)
    reference_score: float
    reference_odds: float = Field(gt=0)

    @property
    def factor(self) -> float:
        """Points per unit of margin (log-odds)."""
        return self.points_to_double_odds / float(np.log(2.0))

    def score(self, margin: np.ndarray) -> np.ndarray:
        """Return scores in 0-1000, one decimal; the higher, the riskier.

        Notes
        -----
        ``reference_score + points_to_double_odds / ln 2 * (margin - ln reference_odds)``, clipped.
        """
        raw = self.reference_score + self.factor * (margin - np.log(self.reference_odds))
        return np.asarray(np.minimum(np.maximum(raw, LOWEST), HIGHEST).round(1))


class Guarantee(Strict):
    """A tier and all riskier ones hold at least this share of violators, with this confidence."""

    at_least: float = Field(gt=0, lt=1)
    confidence: float = Field(0.9, gt=0.5, lt=1)


class Losses(Strict):
    """What treating an enterprise as of a tier costs, if it violates and if it does not."""

    violation: float = Field(ge=0)
    none: float = Field(ge=0)


class CutRule(Strict):
    """How the cuts between tiers are found.

    ``shares`` and ``fixed`` say it outright; ``guarantee`` certifies the cuts of some tiers on labelled
    enterprises and takes the others from ``shares``; ``expected_loss`` weighs what each tier costs.
    """

    method: str = Field(pattern="^(shares|fixed|guarantee|expected_loss)$")
    shares: dict[str, float] = {}
    scores: dict[str, float] = {}
    guarantees: dict[str, Guarantee] = {}
    losses: dict[str, Losses] = {}

    @model_validator(mode="after")
    def _complete(self) -> CutRule:
        if self.method in {"shares", "guarantee"}:
            if set(self.shares) != set(TIERS) or abs(sum(self.shares.values()) - 1) > 1e-9:
                msg = f"shares must be given for {', '.join(TIERS)} and sum to 1"
                raise ValueError(msg)
            if self.method == "guarantee" and not (
                self.guarantees and set(self.guarantees) <= set(TIERS[1:])
            ):
                msg = "guarantees must be given for some of B, C, D"
                raise ValueError(msg)
        elif self.method == "expected_loss":
            self._losses_make_cuts()
        elif set(self.scores) != set(TIERS[1:]) or not (
            self.scores["B"] <= self.scores["C"] <= self.scores["D"]
        ):
            msg = "scores must be given for B, C, D in ascending order"
            raise ValueError(msg)
        return self

    def _losses_make_cuts(self) -> None:
        if set(self.losses) != set(TIERS):
            msg = f"losses must be given for {', '.join(TIERS)}"
            raise ValueError(msg)
        odds = self.odds
        if not all(0 < a <= b < float("inf") for a, b in pairwise(odds)):
            msg = "a riskier tier must cost more without a violation and less with one, ever more steeply"
            raise ValueError(msg)

    @property
    def odds(self) -> tuple[float, ...]:
        """Odds of a violation at which B, C and D become the cheapest tier."""
        found = []
        for lower, upper in pairwise(TIERS):
            dearer = self.losses[upper].none - self.losses[lower].none
            saved = self.losses[lower].violation - self.losses[upper].violation
            found.append(dearer / saved if saved > 0 else float("inf"))
        return tuple(found)


class Hysteresis(Strict):
    """Points past a cut before an enterprise changes tier."""

    points: float = Field(ge=0)


class InsufficientRecord(Strict):
    """Below so many records there is no tier."""

    minimum_records: int = Field(ge=0)


class Floor(Strict):
    """A rule that sets the lowest possible tier."""

    name: str
    label: Words
    feature: str
    at_least: float
    tier: str = Field(pattern="^[ABCD]$")
    basis: str
    trust: str = Field(pattern="^(law|parameter)$")


class TierPolicy(Strict):
    """``models/tiers.yaml``."""

    score: ScoreScale
    cuts: CutRule
    hysteresis: Hysteresis
    insufficient_record: InsufficientRecord
    floors: tuple[Floor, ...] = ()


def load_policy() -> TierPolicy:
    """Read ``models/tiers.yaml``."""
    return validate(TierPolicy, read_yaml(MODELS / "tiers.yaml"), source="models/tiers.yaml")


@dataclass(frozen=True)
class Cuts:
    """Scores at which tiers B, C and D begin."""

    b: float
    c: float
    d: float

    @property
    def edges(self) -> np.ndarray:
        """The three scores in ascending order."""
        return np.array([self.b, self.c, self.d])

    def tier_index(self, score: np.ndarray) -> np.ndarray:
        """Return 0 (A) … 3 (D) of each score."""
        return np.searchsorted(self.edges, score, side="right")


@dataclass(frozen=True)
class Labelled:
    """Labelled enterprises that no tree was grown on, one row an enterprise.

    Attributes
    ----------
    score
        Shape (n,).
    label
        0 or 1, shape (n,).
    """

    score: np.ndarray
    label: np.ndarray


def find_cuts(policy: TierPolicy, score: np.ndarray, labelled: Labelled | None = None) -> Cuts:
    """Find the cuts of a policy on the scores of a reference population.

    Parameters
    ----------
    policy
        How cuts are found.
    score
        Scores of the reference population, shape (n,).
    labelled
        What guarantees are certified on; without it none can be.

    Notes
    -----
    The share of a tier and all riskier ones is an upper bound: a cut is the lowest score that no larger
    share reaches. Enterprises that nothing tells apart are in one tier, the less risky one; where they
    are more than a tier may hold, the tier stays empty rather than taking them all.

    A guarantee takes the lowest cut that is certified among those that the shares allow;
    where nothing is certified the tier is empty: it holds nobody rather than whom it must not. Expected
    loss compares tiers at the odds where two of them cost the same.

    Examples
    --------
    >>> find_cuts(load_policy(), np.array([300.0] * 99 + [700.0])).tier_index(np.array([300.0, 700.0]))
    array([0, 3])
    """
    if policy.cuts.method == "fixed":
        return Cuts(*(policy.cuts.scores[tier] for tier in TIERS[1:]))
    if policy.cuts.method == "expected_loss":
        return Cuts(*(float(policy.score.score(np.log(odds))) for odds in policy.cuts.odds))
    if not len(score):
        return Cuts(HIGHEST, HIGHEST, HIGHEST)
    values, counts = np.unique(score, return_counts=True)
    reach = counts[::-1].cumsum()[::-1] / len(score)
    # A score that nobody has lies above all: where even the highest is too common, it is the cut.
    values, reach = np.append(values, values[-1] + STEP), np.append(reach, 0.0)
    shares = [policy.cuts.shares[tier] for tier in TIERS]
    # Rounding must not take a share of exactly 3 % for more than 3 %.
    edges = [float(values[np.argmax(reach <= sum(shares[k:]) + 1e-9)]) for k in (1, 2, 3)]
    if policy.cuts.method == "guarantee":
        for place, tier in enumerate(TIERS[1:]):
            if tier in policy.cuts.guarantees:
                edges[place] = _certified(policy.cuts.guarantees[tier], edges[place], score, labelled)
        # A riskier tier never begins below a less risky one.
        edges = np.maximum.accumulate(edges).tolist()
    return Cuts(*edges)


def _certified(guarantee: Guarantee, by_share: float, score: np.ndarray, labelled: Labelled | None) -> float:
    """Return where a guaranteed tier begins; above all scores if nothing is certified."""
    found = None
    if labelled is not None:
        found = certify_cut(
            score,
            labelled.score,
            labelled.label,
            at_least=guarantee.at_least,
            confidence=guarantee.confidence,
            not_below=by_share,
        )
    return HIGHEST + STEP if found is None else found.score


def decide(
    policy: TierPolicy,
    cuts: Cuts,
    score: np.ndarray,
    *,
    records: np.ndarray,
    floor_values: Mapping[str, np.ndarray],
    previous: np.ndarray | None = None,
    overridden: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Decide tiers, and say what decided each.

    Parameters
    ----------
    policy, cuts
        Rules and cuts.
    score
        Shape (n,).
    records
        Records of supervision known of each enterprise, shape (n,).
    floor_values
        Feature values that the floors look at; missing (NaN) does not reach a floor.
    previous
        Tier of the last classification of each enterprise, "" where there was none, shape (n,).
    overridden
        Tier that an authorised person set, "" where nobody did, shape (n,).

    Returns
    -------
    tier, by_score, decided_by
        The tier, the tier of the score alone, and ``score``, ``hysteresis``, ``insufficient_record``,
        ``floor:NAME`` or ``override``, each an object array of shape (n,).

    Notes
    -----
    Order: score, then hysteresis, then insufficient record, then floors, then overrides. A floor holds
    however little else is known, and no person goes below it: who tries gets the floor.
    """
    names = np.array(TIERS, dtype=object)
    index = cuts.tier_index(score)
    by_score = names[index]
    decided = np.full(len(score), "score", dtype=object)
    if previous is not None:
        before = np.array([TIERS.index(t) if t in TIERS else -1 for t in previous], dtype=np.int64)
        band = policy.hysteresis.points
        lowest = cuts.tier_index(score - band)
        highest = cuts.tier_index(score + band)
        # Within the band the last tier stands: noise moves nobody.
        held = (before >= 0) & (before != index) & (before >= lowest) & (before <= highest)
        index = np.where(held, before, index)
        decided[held] = "hysteresis"
    tier = names[index]
    thin = records < policy.insufficient_record.minimum_records
    rank = index
    if thin.any():
        tier[thin] = INSUFFICIENT
        decided[thin] = INSUFFICIENT
        rank = np.where(thin, -1, index)
    lowest_allowed = np.full(len(score), -1)
    names_of_floors = np.full(len(score), "", dtype=object)
    for floor in policy.floors:
        value = floor_values.get(floor.feature)
        if value is None:
            continue
        enough = value >= floor.at_least
        if not enough.any():
            continue
        level = TIERS.index(floor.tier)
        reached = enough & (lowest_allowed < level)
        lowest_allowed[reached] = level
        names_of_floors[reached] = f"floor:{floor.name}"
        raised = enough & (rank < level)
        tier[raised] = floor.tier
        decided[raised] = f"floor:{floor.name}"
        rank = np.where(raised, level, rank)
    if overridden is not None:
        wish = np.array([TIERS.index(t) if t in TIERS else -1 for t in overridden], dtype=np.int64)
        granted = (wish >= 0) & (wish >= lowest_allowed)
        tier[granted] = names[wish[granted]]
        decided[granted] = DECIDED_BY
        stopped = (wish >= 0) & ~granted
        tier[stopped] = names[lowest_allowed[stopped]]
        decided[stopped] = names_of_floors[stopped]
    return tier, by_score, decided
