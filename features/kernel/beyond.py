"""What features that look beyond the enterprise need of its records and of those of the others."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from features.definitions.across import Level, Neighbourhood, Related, Tie
from features.definitions.expressions import Missing, Negated
from features.definitions.feature import Feature
from features.definitions.terms import ON_A_STRETCH, Operation, Term

#: Column by which enterprises are tied to one another, by tie.
ADDRESS = "address"
TIE_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "relation": ("kind", "related_code", "person_key", "ended_on"),
    "enterprise": (ADDRESS,),
}


def newest(column: str) -> Term:
    """Return the term that finds the newest registration that has a value in a column."""
    return Term("enterprise", Operation.LATEST_ROW, Negated(Missing(column)))


@dataclass(frozen=True)
class RatePlan:
    """The rate of two terms among neighbours.

    Attributes
    ----------
    column
        Place of the feature in the result.
    feature
        Its name.
    top, bottom
        The terms.
    neighbourhood
        Who are neighbours.
    """

    column: int
    feature: str
    top: Term
    bottom: Term
    neighbourhood: Neighbourhood


@dataclass(frozen=True)
class RelatedPlan:
    """A measure of tied enterprises.

    Attributes
    ----------
    column
        Place of the feature in the result.
    term
        Place of its term in :attr:`BeyondPlan.terms`.
    related
        Who is tied, and what is told of them.
    """

    column: int
    term: int
    related: Related


@dataclass(frozen=True)
class BeyondPlan:
    """The features of a plan that look beyond the enterprise.

    Attributes
    ----------
    rates, related
        The features.
    terms
        Distinct terms that are counted of tied enterprises.
    levels
        Distinct levels of neighbourhoods.
    """

    rates: tuple[RatePlan, ...]
    related: tuple[RelatedPlan, ...]
    terms: tuple[Term, ...]
    levels: tuple[Level, ...]

    @classmethod
    def build(cls, features: Iterable[Feature]) -> BeyondPlan | None:
        """Collect them; None if there is none.

        Raises
        ------
        ValueError
            If a term is not the number of records that count on a stretch of dates.
        """
        rates: list[RatePlan] = []
        related: list[RelatedPlan] = []
        terms: list[Term] = []
        for column, feature in enumerate(features):
            if feature.across is None:
                continue
            for term in feature.terms:
                if term.operation not in ON_A_STRETCH:
                    msg = f"feature {feature.name!r}: {term.operation} cannot be told of other enterprises"
                    raise ValueError(msg)
            if isinstance(feature.across, Neighbourhood):
                top, bottom = feature.terms
                rates.append(RatePlan(column, feature.name, top, bottom, feature.across))
            else:
                (term,) = feature.terms
                if term not in terms:
                    terms.append(term)
                related.append(RelatedPlan(column, terms.index(term), feature.across))
        if not rates and not related:
            return None
        levels = dict.fromkeys(level for rate in rates for level in rate.neighbourhood.levels)
        return cls(tuple(rates), tuple(related), tuple(terms), tuple(levels))

    @property
    def ties(self) -> tuple[Tie, ...]:
        """Distinct ties."""
        return tuple(dict.fromkeys(plan.related.tie for plan in self.related))

    @property
    def own_terms(self) -> tuple[Term, ...]:
        """Terms of the enterprise itself, beside those of the features: where it is registered."""
        columns = [level.column for level in self.levels]
        if Tie.ADDRESS in self.ties:
            columns.append(ADDRESS)
        return tuple(newest(column) for column in dict.fromkeys(columns))

    @property
    def survey_terms(self) -> tuple[Term, ...]:
        """All terms that are needed of every enterprise."""
        counted = [term for rate in self.rates for term in (rate.top, rate.bottom)]
        return tuple(dict.fromkeys([*counted, *self.terms, *self.own_terms]))

    @property
    def tie_columns(self) -> Mapping[str, tuple[str, ...]]:
        """Columns that say who is tied, by table."""
        tables = {"enterprise" if tie is Tie.ADDRESS else "relation" for tie in self.ties}
        return {table: TIE_COLUMNS[table] for table in sorted(tables)}

    @property
    def fingerprint(self) -> str:
        """Hash of everything that decides what must be known of others."""
        content = [
            [repr((rate.feature, rate.top, rate.bottom, rate.neighbourhood.levels)) for rate in self.rates],
            [repr(term) for term in self.terms],
            [tie.value for tie in self.ties],
        ]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]
