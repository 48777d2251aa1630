"""The two regimes of credit repair: classes of records, periods, conditions."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from features.records import TABLES
from risk_model.specification import Strict, Words
from supervision.dated_rules import Dated, read_rules, version_in_force
from supervision.plan_rules import Sourced, Trust

REPAIR = Path(__file__).resolve().parent / "repair.yaml"


class Condition(Sourced):
    """What must hold; told by the records, or shown by the applicant."""

    name: Literal["performed", "harm_removed", "not_penalised_again", "not_listed"]
    label: Words
    told_by: Literal["applicant", "records"]


class RecordClass(Sourced):
    """Records that are treated alike, and how long each must have been published."""

    name: str
    label: Words
    table: str
    where: dict[str, tuple[str, ...]] = {}
    repairable: bool
    minimum_months: int | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _consistent(self) -> RecordClass:
        if self.repairable != (self.minimum_months is not None):
            msg = "give minimum_months if, and only if, the class is repairable"
            raise ValueError(msg)
        if self.table not in TABLES:
            msg = f"there is no record table {self.table!r}"
            raise ValueError(msg)
        for column, values in self.where.items():
            codes = TABLES[self.table].column(column).codes
            wrong = [value for value in values if codes is not None and value not in codes]
            if wrong:
                msg = f"{column} has no code {wrong[0]!r}"
                raise ValueError(msg)
        return self

    def fits(self, table: str, row: dict[str, Any]) -> bool:
        """Return whether a record belongs to the class."""
        return table == self.table and all(row[column] in values for column, values in self.where.items())


class Repeated(Sourced):
    """Another penalty of the domain within so many months before multiplies the minimum period."""

    label: Words
    months: int = Field(ge=1)
    factor: float = Field(ge=1)


class Ground(Sourced):
    """Why a granted repair is taken back."""

    name: str
    label: Words


class Revocation(Strict):
    """Grounds on which a granted repair is taken back, and for how long none is granted again."""

    grounds: tuple[Ground, ...] = Field(min_length=1)
    bar_months: int = Field(ge=0)
    bar_source: str = Field(min_length=1)
    bar_trust: Trust

    def ground(self, name: str) -> Ground | None:
        """Return a ground by its name, if there is one."""
        return next((ground for ground in self.grounds if ground.name == name), None)


class Regime(Dated):
    """The rules of one legal regime."""

    name: str
    label: Words
    decide_working_days: int = Field(ge=1)
    decide_source: str
    decide_trust: Trust
    conditions: tuple[Condition, ...]
    classes: tuple[RecordClass, ...]
    revocation: Revocation
    repeated: Repeated | None = None

    def class_of(self, table: str, row: dict[str, Any]) -> RecordClass | None:
        """Return the first class that a record fits, if any."""
        return next((c for c in self.classes if c.fits(table, row)), None)


class _File(Strict):
    regimes: tuple[Regime, ...]


def load_regime(on: date, path: Path | None = None) -> Regime:
    """Return the regime in force on a date.

    Raises
    ------
    InputError
        If none is.
    """
    return version_in_force(read_rules(_File, path or REPAIR).regimes, on, "credit repair")
