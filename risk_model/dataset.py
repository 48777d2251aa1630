"""The rows a model learns from and is judged on: labels, parts and features side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from features.cohort import Register, registered
from features.definitions import GENERAL, LIBRARY
from features.errors import InputError
from features.kernel import Plan
from features.runners import Scheduler, stream
from risk_model.coverage import COVERAGE, records_known
from risk_model.labels import LabelledEvents, event_rows, label_pairs, read_events
from risk_model.scale import TierPolicy
from risk_model.scorecard import load_points_card
from risk_model.specification import ModelSpecification, Target
from risk_model.splits import PARTS, drop_unknown_labels, inside, walk_back
from risk_model.stored_rows import Rows, RowsWriter, StoredRows

Progress = Callable[[int, int], None]
#: Training rows that are at hand for comparisons, where all of them lie on disk.
AT_HAND = 50_000
#: Dates of which everybody is looked up at once.
DATES_AT_ONCE = 4


@dataclass(frozen=True)
class Dataset:
    """Labelled rows of one model.

    Attributes
    ----------
    rows
        ``credit_code``, ``as_of``, ``part``, ``label``, ``label_known``, ``label_record``, the
        selection columns where there are any, ``records`` (records of supervision that were known)
        and the features.
    windows
        What was chosen: for each part its first and last as-of date, rows and positives.
    stored
        All training rows, where they lie on disk; of these ``rows`` has a random choice only.
    at_hand
        Places of that choice among them.
    """

    rows: pd.DataFrame
    windows: dict[str, dict[str, object]]
    stored: StoredRows | None = None
    at_hand: np.ndarray | None = None

    def part(self, name: str) -> pd.DataFrame:
        """Return the rows of a part."""
        return self.rows[self.rows["part"] == name]

    @property
    def learning(self) -> Rows:
        """The rows that trees learn from, wherever they lie."""
        return self.part("train") if self.stored is None else self.stored

    def of_those_at_hand(self, values: np.ndarray) -> np.ndarray:
        """Return values of all training rows for those in ``part("train")``."""
        return values if self.at_hand is None else values[self.at_hand]


def own_features(specification: ModelSpecification) -> tuple[str, ...]:
    """Return the features that a model's own trees may use, in the order of the library."""
    return tuple(
        feature.name
        for feature in LIBRARY
        if feature.sector in specification.sectors and feature.name not in specification.exclude_features
    )


def needed_features(specification: ModelSpecification, policy: TierPolicy) -> tuple[str, ...]:
    """Return all features that training and comparing need, in the order of the library."""
    wanted = set(own_features(specification)) | set(specification.cohort.any_positive)
    wanted |= set(load_points_card().features) | {floor.feature for floor in policy.floors}
    if specification.increment_over:
        wanted |= {feature.name for feature in LIBRARY.of_sector(GENERAL)}
    unknown = sorted(wanted - set(LIBRARY.by_name))
    if unknown:
        raise InputError(f"{unknown[0]!r} is no feature of the library", field="features")
    return tuple(feature.name for feature in LIBRARY if feature.name in wanted)


def plan_of(names: Iterable[str]) -> Plan:
    """Return the kernel's plan for features by name."""
    return Plan(LIBRARY[name] for name in names)


