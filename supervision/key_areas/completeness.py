"""Who owes which records: fields missing, records late, records absent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from features.store import Snapshot
from supervision.key_areas.enterprises import CURRENT
from supervision.key_areas.rules import Expected, Item, Items
from supervision.records import as_frame, known_on
from supervision.sampling.calendar import months_later
from supervision.working_days import WorkingCalendar, working_calendar


@dataclass(frozen=True)
class Completeness:
    """The report of a day.

    Attributes
    ----------
    providers
        One row an item and provider: ``records``, ``incomplete``, ``missing`` (field → number as text),
        ``late``, ``late_share``.
    absent
        One row an item, enterprise and what is absent: ``credit_code``, ``district``, ``since``.
    """

    on: date
    enterprises: int
    providers: pd.DataFrame
    absent: pd.DataFrame

    def by_district(self) -> pd.DataFrame:
        """Return the number of absent records by item and district."""
        counted = self.absent.groupby(["item", "district"], dropna=False).size()
        return pd.DataFrame(counted.rename("absent").reset_index())


def completeness(
    snapshot: Snapshot, on: date, items: Items, enterprises: pd.DataFrame, *, since: date | None = None
) -> Completeness:
    """Return who owes which records about key-area enterprises.

    Parameters
    ----------
    snapshot
        State of the record store.
    on
        The day.
    items
        Items in force.
    enterprises
        Stays of key-area enterprises (:func:`supervision.key_areas.enterprises.key_enterprises`).
    since
        Records of events from this day on are looked at; by default those of a year.

    Notes
    -----
    A record is late if it came on file more working days after its event than the item gives. Records
    of an enterprise are owed by their provider; records that are absent by the authority of its district.
    """
    since = since or months_later(on, -12)
    current = enterprises[enterprises["state"] == CURRENT]
    codes = set(current["credit_code"])
    calendar = working_calendar()
    providers, absent = [], []
    for name, item in items.items.items():
        columns = ["credit_code", "event_date", "recorded_at", "provider", *item.fields]
        where = dict(item.expected.where) if item.expected else {}
        rows = as_frame(known_on(snapshot, item.table, on, columns=list(dict.fromkeys([*columns, *where]))))
        rows = rows[rows["credit_code"].isin(codes)]
        providers.append(_by_provider(name, item, rows, since, calendar))
        if item.expected is not None:
            absent.append(_absent(name, item.expected, rows, current, on, snapshot))
    return Completeness(
        on=on,
        enterprises=current["credit_code"].nunique(),
        providers=pd.concat(providers, ignore_index=True),
        absent=pd.concat(absent, ignore_index=True)
        if absent
        else pd.DataFrame(columns=["item", "credit_code", "district", "what", "since"]),
    )


def _by_provider(
    name: str, item: Item, rows: pd.DataFrame, since: date, calendar: WorkingCalendar
) -> pd.DataFrame:
    rows = rows[rows["event_date"] >= np.datetime64(since, "s")]
    blank = rows[list(item.fields)].isna()
    late = _late(rows, item.within, calendar)
    told: list[dict[str, Any]] = []
    for provider, places in rows.groupby("provider").indices.items():
        missing = blank.iloc[places].sum()
        told.append(
            {
                "item": name,
                "provider": provider,
                "records": len(places),
                "incomplete": int(blank.iloc[places].any(axis=1).sum()),
                "missing": ", ".join(f"{field} {count}" for field, count in missing.items() if count),
                "late": int(late[places].sum()),
                "late_share": float(late[places].mean()),
            }
        )
    return pd.DataFrame(
        told, columns=["item", "provider", "records", "incomplete", "missing", "late", "late_share"]
    )


def _late(rows: pd.DataFrame, within: int, calendar: WorkingCalendar) -> npt.NDArray[np.bool_]:
    """Return which records came on file after their last day; each day is looked up once."""
    event = rows["event_date"].to_numpy(dtype="datetime64[D]")
    days, place = np.unique(event, return_inverse=True)
    due = np.array([calendar.after(day.item(), within) for day in days], dtype="datetime64[D]")
    late: npt.NDArray[np.bool_] = rows["recorded_at"].to_numpy(dtype="datetime64[D]") > due[place]
    return late


def _absent(
    name: str, expected: Expected, rows: pd.DataFrame, current: pd.DataFrame, on: date, snapshot: Snapshot
) -> pd.DataFrame:
    owed = current[current["area"].isin(expected.areas)].sort_values("entered")
    owed = owed.drop_duplicates("credit_code")[["credit_code", "district", "entered"]]
    for column, values in expected.where.items():
        rows = rows[rows[column].isin(values)]
    find: Callable[..., pd.DataFrame] = _no_recent if expected.every_months else _no_year
    return find(name, expected, rows, owed, on, snapshot)


def _no_recent(
    name: str, expected: Expected, rows: pd.DataFrame, owed: pd.DataFrame, on: date, snapshot: Snapshot
) -> pd.DataFrame:
    """Return enterprises whose last record, or entry if there is none, is too long ago."""
    last = rows.groupby("credit_code")["event_date"].max().astype("datetime64[s]")
    since = _looked_up(last, owed)
    over = np.datetime64(months_later(on, -(expected.every_months or 1)), "s")
    found = owed[(since <= over).to_numpy()]
    return found[["credit_code", "district"]].assign(
        item=name, what=f"none in {expected.every_months} months", since=since[found.index]
    )


def _no_year(
    name: str, expected: Expected, rows: pd.DataFrame, owed: pd.DataFrame, on: date, snapshot: Snapshot
) -> pd.DataFrame:
    """Return enterprises without a record for the newest year that was due (30 June of the next year)."""
    year = on.year - (1 if on > date(on.year, 6, 30) else 2)
    registered = as_frame(known_on(snapshot, "enterprise", on, columns=["credit_code", "established_on"]))
    newest = registered.drop_duplicates("credit_code", keep="last").set_index("credit_code")
    begun = _looked_up(newest["established_on"].astype("datetime64[s]"), owed)
    have = set(rows.loc[rows[expected.each_year] == year, "credit_code"])
    due = (begun.dt.year <= year) & ~owed["credit_code"].isin(have)
    found: pd.DataFrame = owed[due.to_numpy()]
    return found[["credit_code", "district"]].assign(
        item=name, what=str(year), since=pd.Timestamp(year + 1, 7, 1).as_unit("s")
    )


def _looked_up(dates: pd.Series[Any], owed: pd.DataFrame) -> pd.Series[Any]:
    """Return each enterprise's date, or that of its entry where it has none."""
    found = dates.reindex(owed["credit_code"]).set_axis(owed.index)
    return found.where(found.notna(), owed["entered"])
