"""Requests."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from serving.schemas.base import AsOf, CreditCode, Language, ModelName, Request
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


class ScoreRequest(Request):
    """Records of one enterprise, to be scored now with the champions.

    Records are taken as known at their ``recorded_at``; those after ``as_of`` are left out, as are those
    withdrawn, repaired or expired by then.
    """

    credit_code: CreditCode
    as_of: AsOf
    records: Annotated[Records, Field(description="Record table → records.")]  # type: ignore[valid-type]
    lang: Annotated[
        Language | None, Field(description="Labels and sentences in this language only; by default both.")
    ] = None
