"""Entries in the list of serious violations (严重违法失信名单)."""

from __future__ import annotations

from features.records import codes
from features.records.schema import Column, Label, RecordTable

TABLE = RecordTable(
    "serious_violation_list",
    Label("严重违法失信名单", "serious-violation list"),
    event=Label("列入日期", "date of entry"),
    columns=(
        Column("ground", "string", Label("列入情形", "ground"), required=True, codes=codes.SERIOUS_GROUND),
        Column("removed_on", "date", Label("移出日期", "removed on")),
    ),
)
