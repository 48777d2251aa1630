"""Declarations to values, for one range of enterprises."""

from features.kernel.changed_context import ChangedContext
from features.kernel.changed_survey import ChangedSurvey
from features.kernel.context import Context
from features.kernel.evaluate import evaluate
from features.kernel.neighbours import Neighbours
from features.kernel.plan import Plan
from features.kernel.reconnected import reconnected
from features.kernel.related import related
from features.kernel.survey import Survey, connected, merge, survey

__all__ = [
    "ChangedContext",
    "ChangedSurvey",
    "Context",
    "Neighbours",
    "Plan",
    "Survey",
    "connected",
    "evaluate",
    "merge",
    "reconnected",
    "related",
    "survey",
]
