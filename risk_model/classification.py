"""Classifying everybody: one pass from records to a published snapshot."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any

import pyarrow as pa

from features.cohort import registered
from features.definitions import LIBRARY
from features.errors import InputError
from features.kernel import Plan
from features.runners import Scheduler
from features.runners.ranges import cut
from features.runners.threads import Threads
from features.runners.work import dates_of, known, survey_all
from risk_model.classified_range import PROBABILITY_UNIT, TOLERANCE, Classifying, write_range
from risk_model.coverage import COVERAGE
from risk_model.pinned_rates import INPUT, PinnedRates, pinned_rates
from risk_model.publication import Publication, PublicationWriter
from risk_model.publication.layout import ENTERPRISES_A_SHARD, FORMAT
from risk_model.renewal import renewable, renewal
from risk_model.renewed_shards import renew_shards, stretches
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
    earlier: Sequence[Publication] = (),
    rates_of: Publication | None = None,
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
    earlier
        Classifications of which one may be renewed (:mod:`risk_model.renewal`): of the same date, by the same
        models, before more records came. The result is the same, but for the bounds of the shards and the
        largest residual, which may be that of an enterprise that has changed since.
    rates_of
        A classification of the same date whose rates of the neighbourhood are taken as they were published:
        only what an enterprise adds itself is taken off them, as it is now. By default they are made from
        the records.

    Returns
    -------
    Publication
        The new classification, which is in force.

    Raises
    ------
    InputError
        If nobody is in business at the date, a model has no cuts, another classification is being made, or
        the rates of the neighbourhood cannot be taken from the classification that is named.
    RuntimeError
        If contributions do not sum to a margin within :data:`TOLERANCE`; nothing is published.
    """
    for name, entry in models.items():
        if entry.model.cuts is None:
            raise InputError(f"model {name!r} has no cuts", field="model", fix="Train it again.")
    wanted = {name for entry in models.values() for name in entry.model.needed}
    kept = tuple(feature for feature in LIBRARY if feature.name in wanted)
    plan = Plan((*kept, *COVERAGE))
    scheduler = scheduler or Threads(snapshot)
    fleet = Fleet(models)
    inputs = {
        "format": FORMAT,
        "code_version": installed_version("risk-model"),
        "features": plan.fingerprint,
        "models": fleet.digest,
        "previous": previous.name if previous else None,
        "overrides": [one.model_dump(mode="json") for one in overrides],
    }
    pinned = None if rates_of is None else pinned_rates(rates_of, as_of, plan, snapshot.id)
    if pinned is not None:
        inputs[INPUT] = pinned.origin
    base = renewable(earlier, as_of, inputs, snapshot)
    begun = {"data_snapshot": snapshot.id, "shard": shard, "renews": base[0].name if base else None}
    key = hashlib.sha256(json.dumps(inputs | begun, sort_keys=True).encode()).hexdigest()[:16]
    with PublicationWriter(published, as_of, key) as writer:
        work = Classifying(
            plan,
            None,
            tuple(feature.name for feature in kept),
            _near(plan, snapshot),
            fleet,
            as_of,
            None if previous is None else previous.folder.resolve(),
            tiers_by_model(overrides),
            writer.folder,
        )
        steps = None if base is None else _renewing(work, base, snapshot, pinned, writer, scheduler)
        steps = steps or _from_records(work, snapshot, shard, pinned, writer, scheduler)
        for done, of in steps:
            if progress:
                progress(done, of)
        enterprises = sum(told["enterprises"] for told in writer.done)
        document = _document(snapshot, models, writer.done, previous, enterprises)
        document["features"] = list(work.kept)
        document["neighbourhood"] = list(work.near)
        document["overrides"] = inputs["overrides"]
        document["inputs"] = inputs
        folder = writer.publish(document)
    return Publication(folder)


def _near(plan: Plan, snapshot: Snapshot) -> tuple[str, ...]:
    """Return the rates of the neighbourhood, which lie in a file of their own where anybody has a place."""
    if plan.beyond is None or not snapshot.exists("enterprise"):
        return ()
    return tuple(rate.feature for rate in plan.beyond.rates)


def _from_records(
    work: Classifying,
    snapshot: Snapshot,
    shard: int,
    pinned: PinnedRates | None,
    writer: PublicationWriter,
    scheduler: Scheduler,
) -> Iterator[tuple[int, int]]:
    """Classify everybody; yield enterprises done and enterprises in all."""
    pairs = registered(snapshot, [work.as_of])
    if not pairs.num_rows:
        raise InputError(
            f"no enterprise is known to be in business as of {work.as_of}",
            field="as_of",
            fix="Choose a date within the records.",
        )
    context = writer.kept_context()
    if context is None and work.plan.beyond is not None:
        whole = survey_all(scheduler, snapshot.codes(), work.plan.beyond, dates_of(pairs))
        if pinned is not None:
            whole = whole.with_rates_of(pinned.context)
        context = known(whole)
        writer.context(context, whole)
        del whole
    work = replace(work, context=context)
    ready = len(writer.done)
    done = sum(told["enterprises"] for told in writer.done)
    left = (part for number, part in enumerate(cut(pairs, shard)) if number >= ready)
    for written in scheduler.map(write_range, work, left):
        writer.take(written)
        done += written.facts["enterprises"]
        yield done, pairs.num_rows


def _renewing(
    work: Classifying,
    base: tuple[Publication, pa.Array],
    snapshot: Any,
    pinned: PinnedRates | None,
    writer: PublicationWriter,
    scheduler: Scheduler,
) -> Iterator[tuple[int, int]] | None:
    """Renew a classification; yield the same. None if all is to be done anew."""
    found = renewal(*base, snapshot, work, None if pinned is None else pinned.context)
    if found is None:
        return None
    writer.context(found.context, found.survey)
    writer.tied(found.tied)
    work, what = replace(work, context=found.near), found.what

    def steps() -> Iterator[tuple[int, int]]:
        of = base[0].document["enterprises"]
        done = sum(told["enterprises"] for told in writer.done)
        left = stretches(what, len(writer.done))
        for several in scheduler.map(renew_shards, (work, what), left):
            for written in several:
                writer.take(written)
                done += written.facts["enterprises"]
            yield done, of

    return steps()


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
                / PROBABILITY_UNIT
                / max(sum(tiers[name].values()), 1),
                "largest_residual": max(told["models"][name]["residual"] for told in shards),
                "cuts": [float(edge) for edge in entry.model.cuts.edges] if entry.model.cuts else None,
                "policy": entry.model.policy.model_dump(mode="json"),
            }
            for name, entry in models.items()
        },
    }
