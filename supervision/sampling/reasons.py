"""Why a candidate stands where it stands in a plan."""

from __future__ import annotations

from collections.abc import Mapping

from risk_model.specification import Words

STATUTORY, KEY, RANDOM, EXCLUDED = PARTS = ("statutory", "key", "random", "excluded")

PART_WORDS: Mapping[str, Words] = {
    STATUTORY: Words(zh="法定最低频次", en="statutory minimum"),
    KEY: Words(zh="重点监督检查", en="key supervision"),
    RANDOM: Words(zh="随机抽取", en="random draw"),
    EXCLUDED: Words(zh="本次不列入", en="excluded"),
}

REASON_WORDS: Mapping[str, Words] = {
    "statutory_minimum": Words(zh="法定最低检查期限本月届满", en="the statutory period runs out this month"),
    "key_supervision": Words(zh="重点监管对象本期应检", en="key-supervision object, due"),
    "random_draw": Words(zh="双随机抽取", en="in the random draw"),
    "deferred": Words(zh="检查力量不足，顺延", en="mandatory, but beyond the capacity: deferred"),
    "no_capacity": Words(zh="本月无剩余检查力量", en="no capacity was left for the draw"),
    "no_repeat": Words(zh="距上次检查时间过短", en="too soon after the last inspection"),
    "annual_cap": Words(zh="已达年度检查频次上限", en="the year's cap of inspections is reached"),
    "exempt": Words(zh="依规本年度免于检查", en="exempt this year"),
}
