"""Sums, extremes and newest values of a column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from features.definitions.declaration import OfColumn
from features.definitions.expressions import Missing, Negated
from features.definitions.terms import Combination, Operation, Term, Window
from features.records import CodeSet


@dataclass(frozen=True, kw_only=True)
class Sum(OfColumn):
    """Sum of a column.

    Notes
    -----
    Exact, whatever the order, for whole numbers below :math:`2^{53}`: in fen, 90 trillion yuan.
    """

    operation: ClassVar[Operation] = Operation.SUM
    unit: ClassVar[str] = "value"
    sentence: ClassVar[str] = "sum of {column} over {records}"


@dataclass(frozen=True, kw_only=True)
class Money(Sum):
    """Sum of an amount of money, in fen."""

    unit: ClassVar[str] = "fen"


@dataclass(frozen=True, kw_only=True)
class Maximum(OfColumn):
    """Largest value of a column."""

    operation: ClassVar[Operation] = Operation.MAXIMUM
    unit: ClassVar[str] = "value"
    sentence: ClassVar[str] = "largest {column} of {records}"


@dataclass(frozen=True, kw_only=True)
class MaximumMoney(Maximum):
    """Largest amount of money, in fen."""

    unit: ClassVar[str] = "fen"


@dataclass(frozen=True, kw_only=True)
class Latest(OfColumn):
    """Value of a column in the last record that has one."""

    operation: ClassVar[Operation] = Operation.LATEST
    unit: ClassVar[str] = "value"
    sentence: ClassVar[str] = "{column} of the newest of {records}"


@dataclass(frozen=True, kw_only=True)
class LatestMoney(Latest):
    """Last known amount of money, in fen."""

    unit: ClassVar[str] = "fen"


@dataclass(frozen=True, kw_only=True)
class LatestCode(Latest):
    """Last known code of a coded column: a category, not a number."""

    codes: CodeSet
    characters: int | None = None
    unit: ClassVar[str] = "category"

    def _codes(self) -> CodeSet:
        return self.codes

    def _terms(self, window: Window) -> tuple[Term, ...]:
        categories = tuple(self.codes)
        return (
            Term(
                self.table,
                self.operation,
                self._with_value,
                window,
                self.column,
                categories,
                self.characters,
            ),
        )


@dataclass(frozen=True, kw_only=True)
class LatestRatio(OfColumn):
    """Last known value of a column over the last known value of another."""

    over: str
    combination: ClassVar[Combination] = Combination.RATIO
    unit: ClassVar[str] = "ratio"
    sentence: ClassVar[str] = (
        "newest {column} over newest {over} of {records}; missing if that is not positive"
    )

    def _columns(self) -> frozenset[str]:
        return self.where.columns | {self.column, self.over}

    def _terms(self, window: Window) -> tuple[Term, ...]:
        known = self.where & Negated(Missing(self.over))
        return (
            Term(self.table, Operation.LATEST, self._with_value, window, self.column),
            Term(self.table, Operation.LATEST, known, window, self.over),
        )

    def _words(self) -> dict[str, object]:
        return {"column": self.column, "over": self.over}


@dataclass(frozen=True, kw_only=True)
class Mean(OfColumn):
    """Mean of a column over the records that have a value."""

    combination: ClassVar[Combination] = Combination.RATIO
    unit: ClassVar[str] = "value"
    sentence: ClassVar[str] = "mean {column} of {records}"

    def _terms(self, window: Window) -> tuple[Term, ...]:
        return (
            Term(self.table, Operation.SUM, self._with_value, window, self.column),
            Term(self.table, Operation.COUNT, self._with_value, window),
        )
