"""企业动态信息: what the enterprise changed."""

from __future__ import annotations

from features.definitions.expressions import col
from features.definitions.feature import Direction
from features.definitions.kinds import Count, DaysSince, Decayed, Distinct, Repeats, Trend
from features.records import Label, codes

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
    _changes("scope_changes", "business_scope", "经营范围变更", "changes of business scope"),
    _changes("capital_changes", "capital", "注册资本变更", "changes of registered capital"),
    _changes("name_changes", "name", "名称变更", "changes of name"),
    Decayed(
        name="changes_recent",
        table="change",
        half_life=365,
        label=Label("登记事项变更（按时间衰减）", "changes, recent ones weighing more"),
        indicator="dynamics.change",
        direction=Direction.RAISES,
        basis=BASIS,
    ),
    Trend(
        name="change_trend",
        table="change",
        recent="1y",
        windows=("3y",),
        label=Label("登记事项变更增减趋势", "trend of changes"),
        indicator="dynamics.change",
        direction=Direction.RAISES,
        basis=BASIS,
    ),
    Distinct(
        name="changed_items",
        table="change",
        column="item",
        codes=codes.CHANGE_ITEM,
        windows=("3y",),
        label=Label("变更事项种类数", "kinds of items changed"),
        indicator="dynamics.change",
        direction=Direction.RAISES,
        basis=BASIS,
    ),
    Repeats(
        name="repeated_changes",
        table="change",
        column="item",
        codes=codes.CHANGE_ITEM,
        windows=("3y",),
        label=Label("一年内同一事项再次变更", "changes within a year of one of the same item"),
        indicator="dynamics.change",
        direction=Direction.RAISES,
        basis=BASIS,
    ),
)
