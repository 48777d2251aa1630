"""关联关系信息: persons and enterprises that an enterprise is tied to."""

from __future__ import annotations

from features.definitions.expressions import col
from features.definitions.feature import Direction
from features.definitions.kinds import Count, DaysSince, InForce, Maximum
from features.records import Label

DECLARATIONS = (
    InForce(
        name="shareholders",
        table="relation",
        until="ended_on",
        where=col("kind") == "shareholder",
        label=Label("股东数", "shareholders"),
        indicator="relations.persons",
    ),
    InForce(
        name="branches",
        table="relation",
        until="ended_on",
        where=col("kind") == "branch",
        label=Label("分支机构数", "branches"),
        indicator="relations.enterprises",
    ),
    InForce(
        name="investments",
        table="relation",
        until="ended_on",
        where=col("kind") == "investment",
        label=Label("对外投资数", "outward investments"),
        indicator="relations.enterprises",
    ),
    Count(
        name="representatives_named",
        table="relation",
        where=col("kind") == "legal_representative",
        windows=("3y",),
        label=Label("任命法定代表人次数", "legal representatives named"),
        indicator="relations.persons",
        direction=Direction.RAISES,
    ),
    DaysSince(
        name="days_under_representative",
        table="relation",
        where=col("kind") == "legal_representative",
        label=Label("现任法定代表人任职时长", "time under the present legal representative"),
        indicator="relations.persons",
    ),
    Maximum(
        name="largest_share",
        table="relation",
        where=(col("kind") == "shareholder") & col("ended_on").is_missing(),
        column="share",
        label=Label("最大股东持股比例", "largest share held"),
        indicator="relations.persons",
    ),
)
