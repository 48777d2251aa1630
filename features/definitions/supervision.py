"""监管信息: penalties, inspections, lists."""

from __future__ import annotations

from features.definitions.expressions import col
from features.definitions.feature import Direction
from features.definitions.kinds import Count, DaysSince, InForce, Latest, Money, Share, Sum
from features.records import Label

PENALTY = "国市监信发〔2021〕28号第五条；市场监督管理行政处罚信息公示规定"
INSPECTION = "国市监信发〔2021〕28号第五条"
ABNORMAL = "国市监信发〔2021〕28号第十条；企业经营异常名录管理暂行办法"
SERIOUS = "国市监信发〔2021〕28号第十条；市场监督管理严重违法失信名单管理办法"

FOUND = col("outcome").isin(["problem", "severe"])
#: What counts as an inspection that looked: not closed, moved or without the activity.
LOOKED = col("outcome").isin(["no_problem", "corrected", "problem", "severe"])
#: A re-inspection looks at what is already known; it says little of the next one.
FIRST_LOOK = col("kind") != "recheck"

DECLARATIONS = (
    Count(
        name="penalties",
        table="penalty",
        windows=("1y", "3y"),
        label=Label("行政处罚", "penalties"),
        indicator="supervision.penalty",
        direction=Direction.RAISES,
        basis=PENALTY,
    ),
    Count(
        name="serious_penalties",
        table="penalty",
        where=col("severity") == "serious",
        windows=("3y",),
        label=Label("严重行政处罚", "serious penalties"),
        indicator="supervision.penalty",
        direction=Direction.RAISES,
        basis=PENALTY,
    ),
    Money(
        name="penalty_amount",
        table="penalty",
        column="amount",
        windows=("3y",),
        label=Label("罚没金额", "fines and confiscations"),
        indicator="supervision.penalty",
        direction=Direction.RAISES,
        basis=PENALTY,
    ),
    DaysSince(
        name="days_since_penalty",
        table="penalty",
        label=Label("距上次行政处罚", "time since the last penalty"),
        indicator="supervision.penalty",
        direction=Direction.LOWERS,
        basis=PENALTY,
    ),
    Count(
        name="inspections",
        table="inspection",
        where=LOOKED,
        windows=("1y", "3y"),
        label=Label("接受检查", "inspections"),
        indicator="supervision.inspection",
        basis=INSPECTION,
    ),
    Count(
        name="problem_inspections",
        table="inspection",
        where=FOUND & FIRST_LOOK,
        windows=("1y", "3y", "all"),
        label=Label("检查发现问题", "inspections that found a problem"),
        indicator="supervision.inspection",
        direction=Direction.RAISES,
        basis=INSPECTION,
    ),
    Count(
        name="severe_inspections",
        table="inspection",
        where=col("outcome") == "severe",
        windows=("3y",),
        label=Label("检查发现严重问题", "inspections that found a severe problem"),
        indicator="supervision.inspection",
        direction=Direction.RAISES,
        basis=INSPECTION,
    ),
    Count(
        name="corrected_inspections",
        table="inspection",
        where=col("outcome") == "corrected",
        windows=("3y",),
        label=Label("责令改正已改正", "inspections corrected on order"),
        indicator="supervision.inspection",
        basis=INSPECTION,
    ),
    Count(
        name="unreachable_inspections",
        table="inspection",
        where=col("outcome").isin(["neutral", "censored"]),
        windows=("3y",),
        label=Label("检查时未开展经营或已关闭", "inspections that found no activity"),
        indicator="dynamics.operation",
        basis=INSPECTION,
    ),
    Share(
        name="problem_share",
        table="inspection",
        where=FOUND,
        among=LOOKED & FIRST_LOOK,
        windows=("3y", "all"),
        label=Label("检查问题率", "share of inspections that found a problem"),
        indicator="supervision.inspection",
        direction=Direction.RAISES,
        basis=INSPECTION,
    ),
    DaysSince(
        name="days_since_inspection",
        table="inspection",
        where=LOOKED,
        label=Label("距上次检查", "time since the last inspection"),
        indicator="supervision.inspection",
        basis=INSPECTION,
    ),
    DaysSince(
        name="days_since_problem",
        table="inspection",
        where=FOUND & FIRST_LOOK,
        label=Label("距上次发现问题", "time since a problem was last found"),
        indicator="supervision.inspection",
        direction=Direction.LOWERS,
        basis=INSPECTION,
    ),
    Sum(
        name="critical_items",
        table="inspection",
        column="critical_items",
        windows=("1y", "3y"),
        label=Label("关键项问题", "critical items failed"),
        indicator="supervision.inspection",
        direction=Direction.RAISES,
        basis=INSPECTION,
    ),
    Sum(
        name="serious_items",
        table="inspection",
        column="serious_items",
        windows=("3y",),
        label=Label("重要项问题", "serious items failed"),
        indicator="supervision.inspection",
        direction=Direction.RAISES,
        basis=INSPECTION,
    ),
    Sum(
        name="minor_items",
        table="inspection",
        column="minor_items",
        windows=("3y",),
        label=Label("一般项问题", "minor items failed"),
        indicator="supervision.inspection",
        basis=INSPECTION,
    ),
    Latest(
        name="last_serious_items",
        table="inspection",
        column="serious_items",
        label=Label("上次检查重要项问题", "serious items at the last inspection"),
        indicator="supervision.inspection",
        basis=INSPECTION,
    ),
    Latest(
        name="last_minor_items",
        table="inspection",
        column="minor_items",
        label=Label("上次检查一般项问题", "minor items at the last inspection"),
        indicator="supervision.inspection",
        basis=INSPECTION,
    ),
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
)
