"""Credit commitments and their verification (信用承诺)."""

from __future__ import annotations

from features.records import codes
from features.records.schema import Column, Label, RecordTable

TABLE = RecordTable(
    "commitment",
    Label("信用承诺", "commitment"),
    event=Label("承诺日期", "date of the commitment"),
    columns=(
        Column("kind", "string", Label("承诺类型", "kind")),
        Column(
            "outcome",
            "string",
            Label("核查结果", "outcome of verification"),
            required=True,
            codes=codes.COMMITMENT_OUTCOME,
        ),
        Column("verified_on", "date", Label("核查日期", "verified on")),
    ),
)
