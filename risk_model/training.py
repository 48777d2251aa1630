"""Training: from the records of a snapshot to a model that can be published."""

from __future__ import annotations

import platform
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd

from features.cohort import Register
from features.definitions import LIBRARY
from features.kernel import Plan
from features.records import TABLES
from features.runners import Scheduler
from risk_model.calibration import Platt, fit_over_time, fit_platt
from risk_model.dataset import Dataset, build_dataset, needed_features, own_features
from risk_model.distributed import Cluster
from risk_model.evaluation.population import population_at
from risk_model.growing import entry_of, grow, grown_without
from risk_model.model import RiskModel
from risk_model.scale import Labelled, TierPolicy, find_cuts, load_policy
from risk_model.specification import ModelSpecification
from risk_model.stored_rows import keys_of

Progress = Callable[[int, int], None]
#: Random draws from which guarantees of tiers are certified on them alone.
FEWEST_DRAWS = 300
#: Problems found at them, from which probabilities are calibrated on them alone.
FEWEST_FOUND = 20
#: Selections of an inspection that look at everybody alike.
UNPROMPTED = ("random", "full_coverage")
DAYS_A_YEAR = 365.25


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
    unseen
        Raw margins of the training rows at hand (``dataset.part("train")``) by trees that were grown without
        their enterprise, shape (n,).
    """

    model: RiskModel
    dataset: Dataset
    population: pd.DataFrame
    unseen: np.ndarray


def train(
    snapshot: Snapshot,
    specification: ModelSpecification,
    *,
    base: RiskModel | None = None,
    progress: Progress | None = None,
    stored: Path | None = None,
    scheduler: Scheduler | None = None,
    cluster: Cluster | None = None,
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
    stored
        File for the features of the training rows: memory is then bounded by the binned table of LightGBM, a
        byte a value, and the model is the same bit for bit. By default they are kept in memory.
    scheduler
        Who computes features; threads by default.
    cluster
        Whose workers grow the trees; ``stored`` must be given, where all of them can read it.

    Raises
    ------
    InputError
        If there are no labels, or the history is too short.
    """
    policy = policy_of(specification)
    dataset = build_dataset(
        snapshot,
        specification,
        needed_features(specification, policy),
        progress,
        stored=stored,
        scheduler=scheduler,
    )
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
    rows, held_out = dataset.learning, dataset.part("calibration")
    model = replace(model, entry=entry_of(base, specification, rows, cluster))
    model = replace(model, booster=grow(model, specification, rows, cluster))
    unseen = grown_without(model, specification, rows, cluster)
    speaking = keys_of(rows).assign(raw=unseen)
    model = replace(model, calibration=calibrate(model, specification, speaking, held_out))
    newest = dataset.part("test")["as_of"].max().date()
    population = population_at(snapshot, model, [newest])
    scores = reference_scores(model, population)
    model = replace(model, cuts=find_cuts(policy, scores, certifying_rows(model, held_out)))
    return Training(model, dataset, population, dataset.of_those_at_hand(unseen))


def calibrate(
    model: RiskModel, specification: ModelSpecification, rows: pd.DataFrame, held_out: pd.DataFrame
) -> Platt:
    """Return the calibration of a model, from rows whose enterprise or time its trees have not seen.

    Parameters
    ----------
    model
        With trees; its present calibration does not count.
    specification
        ``calibrate_on`` says whether the training rows help.
    rows
        Part ``train``, with ``raw``: the margin by trees that were grown without the row's enterprise.
        Features are not looked at.
    held_out
        Part ``calibration``.

    Notes
    -----
    The calibration window alone is a few hundred findings in most provinces, and its chance would shift
    all probabilities. See :func:`risk_model.calibration.fit_over_time` for how far older rows count.
    """
    if specification.calibrate_on == "window":
        speaking = calibration_rows(held_out)
        return fit_platt(model.raw_margin(model.matrix(speaking)), speaking["label"].to_numpy())
    after = held_out.assign(raw=model.raw_margin(model.matrix(held_out)))
    speaking = calibration_rows(pd.concat([rows, after], ignore_index=True))
    # An inspection that several as-of dates look forward to is one observation.
    shared = speaking.groupby("label_record", dropna=True)["label"].transform("size").fillna(1)
    year = speaking["as_of"].to_numpy().astype("datetime64[D]").astype(np.float64) / DAYS_A_YEAR
    return fit_over_time(
        speaking["raw"].to_numpy(), speaking["label"].to_numpy(), year, 1 / shared.to_numpy(np.float64)
    )


def unconstrained_twin(model: RiskModel, specification: ModelSpecification, dataset: Dataset) -> RiskModel:
    """Return the model as it would be if no direction were declared; only its ranking counts."""
    learner = specification.learner.model_copy(update={"monotone": False})
    free = specification.model_copy(update={"learner": learner})
    return replace(model, booster=grow(model, free, dataset.learning))


def calibration_rows(held_out: pd.DataFrame) -> pd.DataFrame:
    """Return the rows, among those to calibrate on, that speak of everybody.

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
