"""Places, brands, trades and products: words that names and addresses are made of."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from features.simulation.identifiers import joined
from features.simulation.months import Ints

#: Districts of the simulated province; their codes are 990101 … and belong to no real place.
PLACES = (
    "云川", "临江", "青屿", "安澜", "长汀洲", "永宁湾", "白石", "望海", "松岭", "清河口",
    "东屏", "南浦岸", "西麓", "北辰湖", "金沙渡",
)  # fmt: skip

_BRAND_FIRST = "华盛鑫恒瑞泰宏嘉德信中天金海永福万和润达顺兴隆祥茂昌辉旭晟博雅君聚汇丰凯诚"
_BRAND_SECOND = "源达泰利通盈裕康宁安顺和景峰远航腾飞跃凌翔宇宸轩阳明亮晨曦悦佳美宝利来元"
_BRAND_THIRD = "　科业邦润禾合益众创信迪尔特威力星宝佳隆成方圆立元正德"

STREETS = (
    "人民路", "建设路", "解放街", "中山路", "文化路", "新华街", "和平路", "工业大道", "滨河路", "光明街",
    "胜利路", "团结巷", "朝阳路", "东风路", "学府路", "科技园一路", "科技园二路", "商贸城东街", "物流园路",
    "环城北路", "环城南路", "长兴街", "春晖路", "玉泉路", "桃源街", "柳岸路", "站前路", "体育路", "创业路",
    "迎宾大道",
)  # fmt: skip

#: Houses of a street, for the enterprises of one block.
HOUSES = 600

SUFFIX = ("有限公司", "店", "农民专业合作社", "分公司")

PRODUCTS = (
    ("糕点", "糕点"), ("酱油", "调味品"), ("食用植物油", "食用油、油脂及其制品"), ("鲜猪肉", "食用农产品"),
    ("菠菜", "食用农产品"), ("瓶装饮用水", "饮料"), ("白酒", "酒类"), ("豆腐", "豆制品"),
    ("方便面", "方便食品"), ("火腿肠", "肉制品"), ("灭菌乳", "乳制品"), ("蜜饯", "水果制品"),
    ("餐具（自消毒）", "餐饮食品"), ("自制油条", "餐饮食品"), ("速冻水饺", "速冻食品"),
    ("大米", "粮食加工品"),
)  # fmt: skip

FAILED_ITEMS = (
    ("标签", 0), ("净含量", 0), ("酸价", 1), ("过氧化值", 1), ("酒精度", 1), ("蛋白质", 1),
    ("菌落总数", 2), ("大肠菌群", 2), ("铅", 2), ("苯甲酸", 2), ("毒死蜱", 2), ("恩诺沙星", 2),
    ("铝的残留量", 2),
)  # fmt: skip

ITEMS = {
    "general": (
        "公示信息", "住所（经营场所）", "经营范围", "注册资本实缴", "价格标示", "广告内容", "商标使用",
        "产品标识",
    ),
    "food": (
        "进货查验", "环境卫生", "从业人员健康", "贮存条件", "加工过程", "食品添加剂", "标签标识",
        "留样与追溯",
    ),
    "special_equipment": (
        "使用登记", "定期检验", "安全管理人员", "作业人员证书", "维护保养记录", "安全附件", "应急预案",
        "技术档案",
    ),
}  # fmt: skip

MAKERS = (
    "云川重工机械有限公司",
    "临江电梯有限公司",
    "青屿锅炉厂",
    "安澜压力容器有限公司",
    "望海起重设备有限公司",
)

BASES = (
    "《企业信息公示暂行条例》",
    "《中华人民共和国食品安全法》第一百二十六条",
    "《中华人民共和国特种设备安全法》第八十四条",
    "《中华人民共和国产品质量法》第四十九条",
    "《中华人民共和国价格法》第四十条",
    "《市场主体登记管理条例》第四十六条",
)

COMMITMENTS = ("证明事项告知承诺", "行政许可告知承诺", "信用修复承诺", "行业自律承诺")

#: How many brands there are.
BRANDS = len(_BRAND_FIRST) * len(_BRAND_SECOND) * len(_BRAND_THIRD)


def vocabulary(words: tuple[str, ...] | list[str], positions: Ints) -> pa.Array:
    """Return words by position; missing where the position is negative."""
    chosen = pa.array(positions, mask=np.asarray(positions) < 0)
    return pa.array(words, type=pa.string()).take(chosen)


def brand(numbers: Ints) -> pa.Array:
    """Return the brand (字号) of a number below :data:`BRANDS`."""
    first, rest = np.divmod(numbers, len(_BRAND_SECOND) * len(_BRAND_THIRD))
    second, third = np.divmod(rest, len(_BRAND_THIRD))
    return joined(
        vocabulary(list(_BRAND_FIRST), first),
        vocabulary(list(_BRAND_SECOND), second),
        vocabulary(["" if c == "　" else c for c in _BRAND_THIRD], third),
    )


def enterprise_names(place: Ints, brands: Ints, trade: pa.Array, kind: Ints) -> pa.Array:
    """Return names: place, brand, trade and form, as 企业名称登记管理规定 orders them."""
    return joined(vocabulary(PLACES, place), brand(brands), trade, vocabulary(SUFFIX, kind))


def addresses(place: Ints, number: Ints) -> pa.Array:
    """Return addresses: district, street, house number."""
    house, street = np.divmod(number, len(STREETS))
    houses = pa.array(house + 1).cast(pa.string())
    return joined(vocabulary(PLACES, place), "区", vocabulary(STREETS, street), houses, "号")
