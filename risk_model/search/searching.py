"""The search itself: Optuna's tree-structured Parzen estimator, with bounds."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from risk_model.calibration import fit_platt
from risk_model.dataset import Dataset, own_features
from risk_model.evaluation.metrics import rank_auc
from risk_model.growing import entry_of, fit_booster
from risk_model.model import RiskModel
from risk_model.search.bounds import Bounds
from risk_model.search.cutoffs import Fold, inner_folds
from risk_model.specification import Learner, ModelSpecification

if TYPE_CHECKING:
    import optuna

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Trial:
    """One setting and how it did.

    Attributes
    ----------
    learner
        The setting.
    roc_auc
        By cut-off.
    slope
        Smallest or largest slope over the cut-offs, whichever is farther from 1.
    kept
        Whether it keeps to the bounds.
    """

    learner: Learner
    roc_auc: tuple[float, ...]
    slope: float
    kept: bool

    @property
    def mean(self) -> float:
        """Mean ROC AUC over the cut-offs."""
        return float(np.mean(self.roc_auc))


@dataclass(frozen=True)
class Found:
    """What a search found.

    Attributes
    ----------
    present
        The setting that the specification has.
    trials
        All that were tried, in order; the first is the present one.
    best
        The best that keeps to the bounds, by mean ROC AUC; the present one unless another gains at
        more than half of the cut-offs.
    cutoffs
        Dates, ascending.
    """

    present: Trial
    trials: tuple[Trial, ...]
    best: Trial
    cutoffs: tuple[str, ...]

    @property
    def gain(self) -> tuple[float, ...]:
        """What the best gains over the present setting in ROC AUC, by cut-off."""
        return tuple(b - p for b, p in zip(self.best.roc_auc, self.present.roc_auc, strict=True))


def search(
    specification: ModelSpecification,
    dataset: Dataset,
    *,
    base: RiskModel | None = None,
    trials: int = 40,
    bounds: Bounds | None = None,
    seed: int = 20210721,
    progress: Progress | None = None,
) -> Found:
    """Search settings of the learner on inner cut-offs of the training part.

    Parameters
    ----------
    specification
        The model; its directions hold in every trial.
    dataset
        Its rows; those that calibrate and test are not looked at.
    base
        The model that it starts from, if it is an increment.
    trials
        Settings to try, the present one included.
    bounds
        Of cost and calibration.
    seed
        The same seed gives the same trials.
    progress
        Called with trials done and trials in all.

    Raises
    ------
    InputError
        If the training part is too short.

    Notes
    -----
    Bergstra et al. 2011, *Algorithms for hyper-parameter optimization*; the bounds enter the sampler as
    constraints (Watanabe and Hutter 2022, *c-TPE*).
    """
    import warnings

    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    limits = bounds or Bounds()
    judge = _Judge(specification, dataset, base)
    done: list[Trial] = []

    def objective(trial: optuna.Trial) -> float:
        learner = suggest(trial, specification.learner, limits)
        result = judge(learner, limits)
        done.append(result)
        for name, excess in zip(("cost", "flat", "steep"), limits.excess(learner, result.slope), strict=True):
            trial.set_constraint(name, excess)
        if progress is not None:
            progress(len(done), trials)
        return result.mean

    sampler = optuna.samplers.TPESampler(
        seed=seed,
        multivariate=True,
        n_startup_trials=max(5, min(12, trials // 3)),
    )
    present = judge(specification.learner, limits)
    done.append(present)
    if progress is not None:
        progress(1, trials)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        study = optuna.create_study(direction="maximize", sampler=sampler)
        study.optimize(objective, n_trials=max(0, trials - 1))
    return Found(
        present, tuple(done), choose(present, done), tuple(str(f.cutoff.date()) for f in judge.folds)
    )


def choose(present: Trial, trials: list[Trial]) -> Trial:
    """Return the best trial that keeps to the bounds and gains at more than half of the cut-offs."""
    better = [
        t
        for t in trials
        if t.kept
        and t.mean > present.mean
        and sum(a > b for a, b in zip(t.roc_auc, present.roc_auc, strict=True)) > len(t.roc_auc) / 2
    ]
    return max(better, key=lambda t: t.mean, default=present)


def suggest(trial: optuna.Trial, present: Learner, bounds: Bounds) -> Learner:
    """Return a setting to try; seed, threads and directions are those of the present one."""
    leaves = trial.suggest_int("leaves", 3, 24, log=True)
    most = bounds.most_trees(leaves)
    return present.model_copy(
        update={
            "leaves": leaves,
            "trees": min(most, 10 * round(trial.suggest_int("trees", 60, 800, log=True) / 10)),
            "learning_rate": round(trial.suggest_float("learning_rate", 0.01, 0.12, log=True), 4),
            "minimum_in_leaf": trial.suggest_int("minimum_in_leaf", 20, 600, log=True),
            "l2": round(trial.suggest_float("l2", 0.5, 100.0, log=True), 1),
            "feature_fraction": round(trial.suggest_float("feature_fraction", 0.1, 0.9), 2),
            "bagging_fraction": round(trial.suggest_float("bagging_fraction", 0.5, 1.0), 2),
        }
    )


class _Judge:
    """Fits a setting at each cut-off and judges it on what came after."""

    def __init__(self, specification: ModelSpecification, dataset: Dataset, base: RiskModel | None) -> None:
        self._specification = specification
        self._names = own_features(specification)
        rows = dataset.part("train").reset_index(drop=True)
        self.folds: tuple[Fold, ...] = inner_folds(rows)
        self._label = rows["label"].to_numpy()
        self._own = rows[list(self._names)].to_numpy(np.float64)
        self._starts = [self._start(base, rows, fold) for fold in self.folds]

    def _start(self, base: RiskModel | None, rows: pd.DataFrame, fold: Fold) -> np.ndarray | None:
        """Return the margin that trees start from at a cut-off, by what was known then."""
        if base is None:
            return None
        entry = entry_of(base, self._specification, rows.iloc[fold.learns])
        return entry.margin(base.margin(base.matrix(rows)))

    def __call__(self, learner: Learner, bounds: Bounds) -> Trial:
        results = [
            self._at(fold, start, learner) for fold, start in zip(self.folds, self._starts, strict=True)
        ]
        slope = max((s for _, s in results), key=lambda s: abs(np.log(max(s, 1e-6))))
        kept = all(excess <= 0 for excess in bounds.excess(learner, slope))
        return Trial(learner, tuple(auc for auc, _ in results), slope, kept)

    def _at(self, fold: Fold, start: np.ndarray | None, learner: Learner) -> tuple[float, float]:
        specification: Any = self._specification.model_copy(update={"learner": learner})
        booster = fit_booster(
            specification,
            self._names,
            self._own[fold.learns],
            self._label[fold.learns],
            None if start is None else start[fold.learns],
        )
        margin = np.zeros(len(fold.judged)) if start is None else start[fold.judged].copy()
        if booster is not None:
            margin += np.asarray(booster.predict(self._own[fold.judged], raw_score=True))
        label = self._label[fold.judged]
        return rank_auc(label, margin), fit_platt(margin, label).slope


def as_settings(learner: Learner) -> dict[str, Any]:
    """Return what a search decides, as it stands in a model's YAML."""
    decided = (
        "trees", "learning_rate", "leaves", "minimum_in_leaf", "l2", "feature_fraction", "bagging_fraction",
    )  # fmt: skip
    content = learner.model_dump()
    return {name: content[name] for name in decided}


def as_record(trial: Trial) -> dict[str, Any]:
    """Return a trial as plain data."""
    return dataclasses.asdict(trial) | {"learner": as_settings(trial.learner), "mean_roc_auc": trial.mean}
