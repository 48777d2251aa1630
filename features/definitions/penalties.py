"""监管信息 · 行政处罚: penalties."""

from __future__ import annotations

from features.definitions.expressions import col
from features.definitions.feature import Direction
from features.definitions.kinds import (
    Count,
    DaysSince,
    Decayed,
    Distinct,
    MaximumMoney,
    Money,
    Repeats,
    Trend,
)
from features.records import Label, codes

PENALTY = "国市监信发〔2021〕28号第五条；市场监督管理行政处罚信息公示规定"
#: Same-kind violations within a year of a penalty are serious circumstances.
REPEATED = "行政处罚法；食品安全法实施条例第六十七条"
#: Kinds whose publication never ends early (市场监督管理行政处罚信息公示规定第十四条).
GRAVE = col("kind").isin(
    [
        "licence_suspension",
        "downgrade",
        "licence_revocation",
        "restriction",
        "shutdown",
        "closure",
        "employment_ban",
    ]
)


DECLARATIONS = (
    Count(
        name="penalties",
        table="penalty",
        windows=("1y", "3y", "5y"),
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
    Decayed(
        name="penalties_recent",
        table="penalty",
        half_life=365,
        label=Label("行政处罚（按时间衰减）", "penalties, recent ones weighing more"),
        indicator="supervision.penalty",
        direction=Direction.RAISES,
        basis=PENALTY,
    ),
    Trend(
        name="penalty_trend",
        table="penalty",
        recent="1y",
        windows=("3y",),
        label=Label("行政处罚增减趋势", "trend of penalties"),
        indicator="supervision.penalty",
        direction=Direction.RAISES,
        basis=PENALTY,
    ),
    Count(
        name="grave_penalties",
        table="penalty",
        where=GRAVE,
        windows=("3y",),
        label=Label("暂扣吊销、停产停业等重罚", "suspensions, revocations, shutdowns and the like"),
        indicator="supervision.penalty",
        direction=Direction.RAISES,
        basis=PENALTY,
    ),
    Count(
        name="confiscations",
        table="penalty",
        where=col("kind") == "confiscation",
        windows=("3y",),
        label=Label("没收违法所得或非法财物", "confiscations"),
        indicator="supervision.penalty",
        direction=Direction.RAISES,
        basis=PENALTY,
    ),
    Count(
        name="minor_penalties",
        table="penalty",
        where=col("severity") == "minor",
        windows=("3y",),
        label=Label("轻微行政处罚", "minor penalties"),
        indicator="supervision.penalty",
        direction=Direction.RAISES,
        basis=PENALTY,
    ),
    MaximumMoney(
        name="largest_penalty",
        table="penalty",
        column="amount",
        windows=("3y",),
        label=Label("最大单笔罚没金额", "largest fine or confiscation"),
        indicator="supervision.penalty",
        direction=Direction.RAISES,
        basis=PENALTY,
    ),
    Repeats(
        name="repeated_penalties",
        table="penalty",
        column="domain",
        codes=codes.DOMAIN,
        windows=("3y",),
        label=Label("一年内同领域再次受罚", "penalties within a year of one in the same domain"),
        indicator="supervision.penalty",
        direction=Direction.RAISES,
        basis=REPEATED,
    ),
    Distinct(
        name="penalty_domains",
        table="penalty",
        column="domain",
        codes=codes.DOMAIN,
        windows=("3y",),
        label=Label("受罚领域数", "domains in which it was penalised"),
        indicator="supervision.penalty",
        direction=Direction.RAISES,
        basis=PENALTY,
    ),
    DaysSince(
        name="days_since_serious_penalty",
        table="penalty",
        where=col("severity") == "serious",
        label=Label("距上次严重行政处罚", "time since the last serious penalty"),
        indicator="supervision.penalty",
        direction=Direction.LOWERS,
        basis=PENALTY,
    ),
)
