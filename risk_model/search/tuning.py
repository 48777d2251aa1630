"""Tuning of a model on a home's records: searches settings or features, writes a profile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from features.home import Home
from features.store import RecordStore
from risk_model.dataset import Dataset, build_dataset, needed_features
from risk_model.model import RiskModel
from risk_model.registry import Registry
from risk_model.search.bounds import Bounds
from risk_model.search.searching import Found, as_record, as_settings, search
from risk_model.search.stability import Stability, select
from risk_model.specification import ModelSpecification, find_profile, load_specification
from risk_model.training import policy_of

EXPERIMENT = "risk-model-search"


def tune(
    home: Home,
    name: str,
    *,
    profile: str | None = None,
    snapshot: int | None = None,
    trials: int = 40,
    bounds: Bounds | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Found:
    """Search settings for a model on a snapshot of the records, and log all trials to MLflow.

    Parameters
    ----------
    home
        Records and registry; a model that is an increment starts from the registered champion.
    name, profile
        The model.
    snapshot
        Number of the record store's snapshot; the latest by default.
    trials, bounds
        See :func:`risk_model.search.search`.
    progress
        Called with trials done and trials in all.
    """
    at_hand = _prepare(home, name, profile, snapshot)
    found = search(
        at_hand.specification,
        at_hand.dataset,
        base=at_hand.base,
        trials=trials,
        bounds=bounds,
        progress=progress,
    )
    _log(at_hand.registry, home, name, at_hand.snapshot, found)
    return found


def select_features(
    home: Home,
    name: str,
    *,
    profile: str | None = None,
    snapshot: int | None = None,
    halves: int = 20,
    threshold: float = 0.6,
    progress: Callable[[int, int], None] | None = None,
) -> Stability:
    """Find the features of a model that are stable, on a snapshot of the records.

    Parameters
    ----------
    home
        Records and registry; a model that is an increment starts from the registered champion.
    name, profile
        The model.
    snapshot
        Number of the record store's snapshot; the latest by default.
    halves, threshold
        See :func:`risk_model.search.stability.select`.
    progress
        Called with halves done and halves in all.
    """
    at_hand = _prepare(home, name, profile, snapshot)
    return select(
        at_hand.specification,
        at_hand.dataset,
        base=at_hand.base,
        halves=halves,
        threshold=threshold,
        progress=progress,
    )


@dataclass(frozen=True)
class _AtHand:
    """What a search works on."""

    registry: Registry
    specification: ModelSpecification
    base: RiskModel | None
    dataset: Dataset
    snapshot: str


def _prepare(home: Home, name: str, profile: str | None, snapshot: int | None) -> _AtHand:
    specification = load_specification(name, profile)
    registry = Registry(home)
    base = registry.load(specification.increment_over)[0] if specification.increment_over else None
    records = RecordStore(home.store).snapshot(snapshot)
    dataset = build_dataset(records, specification, needed_features(specification, policy_of(specification)))
    return _AtHand(registry, specification, base, dataset, str(records.id))


def as_profile(name: str, profile: str | None, found: Found) -> str:
    """Return YAML that ``risk-model train --profile FILE`` takes: the profile given, with what was found."""
    content: dict[str, Any] = find_profile(profile) if profile else {}
    own = dict(content.get(name) or {})
    own["learner"] = {**(own.get("learner") or {}), **as_settings(found.best.learner)}
    tried = len(found.trials)
    head = (
        f"# Settings of the learner found by a search of {tried} trials on the cut-offs "
        f"{', '.join(found.cutoffs)}:\n"
        f"# ROC AUC {found.best.mean:.4f} after them, with the present settings {found.present.mean:.4f}.\n"
    )
    return head + yaml.safe_dump({**content, name: own}, allow_unicode=True, sort_keys=False)


def write_profile(path: Path, text: str) -> None:
    """Write a profile; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _log(registry: Registry, home: Home, name: str, snapshot: str, found: Found) -> None:
    client = registry.client
    experiment = client.get_experiment_by_name(EXPERIMENT)
    if experiment is None:
        home.artifacts.mkdir(parents=True, exist_ok=True)
        number = client.create_experiment(EXPERIMENT, artifact_location=home.artifacts.as_uri())
    else:
        number = experiment.experiment_id
    run = client.create_run(
        number, run_name=f"search {name}", tags={"model": name, "data_snapshot": snapshot}
    )
    run_id = run.info.run_id
    for key, value in as_settings(found.best.learner).items():
        client.log_param(run_id, key, value)
    for step, trial in enumerate(found.trials):
        client.log_metric(run_id, "mean_roc_auc", trial.mean, step=step)
        client.log_metric(run_id, "slope", trial.slope, step=step)
        client.log_metric(run_id, "kept", float(trial.kept), step=step)
    client.log_metric(run_id, "gain", float(found.best.mean - found.present.mean))
    client.log_dict(run_id, {"trials": [as_record(t) for t in found.trials]}, "trials.json")
    client.set_terminated(run_id)
