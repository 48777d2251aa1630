"""What is done with one range of enterprises, whoever schedules it: features, scores, tiers, explanations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.kernel import Context, Neighbours, Plan
from features.kernel.survey import hashed
from features.runners.ranges import Range
from features.runners.work import RecordReader, compute_range
from risk_model.calibration import probability
from risk_model.coverage import records_known
from risk_model.model import Contributions, RiskModel
from risk_model.publication import Publication, layout
from risk_model.publication.lists import lists_of
from risk_model.publication.reading import by_code
from risk_model.publication.writing import WrittenShard, write_shard
from risk_model.registration import registration_at
from risk_model.scale import decide
from risk_model.shipping import Fleet, ModelVersion

#: Largest difference between a margin and the sum of its contributions that is published.
TOLERANCE = 1e-6
TOP_REASONS = 3
#: Probabilities are added up in this unit of one: exact, and far finer than any of them is known.
PROBABILITY_UNIT = 2.0**40


@dataclass(frozen=True)
class Classifying:
    """All that a range needs to know, on whatever machine.

    Attributes
    ----------
    plan, context
        Features, and what those across enterprises know of the others.
    kept
        Features whose values are published.
    near
        Those of them that are rates of the neighbourhood, in the order of the plan.
    fleet
        Models.
    as_of
        Date of the classification.
    previous
        Folder of the classification before, for hysteresis.
    decisions
        Model → credit code → tier decided by a person.
    folder
        Where shards are written, by every worker.
    """

    plan: Plan
    context: Context | None
    kept: tuple[str, ...]
    near: tuple[str, ...]
    fleet: Fleet
    as_of: date
    previous: Path | None
    decisions: Mapping[str, Mapping[str, str]]
    folder: Path

    @property
    def own(self) -> tuple[str, ...]:
        """Features whose values are published, rates of the neighbourhood apart."""
        return tuple(name for name in self.kept if name not in self.near)


@dataclass(frozen=True)
class Scored:
    """What the models say of some enterprises.

    Attributes
    ----------
    rows
        Rows of the classification, sorted by credit code, the general model first.
    contributions
        Model → its contributions, sorted by credit code.
    residual
        Model → largest difference between a margin and the sum of its contributions.
    """

    rows: pa.Table
    contributions: Mapping[str, pa.Table]
    residual: Mapping[str, float]


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
    table, near = computed(reader, work, part)
    codes = table["credit_code"].combine_chunks()
    who = registration_at(reader, work.as_of, codes)
    scored = score_rows(work, table, who, records_known(table))
    tables = {layout.CLASSIFICATION: scored.rows, layout.FEATURES: own_values(work, table)}
    tables |= {layout.contributions_file(name): rows for name, rows in scored.contributions.items()}
    if near is not None:
        tables[layout.NEIGHBOURHOOD] = near
    return ClassifiedRange(tables, facts_of(work, scored.rows, codes, scored.residual))


def write_range(reader: RecordReader, work: Classifying, part: Range) -> WrittenShard:
    """Classify the enterprises of a range and write their shard, so that only its counts travel.

    Raises
    ------
    RuntimeError
        As :func:`classify_range`.
    """
    found = classify_range(reader, work, part)
    return write_shard(work.folder, found.tables, found.facts)


def computed(reader: RecordReader, work: Classifying, part: Range) -> tuple[pa.Table, pa.Table | None]:
    """Return the features of a range, and where its enterprises lie; None if no feature looks there."""
    seen: list[Neighbours] = []
    table = compute_range(reader, (work.plan, work.context), part, seen)
    if not work.near:
        return table, None
    rates = np.array([table[name].to_numpy() for name in work.near])
    return table, neighbourhood(work, table["credit_code"].combine_chunks(), rates, Neighbours.together(seen))


def neighbourhood(work: Classifying, codes: pa.Array, rates: np.ndarray, near: Neighbours) -> pa.Table:
    """Return rows of the file of neighbourhoods.

    Parameters
    ----------
    work
        What is classified.
    codes
        Credit codes, shape (n,).
    rates
        Rates of the neighbourhood, shape (rates, n).
    near
        What they were made of.
    """
    assert work.plan.beyond is not None
    columns = {"credit_code": codes, "hash": pa.array(hashed(codes)), "values": lists_of(rates.T)}
    return pa.table(columns | near.columns(work.plan.beyond))


def own_values(work: Classifying, table: pa.Table) -> pa.Table:
    """Return rows of the file of features."""
    values = np.column_stack([table[name].to_numpy() for name in work.own])
    codes, schema = table["credit_code"].combine_chunks(), layout.features_schema(len(work.own))
    return pa.table([codes, lists_of(values)], schema=schema)


def facts_of(
    work: Classifying, rows: pa.Table, codes: pa.Array, residual: Mapping[str, float]
) -> dict[str, Any]:
    """Return what is counted of a shard.

    Parameters
    ----------
    work
        What is classified.
    rows
        Rows of the classification.
    codes
        Credit codes of all its enterprises, sorted.
    residual
        Model → largest difference between a margin and the sum of its contributions.
    """
    models = {name: {**told, "residual": residual[name]} for name, told in counts_of(work, rows).items()}
    return {"first": codes[0].as_py(), "last": codes[-1].as_py(), "enterprises": len(codes), "models": models}


def counts_of(work: Classifying, rows: pa.Table) -> dict[str, dict[str, Any]]:
    """Return what is counted of some rows of the classification: numbers that may be added and subtracted."""
    models = {}
    for name in work.fleet.models:
        own = rows.filter(pc.equal(rows["model"], name))
        models[name] = {
            "tiers": _counted(own["tier"]),
            "decided_by": _counted(own["decided_by"]),
            # Whole numbers: the sum is the same, however the enterprises are divided into shards.
            "probability": int(
                np.rint(own["probability"].to_numpy() * PROBABILITY_UNIT).astype(np.int64).sum()
            ),
        }
    return models


def _counted(texts: pa.ChunkedArray) -> dict[str, int]:
    found = pc.value_counts(texts)
    return dict(zip(found.field("values").to_pylist(), found.field("counts").to_pylist(), strict=True))


def score_rows(work: Classifying, table: pa.Table, who: pa.Table, records: np.ndarray) -> Scored:
    """Score, explain and tier some enterprises by every model that speaks of them.

    Parameters
    ----------
    work
        What is classified.
    table
        ``credit_code``, sorted, and the features.
    who
        Registration of each, as :func:`risk_model.registration.registration_at` returns it.
    records
        Records of supervision known of each, shape (n,).

    Raises
    ------
    RuntimeError
        If contributions do not sum to a margin within :data:`TOLERANCE`.
    """
    before = _previous_tiers(work.previous, table["credit_code"].combine_chunks())
    rows, contributions, residual = [], {}, {}
    for name, entry in work.fleet.models.items():
        member = entry.model.applies(table)
        chosen = pa.array(member)
        own, contributions[name], residual[name] = _score(
            name,
            entry,
            table.filter(chosen),
            who.filter(chosen),
            records[member],
            before.get(name, {}),
            work.decisions.get(name, {}),
        )
        rows.append(own)
    return Scored(by_code(pa.concat_tables(rows)), contributions, residual)


def _score(
    name: str,
    entry: ModelVersion,
    own: pa.Table,
    who: pa.Table,
    records: np.ndarray,
    before: Mapping[str, str],
    decisions: Mapping[str, str],
) -> tuple[pa.Table, pa.Table, float]:
    """Return classification rows, contributions and residual of one model for those it speaks of."""
    model = entry.model
    codes = own["credit_code"].combine_chunks()
    matrix = model.matrix(own)
    margin = model.margin(matrix)
    explained = model.contributions(matrix)
    residual = float(np.abs(explained.total() - margin).max(initial=0.0))
    if residual > TOLERANCE:
        msg = f"model {name!r}: contributions differ from the margin by {residual:.3g}, allowed {TOLERANCE:g}"
        raise RuntimeError(msg)
    score, probabilities = model.score(margin), probability(margin)
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
        [codes, pa.array(np.full(count, explained.base)), lists_of(explained.values)],
        schema=layout.contributions_schema(len(model.feature_names)),
    )
    return rows, contributions, residual


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


def _previous_tiers(previous: Path | None, codes: pa.Array) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    if previous is None or not len(codes):
        return found
    columns = ["credit_code", "model", "tier"]
    rows = opened(previous).between(codes[0].as_py(), codes[-1].as_py(), columns)
    rows = rows.filter(pc.is_in(rows["credit_code"], value_set=codes))
    for credit_code, model, tier in zip(*(rows[name].to_pylist() for name in columns), strict=True):
        found.setdefault(model, {})[credit_code] = tier
    return found


@lru_cache(maxsize=4)
def opened(folder: Path) -> Publication:
    """Return a classification, opened once in a process."""
    return Publication(folder)
