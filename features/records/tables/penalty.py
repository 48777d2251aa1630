"""Administrative penalties (行政处罚)."""

from __future__ import annotations

from features.records import codes
from features.records.schema import Column, Label, RecordTable

TABLE = RecordTable(
    "penalty",
    Label("行政处罚", "penalty"),
    event=Label("处罚决定日期", "date of the decision"),
    columns=(
        Column(
            "kind", "string", Label("处罚种类", "kind of penalty"), required=True, codes=codes.PENALTY_KIND
        ),
        Column("severity", "string", Label("严重程度", "severity"), required=True, codes=codes.SEVERITY),
        Column("domain", "string", Label("监管领域", "domain"), required=True, codes=codes.DOMAIN),
        Column("amount", "fen", Label("罚没金额", "fine and confiscation"), low=0),
        Column("document_no", "string", Label("决定书文号", "document number")),
        Column("basis", "string", Label("处罚依据", "legal basis")),
    ),
)
