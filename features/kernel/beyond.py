"""What features that look beyond the enterprise need of the kernel."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from features.definitions.feature import Feature
from features.definitions.terms import Term


@dataclass(frozen=True)
class BeyondPlan:
    own_terms: tuple[Term, ...]

    @classmethod
    def build(cls, features: Iterable[Feature]) -> BeyondPlan | None:
        return None
