"""How long ago, how long ahead, how long in force."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from features.definitions.declaration import Declaration, OfColumn
from features.definitions.terms import Combination, Operation, Term, Window


@dataclass(frozen=True, kw_only=True)
class DaysSince(Declaration):
    """Days since the last such record; missing if there is none."""

    operation: ClassVar[Operation] = Operation.DAYS_SINCE
    unit: ClassVar[str] = "days"
    sentence: ClassVar[str] = "days since the newest of {records}; missing if none"


@dataclass(frozen=True, kw_only=True)
class DaysSinceFirst(Declaration):
    """Days since the first such record; missing if there is none."""

    operation: ClassVar[Operation] = Operation.DAYS_SINCE_FIRST
    unit: ClassVar[str] = "days"
    sentence: ClassVar[str] = "days since the oldest of {records}; missing if none"


@dataclass(frozen=True, kw_only=True)
class DaysSinceDate(OfColumn):
    """Days from the date in a column of the last record that has one to the as-of date."""

    operation: ClassVar[Operation] = Operation.DAYS_SINCE_DATE
    unit: ClassVar[str] = "days"
    sentence: ClassVar[str] = "days since {column} of the newest of {records}"


@dataclass(frozen=True, kw_only=True)
class MeanAge(OfColumn):
    """Mean number of days from the dates in a column to the as-of date."""

    combination: ClassVar[Combination] = Combination.RATIO
    unit: ClassVar[str] = "days"
    sentence: ClassVar[str] = "mean number of days since {column} of {records}; missing if none"

    def _terms(self, window: Window) -> tuple[Term, ...]:
        return (
            Term(self.table, Operation.AGE_SUM, self._with_value, window, self.column),
            Term(self.table, Operation.COUNT, self._with_value, window),
        )


@dataclass(frozen=True, kw_only=True)
class GreatestAge(OfColumn):
    """Days from the earliest date in a column to the as-of date; missing if there is none."""

    operation: ClassVar[Operation] = Operation.AGE_MAXIMUM
    unit: ClassVar[str] = "days"
    sentence: ClassVar[str] = "days since the earliest {column} of {records}; missing if none"


@dataclass(frozen=True, kw_only=True)
class InForce(Declaration):
    """Records in force at the as-of date: their ``until`` date is missing or after it."""

    until: str
    operation: ClassVar[Operation] = Operation.IN_FORCE
    sentence: ClassVar[str] = "number of {records} whose {until} is missing or ahead"

    def _columns(self) -> frozenset[str]:
        return self.where.columns | {self.until}

    def _terms(self, window: Window) -> tuple[Term, ...]:
        return (Term(self.table, self.operation, self.where, window, self.until),)

    def _words(self) -> dict[str, object]:
        return {"until": self.until}


@dataclass(frozen=True, kw_only=True)
class TimeInForce(InForce):
    """Days for which such records were in force, in all."""

    operation: ClassVar[Operation] = Operation.TIME_IN_FORCE
    unit: ClassVar[str] = "days"
    sentence: ClassVar[str] = "days from the event to {until} or today, summed over {records}"


@dataclass(frozen=True, kw_only=True)
class LongestInForce(InForce):
    """Days for which the oldest record in force has been so; missing if none is."""

    operation: ClassVar[Operation] = Operation.LONGEST_IN_FORCE
    unit: ClassVar[str] = "days"
    sentence: ClassVar[str] = "days since the oldest of {records} whose {until} is missing or ahead"


@dataclass(frozen=True, kw_only=True)
class Overdue(OfColumn):
    """Records whose date in ``column`` lies before the as-of date."""

    operation: ClassVar[Operation] = Operation.OVERDUE
    sentence: ClassVar[str] = "number of {records} whose {column} is past"


@dataclass(frozen=True, kw_only=True)
class OverdueShare(OfColumn):
    """Records whose date in ``column`` lies before the as-of date, as a share of those that have one."""

    combination: ClassVar[Combination] = Combination.RATIO
    unit: ClassVar[str] = "share"
    sentence: ClassVar[str] = "share of {records} whose {column} is past; missing if none has one"

    def _terms(self, window: Window) -> tuple[Term, ...]:
        return (
            Term(self.table, Operation.OVERDUE, self._with_value, window, self.column),
            Term(self.table, Operation.COUNT, self._with_value, window),
        )


@dataclass(frozen=True, kw_only=True)
class DaysOverdue(OfColumn):
    """Days by which the most overdue record is overdue; missing if none is."""

    operation: ClassVar[Operation] = Operation.DAYS_OVERDUE
    unit: ClassVar[str] = "days"
    sentence: ClassVar[str] = "days since the earliest {column} that is past, of {records}; missing if none"


@dataclass(frozen=True, kw_only=True)
class DaysUntil(OfColumn):
    """Days until the next date in ``column``; missing if none lies ahead."""

    operation: ClassVar[Operation] = Operation.DAYS_UNTIL
    unit: ClassVar[str] = "days"
    sentence: ClassVar[str] = "days until the next {column} of {records}; missing if none is ahead"
