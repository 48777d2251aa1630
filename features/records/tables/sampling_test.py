"""Supervisory sampling tests (监督抽检)."""

from __future__ import annotations

from features.records import codes
from features.records.schema import Column, Label, RecordTable

TABLE = RecordTable(
    "sampling_test",
    Label("监督抽检", "sampling test"),
    event=Label("抽样日期", "date of sampling"),
    columns=(
        Column("result", "string", Label("检验结论", "result"), required=True, codes=codes.SAMPLING_RESULT),
        Column("severity", "string", Label("不合格类型", "kind of failure"), codes=codes.SAMPLING_SEVERITY),
        Column("level", "string", Label("抽检层级", "level"), codes=codes.LEVEL),
        Column("product", "string", Label("产品", "product")),
        Column("category", "string", Label("食品大类", "food category")),
        Column("batch", "string", Label("批号", "batch")),
        Column("producer", "string", Label("标称生产者", "stated producer")),
        Column("failed_item", "string", Label("不合格项目", "failed item")),
    ),
)
