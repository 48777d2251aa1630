"""Answers."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import Field

from serving.schemas.base import Answer

Tier = Literal["A", "B", "C", "D", "insufficient_record"]
Words = Annotated[
    dict[str, str] | str, Field(description="In Chinese and English, or in the language that was asked for.")
]


class Reason(Answer):
    """A fact (a declaration of the feature library) that raises the score."""

    name: str
    label: Words


class ModelResult(Answer):
    """What one model published of the enterprise."""

    model: str
    version: str
    model_title: Words
    score: Annotated[float, Field(description="0-1000; the higher, the riskier.")]
    margin: Annotated[float, Field(description="Calibrated log-odds.")]
    probability: float
    tier: Tier
    tier_label: Words
    tier_by_score: Tier
    decided_by: Annotated[
        str, Field(description="score, hysteresis, insufficient_record, override or floor:RULE.")
    ]
    previous_tier: Tier | None
    records: Annotated[int, Field(description="Records of supervision that are known.")]
    top_reasons: list[Reason]


class Classification(Answer):
    """Published classification of an enterprise by every model that speaks of it."""

    snapshot: Annotated[str, Field(description="The published classification that answers.")]
    as_of: date
    credit_code: str
    name: str | None
    district: str | None
    industry: str | None
    enterprise_type: str | None
    decisive: Annotated[
        str,
        Field(
            description="The model that counts: of the sector models, where there are any, "
            "that of the riskiest tier."
        ),
    ]
    results: list[ModelResult]


class FeatureContribution(Answer):
    """What one feature adds to the margin."""

    feature: str
    label: Words
    indicator: str
    value: float | None
    value_in_words: Words
    contribution: float
    points: float


class GroupContribution(Answer):
    """What an indicator adds to the margin."""

    name: str
    label: Words
    contribution: float
    points: float


class PartContribution(Answer):
    """What the trees of one model add to the margin of a sector model."""

    model: str
    label: Words
    contribution: float
    points: float
    indicators: list[GroupContribution]


class LinkedRecordAnswer(Answer):
    """A record that made a feature."""

    table: str
    table_label: Words
    record_id: str
    number: Annotated[str, Field(description="Of the decision or licence; else the record's identifier.")]
    event_date: date
    recorded_at: date | None
    provider: str
    details: Annotated[dict[str, Words], Field(description="Column → value in words.")]
    counts: Annotated[
        bool, Field(description="Whether the value counts it; else it is only compared with it.")
    ]


class EvidenceAnswer(Answer):
    """The records behind a reason, at the date of the classification."""

    records: list[LinkedRecordAnswer]
    withheld: Annotated[int, Field(description="Records of which the reader may not be told.")]
    of_others: Annotated[bool, Field(description="Whether records of other enterprises are part of it.")]


class ReasonAnswer(Answer):
    """What raised or lowered the score most, the windows of one fact together."""

    name: str
    sentence: Words
    points: float
    features: list[str]
    evidence: Annotated[
        EvidenceAnswer | None,
        Field(
            description="Null if it was not asked for, if the store no longer has these records, or if they "
            "came with the request."
        ),
    ]


class ExplanationAnswer(Answer):
    """A score taken apart; ``base_value`` and all contributions sum to ``margin``."""

    snapshot: str | None
    credit_code: str
    name: str | None
    as_of: date
    model: str
    model_title: Words
    target: Words
    version: str
    score: float
    probability: float
    margin: float
    base_value: float
    tier: Tier
    tier_label: Words
    tier_by_score: Tier
    decided_by: str
    previous_tier: Tier | None
    records: int
    prior: float | None
    sentences: dict[str, list[str]] | list[str]
    reasons: list[ReasonAnswer]
    first_levels: list[GroupContribution]
    indicators: list[GroupContribution]
    parts: Annotated[
        list[PartContribution],
        Field(
            description="Of a sector model: what the general model's trees and its own add. Empty for the "
            "general model, and for published scores, which keep only the sum."
        ),
    ]
    features: list[FeatureContribution]
    residual: Annotated[float, Field(description="Margin less base value and contributions; at most 1e-6.")]


class ScoredModel(Answer):
    """A score without its explanation."""

    snapshot: str | None
    model: str
    version: str
    score: float
    probability: float
    margin: float
    tier: Tier
    tier_by_score: Tier
    decided_by: str
    records: int


class Row(Answer):
    """A row of the published classification."""

    credit_code: str
    name: str | None
    district: str | None
    industry: str | None
    enterprise_type: str | None
    model: str
    version: str
    score: float
    margin: float
    probability: float
    tier: Tier
    tier_by_score: Tier
    decided_by: str
    previous_tier: Tier | None
    records: int
    top_reasons: list[str]


class RowPage(Answer):
    """A page of rows, all of one classification."""

    snapshot: str
    as_of: date
    model: str
    results: list[Row]
    next: Annotated[str | None, Field(description="Cursor of the next page; null on the last one.")]


class BulkAnswer(Answer):
    """Rows of many enterprises."""

    snapshot: str
    as_of: date
    results: list[Row]
    missing: Annotated[list[str], Field(description="Codes that are not classified.")]


class HistoryRow(Row):
    """A row of one of the published classifications."""

    snapshot: str
    as_of: date


class History(Answer):
    """Results in all published classifications, the newest first."""

    credit_code: str
    results: list[HistoryRow]


class ModelInForce(Answer):
    """A model in the classification in force."""

    model: str
    version: str
    title: Words
    target: Words
    rows: int
    tiers: dict[Tier, int]
    decided_by: dict[str, int]
    prior: float
    cuts: list[float] | None
    largest_residual: float


class InForce(Answer):
    """The classification and the champions in force."""

    snapshot: str
    as_of: date
    created_at: str
    data_snapshot: str
    enterprises: int
    models: list[ModelInForce]
    champions: dict[str, str]


class DecisionAnswer(Answer):
    """A score and how its tier was decided."""

    score: float
    tier: Tier
    tier_by_score: Tier
    decided_by: str
    records: int


class ActionAnswer(Answer):
    """One thing that the enterprise can do."""

    action: str
    label: Words
    record: str
    source: str
    trust: str


class ImprovementAnswer(Answer):
    """What an enterprise could do, and where that would bring it."""

    snapshot: str
    credit_code: str
    model: str
    now: DecisionAnswer
    then: DecisionAnswer
    reaches_a_lower_tier: bool
    actions: list[ActionAnswer]
    open_actions: list[ActionAnswer]
    exhaustive: Annotated[bool, Field(description="Whether all sets of that size and smaller were tried.")]


class Score(Answer):
    """Scores of the records in the request, by every champion that speaks of the enterprise."""

    snapshot: Annotated[
        str | None, Field(description="The published classification in force; it has no part in the score.")
    ]
    credit_code: str
    as_of: date
    decisive: str
    results: list[ExplanationAnswer | ScoredModel]
    notes: Annotated[list[str], Field(description="What of the request could not count.")]


class Alive(Answer):
    """The process answers."""

    status: Literal["alive"]


class Ready(Answer):
    """What is served."""

    status: Literal["ready"]
    snapshot: str
    as_of: date
    models: Annotated[dict[str, str], Field(description="Model → version of the published classification.")]
    champions: Annotated[dict[str, str], Field(description="Model → version that scores.")]


class FieldErrorAnswer(Answer):
    """What is wrong with one field."""

    field: str
    message: str
    fix: str


class ProblemAnswer(Answer):
    """An error (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldErrorAnswer]


AnyDocument = dict[str, Any]
