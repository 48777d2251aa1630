"""Requests."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from serving.schemas.base import AsOf, CreditCode, Language, ModelName, On, Request
from serving.schemas.records import Records


class ClassifyRequest(Request):
    """Which published classification is asked for."""

    credit_code: CreditCode
    model: ModelName | None = None


class ExplainRequest(Request):
    """Which published classification is to be explained."""

    credit_code: CreditCode
    model: ModelName | None = None
    lang: Annotated[
        Language | None, Field(description="Labels and sentences in this language only; by default both.")
    ] = None
    records: Annotated[
        bool, Field(description="Whether the records behind each reason are looked up, which takes longer.")
    ] = True


class ModelQuery(Request):
    """By which model."""

    model: ModelName | None = None


class ExplanationQuery(ModelQuery):
    """By which model, in which language, and how much."""

    lang: Annotated[
        Language | None, Field(description="Labels and sentences in this language only; by default both.")
    ] = None
    records: Annotated[
        Literal["true", "false"],
        Field(description="Whether the records behind each reason are looked up, which takes longer."),
    ] = "true"


class ListQuery(Request):
    """Which enterprises of the published classification."""

    model: Annotated[
        ModelName | None, Field(description="Rows of this model; by default the general one.")
    ] = None
    district: Annotated[
        str | None,
        Field(
            pattern="^[0-9]{2,12}$",
            description="GB/T 2260 code; one that ends in 00 stands for all below it.",
        ),
    ] = None
    industry: Annotated[
        str | None,
        Field(pattern="^[A-T][0-9]{0,4}$", description="GB/T 4754 section or code; stands for all below it."),
    ] = None
    tier: Literal["A", "B", "C", "D", "insufficient_record"] | None = None
    changed: Annotated[
        Literal["true", "false"] | None, Field(description="Only those whose tier is not that of last time.")
    ] = None
    q: Annotated[
        str | None, Field(max_length=100, description="Part of the name, or the beginning of the code.")
    ] = None
    order: Annotated[
        Literal["risk", "code"], Field(description="risk: the highest score first; code: by credit code.")
    ] = "risk"
    limit: Annotated[int, Field(ge=1, le=1000)] = 100
    cursor: Annotated[
        str | None,
        Field(
            max_length=400, description="From `next` of the page before; pages stay in one classification."
        ),
    ] = None


class BulkRequest(Request):
    """Which enterprises of the published classification, by code."""

    credit_codes: Annotated[list[CreditCode], Field(min_length=1, max_length=1_000_000)]
    model: Annotated[ModelName | None, Field(description="Only rows of this model.")] = None


class ScoreRequest(Request):
    """Records of one enterprise, to be scored now with the champions.

    Records are taken as known at their ``recorded_at``; those after ``as_of`` are left out, as are those
    withdrawn, repaired or expired by then.
    """

    credit_code: CreditCode
    as_of: AsOf
    records: Annotated[Records, Field(description="Record table → records.")]  # type: ignore[valid-type]
    explain: Annotated[
        bool,
        Field(description="Whether contributions and sentences are answered; they are checked either way."),
    ] = True
    lang: Annotated[
        Language | None, Field(description="Labels and sentences in this language only; by default both.")
    ] = None


class MeasuresQuery(Request):
    """Measures of which sector, when, and with which published ratios."""

    sector: Annotated[
        str, Field(pattern="^[a-z_]{1,64}$", description="general, food or special_equipment.")
    ] = "general"
    preset: Annotated[
        str | None,
        Field(pattern="^[a-z0-9_]{1,64}$", description="Published local rule whose ratios are used."),
    ] = None
    on: On = None


class OwnMeasuresQuery(ModelQuery):
    """Measures by which model's tier, when, and with which published ratios."""

    preset: Annotated[
        str | None,
        Field(pattern="^[a-z0-9_]{1,64}$", description="Published local rule whose ratios are used."),
    ] = None
    on: On = None
