"""Who hands the kernel its ranges of enterprises."""

from features.runners.threads import compute

__all__ = ["compute"]
