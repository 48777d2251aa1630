"""Series of yearly reports.

A report of year y is due by 30 June of y + 1 (企业信息公示暂行条例第八条): from 1 July on, the last
year due is the year before, until then the year before that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from features.definitions.declaration import Declaration, OfColumn
from features.definitions.expressions import Missing, Negated
from features.definitions.terms import MAXIMUM_BITS, Combination, Operation, Term, Window


@dataclass(frozen=True, kw_only=True)
class YearsMissing(Declaration):
    """Of the last ``years`` years due, those since the foundation of which there is no report."""

    years: int
    year: str = "year"
    combination: ClassVar[Combination] = Combination.YEARS_MISSING
    unit: ClassVar[str] = "years"
    sentence: ClassVar[str] = (
        "of the last {years} years whose report was due, those since the foundation without {records}"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.years < MAXIMUM_BITS:
            msg = f"feature {self.name!r}: {self.years} years, expected 1 to {MAXIMUM_BITS - 1}"
            raise ValueError(msg)

    def _columns(self) -> frozenset[str]:
        return self.where.columns | {self.year}

    def _terms(self, window: Window) -> tuple[Term, ...]:
        founded = Negated(Missing("established_on"))
        return (
            Term(self.table, Operation.YEARS, self.where & Negated(Missing(self.year)), window, self.year),
            Term("enterprise", Operation.DAYS_SINCE_DATE, founded, column="established_on"),
        )

    def _parameters(self, window: Window) -> tuple[float, ...]:
        return (float(self.years),)

    def _words(self) -> dict[str, object]:
        return {"years": self.years}


@dataclass(frozen=True, kw_only=True)
class YearValue(OfColumn):
    """Value of a column for the last year due."""

    year: str = "year"
    operation: ClassVar[Operation] = Operation.YEAR_VALUE
    unit: ClassVar[str] = "value"
    sentence: ClassVar[str] = "{column} for the last year due, of {records}"

    def _columns(self) -> frozenset[str]:
        return self.where.columns | {self.column, self.year}

    def _of_year(self, column: str, lag: int, window: Window) -> Term:
        known = self.where & Negated(Missing(column)) & Negated(Missing(self.year))
        return Term(self.table, Operation.YEAR_VALUE, known, window, column, year=self.year, parameter=lag)

    def _terms(self, window: Window) -> tuple[Term, ...]:
        return (self._of_year(self.column, 0, window),)


@dataclass(frozen=True, kw_only=True)
class YearMoney(YearValue):
    """Amount of money for the last year due, in fen."""

    unit: ClassVar[str] = "fen"


@dataclass(frozen=True, kw_only=True)
class YearRatio(YearValue):
    """Value of a column for the last year due, over that of ``over`` for ``lag`` years before.

    ``over`` is the same column by default: the growth.
    """

    over: str | None = None
    lag: int = 0
    combination: ClassVar[Combination] = Combination.RATIO
    unit: ClassVar[str] = "ratio"
    sentence: ClassVar[str] = (
        "{column} for the last year due over {over} {lag} years before, of {records}; "
        "missing if that is not positive"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.lag < 0 or (self.over is None and self.lag == 0):
            msg = f"feature {self.name!r} compares {self.column!r} of a year with itself"
            raise ValueError(msg)

    def _columns(self) -> frozenset[str]:
        return self.where.columns | {self.column, self.over or self.column, self.year}

    def _terms(self, window: Window) -> tuple[Term, ...]:
        return (
            self._of_year(self.column, 0, window),
            self._of_year(self.over or self.column, self.lag, window),
        )

    def _words(self) -> dict[str, object]:
        return {"column": self.column, "over": self.over or self.column, "lag": self.lag}
