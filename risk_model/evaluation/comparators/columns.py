"""What a comparator may look at: columns, and which of them are categories."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from features.definitions import LIBRARY


@dataclass(frozen=True)
class Columns:
    """Columns of a table of features.

    Attributes
    ----------
    names
        In the order in which a learner sees them.
    categorical
        Those whose numbers are codes without an order.
    """

    names: tuple[str, ...]
    categorical: frozenset[str] = frozenset()

    @classmethod
    def of_library(cls, names: Iterable[str]) -> Columns:
        """Describe features of the library."""
        chosen = tuple(names)
        return cls(chosen, frozenset(n for n in chosen if LIBRARY[n].categories is not None))

    def telling(self, rows: pd.DataFrame) -> Columns:
        """Return those that have more than one value, a missing one included."""
        constant = rows[list(self.names)].nunique(dropna=False) < 2
        names = tuple(n for n in self.names if not constant[n] and rows[n].notna().any())
        return Columns(names, self.categorical & set(names))
