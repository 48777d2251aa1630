"""The abnormal-operation list and the serious-violation list."""

from __future__ import annotations

import numpy as np

from features.records import codes
from features.records.calendar import add_months
from features.simulation.months import MISSING, Bools, Ints
from features.simulation.risk import sigmoid
from features.simulation.world import World, pick

REASONS = tuple(codes.ABNORMAL_REASON)
GROUNDS = tuple(codes.SERIOUS_GROUND)
_UNREPORTED, _UNREACHABLE = REASONS.index("1"), REASONS.index("4")
_NONE = -1


class AbnormalList:
    """Entries and removals; an enterprise has one open entry at most."""

    def __init__(self, world: World) -> None:
        self._world = world
        count = world.population.count
        self._record = np.full(count, _NONE)
        self._event = np.zeros(count, dtype=np.int64)
        self._known = np.zeros(count, dtype=np.int64)
        self._reason = np.zeros(count, dtype=np.int64)

    @property
    def listed(self) -> Bools:
        """Whether each enterprise is on the list."""
        on: Bools = self._record != _NONE
        return on

    def enter(self, who: Ints, day: Ints, reason: Ints | int) -> None:
        """Put enterprises on the list that are not on it."""
        world, rng = self._world, self._world.rngs["lists"]
        fresh = (self._record[who] == _NONE) & world.alive[who]
        reasons: Ints = np.broadcast_to(reason, who.shape)[fresh]
        who, first = np.unique(who[fresh], return_index=True)
        day, reasons = day[fresh][first], reasons[first]
        known = day + rng.integers(0, 6, size=len(who))
        self._record[who] = world.recorder.add(
            "abnormal_list", who, day, known, reason=reasons, removed_on=MISSING
        )
        self._event[who], self._known[who], self._reason[who] = day, known, reasons
        world.adverse[who] += 0.6

    def step(self, filed: Ints, overdue: Ints) -> None:
        """List the month's cases; remove those who filed, returned to reach, or corrected."""
        world, rng, p = self._world, self._world.rngs["lists"], self._world.parameters
        day = world.days(world.population.count, rng)
        self._remove(filed, day, reported=True)
        self.release(day)
        # Within ten working days of 30 June (企业经营异常名录管理暂行办法 art. 6).
        self.enter(overdue, world.first + rng.integers(1, 14, size=len(overdue)), _UNREPORTED)
        other = world.happens(
            p.abnormal_other * np.exp(p.abnormal_strength * world.latent.visible - 0.6), rng
        )
        reasons = pick({"2": 0.10, "3": 0.12, "4": 0.73, "unknown": 0.05}, len(other), REASONS, rng)
        self.enter(other, day[other], reasons)

    def release(self, day: Ints) -> None:
        """Remove those of the month who can be reached again or have corrected what was wrong.

        Parameters
        ----------
        day
            A day of the month for every enterprise.
        """
        self._remove(np.flatnonzero(self._world.alive), day, reported=False)

    def _remove(self, who: Ints, day: Ints, *, reported: bool) -> None:
        world, rng = self._world, self._world.rngs["lists"]
        who = who[self._record[who] != _NONE]
        mine = self._reason[who] == _UNREPORTED
        chance = sigmoid(-2.4 - 0.5 * world.latent.visible[who])
        going = mine if reported else ~mine & (rng.random(len(who)) < chance)
        who = who[going]
        removed = day[who] + (rng.integers(1, 8, size=len(who)) if reported else 0)
        # A decision about an entry is not taken before the entry is on record.
        removed = np.maximum(removed, self._known[who] + 1)
        world.recorder.add(
            "abnormal_list",
            who,
            self._event[who],
            removed + rng.integers(0, 4, size=len(who)),
            record=self._record[who],
            reason=self._reason[who],
            removed_on=removed,
        )
        self._record[who] = _NONE


class SeriousList:
    """Serious violations: three years, or at least one where credit was repaired."""

    def __init__(self, world: World) -> None:
        self._world = world

    def enter(self, who: Ints, day: Ints, ground: Ints) -> None:
        """List enterprises from a day on, and tell when they leave."""
        world, rng = self._world, self._world.rngs["lists"]
        known = day + rng.integers(0, 15, size=len(who))
        record = world.recorder.add(
            "serious_violation_list", who, day, known, ground=ground, removed_on=MISSING
        )
        early = rng.random(len(who)) < 0.15
        left = add_months(day, np.where(early, rng.integers(13, 30, size=len(who)), 36))
        world.recorder.add(
            "serious_violation_list",
            who,
            day,
            left + rng.integers(0, 8, size=len(who)),
            record=record,
            ground=ground,
            removed_on=left,
        )
        world.adverse[who] += 2.0


def ground_of(domain: Ints, domains: tuple[str, ...], rng: np.random.Generator) -> Ints:
    """Return the ground of listing that fits the field of law."""
    other = pick(
        {"consumer": 0.4, "competition": 0.3, "obstruction": 0.15, "other": 0.15}, len(domain), GROUNDS, rng
    )
    ground = np.where(domain == domains.index("food"), GROUNDS.index("food"), other)
    quality = np.isin(domain, [domains.index("special_equipment"), domains.index("quality")])
    return np.where(quality, GROUNDS.index("quality"), ground)
