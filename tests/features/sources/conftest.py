"""A mapping of a province that the product does not ship."""

from __future__ import annotations

from pathlib import Path

import pytest

#: A made-up province: other names of columns, other codes, other dates, money in 万元.
PROVINCE = """
source: jiaxian
title: {zh: 甲县, en: Jia county}
files:
  penalties:
    match: 处罚*.csv*
    blank: ["无", "-"]
    records:
      - table: penalty
        when: {column: 类别, among: [处罚]}
        columns:
          credit_code: 信用代码
          provider: {constant: 甲县市场监督管理局}
          record_id: {template: "JIA:penalty:{文号}"}
          event_date: {column: 决定日期, dates: ["%Y年%m月%d日", "%Y/%m/%d", "%Y-%m-%d", excel]}
          recorded_at: {lag_days: 7}
          kind: {column: 种类, codes: {罚: fine, 警: warning}, default: other}
          severity: {column: 情节, codes: {轻: minor, 中: general, 重: serious}}
          domain: {constant: general}
          amount: {column: 金额万元, scale: 1000000}
          document_no: 文号
"""


@pytest.fixture
def province_mapping(tmp_path: Path) -> Path:
    path = tmp_path / "jiaxian.yaml"
    path.write_text(PROVINCE, encoding="utf-8")
    return path
