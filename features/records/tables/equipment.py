"""Special equipment and its statutory inspection (特种设备); one version a state."""

from __future__ import annotations

from features.records import codes
from features.records.schema import Column, Label, RecordTable

TABLE = RecordTable(
    "equipment",
    Label("特种设备", "special equipment"),
    event=Label("状态日期", "date of this state"),
    columns=(
        Column("equipment_id", "string", Label("设备代码", "equipment identifier"), required=True),
        Column(
            "category", "string", Label("设备类别", "category"), required=True, codes=codes.EQUIPMENT_CATEGORY
        ),
        Column("status", "string", Label("使用状态", "status"), required=True, codes=codes.EQUIPMENT_STATUS),
        Column("installed_on", "date", Label("投用日期", "in use since")),
        Column("next_due", "date", Label("下次检验日期", "next statutory inspection due")),
        Column("maker", "string", Label("制造单位", "maker")),
    ),
)
