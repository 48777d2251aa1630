"""Annual reports (企业年报)."""

from __future__ import annotations

from features.records.schema import Column, Label, RecordTable

TABLE = RecordTable(
    "annual_report",
    Label("企业年报", "annual report"),
    event=Label("报送日期", "date of filing"),
    columns=(
        Column("year", "int", Label("年度", "year reported"), required=True, low=1990, high=2100),
        Column("late", "bool", Label("是否逾期", "filed late")),
        Column("employees", "int", Label("从业人数", "employees"), low=0),
        Column("revenue", "fen", Label("营业收入", "revenue")),
        Column("assets", "fen", Label("资产总额", "total assets")),
        Column("liabilities", "fen", Label("负债总额", "total liabilities")),
        Column("profit", "fen", Label("利润总额", "profit")),
    ),
)
