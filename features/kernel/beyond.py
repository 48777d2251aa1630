"""What features that look beyond the enterprise need of its records and of those of the others."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from features.definitions.across import TIE_TABLES, Level, Measure, Neighbourhood, Related, Tie
from features.definitions.expressions import Missing, Negated
from features.definitions.feature import Feature
from features.definitions.terms import ON_A_STRETCH, Operation, Term

#: Column by which enterprises are tied to one another, by tie.
ADDRESS = "address"
PRODUCER = "producer"
TIE_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "relation": ("kind", "related_code", "person_key", "ended_on"),
    "enterprise": (ADDRESS,),
    "sampling_test": (PRODUCER,),
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
    of_producer
        Places of those terms of which only the records on goods of the producer that ties count.
    levels
        Distinct levels of neighbourhoods.
    """

    rates: tuple[RatePlan, ...]
    related: tuple[RelatedPlan, ...]
    terms: tuple[Term, ...]
    of_producer: frozenset[int]
    levels: tuple[Level, ...]

    @classmethod
    def build(cls, features: Iterable[Feature]) -> BeyondPlan | None:
        """Collect them; None if there is none.

        Raises
        ------
        ValueError
            If a term is not the number of records that count on a stretch of dates, or is told of the
            goods of a producer and is no total of sampling tests.
        """
        rates: list[RatePlan] = []
        related: list[RelatedPlan] = []
        terms: list[tuple[Term, bool]] = []
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
                of_goods = feature.across.tie is Tie.PRODUCER
                if of_goods and (
                    term.table != TIE_TABLES[Tie.PRODUCER] or feature.across.measure is not Measure.TOTAL
                ):
                    msg = f"feature {feature.name!r}: of a producer's goods only sampling tests are totalled"
                    raise ValueError(msg)
                if (term, of_goods) not in terms:
                    terms.append((term, of_goods))
                related.append(RelatedPlan(column, terms.index((term, of_goods)), feature.across))
        if not rates and not related:
            return None
        levels = dict.fromkeys(level for rate in rates for level in rate.neighbourhood.levels)
        return cls(
            tuple(rates),
            tuple(related),
            tuple(term for term, _ in terms),
            frozenset(place for place, (_, of_goods) in enumerate(terms) if of_goods),
            tuple(levels),
        )

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
        tables = {TIE_TABLES[tie] for tie in self.ties}
        return {table: TIE_COLUMNS[table] for table in sorted(tables)}

    @cached_property
    def fingerprint(self) -> str:
        """Hash of everything that decides what must be known of others."""
        content = [
            [repr((rate.feature, rate.top, rate.bottom, rate.neighbourhood.levels)) for rate in self.rates],
            [repr((term, place in self.of_producer)) for place, term in enumerate(self.terms)],
            [tie.value for tie in self.ties],
        ]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]
