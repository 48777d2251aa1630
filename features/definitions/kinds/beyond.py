"""Facts about other enterprises: neighbours, and those that are tied to this one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from features.definitions.across import Across, Level, Measure, Neighbourhood, Related, Tie
from features.definitions.declaration import Declaration
from features.definitions.expressions import EVERYTHING, Expression
from features.definitions.terms import Combination, Operation, Term, Window
from features.records import TABLES


@dataclass(frozen=True, kw_only=True)
class Rate(Declaration):
    """Among the neighbours, records for which ``where`` holds as a share of those for which ``among`` does.

    The enterprise itself is left out, and a thin neighbourhood is drawn towards the next wider one:
    see :class:`features.definitions.across.Neighbourhood`.

    Parameters
    ----------
    within
        Columns of ``enterprise``, from the widest to the finest.
    pseudo_count
        Records of the wider neighbourhood that each neighbourhood is given.
    """

    within: tuple[Level, ...]
    among: Expression = EVERYTHING
    pseudo_count: int = 20
    combination: ClassVar[Combination] = Combination.RATIO
    unit: ClassVar[str] = "share"
    sentence: ClassVar[str] = (
        "number of {records} of the other enterprises of the same {levels}, as a share of those with "
        "{among}, drawn towards the wider neighbourhood as by {pseudo} records"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for level in self.within:
            TABLES["enterprise"].column(level.column)
        if not self.within or self.pseudo_count < 1:
            msg = f"feature {self.name!r} needs a level and a pseudo-count of at least 1"
            raise ValueError(msg)

    def _columns(self) -> frozenset[str]:
        return self.where.columns | self.among.columns

    def _terms(self, window: Window) -> tuple[Term, ...]:
        return (
            Term(self.table, Operation.COUNT, self.where & self.among, window),
            Term(self.table, Operation.COUNT, self.among, window),
        )

    def _across(self) -> Across:
        return Neighbourhood(self.within, self.pseudo_count)

    def _words(self) -> dict[str, object]:
        among = "any content" if self.among is EVERYTHING else self.among.text
        levels = " and ".join(level.column for level in self.within)
        return {"levels": levels, "among": among, "pseudo": self.pseudo_count}


@dataclass(frozen=True, kw_only=True)
class OfRelated(Declaration):
    """A measure of the enterprises that are tied to this one at the as-of date.

    Parameters
    ----------
    tie, measure
        What ties them, and what is told of them.
    until
        If given, only records in force count: those whose date in this column is missing or ahead.
    at_most
        A person or address that ties more enterprises than this is passed over.
    """

    tie: Tie
    measure: Measure
    until: str | None = None
    at_most: int = 200
    sentence: ClassVar[str] = "{measure} of the enterprises tied by {tie}, of {records}"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.at_most < 2:
            msg = f"feature {self.name!r}: at_most is {self.at_most}, expected at least 2"
            raise ValueError(msg)

    def _columns(self) -> frozenset[str]:
        return self.where.columns | ({self.until} if self.until else frozenset())

    def _terms(self, window: Window) -> tuple[Term, ...]:
        if self.until:
            return (Term(self.table, Operation.IN_FORCE, self.where, window, self.until),)
        return (Term(self.table, Operation.COUNT, self.where, window),)

    def _across(self) -> Across:
        return Related(self.tie, self.measure, self.at_most)

    def _meaning(self, window: Window) -> str:
        if self.measure is Measure.NUMBER:
            return f"number of other enterprises tied by the same {self.tie}"
        return super()._meaning(window)

    def _unit(self) -> str:
        return "share" if self.measure is Measure.SHARE else "count"

    def _words(self) -> dict[str, object]:
        names = {
            Measure.NUMBER: "number",
            Measure.TOTAL: "number over all",
            Measure.SHARE: "share having any",
        }
        return {"measure": names[self.measure], "tie": self.tie.value}
