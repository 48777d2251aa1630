"""Administrative licences (行政许可)."""

from __future__ import annotations

from features.records import codes
from features.records.schema import Column, Label, RecordTable

TABLE = RecordTable(
    "licence",
    Label("行政许可", "licence"),
    event=Label("许可决定日期", "date of the decision"),
    columns=(
        Column(
            "kind", "string", Label("许可类别", "kind of licence"), required=True, codes=codes.LICENCE_KIND
        ),
        Column("licence_no", "string", Label("许可证编号", "licence number")),
        Column("category", "string", Label("许可项目", "licensed category")),
        Column("valid_from", "date", Label("有效期自", "valid from")),
        Column("valid_to", "date", Label("有效期至", "valid to")),
        Column(
            "status",
            "string",
            Label("许可状态", "status of the licence"),
            required=True,
            codes=codes.LICENCE_STATUS,
        ),
        Column("issuer_level", "string", Label("发证机关层级", "level of the issuer"), codes=codes.LEVEL),
    ),
)
