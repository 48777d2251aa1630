"""From records to what may be published of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from features.records import TABLES
from features.store import Snapshot
from supervision.publicity.rules import Publicity, PublishedTable
from supervision.sampling.calendar import day_number, days_after

#: Columns of every published table, before its own.
COMMON = ("credit_code", "event_date", "provider", "record_id")
BLOTTED = "〔略〕"

# Identity numbers: a division, a date of birth, a serial, a check. Not preceded or followed by what would
# make it part of a longer number. A credit code never has a date there: its positions 7-14 are not one.
_IDENTITY = (
    r"(?:^|[^0-9A-Za-z])[1-9][0-9]{5}(?:18|19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])"
    r"[0-9]{3}[0-9Xx](?:$|[^0-9A-Za-z])"
)
_IDENTITY_OLD = (
    r"(?:^|[^0-9A-Za-z])[1-9][0-9]{7}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])[0-9]{3}(?:$|[^0-9A-Za-z])"
)
_MOBILE = r"(?:^|[^0-9A-Za-z])(?:\+?86[- ]?)?1[3-9][0-9][- ]?[0-9]{4}[- ]?[0-9]{4}(?:$|[^0-9A-Za-z])"
#: What shows that a text names a natural person more closely than the law allows.
PERSONAL = f"{_IDENTITY}|{_IDENTITY_OLD}|{_MOBILE}"


@dataclass(frozen=True)
class Published:
    """What may be told on a day.

    Attributes
    ----------
    tables
        Record table → rows that are published, in the order of :data:`COMMON` and the rules' columns,
        and ``published_until`` (none: as long as it is on record).
    withheld
        Table → reason → rows that are not.
    """

    on: date
    tables: Mapping[str, pa.Table]
    withheld: Mapping[str, Mapping[str, int]]


def records_for_publication(
    snapshot: Snapshot, rules: Publicity, codes: tuple[str, str] | None = None
) -> dict[str, pa.Table]:
    """Return all versions of the records of the tables that are published, with their visibility.

    Parameters
    ----------
    snapshot
        State of the record store.
    rules
        Rules of publication in force.
    codes
        Closed range of credit codes; all by default.
    """
    own = {name: rules.published[name].columns for name in rules.published}
    extra = {"abnormal_list": ("removed_on",), "serious_violation_list": ("removed_on",)}
    return {
        name: snapshot.read(
            name, columns=[*COMMON, "recorded_at", *columns, *extra.get(name, ())], codes=codes
        )
        for name, columns in own.items()
    }


def publishable(
    records: Mapping[str, pa.Table],
    on: date,
    rules: Publicity,
    withheld: Collection[tuple[str, str]] = (),
) -> Published:
    """Return what may be published on a day.

    Parameters
    ----------
    records
        Table → all versions of its records: :data:`COMMON`, ``recorded_at``, the columns that the rules
        name, ``visible_from``, ``visible_to``.
    on
        The day.
    rules
        Rules of publication in force.
    withheld
        Credit code and record that the authority has decided to withhold.

    Notes
    -----
    A record is left out if it is not visible on the day (repaired, withdrawn, expired, superseded, not yet
    known), of a kind that is never published, past its period, withheld by a decision, or of somebody
    without a registration on record (Order 45 art. 2: records stand under registered enterprises).
    """
    tables: dict[str, pa.Table] = {}
    counts: dict[str, dict[str, int]] = {}
    registered = _registered(records["enterprise"], on) if "enterprise" in records else set()
    kept_back = set(withheld)
    for name, told in rules.published.items():
        rows = records.get(name)
        if rows is None:
            continue
        first = _first_recorded(rows)
        seen = _visible(rows, on)
        rows, first = rows.filter(pa.array(seen)), first[seen]
        if name == "enterprise":
            # Registration states follow each other; the newest is what the enterprise is.
            newest = _newest(rows)
            rows, first = rows.filter(pa.array(newest)), first[newest]
        until = _until(rows, first, told)
        reasons = {
            "never": _matches(rows, told.never) if told.never else np.zeros(len(rows), dtype=np.bool_),
            "ended": _ended(rows, on) if told.open_only else np.zeros(len(rows), dtype=np.bool_),
            "period_over": until <= day_number(on),
            "decision": _decided(rows, kept_back),
            "not_registered": ~_isin(rows["credit_code"], registered),
        }
        out = np.zeros(len(rows), dtype=np.bool_)
        counts[name] = {}
        for reason, which in reasons.items():
            fresh = which & ~out
            if fresh.any():
                counts[name][reason] = int(fresh.sum())
            out |= which
        tables[name] = _shown(rows, until, told, rules).filter(pa.array(~out))
    return Published(on, tables, counts)


def repeat_offenders(published: Published, rules: Publicity) -> pd.DataFrame:
    """Return enterprises with several published penalties of one domain: for concentrated publicity.

    Returns
    -------
    pandas.DataFrame
        ``credit_code``, ``domain``, ``penalties``, ``last`` (date), most penalties first.
    """
    frame = published.tables["penalty"].select(["credit_code", "domain", "event_date"]).to_pandas()
    repeat = rules.repeat_offenders
    event = frame["event_date"].to_numpy(dtype="datetime64[D]").astype(np.int64)
    recent = days_after(event, repeat.months) > day_number(published.on)
    found = (
        frame[recent]
        .groupby(["credit_code", "domain"], as_index=False)
        .agg(penalties=("event_date", "size"), last=("event_date", "max"))
    )
    found = found[found["penalties"] >= repeat.penalties]
    order = ["penalties", "last", "credit_code"]
    offenders: pd.DataFrame = found.sort_values(order, ascending=[False, False, True], ignore_index=True)
    return offenders


def blot_out(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return texts in which identity and mobile numbers of persons are blotted out."""
    hit = pc.match_substring_regex(texts, PERSONAL)
    if not pc.any(hit).as_py():
        return texts
    # What stands around a number goes too: it may be what tells whose it is. The whole text is dropped.
    return pc.if_else(pc.fill_null(hit, False), pa.scalar(BLOTTED), texts)


