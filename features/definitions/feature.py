"""One column of the feature table, with all that anyone needs to know of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property

from features.definitions.across import Across
from features.definitions.terms import Combination, Term
from features.records import CodeSet, Label


class Direction(IntEnum):
    """How a larger value should move the risk; becomes the monotone constraint."""

    LOWERS = -1
    NONE = 0
    RAISES = 1


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
        What the kernel computes for it.
    direction, sector, basis, unit
        Expected direction, sector that owns it, lawful basis of the use, unit of the value.
    codes
        Code set of a category.
    combination, parameters
        How the terms become the value.
    across
        How the terms of other enterprises become the value; None if only its own records count.
    meaning
        What the value is, in one English sentence.
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
    combination: Combination = Combination.VALUE
    parameters: tuple[float, ...] = ()
    across: Across | None = None
    meaning: str = ""

    @property
    def categories(self) -> tuple[str, ...] | None:
        """Categories of a coded feature, else None."""
        return None if self.codes is None else tuple(self.codes)

    @property
    def category_labels(self) -> tuple[Label, ...] | None:
        """Labels of :attr:`categories`, in their order."""
        return None if self.codes is None else tuple(self.codes.codes[code] for code in self.codes)

    @property
    def table(self) -> str:
        """The record table it is made from; of several, the first."""
        return self.terms[0].table

    @cached_property
    def tables(self) -> tuple[str, ...]:
        """All record tables it is made from."""
        extra = () if self.across is None else self.across.tables
        return tuple(dict.fromkeys([*(term.table for term in self.terms), *extra]))
