"""企业动态信息: what the enterprise changed."""

from __future__ import annotations

from features.definitions.expressions import col
from features.definitions.feature import Direction
from features.definitions.kinds import Count, DaysSince
from features.records import Label

BASIS = "市场主体登记管理条例第二十四条"


def _changes(name: str, item: str, zh: str, en: str) -> Count:
    return Count(
        name=name,
        table="change",
        where=col("item") == item,
        windows=("3y",),
        label=Label(zh, en),
        indicator="dynamics.change",
        direction=Direction.RAISES,
        basis=BASIS,
    )


DECLARATIONS = (
    Count(
        name="changes",
        table="change",
        windows=("1y", "3y"),
        label=Label("登记事项变更", "changes of registered items"),
        indicator="dynamics.change",
        direction=Direction.RAISES,
        basis=BASIS,
    ),
    _changes(
        "legal_representative_changes",
        "legal_representative",
        "法定代表人变更",
        "changes of legal representative",
    ),
    _changes("address_changes", "address", "住所变更", "changes of address"),
    _changes("shareholder_changes", "shareholder", "股东变更", "changes of shareholders"),
    DaysSince(
        name="days_since_change",
        table="change",
        label=Label("距上次变更", "time since the last change"),
        indicator="dynamics.change",
        basis=BASIS,
    ),
)
