"""How good the records are: when they arrive, what they lack, what was refused, where they lead nowhere."""

from features.quality.assessment import QualityReport, assess
from features.quality.thresholds import Thresholds

__all__ = ["QualityReport", "Thresholds", "assess"]
