"""Everybody a model speaks of at a date, inspected or not, and what was found of whom afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
import pyarrow as pa

from features.cohort import Register, registered
from features.definitions import LIBRARY
from features.kernel import Plan
from features.runners import compute
from features.runners.work import RecordReader
from risk_model.coverage import COVERAGE, records_known
from risk_model.dataset import plan_of
from risk_model.labels import label_pairs, read_events
from risk_model.model import RiskModel
from risk_model.specification import Target


@dataclass(frozen=True)
class Outcomes:
    """What is known afterwards of the rows of a population.

    Attributes
    ----------
    label
        0 or 1 where a record within the horizon decides it, else NaN; shape (n,).
    draw_row
        Row of the population that each random draw within the horizon is of, shape (d,). An
        enterprise that was drawn twice is there twice: each draw is a sample of its own.
    draw_label, draw_probability
        What the draw found, and the probability with which it took the enterprise, shape (d,).
    """

    label: np.ndarray
    draw_row: np.ndarray
    draw_label: np.ndarray
    draw_probability: np.ndarray


def population_at(
    snapshot: Register, model: RiskModel, dates: Sequence[date], *, also: Sequence[str] = ()
) -> pd.DataFrame:
    """Return the registered enterprises of a model's cohort at each date, with its features.

    Parameters
    ----------
    snapshot
        Records.
    model
        Whose cohort.
    dates
        As-of dates.
    also
        Features that are wanted beside those of the model.

    Returns
    -------
    pandas.DataFrame
        ``credit_code``, ``as_of``, ``records`` (records of supervision that are known) and the
        features that the model looks at; sorted by enterprise and date.
    """
    wanted = {*model.needed, *also}
    names = [feature.name for feature in LIBRARY if feature.name in wanted]
    plan = Plan((*plan_of(names).features, *COVERAGE))
    table = compute(snapshot, plan, registered(snapshot, dates))
    table = table.filter(pa.array(model.applies(table)))
    known = records_known(table)
    table = table.drop_columns([feature.name for feature in COVERAGE])
    frame: pd.DataFrame = table.to_pandas(date_as_object=False)
    return frame.assign(records=known)


def outcomes(snapshot: Register, target: Target, population: pd.DataFrame) -> Outcomes:
    """Look up what happened to the rows of a population within the horizon.

    Parameters
    ----------
    snapshot
        Records.
    target
        What counts as a finding, and the horizon.
    population
        ``credit_code`` and ``as_of``.

    Notes
    -----
    Draws whose inclusion probability is not recorded are no known draws and are left out, as are all
    draws if a label looks at every record of the horizon (``take: any``): one draw is no sample of it.
    """
    events = read_events(snapshot, target)
    pairs = population[["credit_code", "as_of"]].reset_index(drop=True)
    keys = pd.MultiIndex.from_frame(pairs)
    rows = label_pairs(pa.Table.from_pandas(pairs, preserve_index=False), events, target)
    label = np.full(len(pairs), np.nan)
    label[keys.get_indexer(pd.MultiIndex.from_frame(rows[["credit_code", "as_of"]]))] = rows["label"]
    found = events.frame
    if target.take == "any" or "inclusion_probability" not in found:
        nothing = np.zeros(0)
        return Outcomes(label, np.zeros(0, dtype=np.int64), nothing, nothing)
    drawn = found[(found["selection"] == "random") & (found["inclusion_probability"] > 0)]
    rows_of, labels, chances = [], [], []
    for day, own in pairs.groupby("as_of"):
        start = pd.Timestamp(str(day))
        end = start + pd.Timedelta(days=target.horizon_days)
        inside = drawn[(drawn["event_date"] > start) & (drawn["event_date"] <= end)]
        place = pd.Index(own["credit_code"]).get_indexer(inside["credit_code"])
        here = place >= 0
        rows_of.append(own.index.to_numpy()[place[here]])
        labels.append(inside["label"].to_numpy(np.float64)[here])
        chances.append(inside["inclusion_probability"].to_numpy(np.float64)[here])
    return Outcomes(label, np.concatenate(rows_of), np.concatenate(labels), np.concatenate(chances))


def registration_of(snapshot: RecordReader, rows: pd.DataFrame) -> pd.DataFrame | None:
    """Return district and type of enterprises as the register knew them at each row's date.

    Parameters
    ----------
    snapshot
        Records.
    rows
        ``credit_code`` and ``as_of``.

    Returns
    -------
    pandas.DataFrame or None
        ``district`` and ``enterprise_type``, in the order of ``rows``, missing where nothing was
        known; None if the records tell nothing of registration.
    """
    if not snapshot.exists("enterprise"):
        return None
    columns = ["district", "enterprise_type"]
    table = snapshot.read("enterprise", columns=["credit_code", "event_date", *columns])
    # Sorted by enterprise and date: of the states that were visible the last is the newest.
    states: pd.DataFrame = table.to_pandas(date_as_object=False)
    states = states[states["credit_code"].isin(set(rows["credit_code"]))]
    found = pd.DataFrame(index=rows.index, columns=columns, dtype=object)
    for day, own in rows.groupby("as_of"):
        seen = states[
            (states["event_date"] <= day) & (states["visible_from"] <= day) & (states["visible_to"] > day)
        ]
        newest = seen.drop_duplicates("credit_code", keep="last").set_index("credit_code")[columns]
        found.loc[own.index] = newest.reindex(own["credit_code"]).to_numpy(dtype=object)
    return found
