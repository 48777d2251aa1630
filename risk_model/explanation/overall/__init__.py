"""What moves the scores of a model as a whole: importance, dependence, and whether reasons last."""

from risk_model.explanation.overall.account import OverallExplanation, explain_overall

__all__ = ["OverallExplanation", "explain_overall"]
