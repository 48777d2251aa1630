"""The monthly work, step by step, on one home: train, evaluate, classify."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.errors import InputError
from features.home import Home
from features.runners import Scheduler, scheduler_of
from features.runners.dask import Dask
from features.store import RecordStore, Snapshot
from risk_model.cards.card import card
from risk_model.cards.document import Document
from risk_model.classification import ModelVersion, classify
from risk_model.dataset import build_dataset, needed_features
from risk_model.distributed import Cluster
from risk_model.evaluation.comparators import PublishedScores
from risk_model.evaluation.directions import certify, cost_of_directions
from risk_model.evaluation.population import Outcomes, outcomes, population_at, registration_of
from risk_model.evaluation.report import evaluate
from risk_model.explanation.overall import OverallExplanation, explain_overall
from risk_model.model import RiskModel
from risk_model.monitoring import reference
from risk_model.monitoring.reference import Reference
from risk_model.pinned_rates import named
from risk_model.publication import Publication
from risk_model.registry import Registry, Version
from risk_model.scale import INSUFFICIENT, TIERS
from risk_model.scratch import scratch
from risk_model.specification import (
    MODEL_NAMES,
    ModelSpecification,
    load_specification,
    models_of_profile,
    validate,
)
from risk_model.tiers.overrides import Overrides
from risk_model.training import Training, train, unconstrained_twin

Progress = Callable[[int, int], None]
#: Repetitions of the bootstrap at training; ``evaluate`` takes more.
QUICK_REPETITIONS = 50


@dataclass(frozen=True)
class Trained:
    """A model that was trained and registered, and how it did out of time."""

    model: RiskModel
    version: Version
    evaluation: dict[str, Any]


def train_models(
    home: Home,
    names: Sequence[str],
    *,
    profile: str | None = None,
    snapshot: int | None = None,
    progress: Callable[[str], Progress] | None = None,
    out_of_core: bool = False,
    runner: str = "threads",
    address: str | None = None,
) -> list[Trained]:
    """Train models on a snapshot of the records and register them.

    Parameters
    ----------
    home
        Records, registry.
    names
        Models; the general one is trained before those that start from it.
    profile
        Settings of a province laid over the models' own; a shipped name or a path.
    snapshot
        Number of the record store's snapshot; the latest by default.
    progress
        Called with the name of a model; returns what is called with rows done and rows in all.
    out_of_core
        Keep the features of the training rows on disk, in the home: the model is the same bit for bit.
    runner, address
        ``threads``, or ``dask``: a Dask cluster computes the features and grows the trees, through
        ``lightgbm.dask``; its workers must reach the home by the same path.

    Raises
    ------
    InputError
        If a model is unknown or cannot be trained on these records, or the runner cannot train.
    """
    if runner not in ("threads", "dask"):
        raise InputError(
            f"models cannot be trained by the runner {runner!r}",
            field="--runner",
            fix="Use threads or dask; features and classification also run on spark.",
        )
    records = RecordStore(home.store).snapshot(snapshot)
    with (
        scheduler_of(runner, records, address) as scheduler,
        scratch(home.runs.resolve(), ".training-") as folder,
    ):
        workers = _Workers(
            scheduler,
            Cluster(scheduler.client) if isinstance(scheduler, Dask) else None,
            folder / "rows" if out_of_core or runner == "dask" else None,
        )
        return _train_models(home, names, profile, records, progress, workers)


@dataclass(frozen=True)
class _Workers:
    """Who computes features and grows trees, and where training rows lie if not in memory."""

    scheduler: Scheduler
    cluster: Cluster | None
    stored: Path | None


def _train_models(
    home: Home,
    names: Sequence[str],
    profile: str | None,
    records: Snapshot,
    progress: Callable[[str], Progress] | None,
    workers: _Workers,
) -> list[Trained]:
    registry = Registry(home)
    trained: list[Trained] = []
    for name in sorted(names, key=_order):
        specification = load_specification(name, profile)
        base = _base(specification, registry, trained)
        result = train(
            records,
            specification,
            base=base,
            progress=progress(name) if progress else None,
            stored=workers.stored,
            scheduler=workers.scheduler,
            cluster=workers.cluster,
        )
        evaluation = evaluate(
            result.model,
            result.dataset,
            population=_followed(records, specification, result.population),
            registration=registration_of(records, result.dataset.part("test")),
            unseen=result.unseen,
            repetitions=QUICK_REPETITIONS,
        )
        seen = reference_at_training(records, result)
        certificate = certificate_of(result, specification)
        overall = _overall(registry, records, result)
        page = _card(result, evaluation, certificate, overall, seen)
        documents: dict[str, Any] = {
            "evaluation-at-training.json": evaluation,
            "specification.json": specification.model_dump(mode="json"),
            "certificate.json": certificate,
            "explanation.json": overall.as_dict(),
            reference.DOCUMENT: seen.as_dict(),
            "card.md": page.markdown(),
            "card.html": page.html(),
        }
        with tempfile.TemporaryDirectory(prefix="risk-model-") as files:
            version = registry.log(
                result.model,
                metrics=flat_metrics(evaluation),
                documents=documents,
                scratch=Path(files) / "model",
            )
        folder = home.runs / version.run_id
        folder.mkdir(parents=True, exist_ok=True)
        for file in ("card.md", "card.html"):
            (folder / file).write_text(documents[file], encoding="utf-8")
        trained.append(Trained(result.model, version, evaluation))
    return trained


def certificate_of(
    result: Training, specification: ModelSpecification, repetitions: int = QUICK_REPETITIONS
) -> dict[str, Any]:
    """Certify the declared directions of a trained model, and measure what they cost in AUC."""
    certificate = certify(result.model, result.model.matrix(result.population))
    if specification.learner.monotone and result.model.booster is not None:
        twin = unconstrained_twin(result.model, specification, result.dataset)
        certificate["cost"] = cost_of_directions(result.model, twin, result.dataset, repetitions=repetitions)
    return certificate


def _followed(
    records: Snapshot, specification: ModelSpecification, population: pd.DataFrame
) -> tuple[pd.DataFrame, Outcomes] | None:
    """Return a population and what was found of it; None where a row is a record, not an enterprise."""
    if specification.windows.rows == "events" or specification.target.absence == "negative":
        return None
    return population, outcomes(records, specification.target, population)


def reference_at_training(records: Snapshot, result: Training) -> Reference:
    """Return what monitoring compares later classifications with: everybody, at the newest test date."""
    model, rows = result.model, result.population
    matrix = model.matrix(rows)
    margin = model.margin(matrix)
    who = registration_of(records, rows)
    district = np.full(len(rows), None) if who is None else who["district"].to_numpy()
    return Reference.of(
        as_of=str(result.dataset.windows["test"]["last"]),
        names=model.feature_names,
        matrix=matrix,
        margin=margin,
        district=district,
        tiers=_tier_shares(model, margin, rows["records"].to_numpy()),
    )


def _tier_shares(model: RiskModel, margin: np.ndarray, known: np.ndarray) -> dict[str, float]:
    assert model.cuts is not None
    names = np.array(TIERS)[model.cuts.tier_index(model.score(margin))]
    names = np.where(known < model.policy.insufficient_record.minimum_records, INSUFFICIENT, names)
    return {tier: float((names == tier).mean()) if len(names) else 0.0 for tier in (*TIERS, INSUFFICIENT)}


def _overall(registry: Registry, records: Snapshot, result: Training) -> OverallExplanation:
    """Say what moves the scores, beside the champion so far if there is one that can still be read."""
    try:
        before, version = registry.load(result.model.name)
    except InputError:
        return explain_overall(result.model, result.population)
    population = result.population
    if set(before.feature_names) - set(population.columns):
        days = sorted({day.date() for day in population["as_of"]})
        population = population_at(records, result.model, days, also=before.feature_names)
    return explain_overall(result.model, population, against=before, against_version=version.version)


def _card(
    result: Training,
    evaluation: dict[str, Any],
    certificate: dict[str, Any],
    overall: OverallExplanation,
    seen: Reference,
) -> Document:
    return card(result.model, evaluation, certificate, overall, seen.tiers)


def _order(name: str) -> tuple[bool, str]:
    return name != MODEL_NAMES[0], name


def _base(
    specification: ModelSpecification, registry: Registry, trained: Sequence[Trained]
) -> RiskModel | None:
    """Return the model to start from: of this run, else the registered champion."""
    wanted = specification.increment_over
    if wanted is None:
        return None
    for earlier in trained:
        if earlier.model.name == wanted:
            return earlier.model
    return registry.load(wanted)[0]


def trainable(names: Sequence[str] | str, profile: str | None) -> tuple[str, ...]:
    """Return the models that a word on the command line stands for; ``all``: those of the profile."""
    if names == "all":
        return models_of_profile(profile)
    return (names,) if isinstance(names, str) else tuple(names)


def evaluate_model(
    home: Home,
    name: str,
    version: str | None = None,
    *,
    beside: Sequence[PublishedScores] = (),
    repetitions: int = 300,
    comparators: str = "basic",
    population_dates: int = 1,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Evaluate a registered model out of time, on the recorded snapshot of its training.

    Parameters
    ----------
    home
        Records, registry, and the truth if the records are simulated.
    name, version
        The model; the champion by default.
    beside
        Published scores of other models for the same records.
    repetitions
        Of the bootstrap.
    comparators
        ``basic``, or ``all``, which takes minutes.
    population_dates
        Test dates, the newest first, at which the whole population is looked at; none: 0.
    progress
        Called with rows done and rows in all.

    Returns
    -------
    dict
        See :func:`risk_model.evaluation.report.evaluate`; kept with the run in the registry.
    """
    registry = Registry(home)
    model, found = registry.load(name, version)
    specification = validate(
        ModelSpecification, model.facts["specification"], source=f"the recorded run of model {name!r}"
    )
    records = RecordStore(home.store).snapshot(model.facts["data_snapshot"])
    dataset = build_dataset(records, specification, needed_features(specification, model.policy), progress)
    truth = simulated_truth(home, records)
    test = dataset.part("test")
    days = sorted({day.date() for day in test["as_of"]})[::-1][:population_dates]
    population = None
    if days and specification.windows.rows == "dates":
        population = _followed(records, specification, population_at(records, model, days[::-1]))
    result = evaluate(
        model,
        dataset,
        beside=beside,
        truth=truth,
        population=population,
        registration=registration_of(records, test),
        repetitions=repetitions,
        comparators=comparators,
    )
    result["version"] = found.version
    registry.log_evaluation(found, result, flat_metrics(result))
    return result


