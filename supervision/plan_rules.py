"""The rules that a month's inspection plan follows, by sector and date: reviewed data, not code."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator, model_validator

from features.errors import InputError
from risk_model.scale import INSUFFICIENT, TIERS
from risk_model.specification import Strict, Words
from supervision.dated_rules import read_dated_rules

PLAN_RULES = Path(__file__).resolve().parent / "plan_rules.yaml"
ALL_TIERS = (*TIERS, INSUFFICIENT)

#: ``law``: the text names it; ``parameter``: the province decides, or the text could not be verified.
Trust = Literal["law", "parameter"]
RestrictedPart = Literal["random", "key"]


class Sourced(Strict):
    """Anything that names the text it comes from, and how far that text fixes it."""

    source: str = Field(min_length=1)
    trust: Trust


class Weights(Sourced):
    """Relative chance of the random draw by tier; never falling from A to D, never zero."""

    A: float = Field(gt=0, allow_inf_nan=False)
    B: float = Field(gt=0, allow_inf_nan=False)
    C: float = Field(gt=0, allow_inf_nan=False)
    D: float = Field(gt=0, allow_inf_nan=False)
    insufficient_record: float = Field(gt=0, allow_inf_nan=False)

    @model_validator(mode="after")
    def _rising(self) -> Weights:
        if not self.A <= self.B <= self.C <= self.D:
            msg = "the weights must not fall from A to D"
            raise ValueError(msg)
        return self

    def by_tier(self) -> dict[str, float]:
        """Return tier → weight."""
        return {tier: getattr(self, tier) for tier in ALL_TIERS}


class Objective(Sourced):
    """The draw finds the most problems that these conditions allow; without it, weights alone decide.

    Attributes
    ----------
    floor
        Share of the chance by weight of the tier that everybody keeps.
    precision
        The draw tells as much of everybody as a uniform draw of this share of its size would.
    ceiling
        Largest chance in the draw.
    """

    floor: float = Field(gt=0, le=1)
    precision: float = Field(ge=0, lt=1)
    ceiling: float = Field(1.0, gt=0, le=1)

    @model_validator(mode="after")
    def _can_be_had(self) -> Objective:
        if self.floor > self.ceiling:
            msg = "floor: not more than ceiling"
            raise ValueError(msg)
        return self


class NoRepeat(Sourced):
    """No inspection within so many months of the last one."""

    months: int = Field(ge=1, le=24)
    applies_to: tuple[RestrictedPart, ...] = ("random", "key")


class AnnualCap(Sourced):
    """At most so many inspections of an enterprise in a calendar year, by tier.

    Inspections of other domains, and of the kinds excepted, do not count.
    """

    inspections: dict[str, int]
    applies_to: tuple[RestrictedPart, ...] = ("random", "key")
    domains: tuple[str, ...]
    except_kinds: tuple[str, ...] = ()

    @field_validator("inspections")
    @classmethod
    def _complete(cls, value: dict[str, int]) -> dict[str, int]:
        if set(value) != set(ALL_TIERS) or min(value.values()) < 1:
            msg = f"give at least 1 for each of {', '.join(ALL_TIERS)}"
            raise ValueError(msg)
        return value


class StatutoryMinimum(Sourced):
    """At least one full-item inspection in so many years, whatever the tier."""

    years: int = Field(ge=1, le=10)
    missing_full_item: Literal["not_full", "full"] = "not_full"


class KeyObjects(Sourced):
    """Enterprises under key supervision, and how often each of them is due.

    An enterprise belongs if its tier is named in ``every_months`` and it holds one of ``licences`` or
    a licence whose category contains one of ``category_contains``. Where no licences are known at all,
    ``industries`` (prefixes of GB/T 4754 without the letter) stand in. With none of the three, the
    tier alone decides.
    """

    name: str
    label: Words
    licences: tuple[str, ...] = ()
    category_contains: tuple[str, ...] = ()
    industries: tuple[str, ...] = ()
    every_months: dict[str, int]
    frequency_source: str = Field(min_length=1)
    frequency_trust: Trust

    @field_validator("every_months")
    @classmethod
    def _tiers(cls, value: dict[str, int]) -> dict[str, int]:
        if not value or not set(value) <= set(ALL_TIERS) or min(value.values()) < 1:
            msg = f"give months of at least 1 for some of {', '.join(ALL_TIERS)}"
            raise ValueError(msg)
        return value


class ExemptAfter(Sourced):
    """An inspection of such a kind in the calendar year exempts from this plan."""

    kinds: tuple[str, ...]


class RandomReserve(Sourced):
    """Share of the capacity kept for the draw in a month whose mandatory part exceeds the capacity.

    It keeps every enterprise's chance positive, so that estimates from that month stay unbiased.
    """

    share: float = Field(ge=0, lt=1)


class PlanRules(Strict):
    """The rules of one sector from a date on."""

    sector: str
    in_force_from: date
    weights: Weights
    objective: Objective | None = None
    no_repeat: NoRepeat | None = None
    annual_cap: AnnualCap | None = None
    statutory_minimum: StatutoryMinimum | None = None
    key_objects: tuple[KeyObjects, ...] = ()
    exempt_after: ExemptAfter | None = None
    random_reserve: RandomReserve | None = None


class _File(Strict):
    sectors: dict[str, tuple[PlanRules, ...]]


def load_plan_rules(sector: str, on: date, path: Path | None = None) -> PlanRules:
    """Return the rules of a sector that are in force on a date.

    Parameters
    ----------
    sector
        ``general``, ``food``, ``special_equipment`` or an added one.
    on
        The date; for a plan, the first day of its month.
    path
        A province's own file; by default the shipped one.

    Raises
    ------
    InputError
        If the file is not valid, or holds no rules of the sector for that date.
    """
    versions = read_dated_rules(_File, path, PLAN_RULES, "plan_rules.yaml").sectors
    if sector not in versions:
        raise InputError(
            f"there are no plan rules for sector {sector!r}",
            field="sector",
            fix=f"Use one of {', '.join(versions)}.",
        )
    past = [rules for rules in versions[sector] if rules.in_force_from <= on]
    if not past:
        first = min(rules.in_force_from for rules in versions[sector])
        raise InputError(
            f"no plan rules of sector {sector!r} were in force on {on}; the first are of {first}",
            field="month",
            fix=f"Plan a later month, or add a version to {(path or PLAN_RULES).name}.",
        )
    return max(past, key=lambda rules: rules.in_force_from)
