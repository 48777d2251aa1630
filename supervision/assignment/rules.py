"""The rules of assignment, by sector and date."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from features.errors import InputError
from risk_model.specification import Strict
from supervision.dated_rules import Dated, read_dated_rules, version_in_force
from supervision.plan_rules import Sourced

ASSIGNMENT = Path(__file__).resolve().parent / "rules.yaml"


class AssignmentRules(Dated, Sourced):
    """How many inspectors go together, and who of them may go where."""

    sector: str
    inspectors: int = Field(ge=1, le=10)
    competent: int = Field(ge=0)
    district: Literal[0, 2, 4, 6]
    details_source: str
    conflict_source: str

    @model_validator(mode="after")
    def _not_more_than_go(self) -> AssignmentRules:
        if self.competent > self.inspectors:
            msg = "competent: not more than inspectors"
            raise ValueError(msg)
        return self


class _File(Strict):
    sectors: dict[str, tuple[AssignmentRules, ...]]


def load_assignment_rules(sector: str, on: date, path: Path | None = None) -> AssignmentRules:
    """Return the rules of a sector in force on a date.

    Raises
    ------
    InputError
        If there are none.
    """
    sectors = read_dated_rules(_File, path, ASSIGNMENT, "assignment.yaml").sectors
    if sector not in sectors:
        raise InputError(
            f"there are no rules of assignment for {sector!r}",
            field="sector",
            fix=f"Use one of {', '.join(sectors)}.",
        )
    return version_in_force(sectors[sector], on, f"assignment of inspectors ({sector})")
