"""The roles, and what each receives."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from pydantic import Field, model_validator

from features.errors import InputError
from features.records import TABLES
from risk_model.specification import Strict, Words
from supervision.dated_rules import Dated, read_rules, version_in_force
from supervision.plan_rules import Sourced, Trust

SHARING = Path(__file__).resolve().parent / "sharing.yaml"


class Role(Sourced):
    """What one kind of receiver gets."""

    label: Words
    publication: bool = False
    tiers: bool = False
    partner_risk: bool = False
    tables: dict[str, tuple[str, ...]] = {}


class SharingRules(Dated):
    """All roles from a date on."""

    never: tuple[str, ...]
    months: int = Field(ge=1)
    months_source: str
    months_trust: Trust
    roles: dict[str, Role]

    @model_validator(mode="after")
    def _tables(self) -> SharingRules:
        for name, role in self.roles.items():
            for table, columns in role.tables.items():
                if table not in TABLES or table in self.never:
                    msg = f"table {table!r} cannot be shared (role {name})"
                    raise ValueError(msg)
                own = {column.name for column in TABLES[table].columns}
                unknown = [column for column in columns if column not in own]
                if unknown:
                    msg = f"table {table} has no column {unknown[0]!r} (role {name})"
                    raise ValueError(msg)
        return self

    def role(self, name: str) -> Role:
        """Return a role.

        Raises
        ------
        InputError
            If there is none of this name.
        """
        if name not in self.roles:
            known = ", ".join(f"{key} ({role.label.en})" for key, role in self.roles.items())
            raise InputError(f"there is no role {name!r}", field="role", fix=f"Use one of {known}.")
        return self.roles[name]


class _File(Strict):
    versions: tuple[SharingRules, ...]


def load_sharing(on: date, path: Path | None = None) -> SharingRules:
    """Return the rules in force on a date.

    Raises
    ------
    InputError
        If there are none, or the file is not valid.
    """
    return version_in_force(read_rules(_File, path or SHARING).versions, on, "sharing")
