"""食品: what only the food regulator's model uses."""

from __future__ import annotations

from features.definitions.expressions import col
from features.definitions.feature import Direction
from features.definitions.kinds import Count, DaysSince, InForce, Latest, Share, Sum
from features.definitions.supervision import FIRST_LOOK, FOUND, LOOKED
from features.records import Label

BASIS = "国市监信发〔2021〕28号第五条、第八条；食品生产经营监督检查管理办法"
SAMPLING = "国市监信发〔2021〕28号第五条；食品安全抽样检验管理办法"
FOOD = col("domain") == "food"
FAILED = col("result") == "fail"
FOOD_LICENCE = col("kind").isin(
    ["food_production", "food_additive_production", "special_food_production", "food_trade", "catering"]
)

DECLARATIONS = (
    InForce(
        name="food_licences_in_force",
        table="licence",
        until="valid_to",
        where=FOOD_LICENCE & (col("status") == "valid"),
        label=Label("有效食品许可数", "food licences in force"),
        indicator="basic.licence",
        sector="food",
        basis=BASIS,
    ),
    Latest(
        name="food_static_risk",
        table="enterprise",
        column="static_risk",
        label=Label("食品静态风险等级", "static food risk class"),
        indicator="basic.registration",
        direction=Direction.RAISES,
        sector="food",
        basis="食品生产经营风险分级管理办法（试行）",
    ),
    Count(
        name="food_inspections",
        table="inspection",
        where=FOOD & LOOKED,
        windows=("1y", "3y"),
        label=Label("食品检查", "food inspections"),
        indicator="supervision.inspection",
        sector="food",
        basis=BASIS,
    ),
    Count(
        name="food_problem_inspections",
        table="inspection",
        where=FOOD & FOUND & FIRST_LOOK,
        windows=("1y", "3y"),
        label=Label("食品检查发现问题", "food inspections that found a problem"),
        indicator="supervision.inspection",
        direction=Direction.RAISES,
        sector="food",
        basis=BASIS,
    ),
    Share(
        name="food_problem_share",
        table="inspection",
        where=FOOD & FOUND,
        among=FOOD & LOOKED & FIRST_LOOK,
        windows=("3y",),
        label=Label("食品检查问题率", "share of food inspections that found a problem"),
        indicator="supervision.inspection",
        direction=Direction.RAISES,
        sector="food",
        basis=BASIS,
    ),
    DaysSince(
        name="days_since_food_inspection",
        table="inspection",
        where=FOOD & LOOKED,
        label=Label("距上次食品检查", "time since the last food inspection"),
        indicator="supervision.inspection",
        sector="food",
        basis=BASIS,
    ),
    DaysSince(
        name="days_since_food_problem",
        table="inspection",
        where=FOOD & FOUND & FIRST_LOOK,
        label=Label("距上次食品检查发现问题", "time since a food inspection found a problem"),
        indicator="supervision.inspection",
        direction=Direction.LOWERS,
        sector="food",
        basis=BASIS,
    ),
    Sum(
        name="food_critical_items",
        table="inspection",
        column="critical_items",
        where=FOOD,
        windows=("1y",),
        label=Label("食品检查重点项问题", "critical items failed at food inspections"),
        indicator="supervision.inspection",
        direction=Direction.RAISES,
        sector="food",
        basis=BASIS,
    ),
    Count(
        name="sampling_tests",
        table="sampling_test",
        windows=("3y",),
        label=Label("监督抽检批次", "sampling tests"),
        indicator="supervision.sampling",
        sector="food",
        basis=SAMPLING,
    ),
    Count(
        name="sampling_failures",
        table="sampling_test",
        where=FAILED,
        windows=("1y", "3y"),
        label=Label("监督抽检不合格", "sampling failures"),
        indicator="supervision.sampling",
        direction=Direction.RAISES,
        sector="food",
        basis=SAMPLING,
    ),
    Count(
        name="safety_sampling_failures",
        table="sampling_test",
        where=FAILED & (col("severity") == "safety"),
        windows=("3y",),
        label=Label("安全指标抽检不合格", "sampling failures on safety"),
        indicator="supervision.sampling",
        direction=Direction.RAISES,
        sector="food",
        basis=SAMPLING,
    ),
    Share(
        name="sampling_failure_share",
        table="sampling_test",
        where=FAILED,
        windows=("3y",),
        label=Label("监督抽检不合格率", "share of sampling tests failed"),
        indicator="supervision.sampling",
        direction=Direction.RAISES,
        sector="food",
        basis=SAMPLING,
    ),
    Count(
        name="food_complaints",
        table="complaint",
        where=FOOD,
        windows=("1y",),
        label=Label("食品投诉举报", "food complaints"),
        indicator="social.complaint",
        direction=Direction.RAISES,
        sector="food",
        basis="市场监督管理投诉举报处理暂行办法",
    ),
    Count(
        name="food_penalties",
        table="penalty",
        where=FOOD,
        windows=("1y", "3y"),
        label=Label("食品行政处罚", "food penalties"),
        indicator="supervision.penalty",
        direction=Direction.RAISES,
        sector="food",
        basis="食品安全法第一百一十三条、第一百三十四条",
    ),
)
