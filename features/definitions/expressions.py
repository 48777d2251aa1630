"""Conditions on record columns, written as Python and evaluated on Arrow columns.

``(col("severity") == "serious") & col("domain").isin(["food"])`` has the three-valued logic of
SQL: a comparison with a missing value is unknown, and what is unknown at the end does not count.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Scalar = str | int | float | bool

_COMPARE: Mapping[str, Callable[..., Any]] = {
    "==": pc.equal,
    "!=": pc.not_equal,
    "<": pc.less,
    "<=": pc.less_equal,
    ">": pc.greater,
    ">=": pc.greater_equal,
}


class Expression:
    """A condition; combine with ``&``, ``|`` and ``~``."""

    def __and__(self, other: Expression) -> Expression:
        return Combined("and", self, other)

    def __or__(self, other: Expression) -> Expression:
        return Combined("or", self, other)

    def __invert__(self) -> Expression:
        return Negated(self)

    @property
    def columns(self) -> frozenset[str]:
        """Names of the columns it reads."""
        raise NotImplementedError

    def _evaluate(self, table: pa.Table) -> Any:
        raise NotImplementedError

    def mask(self, table: pa.Table) -> np.ndarray:
        """Return for each row whether the condition surely holds, shape (n,), bool."""
        result = pc.fill_null(self._evaluate(table), False)
        if isinstance(result, pa.ChunkedArray):
            result = result.combine_chunks()
        return np.asarray(result.to_numpy(zero_copy_only=False), dtype=bool)


@dataclass(frozen=True)
class Comparison(Expression):
    """A column against a constant."""

    column: str
    operator: str
    value: Scalar

    @property
    def columns(self) -> frozenset[str]:
        return frozenset({self.column})

    def _evaluate(self, table: pa.Table) -> Any:
        data = table[self.column]
        return _COMPARE[self.operator](data, pa.scalar(self.value, type=data.type))


@dataclass(frozen=True)
class Membership(Expression):
    """A column's value is one of several; a missing value is unknown."""

    column: str
    values: tuple[Scalar, ...]

    @property
    def columns(self) -> frozenset[str]:
        return frozenset({self.column})

    def _evaluate(self, table: pa.Table) -> Any:
        data = table[self.column]
        found = pc.is_in(data, value_set=pa.array(list(self.values), type=data.type))
        return pc.if_else(pc.is_valid(data), found, pa.scalar(None, pa.bool_()))


@dataclass(frozen=True)
class Prefix(Expression):
    """A string column begins with one of several prefixes (industry divisions, districts)."""

    column: str
    prefixes: tuple[str, ...]

    @property
    def columns(self) -> frozenset[str]:
        return frozenset({self.column})

    def _evaluate(self, table: pa.Table) -> Any:
        result = pc.starts_with(table[self.column], pattern=self.prefixes[0])
        for prefix in self.prefixes[1:]:
            result = pc.or_kleene(result, pc.starts_with(table[self.column], pattern=prefix))
        return result


@dataclass(frozen=True)
class Missing(Expression):
    """A column has no value."""

    column: str

    @property
    def columns(self) -> frozenset[str]:
        return frozenset({self.column})

    def _evaluate(self, table: pa.Table) -> Any:
        return pc.is_null(table[self.column])


@dataclass(frozen=True)
class Everything(Expression):
    """Every record."""

    @property
    def columns(self) -> frozenset[str]:
        return frozenset()

    def _evaluate(self, table: pa.Table) -> Any:
        return pa.array(np.ones(table.num_rows, dtype=bool))


@dataclass(frozen=True)
class Combined(Expression):
    """Two conditions joined by *and* or *or*."""

    operator: str
    left: Expression
    right: Expression

    @property
    def columns(self) -> frozenset[str]:
        return self.left.columns | self.right.columns

    def _evaluate(self, table: pa.Table) -> Any:
        join = pc.and_kleene if self.operator == "and" else pc.or_kleene
        return join(self.left._evaluate(table), self.right._evaluate(table))


@dataclass(frozen=True)
class Negated(Expression):
    """The opposite; of the unknown, unknown."""

    inner: Expression

    @property
    def columns(self) -> frozenset[str]:
        return self.inner.columns

    def _evaluate(self, table: pa.Table) -> Any:
        return pc.invert(self.inner._evaluate(table))


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

    Examples
    --------
    >>> table = pa.table({"severity": ["serious", None, "minor"]})
    >>> (col("severity") == "serious").mask(table).tolist()
    [True, False, False]
    >>> (~(col("severity") == "serious")).mask(table).tolist()
    [False, False, True]
    """
    return ColumnReference(name)
