"""Words of the report in both languages."""

from __future__ import annotations

from features.records.schema import Label

TITLE = Label("数据质量报告", "Data quality")
MEASURE_LABELS = {
    "timeliness": Label("及时性：从发生到归集的天数", "Timeliness: days from event to record"),
    "completeness": Label("完整性：非必填项的填写率", "Completeness of optional columns"),
    "acceptance": Label("入库结果", "What became of delivered rows"),
    "quarantine": Label("隔离原因", "Why rows were quarantined"),
    "codes": Label("统一社会信用代码的类型", "Kinds of credit codes"),
    "references": Label("无法对应的引用", "References that lead nowhere"),
    "volumes": Label("每月新增记录数", "New records a month"),
    "attention": Label("需要关注", "What asks for attention"),
}
CAPTIONS = {
    "timeliness": Label(
        "各类记录的中位数、90%与99%分位；多次更正的记录只计首次归集。",
        "Median, 90 % and 99 % quantiles by table; of a corrected record the first version counts.",
    ),
    "completeness": Label(
        "各类记录中有值的比例；缺失本身有含义的项（如移出日期）除外。",
        "Share of rows with a value; columns whose absence says something (removed on) are left out.",
    ),
    "quarantine": Label("按来源表和原因统计的隔离行数。", "Rows refused, by table and reason."),
    "volumes": Label(
        "圆点为与往年同月及前12个月相比均异常的月份。",
        "Dots: months unlike both the same month of earlier years and the twelve months before.",
    ),
}
AXES = {
    "days": Label("天", "days"),
    "share": Label("填写率", "share filled"),
    "rows": Label("行数", "rows"),
    "records": Label("记录数", "records"),
    "median": Label("中位数", "median"),
    "p90": Label("90%分位", "90 % quantile"),
    "p99": Label("99%分位", "99 % quantile"),
}
