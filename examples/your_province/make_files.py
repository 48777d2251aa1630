"""Write three CSV files as some county's systems would export them, if you have none at hand.

    python examples/your_province/make_files.py FOLDER

GB18030, Chinese headings and words, dates as 2024年03月01日, money in 万元, a few wrong rows. No real
enterprise is in them: all comes from the simulated province, under credit codes that are never allotted.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from features.records import TABLES
from features.simulation import simulate

ENTERPRISES, SEED = 4_000, 2026
#: Heading → column of the simulated records.
REGISTRATIONS = {
    "流水号": "record_id", "社会信用代码": "credit_code", "企业名称": "name", "登记状态": "status",
    "企业类型": "enterprise_type", "成立日期": "established_on", "行业": "industry", "区划": "district",
    "住所": "address", "注册资本（万元）": "registered_capital", "从业人数": "employees",
    "登记日期": "event_date", "入库日期": "recorded_at",
}  # fmt: skip
INSPECTIONS = {
    "检查编号": "record_id", "社会信用代码": "credit_code", "检查日期": "event_date", "检查方式": "kind",
    "对象来源": "selection", "抽中概率": "inclusion_probability", "检查结果": "outcome",
    "公示日期": "recorded_at",
}  # fmt: skip
PENALTIES = {
    "决定书文号": "document_no", "社会信用代码": "credit_code", "决定日期": "event_date", "处罚种类": "kind",
    "情节": "severity", "违法领域": "domain", "罚没金额（万元）": "amount", "公示日期": "recorded_at",
}  # fmt: skip
FEN_IN_10_000_YUAN = 1_000_000


def written(records: Path, table: str, headings: dict[str, str]) -> pd.DataFrame:
    """Return a table's records under a county's headings, in its words."""
    frame = pq.read_table(records / f"{table}.parquet").to_pandas()
    if table == "inspection":
        frame = frame[frame["domain"] == "general"]
    out = pd.DataFrame(index=frame.index)
    for heading, name in headings.items():
        column, values = TABLES[table].column(name), frame[name]
        if column.codes is not None:
            words = {code: label.zh for code, label in column.codes.codes.items()}
            values = values.map(lambda code, words=words: words.get(code, code))
        elif column.type == "date":
            values = values.str.replace(r"^(\d+)-(\d+)-(\d+)$", r"\1年\2月\3日", regex=True)
        elif column.type == "fen":
            values = values.map(lambda fen: "" if pd.isna(fen) else f"{fen / FEN_IN_10_000_YUAN:.6f}")
        out[heading] = values
    return out


def main(folder: Path) -> None:
    """Write the files to a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        simulate(enterprises=ENTERPRISES, seed=SEED, out=Path(scratch))
        for file, table, headings in (
            ("登记信息.csv", "enterprise", REGISTRATIONS),
            ("检查结果.csv", "inspection", INSPECTIONS),
            ("行政处罚.csv", "penalty", PENALTIES),
        ):
            frame = written(Path(scratch) / "records", table, headings)
            frame.to_csv(folder / file, index=False, encoding="gb18030")
            sys.stdout.write(f"{folder / file}: {len(frame):,} rows\n")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python examples/your_province/make_files.py FOLDER")
    main(Path(sys.argv[1]))
