"""Training: from the records of a snapshot to a model that can be published."""

from __future__ import annotations

import platform
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Any, Protocol

import lightgbm as lgb
import numpy as np
import pandas as pd

from features.cohort import Register
from features.definitions import LIBRARY
from features.kernel import Plan
from features.records import TABLES
from risk_model.calibration import Platt, fit_platt
from risk_model.dataset import Dataset, build_dataset, needed_features, own_features
from risk_model.evaluation.population import population_at
from risk_model.model import RiskModel, learner_parameters
from risk_model.scale import Labelled, TierPolicy, find_cuts, load_policy
from risk_model.specification import ModelSpecification

Progress = Callable[[int, int], None]
#: Random draws from which guarantees of tiers are certified on them alone.
FEWEST_DRAWS = 300
#: Problems found at them, from which probabilities are calibrated on them alone.
FEWEST_FOUND = 20
#: Selections of an inspection that look at everybody alike.
UNPROMPTED = ("random", "full_coverage")


class Snapshot(Register, Protocol):
    """A store's snapshot, which has a name."""

    @property
    def id(self) -> Any:
        """Its name."""


@dataclass(frozen=True)
class Training:
    """A trained model and the rows it came from.

    Attributes
    ----------
    model
        The model.
    dataset
        Labelled rows.
    population
        Everybody it speaks of at the newest test date, inspected or not, with features; see
        :func:`risk_model.evaluation.population.population_at`.
    """

    model: RiskModel
    dataset: Dataset
    population: pd.DataFrame


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
    model = replace(model, booster=grow(model, specification, dataset))
    held_out = dataset.part("calibration")
    speaking = calibration_rows(held_out)
    calibration = fit_platt(model.raw_margin(model.matrix(speaking)), speaking["label"].to_numpy())
    model = replace(model, calibration=calibration)
    newest = dataset.part("test")["as_of"].max().date()
    population = population_at(snapshot, model, [newest])
    scores = reference_scores(model, population)
    model = replace(model, cuts=find_cuts(policy, scores, certifying_rows(model, held_out)))
    return Training(model, dataset, population)


def grow(model: RiskModel, specification: ModelSpecification, dataset: Dataset) -> lgb.Booster | None:
    """Grow the own trees of a model on the training part, from the margin of its base if it has one."""
    rows = dataset.part("train")
    matrix = model.matrix(rows)
    start = replace(model, booster=None).raw_margin(matrix) if model.base is not None else None
    own = matrix[:, matrix.shape[1] - len(model.own_features) :]
    return fit_booster(specification, model.own_features, own, rows["label"].to_numpy(), start)


def unconstrained_twin(model: RiskModel, specification: ModelSpecification, dataset: Dataset) -> RiskModel:
    """Return the model as it would be if no direction were declared; only its ranking counts."""
    learner = specification.learner.model_copy(update={"monotone": False})
    free = specification.model_copy(update={"learner": learner})
    return replace(model, booster=grow(model, free, dataset))


def calibration_rows(held_out: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the calibration part that speak of everybody.

    Enterprises that were drawn at random or in turn, where there are enough of them: who was looked at
    for a reason is riskier than his records say, and would raise the probability of all others.
    """
    if "selection" not in held_out:
        return held_out
    chosen = held_out[held_out["selection"].isin(UNPROMPTED)]
    found = int(chosen["label"].sum())
    enough = len(chosen) >= FEWEST_DRAWS and FEWEST_FOUND <= found < len(chosen)
    return chosen if enough else held_out


def policy_of(specification: ModelSpecification) -> TierPolicy:
    """Return the tier policy, with what the model sets otherwise."""
    policy = load_policy()
    if specification.minimum_records is None:
        return policy
    thin = policy.insufficient_record.model_copy(update={"minimum_records": specification.minimum_records})
    return policy.model_copy(update={"insufficient_record": thin})


def reference_scores(model: RiskModel, population: pd.DataFrame) -> np.ndarray:
    """Return the scores of those of a population who would get a tier: enough is known of them."""
    enough = population["records"] >= model.policy.insufficient_record.minimum_records
    return model.score(model.margin(model.matrix(population[enough])))


def certifying_rows(model: RiskModel, held_out: pd.DataFrame) -> Labelled:
    """Return what a tier's guarantee is certified on: the newest label of each enterprise.

    Randomly drawn enterprises alone where there are enough of them, so that the guarantee speaks of
    everybody; else all that were inspected, and it speaks of these.
    """
    rows = held_out[held_out["records"] >= model.policy.insufficient_record.minimum_records]
    if "selection" in rows:
        drawn = rows[rows["selection"] == "random"]
        if len(drawn) >= FEWEST_DRAWS:
            rows = drawn
    rows = rows.sort_values("as_of", kind="stable").drop_duplicates("credit_code", keep="last")
    return Labelled(model.score(model.margin(model.matrix(rows))), rows["label"].to_numpy())


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
