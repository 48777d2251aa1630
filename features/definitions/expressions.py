"""Conditions on record columns, written as Python and evaluated on Arrow columns.

``(col("severity") == "serious") & col("domain").isin(["food"])`` has the three-valued logic of
SQL: a comparison with a missing value is unknown, and what is unknown at the end does not count.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Scalar = str | int | float | bool | date

_COMPARE: Mapping[str, Callable[..., Any]] = {
    "==": pc.equal,
    "!=": pc.not_equal,
    "<": pc.less,
    "<=": pc.less_equal,
    ">": pc.greater,
    ">=": pc.greater_equal,
}


@dataclass(frozen=True)
class Truth:
    """Where a condition surely holds and where it surely does not; elsewhere it is unknown.

    Attributes
    ----------
    holds, fails
        bool, shape (n,).
    """

    holds: np.ndarray
    fails: np.ndarray


class Columns:
    """Columns of a record table, in which each condition is evaluated once.

    Text is told apart by its distinct values: a comparison looks at those, not at every row.
    """

    def __init__(self, table: pa.Table) -> None:
        self._table = table
        self._encoded: dict[str, tuple[pa.Array, np.ndarray]] = {}
        self._known: dict[Expression, Truth] = {}

    def __len__(self) -> int:
        return int(self._table.num_rows)

    def truth(self, expression: Expression) -> Truth:
        """Return where an expression holds and fails."""
        found = self._known.get(expression)
        if found is None:
            found = self._known[expression] = expression.evaluate(self)
        return found

    def leaf(self, column: str, test: Callable[[pa.Array], pa.Array]) -> Truth:
        """Return the truth of a test of one column, unknown where the column has no value."""
        if not pa.types.is_string(self._table.schema.field(column).type):
            data = self._table[column].combine_chunks()
            return _truth(test(data))
        values, place = self._distinct(column)
        # One more place at the end, for rows without a value.
        truth = _truth(test(pa.concat_arrays([values, pa.nulls(1, values.type)])))
        return Truth(truth.holds[place], truth.fails[place])

    def missing(self, column: str) -> Truth:
        """Return where a column has no value."""
        null = _bools(pc.is_null(self._table[column].combine_chunks()))
        return Truth(null, ~null)

    def _distinct(self, column: str) -> tuple[pa.Array, np.ndarray]:
        if column not in self._encoded:
            encoded = self._table[column].combine_chunks().dictionary_encode()
            place = encoded.indices.fill_null(len(encoded.dictionary))
            self._encoded[column] = encoded.dictionary, place.to_numpy(zero_copy_only=False)
        return self._encoded[column]


def _bools(data: pa.Array) -> np.ndarray:
    return np.asarray(data.to_numpy(zero_copy_only=False), dtype=bool)


def _truth(result: pa.Array) -> Truth:
    return Truth(_bools(pc.fill_null(result, False)), ~_bools(pc.fill_null(result, True)))


class Expression(ABC):
    """A condition; combine with ``&``, ``|`` and ``~``."""

    def __and__(self, other: Expression) -> Expression:
        return Combined("and", self, other)

    def __or__(self, other: Expression) -> Expression:
        return Combined("or", self, other)

    def __invert__(self) -> Expression:
        return Negated(self)

    @property
    @abstractmethod
    def columns(self) -> frozenset[str]:
        """Names of the columns it reads."""

    @property
    @abstractmethod
    def text(self) -> str:
        """The condition as people read it."""

    @abstractmethod
    def evaluate(self, columns: Columns) -> Truth:
        """Return where it holds and where it fails; :meth:`Columns.truth` remembers the answer."""

    def mask(self, table: pa.Table) -> np.ndarray:
        """Return for each row whether the condition surely holds, shape (n,), bool."""
        return Columns(table).truth(self).holds


@dataclass(frozen=True)
class Comparison(Expression):
    """A column against a constant."""

    column: str
    operator: str
    value: Scalar

    @property
    def columns(self) -> frozenset[str]:
        return frozenset({self.column})

    @property
    def text(self) -> str:
        operator = "=" if self.operator == "==" else self.operator
        return f"{self.column} {operator} {self.value}"

    def evaluate(self, columns: Columns) -> Truth:
        compare = _COMPARE[self.operator]
        return columns.leaf(self.column, lambda data: compare(data, pa.scalar(self.value, type=data.type)))


@dataclass(frozen=True)
class Membership(Expression):
    """A column's value is one of several; a missing value is unknown."""

    column: str
    values: tuple[Scalar, ...]

    @property
    def columns(self) -> frozenset[str]:
        return frozenset({self.column})

    @property
    def text(self) -> str:
        return f"{self.column} in ({', '.join(map(str, self.values))})"

    def evaluate(self, columns: Columns) -> Truth:
        def test(data: pa.Array) -> pa.Array:
            found = pc.is_in(data, value_set=pa.array(list(self.values), type=data.type))
            return pc.if_else(pc.is_valid(data), found, pa.scalar(None, pa.bool_()))

        return columns.leaf(self.column, test)


