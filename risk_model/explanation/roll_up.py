"""Contributions added up: feature, declaration, second-level indicator, first level; each sum exact.

Of the features of a model most add nothing to a score. So values and contributions stay plain lists, and an
object is made only of a feature or group that somebody looks at.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import fsum
from typing import overload

import numpy as np

from features.definitions import Feature
from features.records import Label
from risk_model.explanation.arrangement import Arrangement, Grouping
from risk_model.explanation.values import value_in_words


@dataclass(frozen=True)
class FeatureReason:
    """What one feature adds to the margin.

    Attributes
    ----------
    contribution
        In log-odds.
    value
        As in the feature table; NaN if nothing is recorded.
    """

    feature: Feature
    value: float
    contribution: float

    @property
    def value_label(self) -> Label:
        """The value in words."""
        return value_in_words(self.feature, self.value)


@dataclass(frozen=True)
class GroupReason:
    """Features that belong together, and the sum of what they add.

    Attributes
    ----------
    name, label
        Of the declaration, the indicator or the first level.
    features
        The strongest first.
    """

    name: str
    label: Label
    contribution: float
    features: tuple[FeatureReason, ...]


class Reasons(Sequence[FeatureReason]):
    """One reason a feature, in the model's order.

    Parameters
    ----------
    arrangement
        The features.
    values, contributions
        Of one enterprise, shape (features,).

    Attributes
    ----------
    values, contributions
        As lists; of the contributions no zero has a sign.

    Raises
    ------
    ValueError
        If there is not one of each a feature.
    """

    def __init__(self, arrangement: Arrangement, values: np.ndarray, contributions: np.ndarray) -> None:
        if not len(arrangement.features) == len(values) == len(contributions):
            msg = f"{len(arrangement.features)} features, {len(values)} values, {len(contributions)} sums"
            raise ValueError(msg)
        self.arrangement = arrangement
        self.values: list[float] = values.tolist()
        # No zero has a sign: a group of one takes its sum from here.
        self.contributions: list[float] = (contributions + 0.0).tolist()
        self._made: list[FeatureReason | None] = [None] * len(self.values)

    @cached_property
    def adding(self) -> list[int]:
        """Places of the features that add something, ascending."""
        return [place for place, contribution in enumerate(self.contributions) if contribution]

    @cached_property
    def strongest(self) -> list[int]:
        """Places of the features that add something, what adds most first."""
        return sorted(self.adding, key=self._weight)

    @cached_property
    def declarations(self) -> RollUp:
        """Windows of one fact as one reason."""
        return RollUp(self, self.arrangement.declarations)

    @cached_property
    def indicators(self) -> RollUp:
        """Second-level indicators."""
        return RollUp(self, self.arrangement.indicators)

    @cached_property
    def first_levels(self) -> RollUp:
        """First-level indicators."""
        return RollUp(self, self.arrangement.first_levels)

    def at(self, place: int) -> FeatureReason:
        """Return the reason at a place of 0 or more, the same object each time."""
        made = self._made[place]
        if made is None:
            made = self._made[place] = FeatureReason(
                self.arrangement.features[place], self.values[place], self.contributions[place]
            )
        return made

    def strongest_of(self, places: Sequence[int]) -> list[int]:
        """Return what adds most first; what adds nothing keeps its order behind all others."""
        contributions = self.contributions
        return self.adding_of(places) + [place for place in places if not contributions[place]]

    def adding_of(self, places: Sequence[int]) -> list[int]:
        """Return what adds something, what adds most first."""
        contributions = self.contributions
        adding = [place for place in places if contributions[place]]
        if len(adding) > 1:
            adding.sort(key=self._weight)
        return adding

    def _weight(self, place: int) -> float:
        return -abs(self.contributions[place])

    def __len__(self) -> int:
        return len(self.values)

    @overload
    def __getitem__(self, place: int) -> FeatureReason: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[FeatureReason, ...]: ...
    def __getitem__(self, place: int | slice) -> FeatureReason | tuple[FeatureReason, ...]:
        found = range(len(self.values))[place]
        return self.at(found) if isinstance(found, int) else tuple(map(self.at, found))

    def __iter__(self) -> Iterator[FeatureReason]:
        return map(self.at, range(len(self.values)))

    def __eq__(self, other: object) -> bool:
        return tuple(self) == tuple(other) if isinstance(other, Reasons) else NotImplemented

    def __hash__(self) -> int:
        return hash((tuple(self.values), tuple(self.contributions)))


class RollUp:
    """The reasons of an enterprise by group, each sum exact.

    Attributes
    ----------
    totals
        What each group of the grouping adds.
    adding
        Places of the groups that add something, what adds most first.
    """

    def __init__(self, reasons: Reasons, grouping: Grouping) -> None:
        self.grouping = grouping
        self._reasons = reasons
        contributions = reasons.contributions
        totals = [contributions[place] for place in grouping.first]
        for group in grouping.several:
            # fsum: the sum does not depend on the order in which features are declared.
            totals[group] = fsum([contributions[place] for place in grouping.members[group]])
        self.totals = totals
        self.adding = sorted(
            [group for group, total in enumerate(totals) if total], key=lambda group: -abs(totals[group])
        )
        self._made: dict[int, GroupReason] = {}

    @property
    def order(self) -> list[int]:
        """Places of all groups: those that add something as in :attr:`adding`, behind them the others."""
        return self.adding + [group for group, total in enumerate(self.totals) if not total]

    def group(self, place: int) -> GroupReason:
        """Return the group at a place, the same object each time."""
        if place not in self._made:
            reasons, grouping = self._reasons, self.grouping
            self._made[place] = GroupReason(
                grouping.names[place],
                grouping.labels[place],
                self.totals[place],
                tuple(reasons.at(member) for member in reasons.strongest_of(grouping.members[place])),
            )
        return self._made[place]

    def groups(self) -> tuple[GroupReason, ...]:
        """Return all groups, the strongest first."""
        return tuple(self.group(place) for place in self.order)
