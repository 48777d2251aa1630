"""THE feature library: what is computed of every enterprise, declared once."""

from __future__ import annotations

from features.definitions import (
    basic,
    dynamics,
    food,
    inspections,
    lists,
    neighbourhood,
    penalties,
    relations,
    social,
    special_equipment,
)
from features.definitions.declaration import GENERAL, SECTORS, Library
from features.definitions.feature import Direction, Feature
from features.definitions.indicators import FIRST_LEVEL, SECOND_LEVEL
from features.definitions.written import added_declarations

LIBRARY = Library(
    basic.DECLARATIONS
    + dynamics.DECLARATIONS
    + penalties.DECLARATIONS
    + inspections.DECLARATIONS
    + lists.DECLARATIONS
    + relations.DECLARATIONS
    + neighbourhood.DECLARATIONS
    + social.DECLARATIONS
    + food.DECLARATIONS
    + special_equipment.DECLARATIONS
    + added_declarations()
)

__all__ = ["FIRST_LEVEL", "GENERAL", "LIBRARY", "SECOND_LEVEL", "SECTORS", "Direction", "Feature", "Library"]
