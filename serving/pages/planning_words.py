"""The words of the pages on which planners work: drawing, what falls due, early warnings."""

from __future__ import annotations

from collections.abc import Mapping

from features.records import Label

PLANNING: Mapping[str, Label] = {
    "planner_pages": Label("计划页面", "planner's pages"),
    "calendar": Label("到期日历", "Due dates"),
    "warnings": Label("监测预警", "Early warnings"),
    "draw": Label("制定计划", "Draw a plan"),
    "by_industry": Label("各行业门类企业的类别", "Tiers by industry"),
    "computing": Label("正在计算", "Being computed"),
    "computing_hint": Label(
        "本页在计算完成后自动更新；结果会保留，再次打开时立即显示。",
        "This page shows the figures by itself as soon as they are there; they are kept for the next time.",
    ),
    "from_day": Label("起始日期", "From"),
    "known_on": Label("以此日已知的记录为准", "by what was known on this day"),
    "within": Label("期间", "Within"),
    "days_31": Label("31天", "31 days"),
    "days_92": Label("92天", "92 days"),
    "days_183": Label("183天", "183 days"),
    "kind": Label("种类", "Kind"),
    "day": Label("日期", "Date"),
    "what": Label("事项", "What"),
    "entries_due": Label("到期事项", "What falls due"),
    "one_day": Label("仅看", "Only"),
    "whole_period": Label("全部日期", "all days"),
    "nothing_due": Label("期间内没有到期事项。", "Nothing falls due in this period."),
    "calendar_months": Label("各日到期数量", "Number due by day"),
    "download_all": Label("下载全部（CSV）", "Download all (CSV)"),
    "only_first": Label(
        "仅显示前若干条，全部请下载。", "Only the first ones are shown; download all of them."
    ),
    "mo": Label("一", "Mo"),
    "tu": Label("二", "Tu"),
    "we": Label("三", "We"),
    "th": Label("四", "Th"),
    "fr": Label("五", "Fr"),
    "sa": Label("六", "Sa"),
    "su": Label("日", "Su"),
    "kind_licence_due": Label("许可证到期", "licence ends"),
    "kind_licence_expired": Label("许可证已过期", "licence ended"),
    "kind_equipment_due": Label("设备检验到期", "equipment inspection due"),
    "kind_equipment_overdue": Label("设备检验超期", "equipment inspection overdue"),
    "kind_list": Label("名录名单期限", "time limit of a list"),
    "kind_commitment": Label("告知承诺核查", "commitment to verify"),
    "kind_repair": Label("可申请信用修复", "repair can be asked for"),
    "kind_rising_risk": Label("风险上升", "rising risk"),
    "kind_cluster_person": Label("关联人聚集", "cluster of a person"),
    "kind_cluster_address": Label("住所聚集", "cluster of an address"),
    "kind_cluster_product": Label("产品聚集", "cluster of a product"),
    "kind_cluster_producer": Label("生产者聚集", "cluster of a producer"),
    "kind_cluster_maker": Label("制造单位聚集", "cluster of a maker"),
    "warnings_by": Label("按种类和紧急程度", "By kind and urgency"),
    "urgency": Label("紧急程度", "Urgency"),
    "high": Label("高", "high"),
    "medium": Label("中", "medium"),
    "low": Label("低", "low"),
    "warnings_count": Label("预警", "warnings"),
    "no_warnings": Label("没有符合条件的预警。", "There is no such warning."),
    "compared_with": Label(
        "风险上升：与此前批次比较", "Rising risk: compared with the earlier classification"
    ),
    "not_compared": Label(
        "风险上升需要两次相隔足够的分类结果，目前没有。",
        "Rising risk needs two classifications far enough apart; there are none.",
    ),
    "draw_hint": Label(
        "先预览：不需要种子，可看到法定和重点对象、各类别的抽取概率和预计发现。"
        "公布种子的 SHA-256 之后，再用种子抽取。",
        "First preview: without a seed it shows who is mandatory, the inclusion probabilities of each tier "
        "and what the design is expected to find. Publish the SHA-256 of the seed, then draw with it.",
    ),
    "preview": Label("预览", "Preview"),
    "preview_of": Label("预览（尚未抽取）", "Preview, nothing is drawn yet"),
    "seed": Label("种子（其 SHA-256 应已公布）", "Seed (its SHA-256 should be published)"),
    "seed_how": Label("计算 SHA-256 的命令", "Its SHA-256 is computed by"),
    "draw_now": Label("抽取并保存计划", "Draw and keep the plan"),
    "whole_province": Label("全部", "all"),
    "mandatory": Label("法定和重点对象", "Mandatory"),
    "for_draw": Label("参与随机抽取", "In the draw"),
    "excluded": Label("不列入", "Excluded"),
    "expected_of_design": Label("方案预计发现问题", "Expected findings of the design"),
    "expected_selected": Label("预计抽中", "Expected to be selected"),
    "mandatory_list": Label("法定和重点对象名单", "Who is mandatory"),
    "mandatory_none": Label("本月没有法定或重点对象。", "Nobody is mandatory in this month."),
    "download_teams": Label("下载检查人员名单（CSV）", "Download the teams (CSV)"),
}
