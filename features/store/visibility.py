"""From when to when a stored version of a record may be seen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.records import ENDS

#: Visible for good.
NEVER = date(9999, 12, 31)
#: What is read of the repair decisions.
DECISION = ("credit_code", "event_date", "recorded_at", "target_table", "target_record_id", "decision")


def visible_to(rows: pa.Table, *, versions: bool, repairs: pa.Table | None, table: str) -> pa.ChunkedArray:
    """Return the day from which each row may no longer be seen.

    A row ends when a later version of its record is recorded, when it is withdrawn, repaired or expired,
    or when a repair of it is granted: on the day of the decision or of its recording, whichever is later.
    The earliest of these counts; an end that is given later can only shorten.

    Parameters
    ----------
    rows
        ``recorded_at`` and :data:`ENDS`; with ``versions`` also ``record_id``; with ``repairs`` also
        ``credit_code``. All versions of a record that are in the store: the store keeps them under one
        credit code, so a range of codes has them all.
    versions
        Whether a record may have more than one version.
    repairs
        Repair decisions of the same enterprises, :data:`DECISION`; None if none concern the table. A
        decision counts for the enterprise that it names.
    table
        Name of the table.

    Returns
    -------
    pyarrow.ChunkedArray
        date32, one a row, never missing.
    """
    ends: list[pa.ChunkedArray | pa.Array] = [rows[name] for name in ENDS]
    if versions:
        ends.append(_next_version(rows))
    if repairs is not None and repairs.num_rows:
        ends.append(_granted(rows, repairs, table))
    return pc.min_element_wise(*ends, pa.scalar(NEVER, pa.date32()), skip_nulls=True)


@dataclass(frozen=True)
class Restored:
    """Intervals of rows whose repair was revoked.

    Attributes
    ----------
    place
        Row of each interval, ascending; the first of a row takes the place of its own.
    visible_from, visible_to
        Days since 1970-01-01, int32.
    """

    place: np.ndarray
    visible_from: np.ndarray
    visible_to: np.ndarray


def restored(rows: pa.Table, *, versions: bool, repairs: pa.Table, table: str) -> Restored | None:
    """Return the intervals of rows whose repair was granted and then revoked.

    A record is hidden from a grant on until the grant is revoked, each on the day of the decision or of its
    recording, whichever is later; then it can be seen again, as long as it could have been without the
    repair. What was seen before either day does not change.

    Parameters
    ----------
    rows, versions, repairs, table
        As for :func:`visible_to`; ``repairs`` is needed.

    Returns
    -------
    Restored or None
        None if no repair of these rows was revoked.
    """
    concern = pc.and_(pc.equal(repairs["target_table"], table), pc.is_in(repairs["decision"], _EFFECTIVE))
    repairs = repairs.filter(concern)
    if not pc.any(pc.equal(repairs["decision"], "revoked")).as_py():
        return None
    hidden = _hidden(repairs)
    names = pa.array(sorted({record for _, record in hidden}), pa.string())
    places = np.flatnonzero(pc.is_in(rows["record_id"], value_set=names).to_numpy())
    ends = visible_to(rows, versions=versions, repairs=None, table=table).take(places)
    few = rows.select(["credit_code", "record_id", "recorded_at"]).take(places)
    found: list[tuple[int, int, int]] = []
    for place, code, record, begin, end in zip(
        places.tolist(),
        few["credit_code"].to_pylist(),
        few["record_id"].to_pylist(),
        few["recorded_at"].cast(pa.int32()).to_pylist(),
        ends.cast(pa.int32()).to_pylist(),
        strict=True,
    ):
        if (code, record) in hidden:
            found += [(place, *stretch) for stretch in _without(begin, end, hidden[code, record])]
    if not found:
        return None
    columns = np.array(found, dtype=np.int64)
    return Restored(columns[:, 0], columns[:, 1].astype(np.int32), columns[:, 2].astype(np.int32))


#: Decisions that change what may be seen.
_EFFECTIVE = pa.array(["granted", "revoked"])
_NEVER = (NEVER - date(1970, 1, 1)).days


def _hidden(repairs: pa.Table) -> dict[tuple[str, str], list[tuple[int, int]]]:
    """Return enterprise and record → the stretches of days on which it is hidden; of revoked ones alone."""
    day = pc.max_element_wise(repairs["event_date"], repairs["recorded_at"], skip_nulls=False).cast(
        pa.int32()
    )
    decided: dict[tuple[str, str], list[tuple[int, bool]]] = {}
    for code, record, when, decision in zip(
        repairs["credit_code"].to_pylist(),
        repairs["target_record_id"].to_pylist(),
        day.to_pylist(),
        repairs["decision"].to_pylist(),
        strict=True,
    ):
        # Of a grant and its revocation on one day the revocation is the later one.
        decided.setdefault((code, record), []).append((when, decision == "revoked"))
    result = {}
    for key, decisions in decided.items():
        if not any(revoked for _, revoked in decisions):
            continue
        stretches: list[tuple[int, int]] = []
        since: int | None = None
        for when, revoked in sorted(decisions):
            if revoked and since is not None:
                if since < when:
                    stretches.append((since, when))
                since = None
            elif not revoked and since is None:
                since = when
        if since is not None:
            stretches.append((since, _NEVER))
        result[key] = stretches
    return result


def _without(begin: int, end: int, hidden: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return an interval without stretches; empty stretches but the first are left out."""
    pieces, at = [], begin
    for first, last in hidden:
        pieces.append((at, min(end, first)))
        at = max(at, last)
    pieces.append((at, end))
    return [p for i, p in enumerate(pieces) if p[0] < p[1] or i == 0]


