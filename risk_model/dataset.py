"""The rows a model learns from and is judged on: labels, parts and features side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from features.cohort import Register, registered
from features.definitions import GENERAL, LIBRARY
from features.errors import InputError
from features.kernel import Plan
from features.runners import compute
from risk_model.coverage import COVERAGE, records_known
from risk_model.labels import event_rows, label_pairs, read_events
from risk_model.scale import TierPolicy
from risk_model.scorecard import load_points_card
from risk_model.specification import ModelSpecification
from risk_model.splits import PARTS, drop_unknown_labels, inside, walk_back

Progress = Callable[[int, int], None]


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
    """

    rows: pd.DataFrame
    windows: dict[str, dict[str, object]]

    def part(self, name: str) -> pd.DataFrame:
        """Return the rows of a part."""
        return self.rows[self.rows["part"] == name]


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
        pairs = registered(snapshot, split.dates)
        rows = label_pairs(pairs, events, target)
        rows["part"] = split.part_of(rows["as_of"])
    rows = drop_unknown_labels(rows.reset_index(drop=True))
    pairs = pa.Table.from_pandas(rows[["credit_code", "as_of"]], preserve_index=False)
    plan = Plan((*plan_of(features).features, *COVERAGE))
    table = compute(snapshot, plan, pairs, progress=progress)
    known = records_known(table)
    rows = rows.sort_values(["credit_code", "as_of"], kind="stable").reset_index(drop=True)
    values = table.drop_columns(["credit_code", "as_of", *(f.name for f in COVERAGE)]).to_pandas()
    rows = pd.concat([rows, values], axis=1).assign(records=known)
    member = specification.cohort.any_positive
    if member:
        rows = rows[np.logical_or.reduce([rows[name].fillna(0).to_numpy() > 0 for name in member])]
    rows = rows.reset_index(drop=True)
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
    return Dataset(rows, chosen)
