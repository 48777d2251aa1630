"""What a partner may know of an enterprise: counts of publishable records, and nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from features.records.schema import Label
from supervision.publicity.selection import Published
from supervision.sampling.calendar import months_later

#: Column → its names; what it counts is in :func:`partner_risk`.
LABELS = {
    "credit_code": Label("统一社会信用代码", "unified social credit code"),
    "name": Label("名称", "name"),
    "status": Label("登记状态", "registration status"),
    "licences_valid": Label("有效许可数", "licences in force"),
    "licences_expired": Label("已过期许可数", "licences that have ended"),
    "penalties": Label("公示中的行政处罚数", "penalties published"),
    "penalties_year": Label("其中一年内", "of these within a year"),
    "penalty_amount": Label("公示中的罚没金额（分）", "fines and confiscations published, in fen"),
    "problems_found": Label("公示中发现问题的检查数", "inspections published that found a problem"),
    "tests_failed": Label("公示中的不合格抽检批次", "failed tests published"),
    "abnormal_list": Label("在经营异常名录", "on the abnormal-operation list"),
    "serious_violation_list": Label("在严重违法失信名单", "on the serious-violation list"),
    "commitments_broken": Label("公示中的承诺不实数", "broken commitments published"),
}


def partner_risk(published: Published) -> pa.Table:
    """Return one row a registered enterprise.

    Parameters
    ----------
    published
        What may be published on a day; nothing else is looked at.

    Returns
    -------
    pyarrow.Table
        The columns of :data:`LABELS`. No score, tier or class is among them: what the counts mean is for
        the partner to judge.
    """
    frames = {name: table.to_pandas(date_as_object=False) for name, table in published.tables.items()}
    told = frames["enterprise"][["credit_code", "name", "status"]].set_index("credit_code")
    today = np.datetime64(published.on, "s")
    year = np.datetime64(months_later(published.on, -12), "s")
    licences = frames["licence"]
    held = licences[licences["status"].isin(("valid", "pending_renewal"))]
    ended = _seconds(held["valid_to"]) < today
    penalties = frames["penalty"]
    counts: dict[str, pd.Series[Any]] = {
        "licences_valid": _count(held[~ended]),
        "licences_expired": _count(held[ended]),
        "penalties": _count(penalties),
        "penalties_year": _count(penalties[_seconds(penalties["event_date"]) > year]),
        "penalty_amount": penalties.groupby("credit_code")["amount"].sum(),
        "problems_found": _count(_where(frames["inspection"], "outcome", "problem", "severe")),
        "tests_failed": _count(_where(frames["sampling_test"], "result", "fail")),
        "commitments_broken": _count(_where(frames["commitment"], "outcome", "broken")),
    }
    columns: dict[str, pa.Array] = {
        "credit_code": pa.array(told.index, pa.string()),
        "name": pa.array(told["name"], pa.string()),
        "status": pa.array(told["status"], pa.string()),
    }
    for name, counted in counts.items():
        columns[name] = pa.array(counted.reindex(told.index).fillna(0).astype(np.int64), pa.int64())
    for name in ("abnormal_list", "serious_violation_list"):
        columns[name] = pa.array(told.index.isin(frames[name]["credit_code"]), pa.bool_())
    return pa.table({name: columns[name] for name in LABELS})


def _seconds(dates: pd.Series[Any]) -> np.ndarray[Any, np.dtype[np.datetime64]]:
    return dates.to_numpy(dtype="datetime64[s]")


def _count(rows: pd.DataFrame) -> pd.Series[Any]:
    return rows["credit_code"].value_counts()


def _where(rows: pd.DataFrame, column: str, *values: str) -> pd.DataFrame:
    return rows[rows[column].isin(values)]
