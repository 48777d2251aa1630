"""监管信息 · 名录与名单: the abnormal-operation list, the serious-violation list, refused repairs."""

from __future__ import annotations

from features.definitions.expressions import col
from features.definitions.feature import Direction
from features.definitions.kinds import Count, DaysSince, InForce, LongestInForce, Repeats, TimeInForce
from features.records import Label, codes

ABNORMAL = "国市监信发〔2021〕28号第十条；企业经营异常名录管理暂行办法"
SERIOUS = "国市监信发〔2021〕28号第十条；市场监督管理严重违法失信名单管理办法"
REPAIR = "市场监督管理信用修复管理办法"

DECLARATIONS = (
    InForce(
        name="abnormal_now",
        table="abnormal_list",
        until="removed_on",
        label=Label("当前列入经营异常名录", "on the abnormal-operation list now"),
        indicator="supervision.lists",
        direction=Direction.RAISES,
        basis=ABNORMAL,
    ),
    Count(
        name="abnormal_entries",
        table="abnormal_list",
        windows=("3y", "all"),
        label=Label("列入经营异常名录", "entries in the abnormal-operation list"),
        indicator="supervision.lists",
        direction=Direction.RAISES,
        basis=ABNORMAL,
    ),
    DaysSince(
        name="days_since_abnormal_entry",
        table="abnormal_list",
        label=Label("距上次列入经营异常名录", "time since the last entry in the abnormal-operation list"),
        indicator="supervision.lists",
        direction=Direction.LOWERS,
        basis=ABNORMAL,
    ),
    InForce(
        name="serious_list_now",
        table="serious_violation_list",
        until="removed_on",
        label=Label("当前列入严重违法失信名单", "on the serious-violation list now"),
        indicator="supervision.lists",
        direction=Direction.RAISES,
        basis=SERIOUS,
    ),
    TimeInForce(
        name="abnormal_days",
        table="abnormal_list",
        until="removed_on",
        label=Label("累计列入经营异常名录时间", "time on the abnormal-operation list in all"),
        indicator="supervision.lists",
        direction=Direction.RAISES,
        basis=ABNORMAL,
    ),
    LongestInForce(
        name="abnormal_days_now",
        table="abnormal_list",
        until="removed_on",
        label=Label(
            "当前列入经营异常名录时长", "time since the entry in the abnormal-operation list that lasts"
        ),
        indicator="supervision.lists",
        direction=Direction.RAISES,
        basis=ABNORMAL,
    ),
    InForce(
        name="unreachable_now",
        table="abnormal_list",
        where=col("reason") == "4",
        until="removed_on",
        label=Label("当前因无法联系列入异常名录", "listed now as unreachable at its address"),
        indicator="supervision.lists",
        direction=Direction.RAISES,
        basis="企业经营异常名录管理暂行办法第九条",
    ),
    Count(
        name="entries_for_false_information",
        table="abnormal_list",
        where=col("reason") == "3",
        label=Label("因弄虚作假列入异常名录", "entries for false or concealed information"),
        indicator="supervision.lists",
        direction=Direction.RAISES,
        basis="企业经营异常名录管理暂行办法第八条",
    ),
    Count(
        name="entries_for_missing_reports",
        table="abnormal_list",
        where=col("reason") == "1",
        windows=("5y",),
        label=Label("因未公示年报列入异常名录", "entries for annual reports not published"),
        indicator="supervision.lists",
        direction=Direction.RAISES,
        basis="企业经营异常名录管理暂行办法第六条",
    ),
    Repeats(
        name="repeated_abnormal_entries",
        table="abnormal_list",
        column="reason",
        codes=codes.ABNORMAL_REASON,
        within_days=730,
        label=Label(
            "两年内因同一原因再次列入异常名录", "entries within two years of one for the same reason"
        ),
        indicator="supervision.lists",
        direction=Direction.RAISES,
        basis=ABNORMAL,
    ),
    Count(
        name="serious_entries",
        table="serious_violation_list",
        label=Label("列入严重违法失信名单次数", "entries in the serious-violation list"),
        indicator="supervision.lists",
        direction=Direction.RAISES,
        basis=SERIOUS,
    ),
    DaysSince(
        name="days_since_serious_entry",
        table="serious_violation_list",
        label=Label("距上次列入严重违法失信名单", "time since the last entry in the serious-violation list"),
        indicator="supervision.lists",
        direction=Direction.LOWERS,
        basis=SERIOUS,
    ),
    Count(
        name="obstruction_entries",
        table="serious_violation_list",
        where=col("ground") == "obstruction",
        label=Label("因拒绝阻碍监督检查列入名单", "entries for obstructing supervision"),
        indicator="supervision.lists",
        direction=Direction.RAISES,
        basis=SERIOUS,
    ),
    # Granted repairs are no feature: what was repaired may no longer be used, not even by a trace.
    Count(
        name="refused_repairs",
        table="credit_repair",
        where=col("decision") == "refused",
        windows=("3y",),
        label=Label("信用修复申请不予修复", "credit repairs refused"),
        indicator="supervision.lists",
        direction=Direction.RAISES,
        basis=REPAIR,
    ),
)
