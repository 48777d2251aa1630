"""Registration of an enterprise (登记注册信息); one version a change."""

from __future__ import annotations

from features.records import codes
from features.records.schema import Column, Label, RecordTable

TABLE = RecordTable(
    "enterprise",
    Label("企业登记信息", "enterprise"),
    event=Label("登记日期", "date of this registration state"),
    columns=(
        Column("name", "string", Label("名称", "name"), required=True),
        Column(
            "status", "string", Label("登记状态", "registration status"), required=True, codes=codes.STATUS
        ),
        Column("established_on", "date", Label("成立日期", "established on")),
        Column(
            "enterprise_type", "string", Label("主体类型", "type of enterprise"), codes=codes.ENTERPRISE_TYPE
        ),
        Column("industry", "string", Label("行业代码（GB/T 4754）", "industry (GB/T 4754)")),
        Column("district", "string", Label("行政区划代码（GB/T 2260）", "district (GB/T 2260)")),
        Column("address", "string", Label("住所", "registered address")),
        Column("registered_capital", "fen", Label("注册资本", "registered capital"), low=0),
        Column("paid_in_capital", "fen", Label("实缴资本", "paid-in capital"), low=0),
        Column("employees", "int", Label("从业人数", "employees"), low=0),
        Column(
            "static_risk", "int", Label("静态风险等级", "static risk class of the activity"), low=1, high=4
        ),
    ),
)
