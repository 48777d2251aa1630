"""Exact path-dependent SHAP values of boosted trees, by tables that are worked out in advance."""

from risk_model.explanation.trees.explainer import MAX_TABLE_BYTES, TreeExplainer

__all__ = ["MAX_TABLE_BYTES", "TreeExplainer"]
