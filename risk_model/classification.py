"""Classifying everybody: one pass from records to a published snapshot."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any

from features.cohort import registered
from features.definitions import LIBRARY
from features.errors import InputError
from features.kernel import Plan
from features.runners import Scheduler
from features.runners.ranges import cut
from features.runners.threads import Threads, context_of
from risk_model.classified_range import TOLERANCE, Classifying, classify_range
from risk_model.coverage import COVERAGE
from risk_model.publication import Publication, PublicationWriter
from risk_model.publication.layout import ENTERPRISES_A_SHARD, FORMAT
from risk_model.scale import INSUFFICIENT, TIERS
from risk_model.shipping import Fleet, ModelVersion
from risk_model.tiers.overrides import Override, tiers_by_model
from risk_model.training import Snapshot

__all__ = ["TOLERANCE", "ModelVersion", "Progress", "classify"]

Progress = Callable[[int, int], None]


def classify(
    snapshot: Snapshot,
    models: Mapping[str, ModelVersion],
    as_of: date,
    published: Path,
    *,
    previous: Publication | None = None,
    overrides: Sequence[Override] = (),
    progress: Progress | None = None,
    scheduler: Scheduler | None = None,
    shard: int = ENTERPRISES_A_SHARD,
) -> Publication:
    """Classify every enterprise in business, and publish the result with its explanations.

    It is done shard by shard, in memory bounded by the shard. What was killed goes on behind the last
    complete shard when the same is asked for again, and gives the same result.

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
    scheduler
        Who works on the shards: threads by default, Dask or Spark
        (:func:`features.runners.scheduler_of`). The result is the same.
    shard
        Enterprises a shard.

    Returns
    -------
    Publication
        The new classification, which is in force.

    Raises
    ------
    InputError
        If nobody is in business at the date, a model has no cuts, or another classification is being made.
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
    scheduler = scheduler or Threads(snapshot)
    fleet = Fleet(models)
    facts = {
        "format": FORMAT,
        "data_snapshot": snapshot.id,
        "code_version": installed_version("risk-model"),
        "features": plan.fingerprint,
        "models": fleet.digest,
        "previous": previous.name if previous else None,
        "overrides": [one.model_dump(mode="json") for one in overrides],
        "shard": shard,
    }
    key = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]
    with PublicationWriter(published, as_of, key) as writer:
        context = writer.kept_context() or context_of(snapshot, plan, pairs, scheduler=scheduler)
        if context is not None:
            writer.context(context)
        work = Classifying(
            plan,
            context,
            tuple(feature.name for feature in kept),
            fleet,
            as_of,
            None if previous is None else previous.folder.resolve(),
            tiers_by_model(overrides),
        )
        ready = len(writer.done)
        done = sum(told["enterprises"] for told in writer.done)
        left = (part for number, part in enumerate(cut(pairs, shard)) if number >= ready)
        for found in scheduler.map(classify_range, work, left):
            writer.shard(found.tables, found.facts)
            done += found.facts["enterprises"]
            if progress:
                progress(done, pairs.num_rows)
        document = _document(snapshot, models, writer.done, previous, pairs.num_rows)
        document["features"] = list(work.kept)
        document["overrides"] = facts["overrides"]
        folder = writer.publish(document)
    return Publication(folder)


def _added(shards: Iterable[Mapping[str, Any]], model: str, what: str) -> Counter[str]:
    total: Counter[str] = Counter()
    for told in shards:
        total.update(told["models"][model][what])
    return total


def _document(
    snapshot: Snapshot,
    models: Mapping[str, ModelVersion],
    shards: Sequence[Mapping[str, Any]],
    previous: Publication | None,
    enterprises: int,
) -> dict[str, Any]:
    tiers = {name: _added(shards, name, "tiers") for name in models}
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
                "features": list(entry.model.feature_names),
                "rows": sum(tiers[name].values()),
                "tiers": {tier: tiers[name].get(tier, 0) for tier in (*TIERS, INSUFFICIENT)},
                "decided_by": dict(sorted(_added(shards, name, "decided_by").items())),
                "prior": sum(told["models"][name]["probability"] for told in shards)
                / max(sum(tiers[name].values()), 1),
                "largest_residual": max(told["models"][name]["residual"] for told in shards),
                "cuts": [float(edge) for edge in entry.model.cuts.edges] if entry.model.cuts else None,
                "policy": entry.model.policy.model_dump(mode="json"),
            }
            for name, entry in models.items()
        },
    }
