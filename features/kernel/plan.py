"""What the kernel must compute, worked out once from the declarations."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from features.definitions.declaration import Feature, Operation, Term
from features.definitions.expressions import Expression

#: Conditions of one table are the bits of a 64-bit word.
MAXIMUM_CONDITIONS = 64

OPERATION_CODES: Mapping[Operation, int] = {operation: code for code, operation in enumerate(Operation)}


@dataclass(frozen=True)
class ValueColumn:
    """A column of numbers: a number as it is, a date in days, or a code as its place in a list."""

    column: str
    categories: tuple[str, ...] | None = None
    characters: int | None = None


@dataclass(frozen=True)
class TablePlan:
    """All terms over one record table.

    Attributes
    ----------
    conditions
        Distinct conditions; the place is the bit.
    values
        Distinct value columns.
    operation, condition, value, window
        For each of the m terms: operation code, bit, place in ``values`` (0 if it needs none) and
        window in days, each of shape (m,).
    columns
        Record columns to read.
    """

    table: str
    conditions: tuple[Expression, ...]
    values: tuple[ValueColumn, ...]
    operation: np.ndarray
    condition: np.ndarray
    value: np.ndarray
    window: np.ndarray
    columns: tuple[str, ...]

    @classmethod
    def build(cls, table: str, terms: list[Term]) -> TablePlan:
        """Collect the distinct conditions and value columns of the terms.

        Raises
        ------
        ValueError
            If the table has more distinct conditions than fit in a 64-bit word.
        """
        conditions = list(dict.fromkeys(term.where for term in terms))
        if len(conditions) > MAXIMUM_CONDITIONS:
            msg = f"{table}: {len(conditions)} distinct conditions, at most {MAXIMUM_CONDITIONS} fit"
            raise ValueError(msg)
        values = list(
            dict.fromkeys(
                ValueColumn(term.column, term.categories, term.characters)
                for term in terms
                if term.column is not None
            )
        )
        place = {value: i for i, value in enumerate(values)}
        columns = {name for term in terms for name in term.where.columns}
        columns |= {value.column for value in values}
        return cls(
            table=table,
            conditions=tuple(conditions),
            values=tuple(values),
            operation=np.array([OPERATION_CODES[t.operation] for t in terms], dtype=np.int64),
            condition=np.array([conditions.index(t.where) for t in terms], dtype=np.uint64),
            value=np.array(
                [
                    0 if t.column is None else place[ValueColumn(t.column, t.categories, t.characters)]
                    for t in terms
                ],
                dtype=np.int64,
            ),
            window=np.array([t.window.days for t in terms], dtype=np.int64),
            columns=tuple(sorted(columns)),
        )


@dataclass(frozen=True)
class Plan:
    """The kernel's work for a list of features.

    Parameters
    ----------
    features
        The columns of the result, in order.

    Examples
    --------
    >>> from features.definitions import LIBRARY
    >>> plan = Plan(LIBRARY.of_sector("food"))
    >>> plan.names[:2]
    ('food_licences_in_force', 'food_static_risk')
    """

    features: tuple[Feature, ...]
    tables: Mapping[str, TablePlan] = field(init=False, repr=False)
    #: For each feature: table, place of its term, place of its denominator or -1.
    places: tuple[tuple[str, int, int], ...] = field(init=False, repr=False)

    def __init__(self, features: Iterable[Feature]) -> None:
        features = tuple(features)
        terms: dict[str, list[Term]] = {}
        places: list[tuple[str, int, int]] = []
        for feature in features:
            of_table = terms.setdefault(feature.table, [])
            found = []
            for term in feature.terms:
                if term not in of_table:
                    of_table.append(term)
                found.append(of_table.index(term))
            places.append((feature.table, found[0], found[1] if len(found) > 1 else -1))
        object.__setattr__(self, "features", features)
        object.__setattr__(self, "tables", {t: TablePlan.build(t, ts) for t, ts in terms.items()})
        object.__setattr__(self, "places", tuple(places))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the features, in order."""
        return tuple(feature.name for feature in self.features)

    @property
    def fingerprint(self) -> str:
        """Hash of everything that decides a value; changes when a declaration does."""
        content = [(f.name, [repr(term) for term in f.terms]) for f in self.features]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]
