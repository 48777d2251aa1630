"""From when on a figure asks for attention, and the times that law gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

#: Calendar days in which records of a table must be known: twenty working days, with the longest public
#: holiday in between. Penalties: 市场监督管理行政处罚信息公示规定 (2021) art. 9; inspections:
#: 食品生产经营监督检查管理办法 (2022) art. 39. Tables that no rule names have no limit.
KNOWN_WITHIN: Mapping[str, int] = {"penalty": 36, "inspection": 36, "finding": 36}

#: Columns whose absence says something (not withdrawn, still on the list), so that it is no gap.
ENDS = frozenset({"withdrawn_at", "repaired_at", "expires_at", "removed_on", "ended_on"})


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """When a figure is put on the list of what asks for attention.

    Parameters
    ----------
    late
        Share of records known later than :data:`KNOWN_WITHIN`.
    refused
        Share of delivered rows that were quarantined.
    gap
        Share of references that lead nowhere.
    legacy
        Share of rows under a code from before 2015.
    least
        Fewest records that are judged at all.
    surprise
        Spreads by which a month's volume may differ from what is usual.
    recent_months
        Months before the last whose volumes are put on the list; earlier ones are in the table only.
    """

    late: float = 0.10
    refused: float = 0.01
    gap: float = 0.005
    legacy: float = 0.01
    least: int = 50
    surprise: float = 5.0
    recent_months: int = 12
