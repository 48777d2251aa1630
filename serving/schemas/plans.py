"""Requests about inspection plans and their results."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from features.records import codes
from serving.schemas.base import CreditCode, Cursor, Day, District, Limit, Month, Name, On, Request, Text

Sector = Annotated[
    str,
    Field(
        pattern="^[a-z_]{1,64}([+][a-z_]{1,64})*$",
        max_length=200,
        description="general, food or special_equipment; several joined by + for joint visits.",
        examples=["food"],
    ),
]
Count = Annotated[int, Field(ge=0, le=1_000_000)]


class PlansQuery(Request):
    """Which plans."""

    sector: Sector | None = None
    month: Month | None = None
    limit: Limit = 100
    cursor: Cursor = None


class PlanEnterprisesQuery(Request):
    """Which enterprises of a plan."""

    selected: Annotated[
        Literal["true", "false"], Field(description="Only those that are to be inspected, or all candidates.")
    ] = "true"
    limit: Limit = 100
    cursor: Cursor = None


class VerifyQuery(Request):
    """What was published elsewhere."""

    commitment: Annotated[
        str | None, Field(pattern="^[0-9A-Fa-f]{64}$", description="SHA-256 of the seed.")
    ] = None
    fingerprint: Annotated[str | None, Field(pattern="^[0-9A-Fa-f]{64}$")] = None


class InspectorIn(Request):
    """One inspector of the pool that teams are drawn from."""

    inspector_id: Name
    name: Name
    districts: Annotated[list[District], Field(min_length=1, max_length=1000)]
    competences: Annotated[list[Annotated[str, Field(pattern="^[a-z_]{1,64}$")]], Field(max_length=20)]
    visits: Count
    conflicts: Annotated[list[CreditCode], Field(max_length=10_000)] = []


class DrawRequest(Request):
    """A month's plan is drawn."""

    sector: Sector
    month: Month
    capacity: Annotated[int, Field(ge=1, le=10_000_000, description="Inspections that can be made.")]
    seed: Annotated[Text, Field(description="Text of the draw; its SHA-256 should be public before.")]
    district: District | None = None
    inspectors: Annotated[
        list[InspectorIn] | None,
        Field(min_length=1, max_length=20_000, description="Teams are drawn from them for every visit."),
    ] = None

    @property
    def audit_subject(self) -> str:
        """What the audit log says of it: neither the seed nor the inspectors."""
        told = f"sector={self.sector}, month={self.month}, capacity={self.capacity}"
        return f"{told}, district={self.district or 'all'}"


class ResultIn(Request):
    """What one inspection of a plan found."""

    credit_code: CreditCode
    date: Day
    domain: Annotated[
        str | None, Field(pattern="^[a-z_]{1,64}$", description="For a joint visit: which sector.")
    ] = None
    outcome: Annotated[
        Literal[tuple(codes.OUTCOME.codes)] | None,  # type: ignore[valid-type]
        Field(description="Or result_codes, of which the gravest decides."),
    ] = None
    result_codes: Annotated[
        list[Literal[tuple(codes.RESULT_OUTCOME)]],  # type: ignore[valid-type]
        Field(max_length=20, description="Published codes."),
    ] = []
    kind: Literal[tuple(codes.INSPECTION_KIND.codes)] | None = None  # type: ignore[valid-type]
    critical_items: Count | None = None
    serious_items: Count | None = None
    minor_items: Count | None = None
    points: Annotated[float | None, Field(ge=-1e6, le=1e6)] = None
    full_item: bool | None = None
    recorded_at: Annotated[Day | None, Field(description="Day on which it came on file, if not `on`.")] = None


class FindingIn(Request):
    """A single item that an inspection found wrong."""

    credit_code: CreditCode
    item: Text
    severity: Literal[tuple(codes.ITEM_SEVERITY.codes)]  # type: ignore[valid-type]
    domain: Annotated[str | None, Field(pattern="^[a-z_]{1,64}$")] = None
    fined: Annotated[int | None, Field(ge=0, le=10**12, description="In yuan.")] = None


class ResultsRequest(Request):
    """What the inspections of a plan found."""

    results: Annotated[list[ResultIn], Field(min_length=1, max_length=20_000)]
    findings: Annotated[list[FindingIn], Field(max_length=100_000)] = []
    provider: Annotated[Name, Field(description="Authority that inspected.")]
    on: On = None

    @property
    def audit_subject(self) -> str:
        """What the audit log says of it."""
        told = f"results={len(self.results)}, findings={len(self.findings)}, provider={self.provider}"
        return f"{told}, on={self.on or 'today'}"
