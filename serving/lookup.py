"""Rows and explanations of one enterprise, as far as the caller may see them."""

from __future__ import annotations

import logging
from typing import Any, NoReturn

import numpy as np
import pyarrow as pa

from risk_model.classification import TOLERANCE
from risk_model.explanation.explanation import Explanation, explain_published
from risk_model.model import Contributions
from risk_model.publication import Publication
from risk_model.scoring import Scored
from risk_model.tiers.headline import decisive_last
from serving.access.principal import Principal
from serving.problems import FieldError, Problem

audit = logging.getLogger("risk_model.serving.audit")


def rows_of(publication: Publication, credit_code: str, principal: Principal) -> list[dict[str, Any]]:
    """Return the rows of an enterprise that the caller may see, the decisive one last.

    Raises
    ------
    Problem
        404 if there are none; it does not tell whether there are some out of scope.
    """
    rows: list[dict[str, Any]] = publication.rows(codes=[credit_code]).to_pylist()
    seen = decisive_last([row for row in rows if principal.sees(row)])
    if not seen:
        raise Problem(
            404,
            "not-classified",
            f"{credit_code} is not classified as of {publication.as_of}.",
            [
                FieldError(
                    "credit_code",
                    "there is no such enterprise in the classification",
                    "Check the code; enterprises that are not in business are not classified.",
                )
            ],
        )
    return seen


def row_of(rows: list[dict[str, Any]], model: str | None) -> dict[str, Any]:
    """Return the row of a model, by default the decisive one.

    Raises
    ------
    Problem
        404 if the model does not speak of the enterprise.
    """
    if model is None:
        return rows[-1]
    for row in rows:
        if row["model"] == model:
            return row
    raise Problem(
        404,
        "not-classified",
        f"{rows[0]['credit_code']} is not classified by model {model}.",
        [
            FieldError(
                "model",
                "this model does not speak of the enterprise",
                f"Use one of {', '.join(row['model'] for row in rows)}, or leave the field out.",
            )
        ],
    )


def out_of_scope() -> Problem:
    """Return the refusal of a caller whose scope holds no model of the classification."""
    return Problem(
        403,
        "forbidden",
        "No model of the classification is in the scope of this key.",
        [FieldError("Authorization", "its sectors are not classified", "Use a key of another sector.")],
    )


def explained(
    publication: Publication, credit_code: str, model: str | None, principal: Principal
) -> Explanation:
    """Return the explanation of a published score, checked.

    Raises
    ------
    Problem
        404 if there is none that the caller may see.
    """
    row = row_of(rows_of(publication, credit_code, principal), model)
    return assured(explain_published(publication, credit_code, row["model"]), publication.name)


def assured(explanation: Explanation, source: str) -> Explanation:
    """Return an explanation whose parts sum to the margin.

    Raises
    ------
    ArithmeticError
        If they do not, within 1e-6: the explanation would be wrong, so there is no answer.
    """
    if not abs(explanation.residual) <= TOLERANCE:
        _refuse(explanation.credit_code, explanation.model, explanation.version, source, explanation.residual)
    return explanation


def assured_columns(scored: Scored, contributions: Contributions, codes: pa.Array, source: str) -> None:
    """Go on if the contributions of each enterprise sum to its margin.

    Parameters
    ----------
    scored, contributions
        From :meth:`risk_model.scoring.Scorer.score_columns`.
    codes
        Credit codes of all that were scored.
    source
        Where they come from.

    Raises
    ------
    ArithmeticError
        If they do not, within 1e-6.
    """
    residual = scored.margin - contributions.total()
    # What is no number is not below the tolerance, either.
    wrong = np.flatnonzero(~(np.abs(residual) <= TOLERANCE))
    if len(wrong):
        code = codes[int(scored.places[wrong[0]])].as_py()
        _refuse(code, scored.model, scored.version, source, float(residual[wrong[0]]))


def _refuse(code: str, model: str, version: str, source: str, residual: float) -> NoReturn:
    message = (
        f"explanation of {code} by {model} {version} in {source} "
        f"does not sum to its margin: {residual:.3g} is left"
    )
    audit.error(message)
    raise ArithmeticError(message)