def _next_version(rows: pa.Table) -> pa.Array:
    """Return the day on which a later version of the same record was recorded."""
    result = np.full(rows.num_rows, np.iinfo(np.int32).max, dtype=np.int32)
    # Most records have one version, so the others are picked out before anything is sorted.
    counted = pc.value_counts(rows["record_id"])
    several = counted.field("values").filter(pc.greater(counted.field("counts"), 1))
    places = np.flatnonzero(pc.is_in(rows["record_id"], value_set=several).to_numpy())
    few = pa.table(
        {
            "record_id": rows["record_id"].take(places),
            "recorded_at": rows["recorded_at"].take(places).cast(pa.int32()),
            "place": places,
        }
    ).sort_by([("record_id", "ascending"), ("recorded_at", "ascending")])
    if few.num_rows:
        names = few["record_id"].combine_chunks()
        same = pc.equal(names[:-1], names[1:]).to_numpy(zero_copy_only=False)
        recorded, place = few["recorded_at"].to_numpy(), few["place"].to_numpy()
        result[place[:-1][same]] = recorded[1:][same]
    return pa.array(result, mask=result == np.iinfo(np.int32).max).cast(pa.date32())


def _granted(rows: pa.Table, repairs: pa.Table, table: str) -> pa.ChunkedArray:
    """Return the day on which a granted repair of the row was decided and known."""
    concern = pc.and_(pc.equal(repairs["target_table"], table), pc.equal(repairs["decision"], "granted"))
    repairs = repairs.filter(concern)
    first = (
        pa.table(
            {
                "credit_code": repairs["credit_code"],
                "record_id": repairs["target_record_id"],
                "day": pc.max_element_wise(
                    repairs["event_date"], repairs["recorded_at"], skip_nulls=False
                ).cast(pa.int32()),
            }
        )
        .group_by(["credit_code", "record_id"])
        .aggregate([("day", "min")])
    )
    # A decision may name a record of another enterprise: it counts for its own only.
    few = rows.select(["credit_code", "record_id"]).append_column(
        "place", pa.array(np.arange(rows.num_rows, dtype=np.int64))
    )
    few = few.filter(pc.is_in(few["record_id"], value_set=first["record_id"].combine_chunks()))
    matched = few.join(first, keys=["credit_code", "record_id"], join_type="inner")
    result = np.full(rows.num_rows, np.iinfo(np.int32).max, dtype=np.int32)
    result[matched["place"].to_numpy()] = matched["day_min"].to_numpy()
    return pa.array(result, mask=result == np.iinfo(np.int32).max).cast(pa.date32())
