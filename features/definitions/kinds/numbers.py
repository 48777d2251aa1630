"""How many records, how recent, how repeated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from features.definitions.declaration import Declaration, OfColumn
from features.definitions.expressions import EVERYTHING, Everything, Expression, Missing, Negated
from features.definitions.terms import MAXIMUM_BITS, WINDOWS, Combination, Operation, Term, Window
from features.records import TABLES, CodeSet


@dataclass(frozen=True, kw_only=True)
class Count(Declaration):
    """Number of records."""


@dataclass(frozen=True, kw_only=True)
class Share(Declaration):
    """Records for which ``where`` holds, as a share of those for which ``among`` holds."""

    among: Expression = EVERYTHING
    combination: ClassVar[Combination] = Combination.RATIO
    unit: ClassVar[str] = "share"
    sentence: ClassVar[str] = "number of {records}, as a share of those with {among}; missing if none"

    def _columns(self) -> frozenset[str]:
        return self.where.columns | self.among.columns

    def _terms(self, window: Window) -> tuple[Term, ...]:
        return (
            Term(self.table, Operation.COUNT, self.where & self.among, window),
            Term(self.table, Operation.COUNT, self.among, window),
        )

    def _words(self) -> dict[str, object]:
        return {"among": "any content" if isinstance(self.among, Everything) else self.among.text}


@dataclass(frozen=True, kw_only=True)
class Frequency(Declaration):
    """Number of records to the size of the enterprise: the newest value of a column of another table."""

    size_table: str
    size_column: str
    combination: ClassVar[Combination] = Combination.RATIO
    unit: ClassVar[str] = "ratio"
    sentence: ClassVar[str] = "number of {records} to the newest {size}; missing if that is unknown or 0"

    def __post_init__(self) -> None:
        super().__post_init__()
        TABLES[self.size_table].column(self.size_column)

    def _terms(self, window: Window) -> tuple[Term, ...]:
        known = Negated(Missing(self.size_column))
        return (
            Term(self.table, Operation.COUNT, self.where, window),
            Term(self.size_table, Operation.LATEST, known, column=self.size_column),
        )

    def _words(self) -> dict[str, object]:
        return {"size": f"{self.size_column} of {self.size_table}"}


@dataclass(frozen=True, kw_only=True)
class Decayed(Declaration):
    """Number of records, each weighing half as much after every half-life.

    Notes
    -----
    The weight of a record of age a is :math:`2^{-a / h}`, rounded to a whole multiple of
    :math:`2^{-20}`: sums are exact, whatever the order and the batch.
    """

    half_life: int
    operation: ClassVar[Operation] = Operation.DECAYED
    unit: ClassVar[str] = "weight"
    sentence: ClassVar[str] = "number of {records}, each weighing half as much every {half_life} days"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.half_life <= 3650:
            msg = f"feature {self.name!r}: half-life of {self.half_life} days, expected 1 to 3650"
            raise ValueError(msg)

    def _terms(self, window: Window) -> tuple[Term, ...]:
        return (Term(self.table, self.operation, self.where, window, parameter=self.half_life),)

    def _words(self) -> dict[str, object]:
        return {"half_life": self.half_life}


@dataclass(frozen=True, kw_only=True)
class Trend(Declaration):
    """The rate of records in the recent part of each window, over the rate in the part before it.

    Notes
    -----
    With r records in the recent d days and b in the e days before, and a pseudo-count k,

    .. math:: \\frac{(r + k) / d}{(b + k\\,e / d) / e}.

    1 is steady; missing if nothing happened at all.
    """

    recent: str
    pseudo_count: float = 1.0
    combination: ClassVar[Combination] = Combination.TREND
    unit: ClassVar[str] = "ratio"
    sentence: ClassVar[str] = (
        "rate of {records} in the last {recent} days over the rate before, "
        "with {pseudo} record added to each at an even rate; missing if there is none"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.recent not in WINDOWS:
            msg = f"feature {self.name!r}: window {self.recent!r} is none of {list(WINDOWS)}"
            raise ValueError(msg)
        for name in self.windows:
            if not WINDOWS[self.recent].days < WINDOWS[name].days or name == "all":
                msg = f"feature {self.name!r}: {self.recent!r} must be shorter than {name!r}, not unbounded"
                raise ValueError(msg)
        if not self.pseudo_count > 0:
            msg = f"feature {self.name!r}: pseudo-count {self.pseudo_count}, expected more than 0"
            raise ValueError(msg)

    def _terms(self, window: Window) -> tuple[Term, ...]:
        return (
            Term(self.table, Operation.COUNT, self.where, WINDOWS[self.recent]),
            Term(self.table, Operation.COUNT, self.where, window),
        )

    def _parameters(self, window: Window) -> tuple[float, ...]:
        return (WINDOWS[self.recent].days, window.days, self.pseudo_count)

    def _words(self) -> dict[str, object]:
        return {"recent": WINDOWS[self.recent].days, "pseudo": f"{self.pseudo_count:g}"}


@dataclass(frozen=True, kw_only=True)
class OfCode(OfColumn):
    """A declaration about the codes of a column, told apart but not a category themselves."""

    codes: CodeSet

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(tuple(self.codes)) > MAXIMUM_BITS:
            msg = f"feature {self.name!r}: at most {MAXIMUM_BITS} codes can be told apart"
            raise ValueError(msg)


@dataclass(frozen=True, kw_only=True)
class Distinct(OfCode):
    """Number of different codes of a column."""

    operation: ClassVar[Operation] = Operation.DISTINCT
    combination: ClassVar[Combination] = Combination.BITS
    sentence: ClassVar[str] = "number of different values of {column} in {records}"

    def _terms(self, window: Window) -> tuple[Term, ...]:
        return (Term(self.table, self.operation, self._with_value, window, self.column, tuple(self.codes)),)


@dataclass(frozen=True, kw_only=True)
class Repeats(OfCode):
    """Number of records that follow, on a later day, another with the same code within an interval."""

    within_days: int = 365
    operation: ClassVar[Operation] = Operation.REPEATS
    sentence: ClassVar[str] = "number of {records} at most {days} days after another of the same {column}"

    def _terms(self, window: Window) -> tuple[Term, ...]:
        return (
            Term(
                self.table,
                self.operation,
                self._with_value,
                window,
                self.column,
                tuple(self.codes),
                parameter=self.within_days,
            ),
        )

    def _words(self) -> dict[str, object]:
        return {"column": self.column, "days": self.within_days}


@dataclass(frozen=True, kw_only=True)
class Streak(Declaration):
    """Number of records since the newest for which ``reset`` holds; of all, if it never did."""

    reset: Expression
    operation: ClassVar[Operation] = Operation.STREAK
    sentence: ClassVar[str] = "number of {records} since the newest with {reset}"

    def _columns(self) -> frozenset[str]:
        return self.where.columns | self.reset.columns

    def _terms(self, window: Window) -> tuple[Term, ...]:
        # The kernel sees a record only if the condition holds: those that reset must be among them.
        return (Term(self.table, self.operation, self.where | self.reset, window, reset=self.reset),)

    def _words(self) -> dict[str, object]:
        return {"reset": self.reset.text}
