"""企业基础属性信息: who the enterprise is, its licences and its annual reports."""

from __future__ import annotations

from features.definitions.expressions import col
from features.definitions.feature import Direction
from features.definitions.kinds import (
    Count,
    DaysSince,
    DaysSinceDate,
    DaysUntil,
    InForce,
    Latest,
    LatestCode,
    LatestMoney,
    Overdue,
)
from features.records import Label, codes

REGISTRATION = "市场主体登记管理条例第三十八条"
REPORT = "企业信息公示暂行条例第八条"

DECLARATIONS = (
    DaysSinceDate(
        name="age_days",
        table="enterprise",
        column="established_on",
        label=Label("成立时长", "time since establishment"),
        indicator="basic.registration",
        basis=REGISTRATION,
    ),
    LatestCode(
        name="industry_section",
        table="enterprise",
        column="industry",
        codes=codes.INDUSTRY_SECTION,
        characters=1,
        label=Label("行业门类", "industry section"),
        indicator="basic.registration",
        basis=REGISTRATION,
    ),
    LatestCode(
        name="enterprise_type",
        table="enterprise",
        column="enterprise_type",
        codes=codes.ENTERPRISE_TYPE,
        label=Label("主体类型", "type of enterprise"),
        indicator="basic.registration",
        basis=REGISTRATION,
    ),
    LatestMoney(
        name="registered_capital",
        table="enterprise",
        column="registered_capital",
        label=Label("注册资本", "registered capital"),
        indicator="basic.scale",
        basis=REGISTRATION,
    ),
    LatestMoney(
        name="paid_in_capital",
        table="enterprise",
        column="paid_in_capital",
        label=Label("实缴资本", "paid-in capital"),
        indicator="basic.scale",
        basis=REPORT,
    ),
    Latest(
        name="employees",
        table="enterprise",
        column="employees",
        label=Label("从业人数", "employees"),
        indicator="basic.scale",
        basis=REPORT,
    ),
    InForce(
        name="licences_in_force",
        table="licence",
        until="valid_to",
        where=col("status") == "valid",
        label=Label("有效许可数", "licences in force"),
        indicator="basic.licence",
    ),
    Overdue(
        name="licences_expired",
        table="licence",
        column="valid_to",
        where=col("status") == "valid",
        label=Label("已过期许可数", "licences expired"),
        indicator="basic.licence",
    ),
    DaysUntil(
        name="days_to_licence_expiry",
        table="licence",
        column="valid_to",
        where=col("status") == "valid",
        label=Label("距最近许可到期", "time until a licence expires"),
        indicator="basic.licence",
    ),
    Count(
        name="licences_lost",
        table="licence",
        where=col("status").isin(["revoked", "withdrawn", "suspended"]),
        label=Label("被吊销、撤销或暂扣许可", "licences revoked, withdrawn or suspended"),
        indicator="basic.licence",
        direction=Direction.RAISES,
    ),
    Count(
        name="annual_reports",
        table="annual_report",
        windows=("3y",),
        label=Label("报送年报", "annual reports filed"),
        indicator="basic.annual_report",
        basis=REPORT,
    ),
    Count(
        name="late_annual_reports",
        table="annual_report",
        where=col("late") == True,  # noqa: E712
        windows=("3y",),
        label=Label("逾期报送年报", "annual reports filed late"),
        indicator="basic.annual_report",
        direction=Direction.RAISES,
        basis=REPORT,
    ),
    DaysSince(
        name="days_since_annual_report",
        table="annual_report",
        label=Label("距上次报送年报", "time since the last annual report"),
        indicator="basic.annual_report",
        direction=Direction.RAISES,
        basis=REPORT,
    ),
)
