r"""The risk that nobody sees directly, and the probabilities that follow from it.

For enterprise *i* in month *t*, the log odds that an inspection finds a problem are

.. math::

   \eta_{it}^{general} &= b_g + o_{it} + u_i + a_{it} + h_{it} \\
   \eta_{it}^{food} &= b_f + w\,(o_{it} + u_i + a_{it}) + f_{it} + h_{it} \\
   \eta_{it}^{equipment} &= b_e + w\,(o_{it} + u_i + a_{it}) + e_{it} + h_{it}

with *o* what registration shows (industry, size, age, district), *u* persistent conduct (partly shared
by enterprises of the same persons), *a* slow change (autoregression of order one), *f* food hygiene and
*e* equipment maintenance (a persistent and a slow part each, correlated with *u*), and *h* what only an
inspection meets. Records of all kinds follow :math:`v_{it} = 0.6\,o_{it} + u_i + a_{it}`, sector
records *f* or *e*; none follows *h*. An inspection changes nothing in the risk.
"""

from __future__ import annotations

import numpy as np

from features.simulation import industries
from features.simulation.blocks import CommonRisk
from features.simulation.months import Bools, Floats, Ints
from features.simulation.parameters import Parameters
from features.simulation.population import INDIVIDUAL, NONE, Population

#: Domains of inspections that have a probability of their own, in the order of the rows of ``logits``.
DOMAINS = ("general", "food", "special_equipment")
GENERAL, FOOD, EQUIPMENT = range(3)


def sigmoid(x: Floats) -> Floats:
    """Return probabilities of log odds."""
    result: Floats = 1.0 / (1.0 + np.exp(-x))
    return result


