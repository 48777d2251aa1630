"""What a tier means for supervision: measures by sector, tier and date, each with its source."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator, model_validator

from features.errors import InputError
from risk_model.specification import Strict, Words
from supervision.dated_rules import read_dated_rules
from supervision.plan_rules import ALL_TIERS, Sourced

MEASURES = Path(__file__).resolve().parent / "measures.yaml"

#: What brings an inspection of an enterprise that would otherwise be left alone.
OverrideReason = Literal["complaint_report", "bigdata_alert", "transferred_lead", "statutory"]


class Ratio(Sourced):
    """Share of the enterprises of a tier that random inspection takes in a year."""

    direction: Literal["lower", "regular", "raise", "raise_substantially"]
    share: tuple[float, float] | None = None

    @model_validator(mode="after")
    def _bounds(self) -> Ratio:
        if self.share is not None and not 0 <= self.share[0] <= self.share[1] <= 1:
            msg = "share: give the lower and the upper bound, between 0 and 1"
            raise ValueError(msg)
        return self


class Frequency(Sourced):
    """Inspections of one enterprise in a year; none where nothing fixes a number."""

    direction: Literal["lower", "regular", "raise", "raise_substantially"]
    per_year: float | None = Field(default=None, ge=0)


class InspectionKinds(Sourced):
    """Kinds of inspection (code set ``inspection_kind``), and whether key items are all covered."""

    kinds: tuple[str, ...] = Field(min_length=1)
    key_items_in_full: bool = False


class Commitments(Sourced):
    """Whether a licence or a repair may rest on a commitment (告知承诺)."""

    accepted: bool


class Unless(Sourced):
    """No inspection on the authority's own initiative, unless for one of these reasons."""

    reasons: tuple[OverrideReason, ...] = Field(min_length=1)


class TierMeasures(Strict):
    """The measures of one tier."""

    label: Words
    ratio: Ratio
    frequency: Frequency
    inspection: InspectionKinds
    commitments: Commitments
    left_alone_unless: Unless | None = None


class Measures(Strict):
    """The measures of one sector from a date on, by tier."""

    sector: str
    in_force_from: date
    tiers: dict[str, TierMeasures]

    @field_validator("tiers")
    @classmethod
    def _complete(cls, value: dict[str, TierMeasures]) -> dict[str, TierMeasures]:
        if set(value) != set(ALL_TIERS):
            msg = f"expected the tiers {', '.join(ALL_TIERS)}"
            raise ValueError(msg)
        return value


class Preset(Sourced):
    """The published ratios of one place, to start from or compare with."""

    label: Words
    ratio: dict[str, tuple[float, float]]
    per_year: dict[str, float] = {}


class _File(Strict):
    sectors: dict[str, tuple[Measures, ...]]
    presets: dict[str, Preset]


def load_presets(path: Path | None = None) -> dict[str, Preset]:
    """Return the published local rules by name."""
    return _read(path).presets


def load_measures(sector: str, on: date, *, preset: str | None = None, path: Path | None = None) -> Measures:
    """Return the measures of a sector that are in force on a date.

    Parameters
    ----------
    sector
        ``general``, ``food``, ``special_equipment`` or an added one.
    on
        The date.
    preset
        Published local rule whose ratios and frequencies replace those of the tiers that it names.
    path
        A province's own file; by default the shipped one.

    Raises
    ------
    InputError
        If the file is not valid, or has no such sector, date or preset.
    """
    content = _read(path)
    versions = [m for m in content.sectors.get(sector, ()) if m.in_force_from <= on]
    if not versions:
        known = ", ".join(
            f"{name} from {min(m.in_force_from for m in v)}" for name, v in content.sectors.items()
        )
        raise InputError(
            f"there are no measures for {sector!r} on {on}", field="sector", fix=f"There are: {known}."
        )
    measures = max(versions, key=lambda m: m.in_force_from)
    if preset is None:
        return measures
    if preset not in content.presets:
        raise InputError(
            f"there is no preset {preset!r}", field="preset", fix=f"Use one of {', '.join(content.presets)}."
        )
    return _with_preset(measures, content.presets[preset])


def _with_preset(measures: Measures, preset: Preset) -> Measures:
    origin = {"source": preset.source, "trust": preset.trust}
    tiers = {}
    for tier, given in measures.tiers.items():
        changes: dict[str, Strict] = {}
        if tier in preset.ratio:
            changes["ratio"] = given.ratio.model_copy(update={"share": preset.ratio[tier], **origin})
        if tier in preset.per_year:
            changes["frequency"] = given.frequency.model_copy(
                update={"per_year": preset.per_year[tier], **origin}
            )
        tiers[tier] = given.model_copy(update=changes)
    return measures.model_copy(update={"tiers": tiers})


def _read(path: Path | None) -> _File:
    return read_dated_rules(_File, path, MEASURES, "measures.yaml")
