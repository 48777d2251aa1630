r"""Inclusion probabilities that find the most problems, while every enterprise keeps a known chance.

The problem that is solved, for the enterprises *i* of a draw of *n*, with :math:`p_i` the probability that
an inspection finds a problem:

.. math::

   \max_\pi \; \sum_i p_i \pi_i \quad \text{subject to} \quad
   & \sum_i \pi_i = n, \\
   & \delta\,\pi_i^{tier} \le \pi_i \le u, \\
   & \sum_i q_i \Big(\frac{1}{\pi_i} - 1\Big) \le \sum_i q_i \Big(\frac{N}{\varepsilon n} - 1\Big), \\
   & \bar\pi_A \le \bar\pi_B \le \bar\pi_C \le \bar\pi_D .

The floor is a share :math:`\delta` of the design that follows the weights of the tiers alone, so the law's
direction (lower, regular, raised, substantially raised) holds for everybody, and no chance is zero. The
ceiling *u* keeps the draw a draw. The third line bounds the variance of Hájek's estimate of the problem
rate, whose residuals have the expected square :math:`q_i = p_i (1 - 2\bar p) + \bar p^2`: the draw must
tell as much of everybody as a uniform draw of :math:`\varepsilon n` would. The last line asks that mean
chances rise with the tier.

Without the last line the problem is convex. Its solution is

.. math:: \pi_i = \min\Big(u, \max\Big(\delta\,\pi_i^{tier}, \sqrt{\mu q_i / (\lambda - p_i)}\Big)\Big)

(the ceiling where :math:`p_i \ge \lambda`), with the prices :math:`\lambda` of an inspection and
:math:`\mu` of precision; both are found by ``scipy.optimize.brentq``. Where mean chances would fall from
one tier to the next, :math:`\delta` is raised until they do not: at 1 the design is that of the tiers.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq

from supervision.plan_rules import Objective
from supervision.sampling.probabilities import GRID, inclusion_shares, on_grid

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: Probabilities of a problem are told apart to this step; enterprises of one step and weight have one chance.
STEPS = 4096
#: Prices are rounded to so many binary digits, so that the last digits of a machine decide nothing.
PRICE_BITS = 36
#: Logarithms of prices are looked for between minus this and this (that of precision: four times as far).
WIDEST = 30.0


@dataclass(frozen=True)
class Allocation:
    """Inclusion probabilities, and what they keep.

    Attributes
    ----------
    shares
        Parts of ``GRID`` a unit, adding up to the size of the draw exactly.
    precision
        The uniform draw that would tell as much of everybody, as a share of this one.
    floor
        The share of the tiers' design that everybody keeps; above the rule's where mean chances would
        not have risen with the tier.
    """

    shares: Ints
    precision: float
    floor: float


def optimal_allocation(
    probability: Floats, weights: Floats, tier: Ints, size: int, objective: Objective
) -> Allocation:
    """Return the inclusion probabilities that find the most problems under an objective's conditions.

    Parameters
    ----------
    probability
        Probability that an inspection finds a problem, a unit, 0 to 1; none missing.
    weights
        Weight of its tier, above 0; the same for all of a tier.
    tier
        0 for A to 3 for D; negative where there is none, whose mean chance is not compared.
    size
        Units to draw.
    objective
        Floor, ceiling and precision.

    Returns
    -------
    Allocation
        The same for the same inputs. Where the precision asked for cannot be had, the most precise design
        within the bounds.

    Raises
    ------
    InputError
        If a weight cannot be used, or a probability of the draw would be too small.

    Examples
    --------
    >>> rule = Objective(floor=0.1, precision=0.05, ceiling=0.9, source="example", trust="parameter")
    >>> chance = np.array([0.02] * 90 + [0.5] * 10)
    >>> found = optimal_allocation(chance, np.ones(100), np.zeros(100, dtype=int), 10, rule)
    >>> (found.shares[[0, 99]] / GRID).round(3)
    array([0.011, 0.9  ])
    """
    count = len(weights)
    tiers = inclusion_shares(weights, size)
    if size == 0 or size >= count:
        return Allocation(tiers, 1.0, 1.0)
    groups = _Groups.of(probability, tiers / GRID, tier, size, objective)
    floor = objective.floor
    while True:
        chance = groups.solve(floor)
        if groups.rising(chance) or floor >= 1.0:
            break
        floor = min(1.0, floor + 0.1)
    if floor >= 1.0:
        # The tiers' design may go above the ceiling, which what was solved for does not.
        return Allocation(tiers, groups.precision(groups.by_tier), floor)
    return Allocation(on_grid(chance[groups.place], size), groups.precision(chance), floor)


@dataclass(frozen=True)
class _Groups:
    """Units of one tier and one step of probability, which have one chance."""

    place: Ints
    count: Floats
    problem: Floats
    spread: Floats
    by_tier: Floats
    tier: Ints
    size: int
    ceiling: float
    wanted: float

    @classmethod
    def of(cls, probability: Floats, by_tier: Floats, tier: Ints, size: int, objective: Objective) -> _Groups:
        step = np.rint(np.clip(probability, 0.0, 1.0) * STEPS).astype(np.int64)
        levels, level = np.unique(tier, return_inverse=True)
        keys, first, place, counts = np.unique(
            step * len(levels) + level, return_index=True, return_inverse=True, return_counts=True
        )
        problem = (keys // len(levels)) / STEPS
        count = counts.astype(np.float64)
        mean = math.fsum(count * problem) / len(tier)
        spread = problem * (1 - 2 * mean) + mean**2
        # Where nobody is thought to have problems, all tell the same.
        spread = np.where(spread > 0, spread, 1.0 / STEPS)
        ceiling = objective.ceiling if size <= objective.ceiling * len(tier) else 1.0
        return cls(
            place.astype(np.int64), count, problem, spread, by_tier[first], tier[first], size,
            ceiling, objective.precision,
        )  # fmt: skip

    def solve(self, floor: float) -> Floats:
        """Return the chance of each group, with a share of the tiers' design as floor."""
        low = np.minimum(floor * self.by_tier, self.ceiling)
        greedy, margin = self._greedy(low)
        if self.precision(greedy) >= self.wanted:
            return greedy

        def lacking(log_above: float) -> float:
            return self.precision(self._priced(margin, log_above, low)) - self.wanted

        if lacking(WIDEST) <= 0:
            return self._priced(margin, WIDEST, low)
        if lacking(-WIDEST) >= 0:
            return self._priced(margin, -WIDEST, low)
        return self._priced(margin, _rounded(_root(lacking, -WIDEST, WIDEST)), low)

    def _greedy(self, low: Floats) -> tuple[Floats, float]:
        """Return the best chances where precision has no price, and the probability at the margin.

        The riskiest are at the ceiling, the rest at the floor, those of one step in between.
        """
        result = low.copy()
        rest = self.size - math.fsum(self.count * low)
        margin = float(self.problem.max())
        for step in np.unique(self.problem)[::-1]:
            own = self.problem == step
            room = math.fsum(self.count[own] * (self.ceiling - low[own]))
            margin = float(step)
            if room <= 0:
                continue
            part = min(1.0, max(rest, 0.0) / room)
            result[own] += part * (self.ceiling - low[own])
            rest -= part * room
            if part < 1.0:
                break
        return result, margin

    def _priced(self, margin: float, log_above: float, low: Floats) -> Floats:
        """Return the chances where an inspection costs so much more than the probability at the margin.

        The price of precision is the one at which they add up to the size.
        """
        gap = (margin - self.problem) + math.exp(log_above)
        ratio = np.sqrt(self.spread / np.where(gap > 0, gap, 1.0))

        def chance(log_price: float) -> Floats:
            free = np.where(gap > 0, math.exp(log_price / 2) * ratio, self.ceiling)
            return np.clip(free, low, self.ceiling)

        def left(log_price: float) -> float:
            return math.fsum(self.count * chance(log_price)) - self.size

        return chance(_rounded(_root(left, -4 * WIDEST, 4 * WIDEST)))

    def precision(self, chance: Floats) -> float:
        """Return the share of the size that a uniform draw needs to tell as much."""
        total = math.fsum(self.count * self.spread)
        variance = math.fsum(self.count * self.spread / chance)
        units = math.fsum(self.count)
        return total * units / (variance * self.size)

    def rising(self, chance: Floats) -> bool:
        """Return whether mean chances rise with the tier."""
        means = []
        for tier in np.unique(self.tier[self.tier >= 0]):
            own = self.tier == tier
            means.append(math.fsum(self.count[own] * chance[own]) / math.fsum(self.count[own]))
        return bool((np.diff(means) >= -1e-12).all())


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    return float(brentq(function, low, high, xtol=1e-14, rtol=1e-14, maxiter=300))


def _rounded(price: float) -> float:
    return math.ldexp(round(math.ldexp(price, PRICE_BITS)), -PRICE_BITS)