def _visible(rows: pa.Table, on: date) -> npt.NDArray[np.bool_]:
    today = pa.scalar(on, pa.date32())
    seen = pc.and_(
        pc.and_(pc.less_equal(rows["visible_from"], today), pc.greater(rows["visible_to"], today)),
        pc.less_equal(rows["event_date"], today),
    )
    return _bools(seen)


def _registered(enterprises: pa.Table, on: date) -> set[str]:
    return set(enterprises.filter(pa.array(_visible(enterprises, on)))["credit_code"].to_pylist())


def _first_recorded(rows: pa.Table) -> npt.NDArray[np.int64]:
    """Return the day on which each row's record was first on file."""
    recorded = _days(rows["recorded_at"])
    records = rows["record_id"].combine_chunks().dictionary_encode().indices.to_numpy(zero_copy_only=False)
    if not len(records):
        return recorded
    first = np.full(int(records.max()) + 1, np.iinfo(np.int64).max)
    np.minimum.at(first, records, recorded)
    found: npt.NDArray[np.int64] = first[records]
    return found


def _newest(rows: pa.Table) -> npt.NDArray[np.bool_]:
    frame = pd.DataFrame({"code": rows["credit_code"].to_pandas(), "day": _days(rows["event_date"])})
    order = frame.sort_values(["code", "day"], kind="stable")
    kept = np.zeros(len(frame), dtype=np.bool_)
    kept[order.index[~order["code"].duplicated(keep="last")]] = True
    return kept


def _until(rows: pa.Table, first: npt.NDArray[np.int64], told: PublishedTable) -> npt.NDArray[np.int64]:
    """Return the day from which each record is no longer published (largest int64: never)."""
    if told.months is None:
        return np.full(len(rows), np.iinfo(np.int64).max)
    months = np.full(len(rows), told.months, dtype=np.int64)
    for shorter in told.shorter:
        which = _matches(rows, shorter.where)
        if shorter.amount_up_to_fen is not None:
            low = pc.fill_null(pc.less_equal(rows["amount"], shorter.amount_up_to_fen), False)
            which &= _bools(low)
        months[which] = np.minimum(months[which], shorter.months)
    return days_after(first, months)


def _matches(rows: pa.Table, where: Mapping[str, tuple[str, ...]]) -> npt.NDArray[np.bool_]:
    found = np.ones(len(rows), dtype=np.bool_)
    for column, values in where.items():
        found &= _isin(rows[column], values)
    return found


def _ended(rows: pa.Table, on: date) -> npt.NDArray[np.bool_]:
    return _bools(pc.fill_null(pc.less_equal(rows["removed_on"], pa.scalar(on, pa.date32())), False))


def _decided(rows: pa.Table, withheld: set[tuple[str, str]]) -> npt.NDArray[np.bool_]:
    if not withheld:
        return np.zeros(len(rows), dtype=np.bool_)
    found = _isin(rows["record_id"], {record for _, record in withheld})
    codes, records = rows["credit_code"], rows["record_id"]
    for place in np.flatnonzero(found):
        found[place] = (codes[int(place)].as_py(), records[int(place)].as_py()) in withheld
    return found


def _shown(rows: pa.Table, until: npt.NDArray[np.int64], told: PublishedTable, rules: Publicity) -> pa.Table:
    columns: dict[str, Any] = {}
    for name in (*COMMON, *told.columns):
        column = rows[name]
        columns[name] = blot_out(column) if name in rules.blot_out else column
    never = until == np.iinfo(np.int64).max
    ends = pa.array(np.where(never, 0, until).astype(np.int32), mask=never).cast(pa.date32())
    return pa.table({**columns, "published_until": ends})


def _isin(column: pa.ChunkedArray, values: Collection[str]) -> npt.NDArray[np.bool_]:
    return _bools(pc.is_in(column, value_set=pa.array(sorted(values), pa.string())))


def _bools(column: pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    found: npt.NDArray[np.bool_] = column.to_numpy().astype(np.bool_)
    # A copy: what Arrow hands out may not be written to.
    return np.array(found)


def _days(column: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    days: npt.NDArray[np.int64] = column.cast(pa.int32()).to_numpy().astype(np.int64)
    return days


def code_labels(table: str, column: str) -> dict[str, dict[str, str]]:
    """Return code → names in both languages; empty for a column without a code set."""
    codes = TABLES[table].column(column).codes
    return {} if codes is None else {c: {"zh": w.zh, "en": w.en} for c, w in codes.codes.items()}
