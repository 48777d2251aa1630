"""Changes of registered items (变更登记)."""

from __future__ import annotations

from features.records import codes
from features.records.schema import Column, Label, RecordTable

TABLE = RecordTable(
    "change",
    Label("变更登记", "change"),
    event=Label("核准日期", "date of approval"),
    columns=(
        Column("item", "string", Label("变更事项", "item changed"), required=True, codes=codes.CHANGE_ITEM),
    ),
)
