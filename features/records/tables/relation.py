"""Relations between enterprises and persons (关联关系)."""

from __future__ import annotations

from features.records import codes
from features.records.schema import Column, Label, RecordTable

TABLE = RecordTable(
    "relation",
    Label("关联关系", "relation"),
    event=Label("关系起始日期", "date from which it holds"),
    columns=(
        Column(
            "kind", "string", Label("关系类型", "kind of relation"), required=True, codes=codes.RELATION_KIND
        ),
        Column("related_code", "string", Label("关联企业代码", "credit code of the related enterprise")),
        Column("person_key", "string", Label("关联人标识", "pseudonym of the person"), personal=True),
        Column("share", "float", Label("持股比例", "share held"), low=0, high=1),
        Column("ended_on", "date", Label("关系终止日期", "ended on")),
    ),
)
