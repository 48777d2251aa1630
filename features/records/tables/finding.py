"""Single items found wrong at an inspection (检查发现问题项)."""

from __future__ import annotations

from features.records import codes
from features.records.schema import Column, Label, RecordTable

TABLE = RecordTable(
    "finding",
    Label("检查问题项", "finding"),
    event=Label("检查日期", "date of the inspection"),
    columns=(
        Column("inspection_id", "string", Label("检查记录编号", "record of the inspection")),
        Column("item", "string", Label("检查项目", "item")),
        Column(
            "severity",
            "string",
            Label("项目严重程度", "severity of the item"),
            required=True,
            codes=codes.ITEM_SEVERITY,
        ),
        Column("domain", "string", Label("监管领域", "domain"), required=True, codes=codes.DOMAIN),
        Column("fined", "fen", Label("罚款", "fined"), low=0),
    ),
)
