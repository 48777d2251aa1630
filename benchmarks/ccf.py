"""Enterprises of the contest CCF BDCI 2020 (illegal fund-raising): one row an enterprise, no dates.

Files of several rows an enterprise are aggregated. What is in none of the files of an enterprise is a
missing value. Identifiers, texts and free codes are left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

#: Numbers whose size means something; -1 stands for missing in some of them.
NUMBERS = (
    "empnum", "regcap", "reccap", "opfrom_year", "opfrom_month", "parnum", "exenum", "forreccap", "forregcap",
    "congro", "legal_judgment_num", "brand_num", "patent_num", "news_sum", "news_pos_sum", "news_mid_sum",
    "news_neg_sum", "bgsum",
)  # fmt: skip
#: Codes without an order.
CODES = (
    "oplocdistrict", "industryphy", "industryco", "enttype", "enttypeitem", "enttypeminu", "enttypegb",
    "state", "orgid", "jobid", "adbusign", "townsign", "regtype", "compform", "opform", "venind", "protype",
)  # fmt: skip
REPORT_SUMS = ("FUNDAM", "EMPNUM", "COLEMPLNUM", "UNEEMPLNUM", "WEBSITSIGN", "PUBSTATE", "BUSSTNAME")
#: Codes that our learner takes as categories; the finer ones follow an order of their own (by district, by
#: section) and are cut as numbers.
CATEGORICAL = ("industryphy", "enttype", "enttypeitem")
#: What raises the risk by common sense: judgments against the enterprise, negative news.
DIRECTIONS = {"legal_judgment_num": 1, "news_neg_sum": 1}


@dataclass(frozen=True)
class Enterprises:
    """Features and labels of the contest.

    Attributes
    ----------
    rows
        ``label`` and the features, float64.
    names
        Features.
    categorical
        Those that are codes.
    """

    rows: pd.DataFrame
    names: tuple[str, ...]
    categorical: frozenset[str]


def load(folder: Path) -> Enterprises:
    """Read the files of the contest and aggregate them to one row an enterprise."""
    read = {path.name.split(".")[0]: path for path in folder.glob("*.csv.gz")}
    labels = pd.read_csv(read["labels"])
    base = pd.read_csv(read["base_features"], low_memory=False).drop_duplicates("id").set_index("id")
    frame = pd.DataFrame(index=base.index)
    for name in NUMBERS:
        frame[name] = pd.to_numeric(base[name], errors="coerce").where(lambda x: x != -1)
    for name in CODES:
        frame[name] = _codes(base[name])
    # The term: until when the licence to operate runs, and whether it has an end.
    frame["term_ends"] = pd.to_datetime(base["opto"], errors="coerce").dt.year
    frame["paid_in_share"] = frame["reccap"] / frame["regcap"].where(frame["regcap"] > 0)
    # How many enterprises have the same address: a fact of registration, not of labels.
    address = base["oploc"].astype(str)
    frame["at_address"] = address.map(address.value_counts()).astype(float)
    frame["in_industry"] = base["industryco"].map(base["industryco"].value_counts()).astype(float)
    frame = frame.join(_reports(read["annual_report_info"])).join(_tax(read["tax_info"]))
    rows = labels.set_index("id").join(frame, how="left").astype(float).reset_index(drop=True)
    names = tuple(name for name in rows.columns if name != "label")
    return Enterprises(rows, names, frozenset(CODES))


def _codes(column: pd.Series) -> pd.Series:
    """Return whole numbers, by frequency; rare codes share one, missing ones stay missing."""
    text = column.astype("string")
    counts = text.value_counts()
    frequent = {code: place for place, code in enumerate(counts[counts >= 20].sort_index().index, start=1)}
    found = text.map(frequent).astype("Float64").fillna(0)
    return found.where(text.notna()).astype(float)


def _reports(path: Path) -> pd.DataFrame:
    reports = pd.read_csv(path, low_memory=False)
    for name in REPORT_SUMS:
        reports[name] = pd.to_numeric(reports[name], errors="coerce")
    grouped = reports.sort_values(["id", "ANCHEYEAR"]).groupby("id")
    found = pd.DataFrame({"reports": grouped.size(), "last_report": grouped["ANCHEYEAR"].max()})
    for name in REPORT_SUMS:
        found[f"report_{name.lower()}"] = grouped[name].last()
    found["report_funds_change"] = grouped["FUNDAM"].last() - grouped["FUNDAM"].first()
    return found.astype(float)


def _tax(path: Path) -> pd.DataFrame:
    tax = pd.read_csv(path, low_memory=False)
    grouped = tax.groupby("id")
    return pd.DataFrame(
        {
            "tax_rows": grouped.size(),
            "tax_kinds": grouped["TAX_CATEGORIES"].nunique(),
            "tax_amount": grouped["TAX_AMOUNT"].sum(),
            "tax_largest": grouped["TAX_AMOUNT"].max(),
            "tax_negative": grouped["TAX_AMOUNT"].agg(lambda x: float(np.mean(x < 0))),
        }
    ).astype(float)
