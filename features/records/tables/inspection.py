"""Inspections and what they found (监督检查)."""

from __future__ import annotations

from features.records import codes
from features.records.schema import Column, Label, RecordTable

TABLE = RecordTable(
    "inspection",
    Label("监督检查", "inspection"),
    event=Label("检查日期", "date of the inspection"),
    columns=(
        Column(
            "kind",
            "string",
            Label("检查类型", "kind of inspection"),
            required=True,
            codes=codes.INSPECTION_KIND,
        ),
        Column("domain", "string", Label("监管领域", "domain"), required=True, codes=codes.DOMAIN),
        Column(
            "selection",
            "string",
            Label("对象产生方式", "how it was chosen"),
            required=True,
            codes=codes.SELECTION,
        ),
        Column(
            "inclusion_probability",
            "float",
            Label("抽中概率", "inclusion probability of the draw"),
            low=0,
            high=1,
        ),
        Column("outcome", "string", Label("检查结果", "outcome"), required=True, codes=codes.OUTCOME),
        Column("result_codes", "string", Label("公示结果代码", "published result codes")),
        Column("critical_items", "int", Label("关键项问题数", "critical items failed"), low=0),
        Column("serious_items", "int", Label("重要项问题数", "serious items failed"), low=0),
        Column("minor_items", "int", Label("一般项问题数", "minor items failed"), low=0),
        Column("points", "float", Label("检查得分", "points given")),
        Column("full_item", "bool", Label("是否全项目检查", "all items inspected")),
    ),
)
