"""What is done with one range of enterprises, whoever schedules it: features, scores, tiers, explanations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.kernel import Context, Plan
from features.runners.ranges import Range
from features.runners.work import RecordReader, compute_range
from risk_model.calibration import probability
from risk_model.coverage import records_known
from risk_model.model import Contributions, RiskModel
from risk_model.publication import Publication, layout
from risk_model.registration import registration_at
from risk_model.scale import decide
from risk_model.shipping import Fleet, ModelVersion

#: Largest difference between a margin and the sum of its contributions that is published.
TOLERANCE = 1e-6
TOP_REASONS = 3


@dataclass(frozen=True)
class Classifying:
    """All that a range needs to know, on whatever machine.

    Attributes
    ----------
    plan, context
        Features, and what those across enterprises know of the others.
    kept
        Features whose values are published.
    fleet
        Models.
    as_of
        Date of the classification.
    previous
        Folder of the classification before, for hysteresis.
    decisions
        Model → credit code → tier decided by a person.
    """

    plan: Plan
    context: Context | None
    kept: tuple[str, ...]
    fleet: Fleet
    as_of: date
    previous: Path | None
    decisions: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class ClassifiedRange:
    """A shard of the publication.

    Attributes
    ----------
    tables
        File → rows.
    facts
        Bounds, enterprises, and by model the counts that ``snapshot.json`` adds up.
    """

    tables: Mapping[str, pa.Table]
    facts: Mapping[str, Any]


def classify_range(reader: RecordReader, work: Classifying, part: Range) -> ClassifiedRange:
    """Classify the enterprises of a range.

    Raises
    ------
    RuntimeError
        If contributions do not sum to a margin within :data:`TOLERANCE`.
    """
    table = compute_range(reader, (work.plan, work.context), part)
    codes = table["credit_code"].combine_chunks()
    who = registration_at(reader, work.as_of, codes)
    before = _previous_tiers(work.previous, codes)
    tables, rows, counted = {}, [], {}
    for name, entry in work.fleet.models.items():
        own, contributions, facts = _score(
            name, entry, table, who, before.get(name, {}), work.decisions.get(name, {})
        )
        rows.append(own)
        counted[name] = facts
        tables[layout.contributions_file(name)] = contributions
    tables[layout.CLASSIFICATION] = _interleave(rows)
    values = np.column_stack([table[name].to_numpy() for name in work.kept])
    tables[layout.FEATURES] = pa.table([codes, _lists(values)], schema=layout.features_schema(len(work.kept)))
    bounds = {"first": codes[0].as_py(), "last": codes[-1].as_py(), "enterprises": len(codes)}
    return ClassifiedRange(tables, {**bounds, "models": counted})


def _lists(matrix: np.ndarray) -> pa.Array:
    """Return the rows of a matrix as lists of fixed size."""
    flat = pa.array(np.ascontiguousarray(matrix).reshape(-1))
    return pa.FixedSizeListArray.from_arrays(flat, matrix.shape[1])


def _score(
    name: str,
    entry: ModelVersion,
    table: pa.Table,
    who: pa.Table,
    before: Mapping[str, str],
    decisions: Mapping[str, str],
) -> tuple[pa.Table, pa.Table, dict[str, Any]]:
    """Return classification rows, contributions and counts of one model for a range of enterprises."""
    model = entry.model
    member = pa.array(model.applies(table))
    own, who = table.filter(member), who.filter(member)
    codes = own["credit_code"].combine_chunks()
    matrix = model.matrix(own)
    margin = model.margin(matrix)
    explained = model.contributions(matrix)
    residual = float(np.abs(explained.total() - margin).max(initial=0.0))
    if residual > TOLERANCE:
        msg = f"model {name!r}: contributions differ from the margin by {residual:.3g}, allowed {TOLERANCE:g}"
        raise RuntimeError(msg)
    score, probabilities = model.score(margin), probability(margin)
    records = records_known(own)
    previous = np.array([before.get(code, "") for code in codes.to_pylist()], dtype=object)
    assert model.cuts is not None
    tier, by_score, decided_by = decide(
        model.policy,
        model.cuts,
        score,
        records=records,
        floor_values={f.feature: own[f.feature].to_numpy() for f in model.policy.floors},
        previous=previous,
        overridden=np.array([decisions.get(code, "") for code in codes.to_pylist()], dtype=object)
        if decisions
        else None,
    )
    facts = {
        "tiers": dict(Counter(tier.tolist())),
        "decided_by": dict(Counter(decided_by.tolist())),
        "residual": residual,
        "probability": float(probabilities.sum()),
    }
    count = len(codes)
    rows = pa.table(
        {
            "credit_code": codes,
            **{column: who[column] for column in who.column_names[1:]},
            "model": pa.repeat(pa.scalar(name), count),
            "version": pa.repeat(pa.scalar(entry.version), count),
            "score": score,
            "margin": margin,
            "probability": probabilities,
            "tier": pa.array(tier, pa.string()),
            "tier_by_score": pa.array(by_score, pa.string()),
            "decided_by": pa.array(decided_by, pa.string()),
            "previous_tier": pa.array([text or None for text in previous], pa.string()),
            "records": records,
            "top_reasons": top_reasons(model, explained),
        },
        schema=layout.CLASSIFICATION_SCHEMA,
    )
    contributions = pa.table(
        [codes, pa.array(np.full(count, explained.base)), _lists(explained.values)],
        schema=layout.contributions_schema(len(model.feature_names)),
    )
    return rows, contributions, facts


def top_reasons(model: RiskModel, explained: Contributions, count: int = TOP_REASONS) -> pa.Array:
    """Return the declarations that raise each row's margin most, the strongest first.

    Windows of one fact are one reason: their contributions are added before they are compared.
    """
    groups = list(dict.fromkeys(feature.group for feature in model.features))
    place = {group: i for i, group in enumerate(groups)}
    total = np.zeros((len(explained.values), len(groups)))
    for column, feature in enumerate(model.features):
        total[:, place[feature.group]] += explained.values[:, column]
    count = min(count, len(groups))
    order = np.empty((len(total), count), dtype=np.int64)
    strength = np.empty((len(total), count))
    for nth in range(count):
        # The first of equals, as a stable sort has it; fewer passes than a sort of all.
        order[:, nth] = np.argmax(total, axis=1)
        strength[:, nth] = np.take_along_axis(total, order[:, nth : nth + 1], axis=1)[:, 0]
        np.put_along_axis(total, order[:, nth : nth + 1], -np.inf, axis=1)
    raising = strength > 0
    offsets = np.concatenate([[0], np.cumsum(raising.sum(axis=1))]).astype(np.int32)
    named = pa.array(groups, pa.string()).take(pa.array(order[raising]))
    return pa.ListArray.from_arrays(pa.array(offsets), named)


def _interleave(parts: list[pa.Table]) -> pa.Table:
    """Return the rows of all models by credit code, the order of the models kept."""
    together = pa.concat_tables(parts)
    return together.take(pc.sort_indices(together, sort_keys=[("credit_code", "ascending")]))


def _previous_tiers(previous: Path | None, codes: pa.Array) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    if previous is None:
        return found
    columns = ["credit_code", "model", "tier"]
    rows = _publication(previous).between(codes[0].as_py(), codes[-1].as_py(), columns)
    for credit_code, model, tier in zip(*(rows[name].to_pylist() for name in columns), strict=True):
        found.setdefault(model, {})[credit_code] = tier
    return found


@lru_cache(maxsize=4)
def _publication(folder: Path) -> Publication:
    return Publication(folder)
