"""Answers about lists, credit repair, plans, publication, measures, webhooks and batches."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import Field

from serving.schemas.answers import ExplanationAnswer, ProblemAnswer, ScoredModel, Tier, Words
from serving.schemas.base import Answer

Verdict = Literal["allowed", "conditional", "refused"]
Next = Annotated[str | None, Field(description="Cursor of the next page; null on the last one.")]
Content = dict[str, Any]


class EvidenceRecord(Answer):
    """A record behind a restriction."""

    table: str
    record_id: str | None
    day: date
    what: str


class RestrictionReason(Answer):
    """Why an action is refused or conditional."""

    restriction: str
    outcome: Verdict
    label: Words
    condition: Words | None
    source: str
    trust: str
    evidence: list[EvidenceRecord]


class ListCheckAnswer(Answer):
    """What may be done, and why not."""

    credit_code: str
    name: str | None
    action: str
    action_label: Words
    on: date
    verdict: Verdict
    reasons: list[RestrictionReason]
    tier: Tier | None
    known: Annotated[bool, Field(description="Whether its registration is on record.")]
    records: Annotated[int, Field(description="State of the record store that was looked at.")]


class OneListCheck(Answer):
    """Answer or refusal of one question."""

    answer: ListCheckAnswer | None
    problem: ProblemAnswer | None


class ListChecksAnswer(Answer):
    """Answers in the order of the questions."""

    on: date
    results: list[OneListCheck]


class ActionsAnswer(Answer):
    """Actions that can be asked about, and what restricts them."""

    actions: dict[str, Words]
    restrictions: list[Content]


class ListRulesAnswer(Answer):
    """Rules of the lists on a day."""

    on: date
    lists: list[Content]


class ListEntry(Answer):
    """An entry of a list."""

    ground: str | None
    credit_code: str
    record_id: str
    event_date: date
    recorded_at: date
    provider: str


class EntriesAnswer(Answer):
    """A page of the open entries of a list, all of one state of the records."""

    name: Annotated[str, Field(alias="list")]
    on: date
    records: int
    results: list[ListEntry]
    next: Next


class OwnEntry(Answer):
    """An entry of one enterprise, past or open."""

    name: Annotated[str, Field(alias="list")]
    ground: str | None
    record_id: str
    event_date: date
    removed_on: date | None
    recorded_at: date
    provider: str


class ListStateAnswer(Answer):
    """An enterprise's entries, and what the open ones lead to."""

    credit_code: str
    name: str | None
    on: date
    entries: list[OwnEntry]
    due: list[Content]


class RecordedAnswer(Answer):
    """A decision and the record that everybody else sees."""

    table: str
    record: Content
    new: Annotated[bool, Field(description="False if the same decision was on record already.")]
    snapshot: Annotated[int, Field(description="State of the record store in which it is visible.")]
    document: Annotated[str, Field(description="Name of the document with the reasons.")]
    decision: Annotated[Content, Field(description="Ground, articles, steps with their time limits.")]


class ApplicationAnswer(Answer):
    """An application for credit repair."""

    id: str
    credit_code: str
    record: str
    applied_on: date
    received_at: str
    received_by: str
    performed: bool
    harm_removed: bool
    materials: list[str]
    decide_by: date
    state: Literal["open", "granted", "refused", "withdrawn"]
    decided_on: date | None
    decision_record: str | None


class ApplicationsAnswer(Answer):
    """A page of applications, in the order in which they were received."""

    results: list[ApplicationAnswer]
    next: Next


class RepairCheckAnswer(Answer):
    """What stands between a record and its repair."""

    credit_code: str
    table: str
    record_id: str
    event_date: date
    on: date
    regime: str
    record_class: Annotated[Content | None, Field(alias="class")]
    published: date
    earliest: date | None
    repeated: bool
    decide_by: date
    conditions: list[Content]
    eligible: bool


class RepairChecksAnswer(Answer):
    """Records of an enterprise that can be repaired, or one of them."""

    credit_code: str
    on: date
    records: int
    results: list[RepairCheckAnswer]


class AppliedAnswer(Answer):
    """An application on file, and what is missing."""

    application: ApplicationAnswer
    check: RepairCheckAnswer


class RepairDecisionAnswer(RecordedAnswer):
    """A decision about a repair, and the application that it answers."""

    application: ApplicationAnswer | None


class PlanLine(Answer):
    """A plan in the list."""

    plan: str
    sector: str
    month: str
    district: str | None
    made_at: str
    number: int
    capacity: int
    candidates: int
    selected: int
    fingerprint: str


class PlansAnswer(Answer):
    """A page of plans, the newest first."""

    results: list[PlanLine]
    next: Next


