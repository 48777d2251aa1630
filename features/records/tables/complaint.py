"""Complaints and reports (投诉举报)."""

from __future__ import annotations

from features.records import codes
from features.records.schema import Column, Label, RecordTable

TABLE = RecordTable(
    "complaint",
    Label("投诉举报", "complaint"),
    event=Label("登记日期", "date of receipt"),
    columns=(
        Column("domain", "string", Label("领域", "domain"), required=True, codes=codes.DOMAIN),
        Column("verified", "bool", Label("是否查实", "found true")),
    ),
)