class LatentRisk:
    """State of all enterprises' risk in the current month.

    Parameters
    ----------
    parameters, population
        What is simulated.
    start
        First day of the first month.
    rng
        Source of all latent values.
    common
        What is the same for the whole province, where these are not its first enterprises.
    """

    def __init__(
        self,
        parameters: Parameters,
        population: Population,
        start: int,
        rng: np.random.Generator,
        common: CommonRisk | None = None,
    ) -> None:
        self._p = parameters
        self._population = population
        self._rng = rng
        count = population.count
        self._districts = rng.normal(scale=0.25, size=parameters.districts)
        if common is not None:
            self._districts = common.districts
        self._place = self._observable(common)
        self.persistent = self._persistent(rng)
        self.hidden_fixed = rng.normal(scale=parameters.sd_hidden * np.sqrt(0.5), size=count)
        self.slow = rng.normal(scale=parameters.sd_slow, size=count)
        self.hidden_slow = rng.normal(scale=parameters.sd_hidden * np.sqrt(0.5), size=count)
        self.food_members = np.flatnonzero(population.is_food)
        self.equipment_members = np.flatnonzero(population.has_equipment)
        self._food_fixed, self._food_slow = self._sector(parameters.sd_food, self.food_members, rng)
        self._equipment_fixed, self._equipment_slow = self._sector(
            parameters.sd_equipment, self.equipment_members, rng
        )
        #: Food hygiene and equipment maintenance; zero outside the sector.
        self.food = np.zeros(count)
        self.equipment = np.zeros(count)
        self.visible = np.zeros(count)
        self.logits = np.zeros((3, count))
        self._base = np.zeros(3) if common is None else common.base
        self._age_mean = 0.0 if common is None else common.age_mean
        self._refresh(start)
        if common is None:
            self._settle()

    @property
    def common(self) -> CommonRisk:
        """What is the same for the whole province."""
        return CommonRisk(self._districts, self._centre, self._spread, self._age_mean, self._base)

    def _observable(self, common: CommonRisk | None) -> Floats:
        population = self._population
        effects = np.array([industry.effect for industry in industries.INDUSTRIES])[population.industry]
        districts = self._districts[population.district]
        size = -0.18 * (np.log(population.employees) - 1.7) + 0.10 * (population.kind == INDIVIDUAL)
        unpaid = 0.35 * (0.5 - population.paid)
        total = 1.1 * effects + districts + size + unpaid
        self._centre = float(total.mean()) if common is None else common.centre
        self._spread = float(total.std()) if common is None else common.spread
        result: Floats = (total - self._centre) / self._spread * self._p.sd_observable * 0.94
        return result

    def _persistent(self, rng: np.random.Generator) -> Floats:
        population, share = self._population, self._p.group_variance
        own = rng.normal(size=population.count)
        groups = int(population.group.max(initial=-1)) + 1
        common = rng.normal(size=population.count)
        grouped = population.group != NONE
        if groups:
            common = np.where(grouped, rng.normal(size=groups)[population.group], common)
        branch = population.parent != NONE
        common = np.where(branch, common[population.parent], common)
        result: Floats = self._p.sd_persistent * (np.sqrt(share) * common + np.sqrt(1 - share) * own)
        return result

    def _sector(self, sd: float, members: Ints, rng: np.random.Generator) -> tuple[Floats, Floats]:
        link = self._p.sector_link
        conduct = self.persistent[members] / self._p.sd_persistent
        fixed = link * conduct + np.sqrt(1 - link**2) * rng.normal(size=len(members))
        return sd * np.sqrt(0.75) * fixed, rng.normal(scale=sd * np.sqrt(0.25), size=len(members))

    def _refresh(self, day: int) -> None:
        years = np.maximum(day - self._population.established, 0) / 365.25
        age = -0.28 * np.log1p(years)
        if not self._age_mean:
            self._age_mean = float(age.mean())
        self.observable = self._place + age - self._age_mean
        self.food[self.food_members] = self._food_fixed + self._food_slow
        self.equipment[self.equipment_members] = self._equipment_fixed + self._equipment_slow
        shown = self.observable + self.persistent + self.slow
        hidden = self.hidden_fixed + self.hidden_slow
        self.visible = shown - 0.4 * self.observable
        weight = self._p.general_in_sector
        self.logits[GENERAL] = self._base[GENERAL] + shown + hidden
        self.logits[FOOD] = self._base[FOOD] + weight * shown + self.food + hidden
        self.logits[EQUIPMENT] = self._base[EQUIPMENT] + weight * shown + self.equipment + hidden

    def _settle(self) -> None:
        """Choose the intercepts so that mean probabilities at the start are the parameters' bases."""
        start = self._population.born < 0
        members = (start, start & self._population.is_food, start & self._population.has_equipment)
        bases = (self._p.base_general, self._p.base_food, self._p.base_equipment)
        for domain, (who, base) in enumerate(zip(members, bases, strict=True)):
            logits = self.logits[domain][who] if who.any() else self.logits[domain]
            low, high = -12.0, 6.0
            for _ in range(50):
                middle = (low + high) / 2
                if sigmoid(logits + middle).mean() < base:
                    low = middle
                else:
                    high = middle
            self._base[domain] = low
        self.logits += self._base[:, None]

    def step(self, day: int) -> None:
        """Go to the month that begins on a day."""
        p, rng = self._p, self._rng
        for state, memory, sd in (
            (self.slow, p.slow_memory, p.sd_slow),
            (self.hidden_slow, p.hidden_memory, p.sd_hidden * np.sqrt(0.5)),
            (self._food_slow, p.sector_memory, p.sd_food * np.sqrt(0.25)),
            (self._equipment_slow, p.sector_memory, p.sd_equipment * np.sqrt(0.25)),
        ):
            change = rng.normal(scale=sd * np.sqrt(1 - memory**2), size=len(state))
            np.add(memory * state, change, out=state)
        self._refresh(day)

    def probabilities(self) -> Floats:
        """Return the probability of a finding by domain and enterprise, shape (3, n)."""
        return sigmoid(self.logits)

    def members(self, domain: int) -> Bools:
        """Whether each enterprise can be inspected in a domain."""
        if domain == FOOD:
            return self._population.is_food
        if domain == EQUIPMENT:
            return self._population.has_equipment
        return np.ones(self._population.count, dtype=np.bool_)
