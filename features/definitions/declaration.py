"""What all declarations share, and the library that gathers them.

A feature is declared once and carries all that anyone needs to know of it. From the declaration
come the kernel's plan, the monotone constraint, the data dictionary and the words of an explanation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from features.definitions.across import Across
from features.definitions.expressions import EVERYTHING, Everything, Expression, Missing, Negated
from features.definitions.feature import Direction, Feature
from features.definitions.indicators import SECOND_LEVEL
from features.definitions.terms import ALL, WINDOWS, Combination, Operation, Term, Window
from features.records import TABLES, CodeSet, Label
from features.sectors import added_sectors

GENERAL = "general"
#: Those of :data:`features.sectors.SHIPPED`, and those that the office added.
SECTORS: Mapping[str, Label] = {
    GENERAL: Label("通用", "general"),
    "food": Label("食品", "food"),
    "special_equipment": Label("特种设备", "special equipment"),
    **{sector.name: Label(sector.zh, sector.en) for sector in added_sectors().values()},
}


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

    Raises
    ------
    ValueError
        If a name, table, column, indicator, window or sector does not exist.
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
    combination: ClassVar[Combination] = Combination.VALUE
    unit: ClassVar[str] = "count"
    #: What the value is; ``{records}`` stands for the records that count.
    sentence: ClassVar[str] = "number of {records}"

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
        if not self.basis.strip():
            msg = f"feature {self.name!r} names no lawful basis"
            raise ValueError(msg)
        present = [column.name for column in TABLES[self.table].all_columns]
        for column in sorted(self._columns()):
            if column not in present:
                msg = (
                    f"feature {self.name!r}: table {self.table!r} has no column {column!r}; it has {present}"
                )
                raise ValueError(msg)
        if not self.windows:
            msg = f"feature {self.name!r} has no window"
            raise ValueError(msg)
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

    def _parameters(self, window: Window) -> tuple[float, ...]:
        return ()

    def _unit(self) -> str:
        return self.unit

    def _across(self) -> Across | None:
        return None

    def _words(self) -> dict[str, object]:
        """Return what the sentence needs beside ``records``."""
        return {}

    def _meaning(self, window: Window) -> str:
        records = f"{self.table} records"
        if not isinstance(self.where, Everything):
            records += f" with {self.where.text}"
        if window is not ALL:
            records += f" of the last {window.days} days"
        return self.sentence.format(records=records, **self._words())

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
                unit=self._unit(),
                codes=self._codes(),
                combination=self.combination,
                parameters=self._parameters(window),
                across=self._across(),
                meaning=self._meaning(window),
            )


@dataclass(frozen=True, kw_only=True)
class OfColumn(Declaration):
    """A declaration about the values of a column; a record without a value says nothing of it."""

    column: str

    def _columns(self) -> frozenset[str]:
        return self.where.columns | {self.column}

    @property
    def _with_value(self) -> Expression:
        return self.where & Negated(Missing(self.column))

    def _terms(self, window: Window) -> tuple[Term, ...]:
        return (Term(self.table, self.operation, self._with_value, window, self.column),)

    def _words(self) -> dict[str, object]:
        return {"column": self.column}


@dataclass(frozen=True)
class Library:
    """An ordered set of declarations with unique feature names.

    Raises
    ------
    ValueError
        If two declarations give a feature of the same name.
    """

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
