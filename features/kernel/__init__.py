"""Declarations to values, for one range of enterprises."""

from features.kernel.context import Context
from features.kernel.evaluate import evaluate
from features.kernel.plan import Plan
from features.kernel.survey import Survey, connected, merge, survey

__all__ = ["Context", "Plan", "Survey", "connected", "evaluate", "merge", "survey"]