def simulated_truth(home: Home, records: Snapshot) -> pd.DataFrame | None:
    """Return the true risk if this home's records are those of its simulation, else None."""
    path = home.simulated / "truth.parquet"
    if not path.is_file():
        return None
    truth: pd.DataFrame = pq.read_table(path).to_pandas(date_as_object=False)
    return truth


def flat_metrics(evaluation: dict[str, Any]) -> dict[str, float]:
    """Return the model's own figures, for the tracking server."""
    found = {"test_rows": float(evaluation["rows"]), "test_base_rate": evaluation["base_rate"]}
    for name, figure in evaluation["metrics"].items():
        if figure["value"] == figure["value"]:
            found[f"test_{name}"] = figure["value"]
    return found


def classify_all(
    home: Home,
    as_of: date | None = None,
    *,
    names: Sequence[str] | None = None,
    snapshot: int | None = None,
    progress: Progress | None = None,
    runner: str = "threads",
    address: str | None = None,
    anew: bool = False,
    rates_of: str | None = None,
) -> Publication:
    """Classify everybody with the champions, and publish.

    Parameters
    ----------
    home
        Records, registry, published classifications.
    as_of
        Date; by default the last day on which something happened, by the records.
    names
        Models; by default every model that has a champion.
    snapshot
        Number of the record store's snapshot; the latest by default.
    progress
        Called with enterprises done and enterprises in all.
    runner, address
        Who works on the shards, as for :func:`features.runners.scheduler_of`.
    anew
        Compute everything from the records, although a classification of the same date could be renewed.
    rates_of
        Name of a classification of the same date whose rates of the neighbourhood are taken as published.

    Raises
    ------
    InputError
        If no model is registered, nobody can be classified, or the rates cannot be taken from that one.
    """
    pinned = None if rates_of is None else named(home, rates_of)
    records = RecordStore(home.store).snapshot(snapshot)
    registry = Registry(home)
    models: dict[str, ModelVersion] = {}
    for name in names or registry.champions():
        model, version = registry.load(name)
        models[name] = ModelVersion(model, version.version)
    if not models:
        raise InputError("no model is trained", field="model", fix="Run risk-model train all first.")
    day = as_of or newest_day(records)
    published = Publication.all(home)
    earlier = [p for p in published if p.as_of < day]
    with scheduler_of(runner, records, address) as scheduler:
        return classify(
            records,
            dict(sorted(models.items(), key=lambda item: _order(item[0]))),
            day,
            home.published,
            previous=earlier[-1] if earlier else None,
            overrides=Overrides(home).in_force(day),
            progress=progress,
            scheduler=scheduler,
            earlier=() if anew else published,
            rates_of=pinned,
        )


def newest_day(records: Snapshot) -> date:
    """Return the last day on which something happened, by the records."""
    found = [
        pc.max(records.read(table, columns=["event_date"])["event_date"]).as_py() for table in records.tables
    ]
    newest: date = max(day for day in found if day is not None)
    return newest
