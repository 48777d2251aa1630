"""关联关系信息 · 邻域: how often the others of the same industry and district had a problem."""

from __future__ import annotations

from features.definitions.across import Level
from features.definitions.expressions import Expression, col
from features.definitions.feature import Direction
from features.definitions.food import FAILED, FOOD, SAMPLING
from features.definitions.inspections import FIRST_LOOK, FOUND, INSPECTION, LOOKED
from features.definitions.kinds import Rate
from features.definitions.special_equipment import BASIS as EQUIPMENT_BASIS
from features.definitions.special_equipment import EQUIPMENT
from features.records import Label

#: Division of GB/T 4754, then district of GB/T 2260.
INDUSTRY_AND_DISTRICT = (Level("industry", 3), Level("district"))


def _inspected(name: str, which: Expression, zh: str, en: str, sector: str, basis: str) -> Rate:
    return Rate(
        name=name,
        table="inspection",
        where=FOUND,
        among=which & LOOKED & FIRST_LOOK,
        windows=("1y",),
        within=INDUSTRY_AND_DISTRICT,
        label=Label(zh, en),
        indicator="relations.neighbourhood",
        direction=Direction.RAISES,
        sector=sector,
        basis=basis,
    )


DECLARATIONS = (
    _inspected(
        "neighbourhood_problem_rate",
        col("domain").is_present(),
        "同行业同区域检查问题率",
        "problem rate of inspections in the same industry and district",
        "general",
        INSPECTION,
    ),
    _inspected(
        "neighbourhood_food_problem_rate",
        FOOD,
        "同行业同区域食品检查问题率",
        "problem rate of food inspections in the same industry and district",
        "food",
        INSPECTION,
    ),
    _inspected(
        "neighbourhood_equipment_problem_rate",
        EQUIPMENT,
        "同行业同区域特种设备检查问题率",
        "problem rate of equipment inspections in the same industry and district",
        "special_equipment",
        EQUIPMENT_BASIS,
    ),
    Rate(
        name="neighbourhood_sampling_failure_rate",
        table="sampling_test",
        where=FAILED,
        windows=("3y",),
        within=INDUSTRY_AND_DISTRICT,
        label=Label(
            "同行业同区域抽检不合格率", "failure rate of sampling tests in the same industry and district"
        ),
        indicator="relations.neighbourhood",
        direction=Direction.RAISES,
        sector="food",
        basis=SAMPLING,
    ),
    Rate(
        name="neighbourhood_verified_rate",
        table="complaint",
        where=col("verified") == True,  # noqa: E712
        among=col("verified").is_present(),
        windows=("1y",),
        within=INDUSTRY_AND_DISTRICT,
        label=Label(
            "同行业同区域投诉查实率", "share of complaints found true in the same industry and district"
        ),
        indicator="relations.neighbourhood",
        direction=Direction.RAISES,
        basis="市场监督管理投诉举报处理暂行办法",
    ),
)
