"""The figures of a year, as tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from features.home import Home
from features.records import TABLES, codes
from features.records.schema import Label
from features.store import RecordStore, Snapshot
from supervision.early_warning.clusters import in_business
from supervision.inputs import publication_on
from supervision.publicity.review import withheld_on
from supervision.publicity.rules import load_publicity
from supervision.publicity.selection import publishable, records_for_publication
from supervision.records import as_frame
from supervision.sampling import horvitz_thompson_mean

PROBLEMS = ("problem", "severe")
#: From the gravest kind of penalty to the lightest: what comes first among typical cases.
GRAVEST_FIRST = (
    "licence_revocation", "closure", "employment_ban", "shutdown", "restriction", "downgrade",
    "licence_suspension", "detention", "confiscation", "fine", "criticism", "warning", "other",
)  # fmt: skip
#: Typical cases of each domain.
CASES = 5


@dataclass(frozen=True)
class Figure:
    """A table of the report.

    Attributes
    ----------
    label
        Its name.
    rows
        The figures; columns are explained in ``columns``.
    columns
        Column → names.
    bar
        Column that is drawn, if any.
    """

    label: Label
    rows: pd.DataFrame
    columns: Mapping[str, Label]
    bar: str | None = None


@dataclass(frozen=True)
class YearlyReport:
    """All figures of a year, as known on a day."""

    year: int
    on: date
    records: int
    figures: Mapping[str, Figure]
    cases: pd.DataFrame


def yearly_report(home: Home, year: int, on: date) -> YearlyReport:
    """Return the figures of a year.

    Parameters
    ----------
    home
        Records and published classifications.
    year
        Events of this calendar year count.
    on
        What was known on this day is used: a report made again for the same day has the same figures.

    Notes
    -----
    Records that were withdrawn do not count; repaired ones and those whose publication has ended do: they
    happened. Typical cases come from what may be published on the day, and from nothing else.
    """
    snapshot = RecordStore(home.store).snapshot()
    year_of = _Year(snapshot, year, on)
    figures = {
        "inspections_by_domain": _inspections(year_of),
        "districts": _districts(year_of),
        "penalties_by_kind": _penalties(year_of),
        "lists": _lists(year_of),
        "repairs": _counted(
            year_of, "credit_repair", ["target_table", "decision"], Label("信用修复", "credit repair")
        ),
        "commitments": _counted(year_of, "commitment", ["outcome"], Label("信用承诺", "commitments")),
        "complaints_by_domain": _complaints(year_of),
        "tiers": _tiers(home, min(on, date(year, 12, 31))),
    }
    return YearlyReport(year, on, snapshot.id, figures, _cases(home, snapshot, year, on))


class _Year:
    """The records of a year's events, in their newest version known on a day."""

    def __init__(self, snapshot: Snapshot, year: int, on: date) -> None:
        self.snapshot = snapshot
        self.year = year
        self.on = on
        business = in_business(snapshot, on, ("district",))
        self.enterprises = business.groupby("district")["credit_code"].nunique()
        registered = as_frame(snapshot.read("enterprise", columns=["credit_code", "district", "recorded_at"]))
        registered = registered.sort_values("recorded_at", kind="stable").drop_duplicates(
            "credit_code", keep="last"
        )
        self.district = registered.set_index("credit_code")["district"]

    def rows(self, table: str, *columns: str, by: str = "event_date") -> pd.DataFrame:
        """Return the records of events (or of another date) of the year."""
        wanted = dict.fromkeys(
            ["credit_code", "event_date", "recorded_at", "record_id", "withdrawn_at", by, *columns]
        )
        rows = as_frame(self.snapshot.read(table, columns=list(wanted)))
        today = np.datetime64(self.on, "s")
        rows = rows[(rows["recorded_at"] <= today) & (rows["event_date"] <= today)]
        rows = rows.sort_values("recorded_at", kind="stable").drop_duplicates("record_id", keep="last")
        rows = rows[~(rows["withdrawn_at"] <= today)]
        found: pd.DataFrame = rows[rows[by].dt.year == self.year].reset_index(drop=True)
        return found


