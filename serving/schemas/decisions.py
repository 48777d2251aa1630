"""Requests that decide something about an enterprise: lists, credit repair, publication."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from serving.schemas.base import (
    CreditCode,
    Cursor,
    Day,
    Limit,
    Name,
    On,
    Provider,
    RecordId,
    Request,
    Text,
)

ListName = Annotated[
    Literal["abnormal", "serious"],
    Field(description="abnormal: list of abnormal operation; serious: list of serious violations."),
]
Ground = Annotated[
    str,
    Field(min_length=1, max_length=64, description="Code of the ground; see /v1/lists/rules."),
]
Performed = Annotated[bool, Field(description="Shown: what the decision ordered has been done.")]
HarmRemoved = Annotated[bool, Field(description="Shown: harm and ill effects have been removed.")]


class DayQuery(Request):
    """On which day."""

    on: On = None


class ListCheckQuery(DayQuery):
    """What an enterprise wants to do."""

    action: Annotated[
        str,
        Field(
            min_length=1,
            max_length=64,
            description="Such as simplified_cancellation; see /v1/lists/actions.",
        ),
    ]


class ListCheckOne(Request):
    """An enterprise, and what it wants to do."""

    credit_code: CreditCode
    action: Annotated[str, Field(min_length=1, max_length=64)]


class ListChecksRequest(Request):
    """Several questions at once."""

    checks: Annotated[list[ListCheckOne], Field(min_length=1, max_length=500)]
    on: On = None

    @property
    def audit_subject(self) -> str:
        """What the audit log says of it."""
        return " ".join(f"{one.credit_code}:{one.action}" for one in self.checks)


class EntriesQuery(DayQuery):
    """Which open entries of a list."""

    list: ListName
    ground: Annotated[str | None, Field(max_length=64)] = None
    limit: Limit = 100
    cursor: Cursor = None


class EnterRequest(Request):
    """An enterprise enters a list."""

    credit_code: CreditCode
    list: ListName
    ground: Ground
    provider: Provider
    on: On = None
    found: Annotated[Day | None, Field(description="Day on which the ground was found.")] = None
    penalty: Annotated[
        RecordId | None, Field(description="Serious list: record of the heavier penalty behind it.")
    ] = None
    reason: Annotated[Text | None, Field(description="Serious list: why it is grave, in words.")] = None

    @property
    def audit_subject(self) -> str:
        """What the audit log says of it; not the reason, which may name persons."""
        return f"list={self.list}, ground={self.ground}, provider={self.provider}, on={self.on or 'today'}"


class RemoveRequest(Request):
    """An enterprise is removed from a list."""

    credit_code: CreditCode
    list: ListName
    ground: Ground
    condition: Annotated[
        str,
        Field(min_length=1, max_length=64, description="Code of the reason of removal; see /v1/lists/rules."),
    ]
    provider: Provider
    on: On = None
    applied: Annotated[Day | None, Field(description="Day on which the enterprise asked for it.")] = None

    @property
    def audit_subject(self) -> str:
        """What the audit log says of it."""
        told = f"list={self.list}, ground={self.ground}, condition={self.condition}"
        return f"{told}, provider={self.provider}, on={self.on or 'today'}"


class RepairQuery(DayQuery):
    """Which record is to be repaired, and what has been shown."""

    record: Annotated[RecordId | None, Field(description="One record; all that can be by default.")] = None
    performed: Literal["true", "false"] = "false"
    harm_removed: Literal["true", "false"] = "false"


class ApplyRequest(Request):
    """An enterprise applies for the repair of a record."""

    credit_code: CreditCode
    record: RecordId
    on: On = None
    performed: Annotated[bool, Field(description="It says that what was ordered has been done.")] = False
    harm_removed: Annotated[bool, Field(description="It says that harm has been removed.")] = False
    materials: Annotated[
        list[Name],
        Field(max_length=50, description="What it handed in: titles or file numbers, not the contents."),
    ] = []

    @property
    def audit_subject(self) -> str:
        """What the audit log says of it."""
        return f"record={self.record}, on={self.on or 'today'}"


class ApplicationsQuery(Request):
    """Which applications."""

    state: Literal["open", "granted", "refused", "withdrawn"] | None = None
    credit_code: CreditCode | None = None
    limit: Limit = 100
    cursor: Cursor = None


class DecideApplicationRequest(Request):
    """What is decided about an application."""

    decision: Literal["granted", "refused"]
    provider: Provider
    on: On = None
    performed: Performed = False
    harm_removed: HarmRemoved = False
    reason: Annotated[Text | None, Field(description="Of a refusal: why, in words.")] = None

    @property
    def audit_subject(self) -> str:
        """What the audit log says of it."""
        return f"decision={self.decision}, provider={self.provider}, on={self.on or 'today'}"


class WithdrawApplicationRequest(Request):
    """The applicant takes an application back."""

    on: On = None


class DecideRepairRequest(DecideApplicationRequest):
    """A repair is granted or refused without an application on file."""

    credit_code: CreditCode
    record: RecordId

    @property
    def audit_subject(self) -> str:
        """What the audit log says of it."""
        return f"record={self.record}, {super().audit_subject}"


class RevokeRepairRequest(Request):
    """A granted repair is taken back."""

    credit_code: CreditCode
    record: RecordId
    ground: Annotated[
        str,
        Field(
            min_length=1,
            max_length=64,
            description="false_materials, commitment_broken or decision_wrong, where the shipped rules hold.",
        ),
    ]
    reason: Annotated[Text, Field(description="What was found, in words.")]
    provider: Provider
    on: On = None

    @property
    def audit_subject(self) -> str:
        """What the audit log says of it."""
        told = f"record={self.record}, ground={self.ground}"
        return f"{told}, provider={self.provider}, on={self.on or 'today'}"


class WithholdRequest(Request):
    """A record is not published from a day on."""

    credit_code: CreditCode
    record: RecordId
    ground: Ground
    reason: Text
    provider: Provider
    on: On = None

    @property
    def audit_subject(self) -> str:
        """What the audit log says of it."""
        return f"record={self.record}, ground={self.ground}, on={self.on or 'today'}"


class ReleaseRequest(Request):
    """A withheld record is published again."""

    credit_code: CreditCode
    record: RecordId
    reason: Text
    provider: Provider
    on: On = None

    @property
    def audit_subject(self) -> str:
        """What the audit log says of it."""
        return f"record={self.record}, on={self.on or 'today'}"


class ObjectRequest(Request):
    """Somebody objects to what is published."""

    credit_code: CreditCode
    record: RecordId
    reason: Text
    on: On = None

    @property
    def audit_subject(self) -> str:
        """What the audit log says of it."""
        return f"record={self.record}, on={self.on or 'today'}"


class AnswerObjectionRequest(Request):
    """An objection is answered; one that is upheld withholds the record."""

    credit_code: CreditCode
    record: RecordId
    upheld: bool
    reason: Text
    provider: Provider
    on: On = None

    @property
    def audit_subject(self) -> str:
        """What the audit log says of it."""
        return f"record={self.record}, upheld={self.upheld}, on={self.on or 'today'}"
