"""Declarations to values, for one range of enterprises."""

from features.kernel.evaluate import evaluate
from features.kernel.plan import Plan

__all__ = ["Plan", "evaluate"]