def _inspections(year: _Year) -> Figure:
    rows = year.rows("inspection", "domain", "outcome", "selection", "inclusion_probability")
    found = []
    for domain, part in rows.groupby("domain"):
        telling = part[~part["outcome"].isin(("censored", "neutral"))]
        problem = telling["outcome"].isin(PROBLEMS)
        drawn = (telling["selection"] == "random") & (telling["inclusion_probability"] > 0)
        rate = float("nan")
        if drawn.any():
            rate = horvitz_thompson_mean(
                np.asarray(problem[drawn], dtype=np.float64),
                np.asarray(telling.loc[drawn, "inclusion_probability"], dtype=np.float64),
            )
        found.append(
            {
                "domain": domain,
                "inspections": len(part),
                "enterprises": part["credit_code"].nunique(),
                "problems": int(problem.sum()),
                "share": float(problem.mean()) if len(telling) else float("nan"),
                "drawn": int(drawn.sum()),
                "estimated_rate": rate,
            }
        )
    columns = {
        "domain": Label("领域", "domain"),
        "inspections": Label("检查次数", "inspections"),
        "enterprises": Label("被检查企业数", "enterprises inspected"),
        "problems": Label("发现问题次数", "with a problem"),
        "share": Label("问题发现率", "share with a problem"),
        "drawn": Label("其中随机抽取（有概率）", "drawn at random, with probability"),
        "estimated_rate": Label("按抽样概率估计的问题率", "problem rate estimated from the draw"),
    }
    table = pd.DataFrame(found, columns=list(columns))
    return Figure(Label("监督检查（分领域）", "inspections by domain"), table, columns, "share")


def _districts(year: _Year) -> Figure:
    inspections = year.rows("inspection", "outcome")
    penalties = year.rows("penalty", "amount")
    entered = year.rows("abnormal_list")
    place = year.district

    def by_district(rows: pd.DataFrame) -> pd.Series[Any]:
        return rows["credit_code"].map(place).value_counts()

    told = inspections[~inspections["outcome"].isin(("censored", "neutral"))]
    problems = by_district(told[told["outcome"].isin(PROBLEMS)])
    amount = penalties["amount"].fillna(0).groupby(penalties["credit_code"].map(place)).sum()
    table = pd.DataFrame(
        {
            "enterprises": year.enterprises,
            "inspections": by_district(inspections),
            "problems": problems,
            "share": problems / by_district(told),
            "penalties": by_district(penalties),
            "amount": amount / 100,
            "abnormal_entries": by_district(entered),
        }
    )
    numbers = ["enterprises", "inspections", "problems", "penalties", "abnormal_entries"]
    table[numbers] = table[numbers].fillna(0).astype(np.int64)
    table["amount"] = table["amount"].fillna(0.0)
    columns = {
        "district": Label("行政区划", "district"),
        "enterprises": Label("在营企业数", "enterprises in business"),
        "inspections": Label("检查次数", "inspections"),
        "problems": Label("发现问题次数", "with a problem"),
        "share": Label("问题发现率", "share with a problem"),
        "penalties": Label("行政处罚数", "penalties"),
        "amount": Label("罚没金额（元）", "fines and confiscations, yuan"),
        "abnormal_entries": Label("列入经营异常名录", "entered in the abnormal list"),
    }
    named = table.rename_axis("district").reset_index()[list(columns)]
    return Figure(Label("各地情况", "districts"), named, columns, "share")


def _penalties(year: _Year) -> Figure:
    rows = year.rows("penalty", "kind", "amount")
    table = rows.groupby("kind").agg(penalties=("record_id", "size"), amount=("amount", "sum")).reset_index()
    table["amount"] = table["amount"] / 100
    columns = {
        "kind": TABLES["penalty"].column("kind").label,
        "penalties": Label("件数", "penalties"),
        "amount": Label("罚没金额（元）", "fines and confiscations, yuan"),
    }
    ordered = table.sort_values("penalties", ascending=False, ignore_index=True)
    return Figure(Label("行政处罚（分种类）", "penalties by kind"), ordered, columns, "penalties")


