"""Entries in the list of abnormal operations (经营异常名录)."""

from __future__ import annotations

from features.records import codes
from features.records.schema import Column, Label, RecordTable

TABLE = RecordTable(
    "abnormal_list",
    Label("经营异常名录", "abnormal-operation list"),
    event=Label("列入日期", "date of entry"),
    columns=(
        Column("reason", "string", Label("列入原因", "ground"), required=True, codes=codes.ABNORMAL_REASON),
        Column("removed_on", "date", Label("移出日期", "removed on")),
    ),
)
