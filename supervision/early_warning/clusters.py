"""Groups in which adverse records are more frequent than chance explains."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import binom

from features.store import Snapshot
from supervision.early_warning.dates import COLUMNS
from supervision.early_warning.rules import Clusters
from supervision.records import as_frame, known_on
from supervision.sampling.calendar import months_later

#: Table → the records of it that are adverse: column → codes (none: all).
ADVERSE: dict[str, tuple[str, tuple[str, ...]] | None] = {
    "penalty": ("severity", ("general", "serious")),
    "inspection": ("outcome", ("problem", "severe")),
    "sampling_test": ("result", ("fail",)),
    "abnormal_list": None,
    "serious_violation_list": None,
    "incident": None,
}
#: Far beyond chance even among very many groups.
STRONG = 1e-6


def clusters(snapshot: Snapshot, on: date, rules: Clusters) -> pd.DataFrame:
    """Return warnings of all members of groups with too many adverse records.

    Parameters
    ----------
    snapshot
        State of the record store.
    on
        The day; adverse records of the months before it count.
    rules
        When a group is one.

    Returns
    -------
    pandas.DataFrame
        :data:`supervision.early_warning.dates.COLUMNS`; kinds ``cluster_person``, ``cluster_address``,
        ``cluster_producer``, ``cluster_product``, ``cluster_maker``.

    Notes
    -----
    In a group of n units, k of them adverse, with a share p of adverse units overall, the warning needs
    P(Binomial(n, p) >= k) to be at most ``p_value``. Units are enterprises in business (person,
    address), tests (producer, product) or devices in use (maker). Very large groups of enterprises are
    left out: a registration agent's address says nothing of its tenants.
    """
    found = [finder(snapshot, on, rules) for finder in (_persons, _addresses, _producers, _products, _makers)]
    filled = [frame for frame in found if len(frame)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=list(COLUMNS))


def improbable(
    members: npt.NDArray[np.int64],
    adverse: npt.NDArray[np.int64],
    share: float,
    rules: Clusters,
    *,
    bounded: bool = True,
) -> npt.NDArray[np.float64]:
    """Return the binomial tail probability of each group; 1 for groups that the rules leave out.

    Unless ``bounded``, there is no largest group: a producer may have any number of tests.
    """
    tail = binom.sf(adverse - 1, members, share)
    counted = (members >= rules.members) & (adverse >= rules.adverse)
    if bounded:
        counted &= members <= rules.largest
    found: npt.NDArray[np.float64] = np.where(counted, tail, 1.0)
    return found


def adverse_codes(snapshot: Snapshot, since: date, on: date) -> set[str]:
    """Return enterprises with an adverse record of an event after one day, up to another."""
    codes: set[str] = set()
    for table, told in ADVERSE.items():
        columns = ["credit_code", "event_date", *([told[0]] if told else [])]
        rows = as_frame(known_on(snapshot, table, on, columns=columns))
        rows = rows[rows["event_date"] > np.datetime64(since, "s")]
        if told:
            rows = rows[rows[told[0]].isin(told[1])]
        codes |= set(rows["credit_code"])
    return codes


def in_business(snapshot: Snapshot, on: date, columns: tuple[str, ...] = ()) -> pd.DataFrame:
    """Return the registration of every enterprise that is in business on a day."""
    rows = as_frame(
        known_on(snapshot, "enterprise", on, columns=["credit_code", "event_date", "status", *columns])
    )
    rows = rows.drop_duplicates("credit_code", keep="last")
    return rows[rows["status"] == "1"]


def _persons(snapshot: Snapshot, on: date, rules: Clusters) -> pd.DataFrame:
    relations = as_frame(
        known_on(snapshot, "relation", on, columns=["credit_code", "person_key", "ended_on"])
    )
    ended = relations["ended_on"].to_numpy(dtype="datetime64[D]") <= np.datetime64(on, "D")
    relations = relations[~ended & relations["person_key"].notna()]
    pairs = relations.rename(columns={"person_key": "group"})[["credit_code", "group"]]
    return _of_enterprises(
        snapshot,
        on,
        rules,
        pairs,
        kind="cluster_person",
        # The pseudonym stays out of the words: it is in the evidence.
        zh=lambda group: "同一关联人",
        en=lambda group: "the same related person",
    )


def _addresses(snapshot: Snapshot, on: date, rules: Clusters) -> pd.DataFrame:
    rows = in_business(snapshot, on, ("address",))
    address = (
        rows["address"].astype("object").where(rows["address"].notna(), "").map(str).str.replace(" ", "")
    )
    pairs = rows.assign(group=address)[["credit_code", "group"]]
    return _of_enterprises(
        snapshot,
        on,
        rules,
        pairs[pairs["group"] != ""],
        kind="cluster_address",
        zh=lambda group: f"同一住所（{group}）",
        en=lambda group: f"the same address ({group})",
    )


def _of_enterprises(
    snapshot: Snapshot,
    on: date,
    rules: Clusters,
    pairs: pd.DataFrame,
    *,
    kind: str,
    zh: Callable[[str], str],
    en: Callable[[str], str],
) -> pd.DataFrame:
    business = set(in_business(snapshot, on)["credit_code"])
    adverse = adverse_codes(snapshot, months_later(on, -rules.months), on) & business
    pairs = pairs[pairs["credit_code"].isin(business)].drop_duplicates()
    share = len(adverse) / max(len(business), 1)
    flagged = pairs.assign(adverse=pairs["credit_code"].isin(adverse))
    groups = _groups(flagged, share, rules, bounded=True)
    rows = flagged.merge(groups, on="group")
    return _told(
        rows,
        on,
        rules,
        kind,
        [f"{zh(g)}名下{n}户中{k}户一年内有不良记录" for g, n, k in _counts(rows)],
        [f"{k} of {n} enterprises with {en(g)} have adverse records" for g, n, k in _counts(rows)],
    )


def _tests(snapshot: Snapshot, on: date, rules: Clusters, column: str) -> pd.DataFrame:
    rows = as_frame(
        known_on(
            snapshot,
            "sampling_test",
            on,
            columns=["credit_code", "event_date", "record_id", "result", column],
        )
    )
    since = np.datetime64(months_later(on, -rules.months), "s")
    rows = rows[(rows["event_date"] > since) & rows[column].notna()]
    return rows.rename(columns={column: "group"}).assign(adverse=rows["result"] == "fail")


def _producers(snapshot: Snapshot, on: date, rules: Clusters) -> pd.DataFrame:
    tests = _tests(snapshot, on, rules, "producer")
    groups = _groups(tests, float(tests["adverse"].mean()) if len(tests) else 0.0, rules)
    rows = tests.merge(groups, on="group").drop_duplicates(["credit_code", "group"])
    sellers = _told(
        rows,
        on,
        rules,
        "cluster_producer",
        [f"经营的产品来自{g}，其{n}批次抽检中{k}批次不合格" for g, n, k in _counts(rows)],
        [f"sells products of {g}: {k} of {n} tests failed" for g, n, k in _counts(rows)],
    )
    # The producer itself, where exactly one enterprise in business has that name.
    named = in_business(snapshot, on, ("name",)).drop_duplicates("name", keep=False)
    own = groups.merge(named, left_on="group", right_on="name")
    producers = _told(
        own,
        on,
        rules,
        "cluster_producer",
        [f"生产的产品{n}批次抽检中{k}批次不合格" for _, n, k in _counts(own)],
        [f"{k} of {n} tests of its products failed" for _, n, k in _counts(own)],
    )
    return pd.concat([producers, sellers], ignore_index=True).drop_duplicates(["credit_code", "evidence"])


def _products(snapshot: Snapshot, on: date, rules: Clusters) -> pd.DataFrame:
    tests = _tests(snapshot, on, rules, "product")
    groups = _groups(tests, float(tests["adverse"].mean()) if len(tests) else 0.0, rules)
    rows = tests.merge(groups, on="group").drop_duplicates(["credit_code", "group"])
    return _told(
        rows,
        on,
        rules,
        "cluster_product",
        [f"经营的产品“{g}”{n}批次抽检中{k}批次不合格" for g, n, k in _counts(rows)],
        [f"product “{g}”: {k} of {n} tests failed" for g, n, k in _counts(rows)],
    )


def _makers(snapshot: Snapshot, on: date, rules: Clusters) -> pd.DataFrame:
    columns = ["credit_code", "event_date", "equipment_id", "maker", "status"]
    devices = as_frame(known_on(snapshot, "equipment", on, columns=columns))
    devices = devices.drop_duplicates(["credit_code", "equipment_id"], keep="last")
    devices = devices[(devices["status"] == "in_use") & devices["maker"].notna()]
    incidents = as_frame(known_on(snapshot, "incident", on, columns=["event_date", "equipment_id"]))
    since = np.datetime64(months_later(on, -rules.months), "s")
    hit = set(incidents.loc[incidents["event_date"] > since, "equipment_id"].dropna())
    devices = devices.rename(columns={"maker": "group"}).assign(adverse=devices["equipment_id"].isin(hit))
    groups = _groups(devices, float(devices["adverse"].mean()) if len(devices) else 0.0, rules)
    rows = devices.merge(groups, on="group").drop_duplicates(["credit_code", "group"])
    return _told(
        rows,
        on,
        rules,
        "cluster_maker",
        [f"在用设备制造单位{g}的{n}台设备中{k}台一年内发生事件" for g, n, k in _counts(rows)],
        [f"devices in use of maker {g}: {k} of {n} had an incident" for g, n, k in _counts(rows)],
    )


def _groups(units: pd.DataFrame, share: float, rules: Clusters, *, bounded: bool = False) -> pd.DataFrame:
    """Return the groups that chance does not explain: ``group``, ``members``, ``hits``, ``p``."""
    counted = units.groupby("group").agg(members=("adverse", "size"), hits=("adverse", "sum")).reset_index()
    members = counted["members"].to_numpy(dtype=np.int64)
    hits = counted["hits"].to_numpy(dtype=np.int64)
    counted["p"] = improbable(members, hits, share, rules, bounded=bounded) if 0 < share < 1 else 1.0
    return counted[counted["p"] <= rules.p_value]


def _counts(rows: pd.DataFrame) -> list[tuple[str, int, int]]:
    return list(zip(rows["group"], rows["members"], rows["hits"], strict=True))


def _told(
    rows: pd.DataFrame, on: date, rules: Clusters, kind: str, zh: list[str], en: list[str]
) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "credit_code": rows["credit_code"],
            "kind": kind,
            "urgency": np.where(rows["p"] <= STRONG, "high", "medium"),
            "date": np.datetime64(on, "s"),
            "reason_zh": zh,
            "reason_en": en,
            "evidence": rows["group"].astype("object"),
            "source": rules.source,
            "trust": rules.trust,
        },
        columns=list(COLUMNS),
    )