def _lists(year: _Year) -> Figure:
    found = []
    for table in ("abnormal_list", "serious_violation_list"):
        ground = "reason" if table == "abnormal_list" else "ground"
        words = TABLES[table].column(ground).codes
        entered = year.rows(table, ground)[ground].value_counts()
        removed = year.rows(table, ground, "removed_on", by="removed_on")[ground].value_counts()
        for code in sorted({*entered.index, *removed.index}):
            label = words.codes[code].zh if words is not None else code
            found.append(
                {
                    "list": TABLES[table].label.zh,
                    "ground": label,
                    "entered": int(entered.get(code, 0)),
                    "removed": int(removed.get(code, 0)),
                }
            )
    columns = {
        "list": Label("名录（名单）", "list"),
        "ground": Label("列入原因", "ground"),
        "entered": Label("列入", "entered"),
        "removed": Label("移出", "removed"),
    }
    return Figure(
        Label("名录和名单", "lists"), pd.DataFrame(found, columns=list(columns)), columns, "entered"
    )


def _complaints(year: _Year) -> Figure:
    rows = year.rows("complaint", "domain", "verified")
    rows["verified"] = rows["verified"].fillna(False).astype(bool)
    table = (
        rows.groupby("domain")
        .agg(complaints=("record_id", "size"), verified=("verified", "sum"))
        .reset_index()
    )
    columns = {
        "domain": Label("领域", "domain"),
        "complaints": Label("投诉举报", "complaints"),
        "verified": Label("查实", "found true"),
    }
    ordered = table.sort_values("complaints", ascending=False, ignore_index=True)
    return Figure(Label("投诉举报（分领域）", "complaints by domain"), ordered, columns, "complaints")


def _counted(year: _Year, table: str, by: list[str], label: Label) -> Figure:
    rows = year.rows(table, *by)
    counted = rows.groupby(by)["record_id"].size().rename("records").reset_index()
    columns = {column: TABLES[table].column(column).label for column in by}
    return Figure(label, counted, {**columns, "records": Label("件数", "records")})


def _tiers(home: Home, on: date) -> Figure:
    columns = {
        "model": Label("模型", "model"),
        "tier": Label("类别", "tier"),
        "enterprises": Label("企业数", "enterprises"),
        "share": Label("占比", "share"),
    }
    label = Label("信用风险分类", "tiers of credit risk")
    publication = publication_on(home, on)
    if publication is None:
        return Figure(label, pd.DataFrame(columns=list(columns)), columns)
    rows = publication.rows(columns=["model", "tier"]).to_pandas()
    table = rows.groupby(["model", "tier"]).size().rename("enterprises").reset_index()
    table["share"] = table["enterprises"] / table.groupby("model")["enterprises"].transform("sum")
    told = f"{label.zh}（{publication.as_of}）", f"{label.en} ({publication.as_of})"
    return Figure(Label(*told), table, columns, "share")


def _cases(home: Home, snapshot: Snapshot, year: int, on: date) -> pd.DataFrame:
    """Return the gravest penalties of the year that may be published, a few of each domain."""
    rules = load_publicity(on)
    published = publishable(records_for_publication(snapshot, rules), on, rules, withheld_on(home, on))
    rows = as_frame(published.tables["penalty"])
    rows = rows[rows["event_date"].dt.year == year]
    names = published.tables["enterprise"].select(["credit_code", "name"]).to_pandas()
    rows = rows.merge(names, on="credit_code")
    rank = rows["kind"].map({kind: i for i, kind in enumerate(GRAVEST_FIRST)})
    ordered = rows.assign(rank=rank, height=-rows["amount"].fillna(0)).sort_values(
        ["domain", "rank", "height", "credit_code"]
    )
    kept: pd.DataFrame = ordered.groupby("domain").head(CASES)
    names_wanted = ["domain", "credit_code", "name", "event_date", "kind", "amount", "document_no", "basis"]
    cases: pd.DataFrame = kept[names_wanted].reset_index(drop=True)
    return cases


def code_word(column: str, value: Any, lang: str) -> str:
    """Return a code in words, if the column holds codes."""
    sets = {
        "domain": codes.DOMAIN,
        "kind": codes.PENALTY_KIND,
        "decision": codes.REPAIR_DECISION,
        "outcome": codes.COMMITMENT_OUTCOME,
    }
    found = sets.get(column)
    if column == "target_table" and value in TABLES:
        return TABLES[value].label[lang]
    return found.codes[value][lang] if found is not None and value in found else str(value)
