"""Decisions on credit repair (信用修复)."""

from __future__ import annotations

from features.records import codes
from features.records.schema import Column, Label, RecordTable

TABLE = RecordTable(
    "credit_repair",
    Label("信用修复", "credit repair"),
    event=Label("决定日期", "date of the decision"),
    columns=(
        Column(
            "target_table", "string", Label("被修复记录类别", "table of the repaired record"), required=True
        ),
        Column(
            "target_record_id", "string", Label("被修复记录标识", "record that is repaired"), required=True
        ),
        Column(
            "decision", "string", Label("修复决定", "decision"), required=True, codes=codes.REPAIR_DECISION
        ),
        Column("reason", "string", Label("理由", "reason")),
        Column("basis", "string", Label("依据", "article")),
    ),
)
