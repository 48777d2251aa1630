"""A caller: its roles, and the districts and sectors that it may see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from features.records import Label


class Role(StrEnum):
    """What a caller is there for."""

    PLANNER = "planner"
    SUPERVISOR = "supervisor"
    DATA_SCIENTIST = "data_scientist"
    ADMINISTRATOR = "administrator"
    PUBLIC = "public"


ROLE_LABELS: Mapping[Role, Label] = {
    Role.PLANNER: Label("计划人员", "planner"),
    Role.SUPERVISOR: Label("监管人员", "supervisor"),
    Role.DATA_SCIENTIST: Label("数据分析人员", "data scientist"),
    Role.ADMINISTRATOR: Label("系统管理员", "administrator"),
    Role.PUBLIC: Label("社会公众", "public"),
}
#: Roles that work with classifications of enterprises.
OFFICERS = frozenset({Role.PLANNER, Role.SUPERVISOR, Role.ADMINISTRATOR})
EVERYBODY = frozenset(Role)
#: Roles that decide about single enterprises: lists, credit repair, publication.
DECIDERS = frozenset({Role.SUPERVISOR, Role.ADMINISTRATOR})
#: Roles that draw plans.
PLANNERS = frozenset({Role.PLANNER, Role.ADMINISTRATOR})


def district_prefix(district: str) -> str:
    """Return what the codes of a district and of all below it begin with.

    Examples
    --------
    >>> district_prefix("510100"), district_prefix("510000"), district_prefix("510104")
    ('5101', '51', '510104')
    """
    while len(district) > 2 and len(district) % 2 == 0 and district.endswith("00"):
        district = district[:-2]
    return district


@dataclass(frozen=True)
class Principal:
    """A caller.

    Attributes
    ----------
    name
        As it stands in the audit log; no person's name is needed.
    roles
        Its roles.
    districts
        GB/T 2260 codes that it may see, each with all below it; None: all.
    sectors
        Models whose results it may see; None: all.
    """

    name: str
    roles: frozenset[Role]
    districts: tuple[str, ...] | None = None
    sectors: tuple[str, ...] | None = None

    def sees_district(self, district: str | None) -> bool:
        """Return whether enterprises of a district are in its scope."""
        if self.districts is None:
            return True
        return district is not None and district.startswith(
            tuple(district_prefix(given) for given in self.districts)
        )

    def sees_sector(self, model: str) -> bool:
        """Return whether results of a model are in its scope."""
        return self.sectors is None or model in self.sectors

    def sees(self, row: Mapping[str, Any]) -> bool:
        """Return whether a row of the classification is in its scope."""
        return self.sees_district(row["district"]) and self.sees_sector(row["model"])


#: Of a service that asks for no key, which only listens to its own host.
ANYBODY_HERE = Principal("local", EVERYBODY)