@dataclass(frozen=True)
class Prefix(Expression):
    """A string column begins with one of several prefixes (industry divisions, districts)."""

    column: str
    prefixes: tuple[str, ...]

    @property
    def columns(self) -> frozenset[str]:
        return frozenset({self.column})

    @property
    def text(self) -> str:
        return f"{self.column} beginning with {' or '.join(self.prefixes)}"

    def evaluate(self, columns: Columns) -> Truth:
        def test(data: pa.Array) -> pa.Array:
            result = pc.starts_with(data, pattern=self.prefixes[0])
            for prefix in self.prefixes[1:]:
                result = pc.or_kleene(result, pc.starts_with(data, pattern=prefix))
            return result

        return columns.leaf(self.column, test)


@dataclass(frozen=True)
class Missing(Expression):
    """A column has no value."""

    column: str

    @property
    def columns(self) -> frozenset[str]:
        return frozenset({self.column})

    @property
    def text(self) -> str:
        return f"no {self.column}"

    def evaluate(self, columns: Columns) -> Truth:
        return columns.missing(self.column)


@dataclass(frozen=True)
class Everything(Expression):
    """Every record."""

    @property
    def columns(self) -> frozenset[str]:
        return frozenset()

    @property
    def text(self) -> str:
        return "any content"

    def evaluate(self, columns: Columns) -> Truth:
        holds = np.ones(len(columns), dtype=bool)
        return Truth(holds, ~holds)


@dataclass(frozen=True)
class Combined(Expression):
    """Two conditions joined by *and* or *or*."""

    operator: str
    left: Expression
    right: Expression

    @property
    def columns(self) -> frozenset[str]:
        return self.left.columns | self.right.columns

    @property
    def text(self) -> str:
        parts = [self._part(self.left), self._part(self.right)]
        return f" {self.operator} ".join(dict.fromkeys(part for part in parts if part)) or "any content"

    def _part(self, part: Expression) -> str:
        if isinstance(part, Everything) and self.operator == "and":
            return ""
        if isinstance(part, Combined) and part.operator != self.operator:
            return f"({part.text})"
        return part.text

    def evaluate(self, columns: Columns) -> Truth:
        left, right = columns.truth(self.left), columns.truth(self.right)
        if self.operator == "and":
            return Truth(left.holds & right.holds, left.fails | right.fails)
        return Truth(left.holds | right.holds, left.fails & right.fails)


@dataclass(frozen=True)
class Negated(Expression):
    """The opposite; of the unknown, unknown."""

    inner: Expression

    @property
    def columns(self) -> frozenset[str]:
        return self.inner.columns

    @property
    def text(self) -> str:
        if isinstance(self.inner, Missing):
            return f"{self.inner.column} given"
        return f"not ({self.inner.text})"

    def evaluate(self, columns: Columns) -> Truth:
        inner = columns.truth(self.inner)
        return Truth(inner.fails, inner.holds)


@dataclass(frozen=True, eq=False)
class ColumnReference:
    """A column, to be compared."""

    name: str

    def __eq__(self, value: object) -> Expression:  # type: ignore[override]
        return Comparison(self.name, "==", value)  # type: ignore[arg-type]

    def __ne__(self, value: object) -> Expression:  # type: ignore[override]
        return Comparison(self.name, "!=", value)  # type: ignore[arg-type]

    def __lt__(self, value: Scalar) -> Expression:
        return Comparison(self.name, "<", value)

    def __le__(self, value: Scalar) -> Expression:
        return Comparison(self.name, "<=", value)

    def __gt__(self, value: Scalar) -> Expression:
        return Comparison(self.name, ">", value)

    def __ge__(self, value: Scalar) -> Expression:
        return Comparison(self.name, ">=", value)

    __hash__ = None  # type: ignore[assignment]

    def isin(self, values: Iterable[Scalar]) -> Expression:
        """Return the condition that the value is one of ``values``."""
        return Membership(self.name, tuple(values))

    def startswith(self, *prefixes: str) -> Expression:
        """Return the condition that the string begins with one of ``prefixes``."""
        return Prefix(self.name, prefixes)

    def is_missing(self) -> Expression:
        """Return the condition that there is no value."""
        return Missing(self.name)

    def is_present(self) -> Expression:
        """Return the condition that there is a value."""
        return Negated(Missing(self.name))


EVERYTHING = Everything()


def col(name: str) -> ColumnReference:
    """Refer to a column of the record table.

    Parameters
    ----------
    name
        Of the column; whether it exists is checked by the declaration that uses it.

    Returns
    -------
    ColumnReference
        Comparisons with it are conditions.

    Examples
    --------
    >>> table = pa.table({"severity": ["serious", None, "minor"]})
    >>> (col("severity") == "serious").mask(table).tolist()
    [True, False, False]
    >>> (~(col("severity") == "serious")).mask(table).tolist()
    [False, False, True]
    """
    return ColumnReference(name)