class PlanAnswer(Answer):
    """A plan: everything that it follows from, and in numbers."""

    plan: str
    format: int
    design: str
    number: int
    made_at: str
    sector: str
    month: str
    capacity: int
    seed: str
    seed_commitment: Annotated[str, Field(description="SHA-256 of the seed.")]
    snapshot: str | None
    context: Content
    rules: Content
    frame_sha256: str
    fingerprint: str
    summary: Content
    assignment: Content | None


class PlannedEnterprise(Answer):
    """An enterprise of a plan."""

    credit_code: str
    name: str | None
    district: str | None
    tier: Tier
    probability: float | None
    part: str
    reason: str
    key_reason: str | None
    inclusion_probability: float
    selected: bool
    last_inspected: date | None
    last_full_inspection: date | None
    sectors: str | None = None
    inspectors: list[str] = []


class PlannedEnterprisesAnswer(Answer):
    """A page of the enterprises of a plan."""

    plan: str
    results: list[PlannedEnterprise]
    next: Next


class PlanCheck(Answer):
    """One comparison."""

    name: str
    passed: bool
    detail: str


class VerificationAnswer(Answer):
    """What the comparison of a plan with its repeated draw found."""

    plan: str
    passed: bool
    checks: list[PlanCheck]


class InspectionResult(Answer):
    """What an inspection of a plan found, as it is on file."""

    credit_code: str
    event_date: date
    recorded_at: date
    provider: str
    record_id: str
    kind: str | None
    domain: str | None
    selection: str | None
    inclusion_probability: float | None
    outcome: str | None
    result_codes: str | None
    critical_items: int | None
    serious_items: int | None
    minor_items: int | None
    points: float | None
    full_item: bool | None


class PlanResultsAnswer(Answer):
    """Results of a plan."""

    plan: str
    records: int
    planned: int
    reported: int
    results: list[InspectionResult]


class ResultsReportAnswer(Answer):
    """What came back from a plan in this request."""

    plan: str
    planned: int
    reported: int
    accepted: int
    duplicate: int
    outcomes: dict[str, int]
    problems: int
    items: int
    expected: float
    late: int
    estimated_rate: float | None
    standard_error: float | None
    drawn: int
    snapshot: int


class PublishedTableAnswer(Answer):
    """Published records of one kind."""

    table: str
    label: Words
    source: str
    records: list[Content]


class PublishedAnswer(Answer):
    """What is published of an enterprise."""

    credit_code: str
    on: date
    tables: list[PublishedTableAnswer]


class PartnerAnswer(Answer):
    """What a partner may know of an enterprise."""

    on: date
    view: Content
    labels: dict[str, Words]


class ReviewAnswer(Answer):
    """A note about a single record, as it was kept."""

    kind: Literal["withhold", "release", "objection", "answer"]
    credit_code: str
    record_id: str
    on: date
    reason: str
    provider: str | None = None
    ground: str | None = None
    label: Words | None = None
    source: str | None = None
    trust: str | None = None
    answer_by: date | None = None
    upheld: bool | None = None
    late: bool | None = None
    document: str | None = None


class ObjectionsAnswer(Answer):
    """Objections without an answer."""

    on: date
    results: list[ReviewAnswer]


class MeasuresAnswer(Answer):
    """Measures of tiers."""

    sector: str
    on: date
    in_force_from: date
    tiers: dict[str, Content]


class OwnMeasuresAnswer(MeasuresAnswer):
    """Measures that an enterprise's tier brings."""

    snapshot: str
    credit_code: str
    tier: Tier


class WebhookAnswer(Answer):
    """A subscription and how it goes."""

    id: str
    url: str
    topics: list[str]
    created_at: str
    created_by: str
    stopped_at: str | None
    told_snapshot: str | None
    delivered_at: str | None
    failures: int
    next_attempt_at: str | None
    last_error: str | None
    waiting: Annotated[int, Field(description="Batches that have not arrived.")]


class NewWebhookAnswer(WebhookAnswer):
    """A subscription with its secret, which is told this once."""

    secret: str


class WebhooksAnswer(Answer):
    """All subscriptions."""

    results: list[WebhookAnswer]


class StoppedWebhookAnswer(Answer):
    """A subscription that has ended."""

    id: str
    stopped: bool


class ScoredEnterprise(Answer):
    """Scores of one enterprise of a batch."""

    credit_code: str
    as_of: date
    decisive: Annotated[
        str | None, Field(description="Null if no model in the scope of the key speaks of it.")
    ]
    results: list[ExplanationAnswer | ScoredModel]
    notes: list[str]


class BatchAnswer(Answer):
    """Scores of the records in the request, in its order."""

    snapshot: str | None
    results: list[ScoredEnterprise]
