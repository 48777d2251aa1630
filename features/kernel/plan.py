"""What the kernel must compute, worked out once from the declarations."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from features.definitions.expressions import Expression
from features.definitions.feature import Feature
from features.definitions.terms import DECAY_BITS, Operation, Term
from features.kernel.beyond import BeyondPlan
from features.kernel.combine import Combining
from features.records import ENDS

if TYPE_CHECKING:
    from features.kernel.one import PlanOfOne

#: Conditions of one table are the bits of a 64-bit word.
MAXIMUM_CONDITIONS = 64

OPERATION_CODES: Mapping[Operation, int] = {operation: code for code, operation in enumerate(Operation)}

#: Operations whose value is 0, not missing, where there is no record.
ZERO_WITHOUT_RECORDS = frozenset(
    {
        Operation.COUNT,
        Operation.SUM,
        Operation.IN_FORCE,
        Operation.OVERDUE,
        Operation.DECAYED,
        Operation.AGE_SUM,
        Operation.TIME_IN_FORCE,
        Operation.DISTINCT,
        Operation.YEARS,
        Operation.REPEATS,
        Operation.STREAK,
    }
)


@dataclass(frozen=True)
class ValueColumn:
    """A column of numbers: a number as it is, a date in days, or a code as its place in a list."""

    column: str
    categories: tuple[str, ...] | None = None
    characters: int | None = None

    @cached_property
    def place_of(self) -> dict[str, float]:
        """Number of each category."""
        return {code: float(place) for place, code in enumerate(self.categories or ())}


@dataclass(frozen=True)
class TablePlan:
    """All terms over one record table, those of one condition together.

    Attributes
    ----------
    conditions
        Distinct conditions; the place is the bit.
    condition_columns
        Columns that decide the conditions.
    values
        Distinct value columns.
    first
        Terms of condition c are ``first[c]:first[c + 1]``; int64, shape (conditions + 1,).
    place
        Column of each term in the result; int64, shape (m,).
    operation, value, year, parameter, window
        For each of the m terms: operation code, place in ``values`` (0 if it needs none), place of the
        column of the year in ``values``, parameter as the kernel reads it, and window in days; int64.
    weights
        One row a half-life: weight by age in days; float64.
    blank
        Value of each term without any record, in the order of the result; float64, shape (m,).
    columns
        Record columns to read.
    """

    table: str
    conditions: tuple[Expression, ...]
    condition_columns: tuple[str, ...]
    values: tuple[ValueColumn, ...]
    first: np.ndarray
    place: np.ndarray
    operation: np.ndarray
    value: np.ndarray
    year: np.ndarray
    parameter: np.ndarray
    window: np.ndarray
    weights: np.ndarray
    blank: np.ndarray
    columns: tuple[str, ...]
    #: Words of conditions remembered by the values of :attr:`condition_columns`.
    words: dict[tuple[object, ...], int] = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def of_a_row(self) -> tuple[tuple[str, ...], Callable[[Mapping[str, Any]], tuple[Any, ...]]]:
        """Columns that the loop needs of a record, with the dates, and what takes them out of a row."""
        names = tuple(dict.fromkeys(("event_date", "recorded_at", *ENDS, *self.columns)))
        return names, itemgetter(*names)

    @classmethod
    def build(cls, table: str, terms: list[Term]) -> TablePlan:
        """Collect the distinct conditions and value columns of the terms.

        Raises
        ------
        ValueError
            If the table has more distinct conditions than fit in a 64-bit word.
        """
        found = dict.fromkeys(term.where for term in terms)
        found |= dict.fromkeys(term.reset for term in terms if term.reset is not None)
        conditions = list(found)
        if len(conditions) > MAXIMUM_CONDITIONS:
            msg = f"{table}: {len(conditions)} distinct conditions, at most {MAXIMUM_CONDITIONS} fit"
            raise ValueError(msg)
        bit = {condition: i for i, condition in enumerate(conditions)}
        values = list(dict.fromkeys(value for term in terms for value in _values(term)))
        half_lives = list(dict.fromkeys(t.parameter for t in terms if t.operation is Operation.DECAYED))
        order = sorted(range(len(terms)), key=lambda i: bit[terms[i].where])
        sorted_terms = [terms[i] for i in order]

        def numbers(of: Iterable[int]) -> np.ndarray:
            return np.array(list(of), dtype=np.int64)

        def parameter(term: Term) -> int:
            if term.operation is Operation.DECAYED:
                return half_lives.index(term.parameter)
            return bit[term.reset] if term.reset is not None else term.parameter

        def place_of(term: Term, nth: int) -> int:
            needed = _values(term)
            return values.index(needed[nth]) if nth < len(needed) else 0

        owners = [bit[term.where] for term in sorted_terms]
        decides = {name for condition in conditions for name in condition.columns}
        return cls(
            table=table,
            conditions=tuple(conditions),
            condition_columns=tuple(sorted(decides)),
            values=tuple(values),
            first=np.searchsorted(owners, np.arange(len(conditions) + 1)).astype(np.int64),
            place=numbers(order),
            operation=numbers(OPERATION_CODES[t.operation] for t in sorted_terms),
            value=numbers(place_of(t, 0) for t in sorted_terms),
            year=numbers(place_of(t, 1) for t in sorted_terms),
            parameter=numbers(parameter(t) for t in sorted_terms),
            window=numbers(t.window.days for t in sorted_terms),
            weights=decay_weights(half_lives),
            blank=np.array([0.0 if t.operation in ZERO_WITHOUT_RECORDS else np.nan for t in terms]),
            columns=tuple(sorted(decides | {value.column for value in values})),
        )


def _values(term: Term) -> tuple[ValueColumn, ...]:
    if term.column is None:
        return ()
    own = ValueColumn(term.column, term.categories, term.characters)
    return (own,) if term.year is None else (own, ValueColumn(term.year))


def decay_weights(half_lives: list[int]) -> np.ndarray:
    """Return the weight of a record by half-life and age in days.

    Returns
    -------
    numpy.ndarray
        float64, shape (half-lives, longest life in days); whole multiples of 2 ** -20, 0 once below
        half of that.
    """
    longest = max(half_lives, default=0) * (DECAY_BITS + 1) + 1
    age = np.arange(longest)
    scale = 2.0**DECAY_BITS
    rows = [np.rint(scale * np.exp2(-age / half_life)) / scale for half_life in half_lives]
    return np.array(rows) if rows else np.zeros((1, 1))


@dataclass(frozen=True)
class Plan:
    """The kernel's work for a list of features.

    Parameters
    ----------
    features
        The columns of the result, in order.

    Attributes
    ----------
    tables
        Record table → what to compute of it.
    places
        Record table → places of its terms among those of all tables.
    combining
        Which terms become which features.
    beyond
        What is needed of other enterprises; None if no feature looks beyond its own.

    Examples
    --------
    >>> from features.definitions import LIBRARY
    >>> plan = Plan([LIBRARY["penalties_1y"], LIBRARY["days_since_inspection"]])
    >>> plan.names
    ('penalties_1y', 'days_since_inspection')
    """

    features: tuple[Feature, ...]
    tables: Mapping[str, TablePlan] = field(init=False, repr=False)
    places: Mapping[str, slice] = field(init=False, repr=False)
    combining: Combining = field(init=False, repr=False)
    beyond: BeyondPlan | None = field(init=False, repr=False)
    _terms: Mapping[Term, int] = field(init=False, repr=False)

    def __init__(self, features: Iterable[Feature]) -> None:
        features = tuple(features)
        beyond = BeyondPlan.build(features)
        wanted = [term for feature in features for term in feature.terms]
        if beyond is not None:
            wanted += beyond.own_terms
        by_table: dict[str, dict[Term, None]] = {}
        for term in wanted:
            by_table.setdefault(term.table, {})[term] = None
        order: dict[Term, int] = {}
        tables, places = {}, {}
        for table, terms in by_table.items():
            tables[table] = TablePlan.build(table, list(terms))
            places[table] = slice(len(order), len(order) + len(terms))
            for term in terms:
                order[term] = len(order)
        of_features = [tuple(order[term] for term in feature.terms) for feature in features]
        object.__setattr__(self, "features", features)
        object.__setattr__(self, "tables", tables)
        object.__setattr__(self, "places", places)
        object.__setattr__(self, "combining", Combining.build(features, of_features))
        object.__setattr__(self, "beyond", beyond)
        object.__setattr__(self, "_terms", order)

    @cached_property
    def of_one(self) -> PlanOfOne:
        """What is needed for one enterprise alone."""
        from features.kernel.one import PlanOfOne

        return PlanOfOne(self)

    def place_of(self, term: Term) -> int:
        """Return the place of a term among those of all tables."""
        return self._terms[term]

    @property
    def term_count(self) -> int:
        """Number of terms of all tables."""
        return len(self._terms)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the features, in order."""
        return tuple(feature.name for feature in self.features)

    @property
    def fingerprint(self) -> str:
        """Hash of everything that decides a value; changes when a declaration does."""
        content = [
            (
                f.name,
                [repr(term) for term in f.terms],
                f.combination,
                list(f.parameters),
                repr(f.across),
                f.categories,
            )
            for f in self.features
        ]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]
