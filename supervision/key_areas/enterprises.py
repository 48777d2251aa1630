"""Who is a key-area enterprise, since when, and who has left: from licences as they come and go."""

from __future__ import annotations

from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

from features.store import Snapshot
from supervision.key_areas.rules import EnterpriseType, KeyAreas
from supervision.records import as_frame, known_on

Days = npt.NDArray[np.int64]

CURRENT, LAPSING, LEFT = "current", "lapsing", "left"
COLUMNS = (
    "credit_code",
    "name",
    "district",
    "province",
    "type",
    "area",
    "label",
    "state",
    "entered",
    "ends",
    "licences",
    "national",
)
#: Day number of a licence without end.
ENDLESS = np.iinfo(np.int32).max
_LICENCE = (
    "credit_code", "record_id", "event_date", "recorded_at", "withdrawn_at", "kind", "category", "valid_from",
    "valid_to", "status", "issuer_level",
)  # fmt: skip


def key_enterprises(
    snapshot: Snapshot,
    on: date,
    rules: KeyAreas,
    *,
    province: str | None = None,
    codes: tuple[str, str] | None = None,
) -> pd.DataFrame:
    """Return the stays of enterprises on the list, as known on a day.

    Parameters
    ----------
    snapshot
        State of the record store.
    on
        The day; licences that came on file later do not count.
    rules
        Types in force.
    province
        First digits of the district code; all by default.
    codes
        Closed range of credit codes.

    Returns
    -------
    pandas.DataFrame
        :data:`COLUMNS`, one row an enterprise, type and stay, sorted. ``entered`` and ``ends`` are days
        (``ends`` missing: no end); ``state`` is ``current``, ``lapsing`` (ended, but within the time
        given for renewal) or ``left``; ``licences`` counts those behind the stay; ``national`` tells
        whether one was issued by the national level.

    Notes
    -----
    Each version of a licence is an interval from ``valid_from`` to ``valid_to``, cut off on the day of a
    later version that ended it (revoked, cancelled, withdrawn). Intervals of one type that overlap or lie
    closer than the renewal gap form a stay.
    """
    licences = as_frame(snapshot.read("licence", columns=_LICENCE, codes=codes))
    today = np.datetime64(on, "D").astype(np.int64)
    licences = licences[_days(licences, "recorded_at") <= today]
    withdrawn = _days(licences, "withdrawn_at")
    licences = licences[~((withdrawn >= 0) & (withdrawn <= today))].reset_index(drop=True)
    intervals = _intervals(licences, rules)
    intervals = intervals[intervals["start"] <= today]
    stays = [_stays(intervals, name, kind, rules.renewal_gap_days) for name, kind in rules.types.items()]
    found = pd.concat(stays, ignore_index=True)
    registered = as_frame(
        known_on(
            snapshot,
            "enterprise",
            on,
            columns=["credit_code", "name", "district", "event_date"],
            codes=codes,
        )
    ).drop_duplicates("credit_code", keep="last")
    found = found.merge(registered[["credit_code", "name", "district"]], on="credit_code", how="left")
    found["province"] = found["district"].str[:2]
    if province:
        found = found[found["district"].fillna("").str.startswith(province)]
    end = found["end"].to_numpy(dtype=np.int64)
    found["state"] = np.select(
        [end >= today, end + rules.renewal_gap_days >= today], [CURRENT, LAPSING], default=LEFT
    )
    found["entered"] = found["start"].to_numpy(dtype=np.int64).astype("datetime64[D]").astype("datetime64[s]")
    ends = end.astype("datetime64[D]").astype("datetime64[s]")
    ends[end == ENDLESS] = np.datetime64("NaT")
    found["ends"] = ends
    return found.sort_values(["credit_code", "type", "entered"], ignore_index=True)[list(COLUMNS)]


def _intervals(licences: pd.DataFrame, rules: KeyAreas) -> pd.DataFrame:
    """Return licence versions that are in force from ``start`` to ``end`` (day numbers, both included)."""
    rows = licences.sort_values(["record_id", "recorded_at"], kind="stable", ignore_index=True)
    event = _days(rows, "event_date")
    given = _days(rows, "valid_from")
    start = np.where(given < 0, event, given)
    end = _days(rows, "valid_to")
    end = np.where(end < 0, ENDLESS, end)
    kept = rows["status"].isin(rules.kept_statuses).to_numpy()
    # The next version of the same licence that ended it, if any.
    ended = pd.Series(np.where(kept, np.nan, event)).groupby(rows["record_id"].to_numpy()).bfill()
    cut = ended.to_numpy(dtype=np.float64)
    end = np.where(np.isnan(cut), end, np.minimum(end, cut - 1)).astype(np.int64)
    return rows.assign(start=start, end=end)[kept & (end >= start)]


def _stays(intervals: pd.DataFrame, name: str, kind: EnterpriseType, gap: int) -> pd.DataFrame:
    rows = intervals[intervals["kind"].isin(kind.licences)]
    if kind.category_contains:
        category = rows["category"].fillna("").astype(str)
        rows = rows[
            np.logical_or.reduce([category.str.contains(w, regex=False) for w in kind.category_contains])
        ]
    if kind.issuer_levels:
        rows = rows[rows["issuer_level"].isin(kind.issuer_levels)]
    rows = rows.sort_values(["credit_code", "start"], kind="stable")
    code = rows["credit_code"]
    reached = rows.groupby("credit_code")["end"].cummax().groupby(code).shift()
    new = reached.isna() | (rows["start"] > reached + 1 + gap)
    stays = (
        rows.assign(stay=new.cumsum(), national=rows["issuer_level"] == "national")
        .groupby(["credit_code", "stay"], as_index=False)
        .agg(
            start=("start", "min"),
            end=("end", "max"),
            licences=("record_id", "nunique"),
            national=("national", "any"),
        )
    )
    return stays.assign(type=name, area=kind.area, label=kind.label.zh).drop(columns="stay")


def _days(frame: pd.DataFrame, column: str) -> Days:
    """Return day numbers; a missing date is the smallest number."""
    return frame[column].to_numpy(dtype="datetime64[D]").astype(np.int64)
