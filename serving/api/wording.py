"""Labels of what the classification only names: facts, tiers, models."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from features.definitions import LIBRARY
from features.records import Label
from risk_model.scale import TIER_WORDS


@cache
def group_labels() -> Mapping[str, Label]:
    """Return fact (declaration) → label, as of its first window."""
    found: dict[str, Label] = {}
    for feature in LIBRARY:
        found.setdefault(feature.group, feature.label)
    return found


def both(label: Label) -> dict[str, str]:
    """Return a label in both languages as plain data."""
    return {"zh": label.zh, "en": label.en}


def tier_label(tier: str) -> dict[str, str]:
    """Return what a tier means."""
    words = TIER_WORDS[tier]
    return {"zh": words.zh, "en": words.en}


def reasons(names: list[str]) -> list[dict[str, Any]]:
    """Return facts with their labels; one that this version does not know keeps its name."""
    labels = group_labels()
    return [{"name": name, "label": both(labels.get(name, Label(name, name)))} for name in names]
