"""Types of key-area enterprises and items collected about them, by date, with a province's additions."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TypeVar

from pydantic import Field, model_validator

from features.errors import InputError
from features.records import TABLES, codes
from risk_model.specification import Strict, Words
from supervision.dated_rules import Dated, read_rules, version_in_force
from supervision.plan_rules import Sourced

HERE = Path(__file__).resolve().parent
T = TypeVar("T")
TYPES, ITEMS = HERE / "types.yaml", HERE / "items.yaml"


class EnterpriseType(Sourced):
    """Holders of certain licences (and, where given, licensed categories or issuers)."""

    label: Words
    area: str
    licences: tuple[str, ...] = Field(min_length=1)
    category_contains: tuple[str, ...] = ()
    issuer_levels: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _codes(self) -> EnterpriseType:
        unknown = [kind for kind in self.licences if kind not in codes.LICENCE_KIND]
        unknown += [level for level in self.issuer_levels if level not in codes.LEVEL]
        if unknown:
            msg = f"there is no code {unknown[0]!r}"
            raise ValueError(msg)
        return self


class KeyAreas(Dated):
    """The types from a date on."""

    types: dict[str, EnterpriseType]
    kept_statuses: tuple[str, ...] = ("valid",)
    renewal_gap_days: int = Field(default=0, ge=0)
    renewal_source: str = "own parameter"


class Expected(Sourced):
    """Records that every enterprise of some areas must have."""

    areas: tuple[str, ...]
    where: dict[str, tuple[str, ...]] = {}
    every_months: int | None = Field(default=None, ge=1)
    each_year: str | None = None

    @model_validator(mode="after")
    def _one_of(self) -> Expected:
        if (self.every_months is None) == (self.each_year is None):
            msg = "give either every_months or each_year"
            raise ValueError(msg)
        return self


class Item(Sourced):
    """One item: its record table, the fields it must have, how soon it must be on file."""

    label: Words
    table: str
    fields: tuple[str, ...] = Field(min_length=1)
    within: int = Field(ge=0)
    expected: Expected | None = None

    @model_validator(mode="after")
    def _columns(self) -> Item:
        if self.table not in TABLES:
            msg = f"there is no record table {self.table!r}"
            raise ValueError(msg)
        own = {column.name for column in TABLES[self.table].all_columns}
        named = set(self.fields) | (set(self.expected.where) if self.expected else set())
        named |= {self.expected.each_year} if self.expected and self.expected.each_year else set()
        unknown = sorted(named - own)
        if unknown:
            msg = f"table {self.table} has no column {unknown[0]!r}"
            raise ValueError(msg)
        return self


class Items(Dated):
    """The items from a date on."""

    items: dict[str, Item]


class _TypesFile(Strict):
    versions: tuple[KeyAreas, ...]


class _ItemsFile(Strict):
    versions: tuple[Items, ...]


def load_key_areas(on: date, province: Path | None = None) -> KeyAreas:
    """Return the types in force on a date.

    Parameters
    ----------
    on
        The date.
    province
        A province's own file, whose types come to the shipped ones.

    Raises
    ------
    InputError
        If a type of the province has the name of a shipped one, or a file is not valid.
    """
    shipped = version_in_force(read_rules(_TypesFile, TYPES).versions, on, "key areas")
    if province is None:
        return shipped
    own = version_in_force(read_rules(_TypesFile, province).versions, on, "key areas of the province")
    return shipped.model_copy(update={"types": {**shipped.types, **_new(shipped.types, own.types, province)}})


def load_items(on: date, province: Path | None = None) -> Items:
    """Return the items in force on a date; a province's file adds to the shipped ones.

    Raises
    ------
    InputError
        As for :func:`load_key_areas`.
    """
    shipped = version_in_force(read_rules(_ItemsFile, ITEMS).versions, on, "items")
    if province is None:
        return shipped
    own = version_in_force(read_rules(_ItemsFile, province).versions, on, "items of the province")
    return shipped.model_copy(update={"items": {**shipped.items, **_new(shipped.items, own.items, province)}})


def _new(shipped: dict[str, T], own: dict[str, T], file: Path) -> dict[str, T]:
    both = sorted(set(shipped) & set(own))
    if both:
        raise InputError(
            f"{file.name} names {both[0]!r} again; a province adds, it does not replace",
            field=both[0],
            fix="Give it another name.",
        )
    return own
