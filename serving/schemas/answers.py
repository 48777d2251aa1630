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
    decided_by: Annotated[str, Field(description="score, hysteresis, insufficient_record or floor:RULE.")]
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
    decisive: Annotated[str, Field(description="The model that counts: the sector model where there is one.")]
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
    first_levels: list[GroupContribution]
    indicators: list[GroupContribution]
    features: list[FeatureContribution]
    residual: Annotated[float, Field(description="Margin less base value and contributions; at most 1e-6.")]


class Score(Answer):
    """Scores of the records in the request, by every champion that speaks of the enterprise."""

    snapshot: Annotated[
        str | None, Field(description="The published classification in force; it has no part in the score.")
    ]
    credit_code: str
    as_of: date
    decisive: str
    results: list[ExplanationAnswer]
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
