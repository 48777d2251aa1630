"""When a warning is raised."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from pydantic import Field

from risk_model.specification import Strict
from supervision.dated_rules import Dated, read_rules, version_in_force
from supervision.plan_rules import Sourced

WARNINGS = Path(__file__).resolve().parent / "warnings.yaml"


class RisingRisk(Sourced):
    """A worse tier, or a score that rose by so many points, between two classifications."""

    days_apart: int = Field(ge=1)
    points: float = Field(gt=0)
    reasons: int = Field(ge=1)


class LicenceDates(Sourced):
    """Licences that end within so many days, or have ended and nothing followed."""

    days_before: int = Field(ge=1)
    days_after: int = Field(ge=0)


class EquipmentDates(Sourced):
    """Statutory inspections of equipment that are due within so many days, or overdue."""

    days_before: int = Field(ge=1)


class Clusters(Sourced):
    """Groups in which adverse records are more frequent than chance explains."""

    months: int = Field(ge=1)
    members: int = Field(ge=2)
    adverse: int = Field(ge=1)
    p_value: float = Field(gt=0, lt=1)
    largest: int = Field(ge=2)


class WarningRules(Dated):
    """All rules from a date on."""

    rising_risk: RisingRisk
    licence: LicenceDates
    equipment: EquipmentDates
    clusters: Clusters


class _File(Strict):
    versions: tuple[WarningRules, ...]


def load_warning_rules(on: date, path: Path | None = None) -> WarningRules:
    """Return the rules in force on a date.

    Raises
    ------
    InputError
        If there are none, or the file is not valid.
    """
    return version_in_force(read_rules(_File, path or WARNINGS).versions, on, "early warnings")