def build_dataset(
    snapshot: Register,
    specification: ModelSpecification,
    features: tuple[str, ...],
    progress: Progress | None = None,
    *,
    stored: Path | None = None,
    scheduler: Scheduler | None = None,
) -> Dataset:
    """Find the labelled rows of a model, divide them by time and compute their features.

    Parameters
    ----------
    snapshot
        Records.
    specification
        Target, cohort, windows.
    features
        Features to compute.
    progress
        Called with rows done and rows in all.
    stored
        File for the features of the training rows, range by range as they are computed; by default they are
        kept in memory.
    scheduler
        Who computes them; threads by default.

    Raises
    ------
    InputError
        If there is no labelled record, or no row in a part.
    """
    target, windows = specification.target, specification.windows
    events = read_events(snapshot, target)
    if events.frame.empty:
        raise InputError(
            f"the store holds no record of table {target.table!r} "
            f"that is a label of model {specification.name!r}",
            field="target",
            fix="Ingest such records first, or change the target in the model's YAML or profile.",
        )
    if windows.rows == "events":
        rows = event_rows(events, windows.lead_days)
        rows["part"] = None
        for part in PARTS:
            rows.loc[inside(rows["event_date"], getattr(windows, part)), "part"] = part
        rows = rows[rows["part"].notna()]
    else:
        dates = events.frame["event_date"]
        split = walk_back(dates.min().date(), dates.max().date(), windows, target.horizon_days)
        rows = label_pairs(_pairs(snapshot, split.dates, events, target), events, target)
        rows["part"] = split.part_of(rows["as_of"])
    rows = drop_unknown_labels(rows.reset_index(drop=True))
    pairs = pa.Table.from_pandas(rows[["credit_code", "as_of"]], preserve_index=False)
    plan = Plan((*plan_of(features).features, *COVERAGE))
    rows = rows.sort_values(["credit_code", "as_of"], kind="stable").reset_index(drop=True)
    member = specification.cohort.any_positive
    parts, at = [], 0
    with ExitStack() as opened:
        writer = None if stored is None else opened.enter_context(RowsWriter(stored, features))
        for table in stream(snapshot, plan, pairs, progress=progress, scheduler=scheduler):
            values = table.drop_columns(["credit_code", "as_of", *(f.name for f in COVERAGE)]).to_pandas()
            own = rows.iloc[at : at + table.num_rows].reset_index(drop=True)
            at += table.num_rows
            own = pd.concat([own, values], axis=1).assign(records=records_known(table))
            if member:
                own = own[np.logical_or.reduce([own[name].fillna(0).to_numpy() > 0 for name in member])]
            if writer is not None:
                writer.add(own[own["part"] == "train"])
                own = own[own["part"] != "train"]
            parts.append(own)
    rows = pd.concat(parts, ignore_index=True)
    if writer is None:
        return Dataset(rows, _windows(specification, rows))
    learning = writer.stored()
    told = _windows(specification, pd.concat([learning.frame, rows[learning.frame.columns]]))
    at_hand = np.arange(len(learning))
    if len(learning) > AT_HAND:
        chosen = np.random.default_rng(specification.learner.seed).choice(at_hand, AT_HAND, replace=False)
        at_hand = np.sort(chosen)
    rows = pd.concat([learning.take(at_hand)[list(rows.columns)], rows], ignore_index=True)
    return Dataset(rows, told, learning, at_hand)


def _pairs(snapshot: Register, dates: Sequence[date], events: LabelledEvents, target: Target) -> pa.Table:
    """Return who was in business at each date; where absence says nothing, only whoever ever has a label."""
    if target.absence == "negative":
        return registered(snapshot, dates)
    labelled = pa.array(events.frame["credit_code"].unique(), pa.string())
    found = []
    for first in range(0, len(dates), DATES_AT_ONCE):
        pairs = registered(snapshot, dates[first : first + DATES_AT_ONCE])
        found.append(pairs.filter(pc.is_in(pairs["credit_code"], value_set=labelled)))
    return pa.concat_tables(found) if found else registered(snapshot, dates)


def _windows(specification: ModelSpecification, rows: pd.DataFrame) -> dict[str, dict[str, object]]:
    """Return what each part is.

    Raises
    ------
    InputError
        If a part has no row.
    """
    chosen: dict[str, dict[str, object]] = {}
    for part in PARTS:
        own = rows[rows["part"] == part]
        if own.empty:
            raise InputError(
                f"no labelled row falls in the part {part!r} of model {specification.name!r}", field="windows"
            )
        chosen[part] = {
            "first": str(own["as_of"].min().date()),
            "last": str(own["as_of"].max().date()),
            "as_of_dates": int(own["as_of"].nunique()),
            "rows": len(own),
            "positives": int(own["label"].sum()),
        }
    return chosen
