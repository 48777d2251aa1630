"""Classifying everybody: one pass from records to a published snapshot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.cohort import registered
from features.definitions import LIBRARY
from features.errors import InputError
from features.kernel import Plan
from features.runners.threads import context_of, stream
from risk_model.coverage import COVERAGE, records_known
from risk_model.model import Contributions, RiskModel
from risk_model.publication import Publication, PublicationWriter
from risk_model.publication.layout import CLASSIFICATION_SCHEMA
from risk_model.registration import registration_at
from risk_model.scale import INSUFFICIENT, TIERS, decide
from risk_model.tiers.overrides import Override, tiers_by_model
from risk_model.training import Snapshot

Progress = Callable[[int, int], None]
#: Largest difference between a margin and the sum of its contributions that is published.
TOLERANCE = 1e-6
TOP_REASONS = 3


@dataclass
class _Tally:
    """What ``snapshot.json`` says of a model."""

    tiers: Counter[str]
    decided_by: Counter[str]
    residual: float = 0.0
    probability: float = 0.0

    @property
    def rows(self) -> int:
        return sum(self.tiers.values())


@dataclass(frozen=True)
class ModelVersion:
    """A model and the version under which it is registered."""

    model: RiskModel
    version: str


def classify(
    snapshot: Snapshot,
    models: Mapping[str, ModelVersion],
    as_of: date,
    published: Path,
    *,
    previous: Publication | None = None,
    overrides: Sequence[Override] = (),
    progress: Progress | None = None,
) -> Publication:
    """Classify every enterprise in business, and publish the result with its explanations.

    Parameters
    ----------
    snapshot
        Records.
    models
        Name → model, the general one first.
    as_of
        Date of the classification.
    published
        Folder of published classifications.
    previous
        The classification before this one, for hysteresis; none: every tier is that of the score.
    overrides
        Decisions of authorised persons that are in force at the date; each is stated with the
        classification.
    progress
        Called with enterprises done and enterprises in all.

    Returns
    -------
    Publication
        The new classification, which is in force.

    Raises
    ------
    InputError
        If nobody is in business at the date, or a model has no cuts.
    RuntimeError
        If contributions do not sum to a margin within :data:`TOLERANCE`; nothing is published.
    """
    pairs = registered(snapshot, [as_of])
    if not pairs.num_rows:
        raise InputError(
            f"no enterprise is known to be in business as of {as_of}",
            field="as_of",
            fix="Choose a date within the records.",
        )
    for name, entry in models.items():
        if entry.model.cuts is None:
            raise InputError(f"model {name!r} has no cuts", field="model", fix="Train it again.")
    wanted = {name for entry in models.values() for name in entry.model.needed}
    kept = tuple(feature for feature in LIBRARY if feature.name in wanted)
    plan = Plan((*kept, *COVERAGE))
    names = tuple(feature.name for feature in kept)
    tallies = {name: _Tally(Counter(), Counter()) for name in models}
    decisions = tiers_by_model(overrides)
    own = {name: entry.model.feature_names for name, entry in models.items()}
    with PublicationWriter(published, as_of, own, names) as writer:
        context = context_of(snapshot, plan, pairs)
        if context is not None:
            writer.context(context)
        for table in stream(snapshot, plan, pairs, context=context, progress=progress):
            who = registration_at(snapshot, as_of, table["credit_code"].combine_chunks())
            before = _previous_tiers(previous, table["credit_code"])
            parts = []
            for name, entry in models.items():
                rows, contributions = _score(
                    name, entry, table, who, before.get(name, {}), decisions.get(name, {}), tallies[name]
                )
                parts.append(rows)
                writer.contributions(name, contributions)
            writer.classification(_interleave(parts))
            writer.features(table)
        document = _document(snapshot, models, tallies, previous, pairs.num_rows)
        document["overrides"] = [one.model_dump(mode="json") for one in overrides]
        folder = writer.publish(document)
    return Publication(folder)


def _score(
    name: str,
    entry: ModelVersion,
    table: pa.Table,
    who: pa.Table,
    before: Mapping[str, str],
    decisions: Mapping[str, str],
    tally: _Tally,
) -> tuple[pa.Table, pa.Table]:
    """Return classification rows and contributions of one model for a range of enterprises."""
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
    score, probability = model.score(margin), model.probability(matrix)
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
    tally.tiers.update(tier.tolist())
    tally.decided_by.update(decided_by.tolist())
    tally.residual = max(tally.residual, residual)
    tally.probability += float(probability.sum())
    count = len(codes)
    rows = pa.table(
        {
            "credit_code": codes,
            **{column: who[column] for column in who.column_names[1:]},
            "model": pa.repeat(pa.scalar(name), count),
            "version": pa.repeat(pa.scalar(entry.version), count),
            "score": score,
            "margin": margin,
            "probability": probability,
            "tier": pa.array(tier, pa.string()),
            "tier_by_score": pa.array(by_score, pa.string()),
            "decided_by": pa.array(decided_by, pa.string()),
            "previous_tier": pa.array([text or None for text in previous], pa.string()),
            "records": records,
            "top_reasons": top_reasons(model, explained),
        },
        schema=CLASSIFICATION_SCHEMA,
    )
    values = [pa.array(explained.values[:, i]) for i in range(explained.values.shape[1])]
    base = pa.array(np.full(count, explained.base))
    return rows, pa.table([codes, base, *values], names=["credit_code", "base_value", *explained.names])


def top_reasons(model: RiskModel, explained: Contributions, count: int = TOP_REASONS) -> pa.Array:
    """Return the declarations that raise each row's margin most, the strongest first.

    Windows of one fact are one reason: their contributions are added before they are compared.
    """
    groups = list(dict.fromkeys(feature.group for feature in model.features))
    place = {group: i for i, group in enumerate(groups)}
    total = np.zeros((len(explained.values), len(groups)))
    for column, feature in enumerate(model.features):
        total[:, place[feature.group]] += explained.values[:, column]
    order = np.argsort(-total, axis=1, kind="stable")[:, :count]
    strength = np.take_along_axis(total, order, axis=1)
    return pa.array(
        [
            [groups[i] for i, x in zip(line, strengths, strict=True) if x > 0]
            for line, strengths in zip(order.tolist(), strength.tolist(), strict=True)
        ],
        pa.list_(pa.string()),
    )


def _interleave(parts: list[pa.Table]) -> pa.Table:
    """Return the rows of all models by credit code, the order of the models kept."""
    together = pa.concat_tables(parts)
    return together.take(pc.sort_indices(together, sort_keys=[("credit_code", "ascending")]))


def _previous_tiers(previous: Publication | None, codes: pa.ChunkedArray) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    if previous is None or not len(codes):
        return found
    code = pc.field("credit_code")
    rows = previous.rows(
        where=(code >= codes[0].as_py()) & (code <= codes[-1].as_py()),
        columns=["credit_code", "model", "tier"],
    )
    columns = (rows[name].to_pylist() for name in ("credit_code", "model", "tier"))
    for credit_code, model, tier in zip(*columns, strict=True):
        found.setdefault(model, {})[credit_code] = tier
    return found


def _document(
    snapshot: Snapshot,
    models: Mapping[str, ModelVersion],
    tallies: Mapping[str, _Tally],
    previous: Publication | None,
    enterprises: int,
) -> dict[str, Any]:
    return {
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "data_snapshot": snapshot.id,
        "code_version": installed_version("risk-model"),
        "previous": previous.name if previous else None,
        "enterprises": enterprises,
        "models": {
            name: {
                "version": entry.version,
                "title": entry.model.title,
                "target": entry.model.facts["specification"]["target"]["label"],
                "rows": tallies[name].rows,
                "tiers": {tier: tallies[name].tiers.get(tier, 0) for tier in (*TIERS, INSUFFICIENT)},
                "decided_by": dict(sorted(tallies[name].decided_by.items())),
                "prior": tallies[name].probability / max(tallies[name].rows, 1),
                "largest_residual": tallies[name].residual,
                "cuts": [float(edge) for edge in entry.model.cuts.edges] if entry.model.cuts else None,
                "policy": entry.model.policy.model_dump(mode="json"),
            }
            for name, entry in models.items()
        },
    }
