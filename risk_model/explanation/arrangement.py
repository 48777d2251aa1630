"""What an explanation needs to know of a model's features, worked out once for all enterprises."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from features.definitions import FIRST_LEVEL, LIBRARY, SECOND_LEVEL, Feature
from features.records import Label
from risk_model.explanation.values import Speaker, speaker

#: Tuples of features kept: those of the models in use and of a few classifications before.
_KEPT = 32


class FeatureFacts(NamedTuple):
    """What a document tells of one feature, whatever its value.

    Attributes
    ----------
    name, zh, en, indicator
        Its name, label and indicator.
    speaker
        Says its values in words; not NaN.
    """

    name: str
    zh: str
    en: str
    indicator: str
    speaker: Speaker


class Grouping:
    """Features by what they belong to.

    Attributes
    ----------
    names, labels
        Of the groups, in the order of their first feature.
    members
        Places of the features of each group, ascending.
    named
        The same by name.
    first, several
        First member of each group; places of the groups that have more than one.
    """

    def __init__(
        self,
        features: tuple[Feature, ...],
        key: Callable[[Feature], str],
        label: Callable[[Feature], Label],
    ) -> None:
        members: dict[str, list[int]] = {}
        for place, feature in enumerate(features):
            members.setdefault(key(feature), []).append(place)
        self.names = tuple(members)
        self.labels = tuple(label(features[places[0]]) for places in members.values())
        self.members = tuple(tuple(places) for places in members.values())
        self.named = tuple(
            tuple(sorted(places, key=lambda place: features[place].name)) for places in members.values()
        )
        self.first = tuple(places[0] for places in self.members)
        self.several = tuple(group for group, places in enumerate(self.members) if len(places) > 1)


class Arrangement:
    """The features of a model in its order, and how they are grouped.

    Attributes
    ----------
    features, facts
        Declarations, and what a document tells of each.
    declarations, indicators, first_levels
        Windows of one fact; second-level indicators; first-level indicators.
    """

    def __init__(self, features: tuple[Feature, ...]) -> None:
        self.features = features
        self.facts = tuple(
            FeatureFacts(one.name, one.label.zh, one.label.en, one.indicator, speaker(one))
            for one in features
        )
        self.declarations = Grouping(features, lambda f: f.group, lambda f: f.label)
        self.indicators = Grouping(features, lambda f: f.indicator, lambda f: SECOND_LEVEL[f.indicator])
        self.first_levels = Grouping(features, _first, lambda f: FIRST_LEVEL[_first(f)])


@lru_cache(maxsize=_KEPT)
def arrangement(names: tuple[str, ...]) -> Arrangement:
    """Return the features of these names, arranged; the same object for the same names.

    Parameters
    ----------
    names
        Of features of the library, in the order of the model.

    Raises
    ------
    KeyError
        If the library has none of a name.
    """
    return Arrangement(tuple(LIBRARY[name] for name in names))


def _first(feature: Feature) -> str:
    return feature.indicator.partition(".")[0]
