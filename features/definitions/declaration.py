"""The words in which a feature is declared.

A feature is declared once and carries all that anyone needs to know of it. From the declaration
come the kernel's plan, the monotone constraint, the data dictionary and the words of an explanation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import ClassVar

from features.definitions.expressions import EVERYTHING, Expression, Missing, Negated
from features.definitions.indicators import SECOND_LEVEL
from features.records import TABLES, CodeSet, Label


class Direction(IntEnum):
    """How a larger value should move the risk; becomes the monotone constraint."""

    LOWERS = -1
    NONE = 0
    RAISES = 1


class Operation(StrEnum):
    """What the kernel computes over the visible records of one enterprise, up to one date."""

    COUNT = "count"
    SUM = "sum"
    MAXIMUM = "maximum"
    LATEST = "latest"
    DAYS_SINCE = "days_since"
    IN_FORCE = "in_force"
    OVERDUE = "overdue"
    DAYS_OVERDUE = "days_overdue"
    DAYS_UNTIL = "days_until"
    DAYS_SINCE_DATE = "days_since_date"


@dataclass(frozen=True)
class Window:
    """A stretch of time before the as-of date: ``(as_of - days, as_of]``."""

    name: str
    days: int
    label: Label


ALL = Window("all", 1_000_000, Label("历年", "ever"))
WINDOWS: Mapping[str, Window] = {
    "6m": Window("6m", 183, Label("近半年", "in half a year")),
    "1y": Window("1y", 365, Label("近1年", "in 1 year")),
    "2y": Window("2y", 730, Label("近2年", "in 2 years")),
    "3y": Window("3y", 1095, Label("近3年", "in 3 years")),
    "5y": Window("5y", 1826, Label("近5年", "in 5 years")),
    "all": ALL,
}

GENERAL = "general"
SECTORS: Mapping[str, Label] = {
    GENERAL: Label("通用", "general"),
    "food": Label("食品", "food"),
    "special_equipment": Label("特种设备", "special equipment"),
}


@dataclass(frozen=True)
class Term:
    """One number that the kernel computes: an operation over a condition and a window."""

    table: str
    operation: Operation
    where: Expression = EVERYTHING
    window: Window = ALL
    column: str | None = None
    #: Values of a coded column, in the order of the integers that stand for them.
    categories: tuple[str, ...] | None = None
    #: Only so many leading characters of the value decide its category.
    characters: int | None = None


@dataclass(frozen=True)
class Feature:
    """One column of the feature table.

    Parameters
    ----------
    name
        Unique identifier.
    group
        Name of the declaration; features of one group are windows of the same fact.
    label
        Full name in Chinese and English, window included.
    indicator
        ``first_level.second_level`` in the indicator system.
    terms
        One term, or two: then the value is their ratio, missing where the second is 0.
    direction, sector, basis, unit
        Expected direction, sector that owns it, lawful basis of the use, unit of the value.
    """

    name: str
    group: str
    label: Label
    indicator: str
    terms: tuple[Term, ...]
    direction: Direction
    sector: str
    basis: str
    unit: str
    codes: CodeSet | None = None

    @property
    def categories(self) -> tuple[str, ...] | None:
        """Categories of a coded feature, else None."""
        return self.terms[0].categories

    @property
    def category_labels(self) -> tuple[Label, ...] | None:
        """Labels of :attr:`categories`, in their order."""
        return self.codes and tuple(self.codes.codes[code] for code in self.codes)

    @property
    def table(self) -> str:
        """The record table it is made from."""
        return self.terms[0].table


@dataclass(frozen=True, kw_only=True)
class Declaration:
    """What all kinds of declarations share.

    Parameters
    ----------
    name
        Identifier; with windows, ``name_window`` are the features.
    table
        Record table.
    label
        Chinese and English name, without the window.
    indicator
        ``first_level.second_level``.
    where
        Which records count.
    windows
        Names of windows.
    direction
        Expected direction.
    sector
        ``general``, or the sector whose model may use it.
    basis
        Lawful basis: the article or document under which the records are gathered and used.
    """

    name: str
    table: str
    label: Label
    indicator: str
    where: Expression = EVERYTHING
    windows: tuple[str, ...] = ("all",)
    direction: Direction = Direction.NONE
    sector: str = GENERAL
    basis: str = "国市监信发〔2021〕28号第五条"
    operation: ClassVar[Operation] = Operation.COUNT
    unit: ClassVar[str] = "count"

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9_]*", self.name):
            msg = f"feature name {self.name!r} must be lower case with underscores"
            raise ValueError(msg)
        if self.table not in TABLES:
            msg = f"feature {self.name!r} reads table {self.table!r}, which is none of {sorted(TABLES)}"
            raise ValueError(msg)
        if self.indicator not in SECOND_LEVEL:
            msg = f"feature {self.name!r}: indicator {self.indicator!r} is none of {list(SECOND_LEVEL)}"
            raise ValueError(msg)
        if self.sector not in SECTORS:
            msg = f"feature {self.name!r}: sector {self.sector!r} is none of {list(SECTORS)}"
            raise ValueError(msg)
        for column in self._columns():
            TABLES[self.table].column(column)
        for window in self.windows:
            if window not in WINDOWS:
                msg = f"feature {self.name!r}: window {window!r} is none of {list(WINDOWS)}"
                raise ValueError(msg)

    def _columns(self) -> frozenset[str]:
        return self.where.columns

    def _terms(self, window: Window) -> tuple[Term, ...]:
        return (Term(self.table, self.operation, self.where, window),)

    def _codes(self) -> CodeSet | None:
        return None

    def features(self) -> Iterator[Feature]:
        """Yield one feature a window."""
        for name in self.windows:
            window = WINDOWS[name]
            plain = self.windows == ("all",)
            label = self.label
            if not plain:
                label = Label(f"{window.label.zh}{self.label.zh}", f"{self.label.en} {window.label.en}")
            yield Feature(
                name=self.name if plain else f"{self.name}_{name}",
                group=self.name,
                label=label,
                indicator=self.indicator,
                terms=self._terms(window),
                direction=self.direction,
                sector=self.sector,
                basis=self.basis,
                unit=self.unit,
                codes=self._codes(),
            )


@dataclass(frozen=True, kw_only=True)
class Count(Declaration):
    """Number of records."""


@dataclass(frozen=True, kw_only=True)
class OfColumn(Declaration):
    """A declaration about the values of a column."""

    column: str

    def _columns(self) -> frozenset[str]:
        return self.where.columns | {self.column}

    def _terms(self, window: Window) -> tuple[Term, ...]:
        # A record without a value says nothing about the value.
        where = self.where & Negated(Missing(self.column))
        return (Term(self.table, self.operation, where, window, self.column),)


@dataclass(frozen=True, kw_only=True)
class Sum(OfColumn):
    """Sum of a column."""

    operation: ClassVar[Operation] = Operation.SUM
    unit: ClassVar[str] = "value"


@dataclass(frozen=True, kw_only=True)
class Money(Sum):
    """Sum of an amount of money, in fen."""

    unit: ClassVar[str] = "fen"


@dataclass(frozen=True, kw_only=True)
class Maximum(OfColumn):
    """Largest value of a column."""

    operation: ClassVar[Operation] = Operation.MAXIMUM
    unit: ClassVar[str] = "value"


@dataclass(frozen=True, kw_only=True)
class Latest(OfColumn):
    """Value of a column in the last record that has one."""

    operation: ClassVar[Operation] = Operation.LATEST
    unit: ClassVar[str] = "value"


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
        where = self.where & Negated(Missing(self.column))
        categories = tuple(self.codes)
        return (Term(self.table, self.operation, where, window, self.column, categories, self.characters),)


@dataclass(frozen=True, kw_only=True)
class Mean(OfColumn):
    """Mean of a column over the records that have a value."""

    unit: ClassVar[str] = "value"

    def _terms(self, window: Window) -> tuple[Term, ...]:
        where = self.where & Negated(Missing(self.column))
        return (
            Term(self.table, Operation.SUM, where, window, self.column),
            Term(self.table, Operation.COUNT, where, window),
        )


@dataclass(frozen=True, kw_only=True)
class Share(Declaration):
    """Records for which ``where`` holds, as a share of those for which ``among`` holds."""

    among: Expression = EVERYTHING
    unit: ClassVar[str] = "share"

    def _columns(self) -> frozenset[str]:
        return self.where.columns | self.among.columns

    def _terms(self, window: Window) -> tuple[Term, ...]:
        return (
            Term(self.table, Operation.COUNT, self.where & self.among, window),
            Term(self.table, Operation.COUNT, self.among, window),
        )


@dataclass(frozen=True, kw_only=True)
class DaysSince(Declaration):
    """Days since the last such record; missing if there is none."""

    operation: ClassVar[Operation] = Operation.DAYS_SINCE
    unit: ClassVar[str] = "days"


@dataclass(frozen=True, kw_only=True)
class DaysSinceDate(OfColumn):
    """Days from the date in a column of the last record that has one to the as-of date."""

    operation: ClassVar[Operation] = Operation.DAYS_SINCE_DATE
    unit: ClassVar[str] = "days"


@dataclass(frozen=True, kw_only=True)
class InForce(Declaration):
    """Records in force at the as-of date: their ``until`` date is missing or after it."""

    until: str
    operation: ClassVar[Operation] = Operation.IN_FORCE

    def _columns(self) -> frozenset[str]:
        return self.where.columns | {self.until}

    def _terms(self, window: Window) -> tuple[Term, ...]:
        return (Term(self.table, self.operation, self.where, window, self.until),)


@dataclass(frozen=True, kw_only=True)
class Overdue(OfColumn):
    """Records whose date in ``column`` lies before the as-of date."""

    operation: ClassVar[Operation] = Operation.OVERDUE


@dataclass(frozen=True, kw_only=True)
class DaysOverdue(OfColumn):
    """Days by which the most overdue record is overdue; missing if none is."""

    operation: ClassVar[Operation] = Operation.DAYS_OVERDUE
    unit: ClassVar[str] = "days"


@dataclass(frozen=True, kw_only=True)
class DaysUntil(OfColumn):
    """Days until the next date in ``column``; missing if none lies ahead."""

    operation: ClassVar[Operation] = Operation.DAYS_UNTIL
    unit: ClassVar[str] = "days"


@dataclass(frozen=True)
class Library:
    """An ordered set of declarations with unique feature names."""

    declarations: tuple[Declaration, ...]
    by_name: Mapping[str, Feature] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        found: dict[str, Feature] = {}
        for declaration in self.declarations:
            for feature in declaration.features():
                if feature.name in found:
                    msg = f"feature {feature.name!r} is declared twice"
                    raise ValueError(msg)
                found[feature.name] = feature
        object.__setattr__(self, "by_name", found)

    def __iter__(self) -> Iterator[Feature]:
        return iter(self.by_name.values())

    def __len__(self) -> int:
        return len(self.by_name)

    def __getitem__(self, name: str) -> Feature:
        return self.by_name[name]

    def of_sector(self, sector: str) -> tuple[Feature, ...]:
        """Return the features that belong to a sector (``general``: to none)."""
        return tuple(feature for feature in self if feature.sector == sector)
