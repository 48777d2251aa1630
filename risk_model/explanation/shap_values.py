"""Explanations as objects of the package ``shap``, for all of its plots."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from features.errors import InputError

if TYPE_CHECKING:
    import shap

    from risk_model.explanation.explanation import Explanation
    from risk_model.model import RiskModel


def shap_explanation(model: RiskModel, matrix: np.ndarray, *, lang: str | None = None) -> shap.Explanation:
    """Explain the margins of many rows.

    Parameters
    ----------
    model
        The model.
    matrix
        From :meth:`risk_model.model.RiskModel.matrix`, shape (n, features).
    lang
        ``zh`` or ``en``: labels of the features instead of their names.

    Returns
    -------
    shap.Explanation
        ``values`` (n, features) in calibrated log-odds, ``base_values`` (n,), ``data`` and
        ``feature_names``; a row of values and its base value sum to the margin.

    Raises
    ------
    InputError
        If the package is not installed.

    Examples
    --------
    ``shap.plots.beeswarm(shap_explanation(model, model.matrix(table), lang="en"))``
    """
    found = model.contributions(matrix)
    names = [feature.name if lang is None else feature.label[lang] for feature in model.features]
    return _package().Explanation(
        values=found.values,
        base_values=np.full(len(matrix), found.base),
        data=np.asarray(matrix, dtype=np.float64),
        feature_names=names,
    )


def of_one(explanation: Explanation, *, lang: str | None = None) -> shap.Explanation:
    """Return the explanation of one enterprise, for ``shap.plots.waterfall``, ``bar`` or ``force``.

    Parameters and errors are those of :func:`shap_explanation`; values have shape (features,).
    """
    reasons = explanation.reasons
    return _package().Explanation(
        values=np.array([reason.contribution for reason in reasons]),
        base_values=explanation.base_value,
        data=np.array([reason.value for reason in reasons]),
        feature_names=[r.feature.name if lang is None else r.feature.label[lang] for r in reasons],
    )


def _package() -> Any:
    try:
        import shap
    except ImportError:
        raise InputError(
            "the package shap is not installed", field="shap", fix="Install it: pip install shap."
        ) from None
    return shap
