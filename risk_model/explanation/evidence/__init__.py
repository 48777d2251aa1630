"""The records behind a reason: those that made the feature at that date, and no others."""

from risk_model.explanation.evidence.disclosure import Disclosure, Officers
from risk_model.explanation.evidence.linked import (
    Evidence,
    FeatureEvidence,
    LinkedRecord,
    evidence_of,
)

__all__ = [
    "Disclosure",
    "Evidence",
    "FeatureEvidence",
    "LinkedRecord",
    "Officers",
    "evidence_of",
]
