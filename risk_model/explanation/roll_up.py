"""Contributions added up: feature, declaration, second-level indicator, first level; each sum exact."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import fsum
from typing import TypeVar

import numpy as np

from features.definitions import FIRST_LEVEL, SECOND_LEVEL, Feature
from features.records import Label
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


T = TypeVar("T", FeatureReason, GroupReason)


def feature_reasons(
    features: Sequence[Feature], values: np.ndarray, contributions: np.ndarray
) -> tuple[FeatureReason, ...]:
    """Return one reason a feature, in the model's order.

    Parameters
    ----------
    features
        Declarations.
    values, contributions
        Shape (features,).
    """
    return tuple(
        FeatureReason(feature, value, contribution)
        for feature, value, contribution in zip(
            features, values.tolist(), contributions.tolist(), strict=True
        )
    )


def _roll_up(
    reasons: Sequence[FeatureReason], key: Callable[[Feature], str], label: Callable[[Feature], Label]
) -> tuple[GroupReason, ...]:
    members: dict[str, list[FeatureReason]] = {}
    for reason in reasons:
        members.setdefault(key(reason.feature), []).append(reason)
    groups = []
    for name, found in members.items():
        added = [reason.contribution for reason in found if reason.contribution]
        # fsum: the sum does not depend on the order in which features are declared.
        total, ordered = (fsum(added), _strongest_first(found)) if added else (0.0, tuple(found))
        groups.append(GroupReason(name, label(found[0].feature), total, ordered))
    return _strongest_first(groups)


def _strongest_first(found: Sequence[T]) -> tuple[T, ...]:
    """Return what adds most first; most add nothing, and keep their order behind all others."""
    adding = [one for one in found if one.contribution]
    adding.sort(key=_weight)
    return tuple(adding + [one for one in found if not one.contribution])


def _weight(one: FeatureReason | GroupReason) -> float:
    return -abs(one.contribution)


def by_declaration(reasons: Sequence[FeatureReason]) -> tuple[GroupReason, ...]:
    """Return the windows of one fact as one reason, the strongest first."""
    return _roll_up(reasons, lambda f: f.group, lambda f: f.label)


def by_indicator(reasons: Sequence[FeatureReason]) -> tuple[GroupReason, ...]:
    """Return second-level indicators, the strongest first."""
    return _roll_up(reasons, lambda f: f.indicator, lambda f: SECOND_LEVEL[f.indicator])


def by_first_level(reasons: Sequence[FeatureReason]) -> tuple[GroupReason, ...]:
    """Return first-level indicators, the strongest first."""
    return _roll_up(reasons, lambda f: f.indicator.partition(".")[0], lambda f: FIRST_LEVEL[_first(f)])


def _first(feature: Feature) -> str:
    return feature.indicator.partition(".")[0]
