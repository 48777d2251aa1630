"""What happened afterwards: the label of a pair of enterprise and as-of date."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

import numpy as np
import pandas as pd
import pyarrow as pa

from features.definitions.expressions import EVERYTHING, Expression, col
from features.runners.threads import RecordReader
from risk_model.specification import Condition, Target

#: Columns that labels bring along where the table has them: how the enterprise was chosen.
SELECTION = ("selection", "inclusion_probability")


@dataclass(frozen=True)
class LabelledEvents:
    """Records that decide a label, sorted by enterprise and date.

    Attributes
    ----------
    frame
        ``credit_code``, ``event_date``, ``recorded_at``, ``record_id``, ``label`` (0 or 1) and, for
        inspections, ``selection`` and ``inclusion_probability``.
    """

    frame: pd.DataFrame


def as_expression(condition: Condition) -> Expression:
    """Turn ``{column: [values]}`` into a condition: every column has one of its values."""
    parts = [col(column).isin(values) for column, values in condition.items()]
    return reduce(lambda a, b: a & b, parts) if parts else EVERYTHING


def read_events(snapshot: RecordReader, target: Target) -> LabelledEvents:
    """Read the records that can be a label.

    The newest version of each record counts: a label is looked up when its horizon is over, and
    what was corrected since is corrected in it. A withdrawn record is none.
    """
    conditions = (target.where, target.positive, target.negative)
    columns = {name for condition in conditions for name in condition}
    from features.records import TABLES

    own = {column.name for column in TABLES[target.table].columns}
    columns |= {name for name in SELECTION if name in own}
    table = snapshot.read(
        target.table,
        columns=["credit_code", "event_date", "recorded_at", "record_id", "withdrawn_at", *sorted(columns)],
    )
    # Sorted by recording date: the last row of a record is its newest version.
    ids = table["record_id"].to_pandas()
    newest = (
        pd.DataFrame({"id": ids, "recorded": table["recorded_at"].to_pandas()})
        .reset_index()
        .sort_values(["id", "recorded", "index"], kind="stable")
        .drop_duplicates("id", keep="last")["index"]
        .sort_values()
    )
    table = table.take(pa.array(newest))
    standing = np.asarray(table["withdrawn_at"].is_null().to_numpy(zero_copy_only=False), dtype=bool)
    positive = as_expression(target.positive).mask(table)
    if target.absence == "negative":
        counts, negative = positive, np.zeros(len(positive), dtype=bool)
    else:
        negative = as_expression(target.negative).mask(table)
        counts = positive | negative
    keep = as_expression(target.where).mask(table) & standing & counts
    names = [
        n
        for n in ("credit_code", "event_date", "recorded_at", "record_id", *SELECTION)
        if n in table.column_names
    ]
    frame = table.select(names).filter(pa.array(keep)).to_pandas(date_as_object=False)
    frame["label"] = positive[keep].astype(np.int8)
    return LabelledEvents(frame.reset_index(drop=True))


def event_rows(events: LabelledEvents, lead_days: int) -> pd.DataFrame:
    """Return one row a labelled record, seen from ``lead_days`` before it.

    Returns
    -------
    pandas.DataFrame
        The events with ``as_of``; two records of an enterprise on one day are one row, positive if
        one of them is.
    """
    frame = events.frame.sort_values(["credit_code", "event_date", "label"], kind="stable")
    frame = frame.drop_duplicates(["credit_code", "event_date"], keep="last")
    frame = frame.assign(
        as_of=frame["event_date"] - pd.Timedelta(days=lead_days),
        label_known=frame["recorded_at"],
        label_record=frame["record_id"],
    )
    return frame.drop(columns=["recorded_at", "record_id"]).reset_index(drop=True)


def label_pairs(pairs: pa.Table, events: LabelledEvents, target: Target) -> pd.DataFrame:
    """Label pairs of enterprise and as-of date.

    Parameters
    ----------
    pairs
        ``credit_code``, ``as_of``.
    events
        From :func:`read_events`.
    target
        Horizon, and whether the first record or any decides.

    Returns
    -------
    pandas.DataFrame
        The labelled pairs: ``credit_code``, ``as_of``, ``label``, ``label_known`` (when the label was
        known), ``label_record``, ``event_date``, and ``selection``, ``inclusion_probability`` where the
        table has them. Pairs without a label are left out.
    """
    frame = pairs.to_pandas(date_as_object=False)
    found = events.frame
    categories = pd.Index(found["credit_code"].unique())
    # A key that orders by enterprise, then by day; days fit in 10 decimal places.
    scale = np.int64(10**6)
    event_day = found["event_date"].to_numpy().astype("datetime64[D]").astype(np.int64) + 200_000
    key = categories.get_indexer(found["credit_code"]).astype(np.int64) * scale + event_day
    # Of two records on one day the one that found a problem decides.
    order = np.lexsort((-found["label"].to_numpy(), key))
    key = key[order]
    place = categories.get_indexer(frame["credit_code"]).astype(np.int64)
    day = frame["as_of"].to_numpy().astype("datetime64[D]").astype(np.int64) + 200_000
    first = np.searchsorted(key, place * scale + day, side="right")
    last = np.searchsorted(key, place * scale + day + target.horizon_days, side="right")
    has = (place >= 0) & (last > first)
    label = found["label"].to_numpy()[order]
    if target.take == "any":
        total = np.concatenate([[0], np.cumsum(label)])
        outcome = (total[last] - total[first] > 0).astype(np.int8)
        # The last record of the horizon must be known before the answer is.
        decisive = np.maximum(last - 1, 0)
    else:
        decisive = np.minimum(first, max(len(key) - 1, 0))
        outcome = label[decisive] if len(label) else np.zeros(len(frame), dtype=np.int8)
    result = frame.copy()
    if len(found):
        source = found.iloc[order[decisive]].reset_index(drop=True)
        for name in ("event_date", "record_id", "recorded_at", *SELECTION):
            if name in source:
                result[name] = source[name].to_numpy()
    else:
        result = result.assign(event_date=pd.NaT, record_id=None, recorded_at=pd.NaT)
    result = result.rename(columns={"record_id": "label_record", "recorded_at": "label_known"})
    result["label"] = np.where(has, outcome, 0).astype(np.int8)
    if target.absence == "negative":
        end = result["as_of"] + pd.Timedelta(days=target.horizon_days)
        result.loc[~has, ["label_record"]] = None
        result["label_known"] = end
        labelled: pd.DataFrame = result
    else:
        labelled = result[has]
    return labelled.reset_index(drop=True)
