"""Accidents and incidents of special equipment or food (事故与事件)."""

from __future__ import annotations

from features.records import codes
from features.records.schema import Column, Label, RecordTable

TABLE = RecordTable(
    "incident",
    Label("事故与事件", "incident"),
    event=Label("发生日期", "date of occurrence"),
    columns=(
        Column("domain", "string", Label("领域", "domain"), required=True, codes=codes.DOMAIN),
        Column("grade", "string", Label("事故等级", "grade"), required=True, codes=codes.INCIDENT_GRADE),
        Column("injured", "int", Label("受伤人数", "injured"), low=0),
        Column("deaths", "int", Label("死亡人数", "deaths"), low=0),
        Column("equipment_id", "string", Label("设备代码", "equipment identifier")),
    ),
)
