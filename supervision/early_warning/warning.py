"""All early warnings of a day, and what came of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd

from features.home import Home
from features.store import RecordStore, Snapshot
from supervision.early_warning.clusters import ADVERSE, clusters, in_business
from supervision.early_warning.dates import COLUMNS, equipment_dates, licence_dates
from supervision.early_warning.rising import pair_of_publications, rising_risk
from supervision.early_warning.rules import WarningRules, load_warning_rules
from supervision.records import as_frame

URGENCY = ("high", "medium", "low")


@dataclass(frozen=True)
class Warnings:
    """The warnings of a day.

    Attributes
    ----------
    rows
        ``credit_code``, ``name``, ``district``, ``kind``, ``urgency``, ``date``, ``reason_zh``,
        ``reason_en``, ``evidence``, ``source``, ``trust``; the most urgent first.
    compared
        Names of the two classifications that were compared; none if there are not two.
    """

    on: date
    records: int
    rows: pd.DataFrame
    compared: tuple[str, str] | None

    def counts(self) -> list[dict[str, Any]]:
        """Return the number of warnings and enterprises by kind and urgency."""
        grouped = self.rows.groupby(["kind", "urgency"])["credit_code"].agg(["size", "nunique"]).reset_index()
        named = grouped.rename(columns={"size": "warnings", "nunique": "enterprises"})
        told = [{str(k): v for k, v in row.items()} for row in named.to_dict("records")]
        return sorted(told, key=lambda r: (r["kind"], URGENCY.index(r["urgency"])))


def early_warnings(
    home: Home, on: date, *, district: str | None = None, rules: WarningRules | None = None
) -> Warnings:
    """Return all early warnings of a day.

    Parameters
    ----------
    home
        Records and published classifications.
    on
        The day; nothing that was known later counts.
    district
        First digits of the district code.
    rules
        A province's own; by default the shipped ones.

    Raises
    ------
    InputError
        If there are no records, or no rules for the day.
    """
    rules = rules or load_warning_rules(on)
    snapshot = RecordStore(home.store).snapshot()
    parts = [
        licence_dates(snapshot, on, rules.licence),
        equipment_dates(snapshot, on, rules.equipment),
        clusters(snapshot, on, rules.clusters),
    ]
    pair = pair_of_publications(home, pd.Timestamp(on), rules.rising_risk)
    if pair is not None:
        parts.append(rising_risk(*pair, rules.rising_risk))
    filled = [part for part in parts if len(part)]
    found = pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=list(COLUMNS))
    business = in_business(snapshot, on, ("name", "district"))[["credit_code", "name", "district"]]
    rows = found.merge(business, on="credit_code", how="inner")
    if district:
        rows = rows[rows["district"].fillna("").astype(str).str.startswith(district)]
    rank = rows["urgency"].map({name: i for i, name in enumerate(URGENCY)})
    rows = rows.assign(rank=rank).sort_values(["rank", "kind", "credit_code", "evidence"], ignore_index=True)
    names = ["credit_code", "name", "district", *(c for c in COLUMNS if c != "credit_code")]
    compared = None if pair is None else (pair[1].name, pair[0].name)
    return Warnings(on, snapshot.id, rows[names], compared)


def measure(warnings: Warnings, snapshot: Snapshot, days: int) -> list[dict[str, Any]]:
    """Return how often a warning was followed by a problem, against all enterprises.

    Parameters
    ----------
    warnings
        Warnings of a day.
    snapshot
        State of the record store, from later.
    days
        A problem within so many days after that day counts.

    Returns
    -------
    list of dict
        By kind (and ``all``): ``enterprises`` warned, ``followed`` by a problem, ``precision``
        with its 95 % Wilson interval, ``base`` (share of all enterprises in business with a problem),
        ``lift``, ``lead_days`` (median).

    Notes
    -----
    A problem is an adverse record (penalty, inspection, failed test, list, incident) of an event after
    the day. It must have been found: where warnings themselves lead to inspections, precision is that
    of warning and inspection together.
    """
    first = _first_problem(snapshot, warnings.on, warnings.on + timedelta(days=days))
    business = in_business(snapshot, warnings.on)["credit_code"]
    base = float(business.isin(first.index).mean()) if len(business) else 0.0
    kinds = sorted(warnings.rows["kind"].unique())
    told = []
    for kind in [*kinds, "all"]:
        rows = warnings.rows if kind == "all" else warnings.rows[warnings.rows["kind"] == kind]
        codes = rows["credit_code"].drop_duplicates()
        hits = first.reindex(codes).dropna()
        number, followed = len(codes), len(hits)
        lead = (hits - pd.Timestamp(warnings.on)).dt.days
        precision = followed / number if number else float("nan")
        told.append(
            {
                "kind": kind,
                "enterprises": number,
                "followed": followed,
                "precision": precision,
                "interval": _wilson(followed, number),
                "base": base,
                "lift": precision / base if base and number else float("nan"),
                "lead_days": float(lead.median()) if followed else float("nan"),
            }
        )
    return told


def _first_problem(snapshot: Snapshot, after: date, until: date) -> pd.Series[Any]:
    """Return each enterprise's first adverse event in a period, as known today."""
    parts = []
    for table, told in ADVERSE.items():
        columns = ["credit_code", "event_date", "record_id", "withdrawn_at", *([told[0]] if told else [])]
        rows = as_frame(snapshot.read(table, columns=columns))
        # The newest version of a record counts, even if its publication has ended since.
        rows = rows.sort_values("visible_from", kind="stable").drop_duplicates("record_id", keep="last")
        rows = rows[rows["withdrawn_at"].isna()]
        if told:
            rows = rows[rows[told[0]].isin(told[1])]
        event = rows["event_date"].to_numpy(dtype="datetime64[D]")
        inside = (event > np.datetime64(after, "D")) & (event <= np.datetime64(until, "D"))
        parts.append(rows.loc[inside, ["credit_code", "event_date"]])
    everything = pd.concat(parts, ignore_index=True)
    return everything.groupby("credit_code")["event_date"].min()


def _wilson(hits: int, number: int) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson 1927)."""
    if not number:
        return (float("nan"), float("nan"))
    z, share = 1.959964, hits / number
    middle = share + z * z / (2 * number)
    width = z * float(np.sqrt(share * (1 - share) / number + z * z / (4 * number * number)))
    scale = 1 + z * z / number
    return (middle - width) / scale, (middle + width) / scale
