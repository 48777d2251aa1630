"""Training: from the records of a snapshot to a model that can be published."""

from __future__ import annotations

import platform
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from importlib.metadata import version
from typing import Any, Protocol

import lightgbm as lgb
import numpy as np
import pyarrow as pa

from features.cohort import Register, registered
from features.definitions import LIBRARY
from features.kernel import Plan
from features.records import TABLES
from features.runners import compute
from risk_model.calibration import Platt, fit_platt
from risk_model.coverage import COVERAGE, records_known
from risk_model.dataset import Dataset, build_dataset, needed_features, own_features, plan_of
from risk_model.model import RiskModel, learner_parameters
from risk_model.scale import TierPolicy, find_cuts, load_policy
from risk_model.specification import ModelSpecification

Progress = Callable[[int, int], None]


class Snapshot(Register, Protocol):
    """A store's snapshot, which has a name."""

    @property
    def id(self) -> Any:
        """Its name."""


@dataclass(frozen=True)
class Training:
    """A trained model and the rows it came from."""

    model: RiskModel
    dataset: Dataset


def fit_booster(
    specification: ModelSpecification,
    names: tuple[str, ...],
    matrix: np.ndarray,
    label: np.ndarray,
    start: np.ndarray | None,
) -> lgb.Booster | None:
    """Fit the trees, from the margin ``start`` if there is one.

    Returns
    -------
    lightgbm.Booster or None
        None if there are fewer labels than the specification asks for, or one class only.
    """
    if len(label) < specification.minimum_labels or len(np.unique(label)) < 2:
        return None
    features = [LIBRARY[name] for name in names]
    categorical = [i for i, feature in enumerate(features) if feature.categories is not None]
    data = lgb.Dataset(
        matrix,
        label,
        init_score=start,
        feature_name=list(names),
        categorical_feature=categorical,
        free_raw_data=True,
    )
    parameters = learner_parameters(specification.learner, features)
    return lgb.train(parameters, data, num_boost_round=specification.learner.trees)


def train(
    snapshot: Snapshot,
    specification: ModelSpecification,
    *,
    base: RiskModel | None = None,
    progress: Progress | None = None,
) -> Training:
    """Train, calibrate and cut into tiers.

    Parameters
    ----------
    snapshot
        Records.
    specification
        The model.
    base
        The general model, for a model that is an increment over it.
    progress
        Called with rows done and rows in all, while features are computed.

    Raises
    ------
    InputError
        If there are no labels, or the history is too short.
    """
    policy = policy_of(specification)
    dataset = build_dataset(snapshot, specification, needed_features(specification, policy), progress)
    names = own_features(specification)
    model = RiskModel(
        name=specification.name,
        title=specification.label.model_dump(),
        own_features=names,
        booster=None,
        calibration=Platt(),
        base=base,
        policy=policy,
        cuts=None,
        known_tables=tuple(name for name in TABLES if snapshot.exists(name)),
        facts=_facts(snapshot, specification, dataset),
    )
    rows = dataset.part("train")
    matrix = model.matrix(rows)
    label = rows["label"].to_numpy()
    start = model.raw_margin(matrix) if base is not None else None
    own = matrix[:, matrix.shape[1] - len(names) :]
    model = replace(model, booster=fit_booster(specification, names, own, label, start))
    held_out = dataset.part("calibration")
    calibration = fit_platt(model.raw_margin(model.matrix(held_out)), held_out["label"].to_numpy())
    model = replace(model, calibration=calibration)
    newest = dataset.part("test")["as_of"].max().date()
    model = replace(model, cuts=find_cuts(policy, reference_scores(snapshot, model, newest)))
    return Training(model, dataset)


def policy_of(specification: ModelSpecification) -> TierPolicy:
    """Return the tier policy, with what the model sets otherwise."""
    policy = load_policy()
    if specification.minimum_records is None:
        return policy
    thin = policy.insufficient_record.model_copy(update={"minimum_records": specification.minimum_records})
    return policy.model_copy(update={"insufficient_record": thin})


def reference_scores(snapshot: Register, model: RiskModel, as_of: date) -> np.ndarray:
    """Return the scores of everyone who would get a tier at a date, inspected or not."""
    plan = Plan((*plan_of(model.needed).features, *COVERAGE))
    table = compute(snapshot, plan, registered(snapshot, [as_of]))
    enough = records_known(table) >= model.policy.insufficient_record.minimum_records
    table = table.filter(pa.array(model.applies(table) & enough))
    return model.score(model.margin(model.matrix(table)))


def _facts(snapshot: Snapshot, specification: ModelSpecification, dataset: Dataset) -> dict[str, Any]:
    return {
        "specification": specification.model_dump(mode="json"),
        "data_snapshot": str(snapshot.id),
        "windows": dataset.windows,
        "features": Plan(LIBRARY[name] for name in own_features(specification)).fingerprint,
        "versions": {
            "python": platform.python_version(),
            "machine": platform.machine(),
            **{name: version(name) for name in ("risk-model", "lightgbm", "numpy", "scikit-learn")},
        },
    }
