"""Industries of GB/T 4754-2017 that occur in the simulated province."""

from __future__ import annotations

from typing import NamedTuple


class Industry(NamedTuple):
    """A class of GB/T 4754-2017, how frequent it is, and how it shifts risk (log odds)."""

    code: str
    trade: str
    weight: float
    effect: float


INDUSTRIES = (
    Industry("A0141", "种植", 1.6, -0.3),
    Industry("A0313", "养殖", 1.2, 0.0),
    Industry("B1011", "石材", 0.3, 0.6),
    Industry("C1713", "纺织", 1.6, 0.1),
    Industry("C2110", "家具", 1.4, 0.3),
    Industry("C2319", "印刷", 1.0, -0.1),
    Industry("C2927", "塑料制品", 1.8, 0.4),
    Industry("C3311", "金属制品", 2.2, 0.2),
    Industry("C3484", "机械零部件", 2.2, 0.0),
    Industry("C3823", "电气", 1.4, 0.2),
    Industry("C3989", "电子", 1.6, -0.2),
    Industry("D4430", "热力供应", 0.3, 0.2),
    Industry("E4710", "建筑工程", 2.6, 0.3),
    Industry("E5013", "装饰工程", 3.0, 0.5),
    Industry("F5132", "服装批发", 4.0, 0.0),
    Industry("F5164", "建材批发", 4.5, 0.2),
    Industry("F5179", "机械设备贸易", 4.5, -0.1),
    Industry("F5199", "商贸", 5.0, 0.2),
    Industry("F5211", "百货", 2.5, 0.1),
    Industry("F5232", "服装零售", 4.0, 0.1),
    Industry("F5251", "药房", 1.5, 0.2),
    Industry("F5261", "汽车销售", 1.2, 0.5),
    Industry("F5292", "网络零售", 4.0, 0.7),
    Industry("G5430", "货运", 2.8, 0.1),
    Industry("G5990", "仓储", 0.9, 0.0),
    Industry("H6110", "酒店", 1.0, 0.3),
    Industry("I6513", "软件开发", 5.0, -0.6),
    Industry("I6420", "网络科技", 2.5, -0.1),
    Industry("J6637", "小额贷款", 0.3, 0.5),
    Industry("K7020", "物业服务", 1.8, 0.3),
    Industry("K7030", "房地产经纪", 1.6, 0.7),
    Industry("L7111", "汽车租赁", 0.9, 0.3),
    Industry("L7212", "商务信息咨询", 6.0, -0.3),
    Industry("L7251", "广告", 3.0, 0.2),
    Industry("M7320", "工程技术", 3.5, -0.6),
    Industry("M7452", "检测服务", 0.7, -0.2),
    Industry("M7519", "技术推广", 3.5, -0.5),
    Industry("N7724", "环保", 0.6, -0.1),
    Industry("O8040", "美容美发", 2.6, 0.8),
    Industry("O8111", "汽车维修", 2.0, 0.6),
    Industry("P8310", "幼儿教育", 0.6, 0.0),
    Industry("P8391", "职业培训", 1.6, 0.7),
    Industry("Q8425", "门诊", 0.8, 0.3),
    Industry("R8891", "健身", 1.2, 0.8),
    # Special equipment: makers (boilers, vessels, cranes, lifts), installers, fillers.
    Industry("C3411", "锅炉", 0.0, 0.1),
    Industry("C3332", "压力容器", 0.0, 0.1),
    Industry("C3432", "起重机械", 0.0, 0.1),
    Industry("C3435", "电梯", 0.0, -0.1),
    Industry("E4910", "电梯安装维修", 0.0, 0.3),
    Industry("D4512", "燃气", 0.0, 0.4),
    # Food: producers, sales, catering.
    Industry("C1331", "植物油", 0.0, 0.2),
    Industry("C1353", "肉制品", 0.0, 0.4),
    Industry("C1411", "糕点", 0.0, 0.2),
    Industry("C1440", "乳品", 0.0, 0.0),
    Industry("C1492", "保健食品", 0.0, 0.3),
    Industry("C1512", "白酒", 0.0, 0.1),
    Industry("C1522", "饮用水", 0.0, 0.1),
    Industry("F5122", "粮油批发", 0.0, 0.0),
    Industry("F5129", "食品批发", 0.0, 0.2),
    Industry("F5212", "超市", 0.0, 0.3),
    Industry("F5221", "粮油零售", 0.0, 0.0),
    Industry("F5229", "食品零售", 0.0, 0.2),
    Industry("H6210", "餐饮", 0.0, 0.6),
    Industry("H6220", "快餐", 0.0, 0.6),
    Industry("H6233", "饮品", 0.0, 0.2),
    Industry("H6241", "餐饮配送", 0.0, 0.5),
)

CODES = tuple(industry.code for industry in INDUSTRIES)
TRADES = tuple(industry.trade for industry in INDUSTRIES)


def positions(*codes: str) -> list[int]:
    """Return positions of industries by code."""
    return [CODES.index(code) for code in codes]


EQUIPMENT_MAKERS = positions("C3411", "C3332", "C3432", "C3435")
EQUIPMENT_INSTALLERS = positions("E4910")
EQUIPMENT_FILLERS = positions("D4512")
FOOD_PRODUCERS = positions("C1331", "C1353", "C1411", "C1440", "C1492", "C1512", "C1522")
FOOD_SELLERS = positions("F5122", "F5129", "F5212", "F5221", "F5229")
CATERERS = positions("H6210", "H6220", "H6233", "H6241")

#: Static risk class 1-4 of food industries (4: dairy, meat, health food; draft rating rules of 2022).
STATIC_RISK = {
    "C1331": 2, "C1353": 4, "C1411": 3, "C1440": 4, "C1492": 4, "C1512": 2, "C1522": 2,
    "F5122": 1, "F5129": 2, "F5212": 3, "F5221": 1, "F5229": 2,
    "H6210": 3, "H6220": 2, "H6233": 1, "H6241": 4,
}  # fmt: skip
