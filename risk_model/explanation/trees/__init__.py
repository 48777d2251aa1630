"""Exact path-dependent SHAP values of boosted trees, by tables that are worked out in advance."""

from risk_model.explanation.trees.explainer import MAX_TABLE_BYTES, TreeExplainer
from risk_model.explanation.trees.kernel import FEW

__all__ = ["FEW", "MAX_TABLE_BYTES", "TreeExplainer"]
