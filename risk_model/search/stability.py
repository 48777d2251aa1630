"""Which features a model needs: those that beat noise again and again, at every cut-off in time.

Single importances of boosted trees are fickle where features say much the same. Here trees are grown on
many halves of the enterprises, at several cut-offs before the calibration and test periods; beside every
feature stands its shadow, the same column in another order of rows, which can tell nothing. A feature counts
in a half if the trees gain more by it than by any shadow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
import yaml

from features.definitions import LIBRARY
from risk_model.dataset import Dataset, own_features
from risk_model.evaluation.metrics import rank_auc
from risk_model.growing import entry_of, fit_booster, row_weights
from risk_model.model import RiskModel, learner_parameters
from risk_model.search.cutoffs import Fold, inner_folds
from risk_model.specification import ModelSpecification, find_profile

Progress = Callable[[int, int], None]
SHADOW = "shadow_of_"


@dataclass(frozen=True)
class FeatureStability:
    """How a feature did.

    Attributes
    ----------
    feature, group
        Its name, and the declaration that it is a window of.
    frequency
        Share of the halves in which it beat every shadow.
    group_frequency
        Share of the halves in which any window of its declaration did.
    by_cutoff
        ``frequency`` at each cut-off.
    gain
        Its mean share of what all trees gained by real features.
    kept
        Whether it is among the stable ones.
    """

    feature: str
    group: str
    frequency: float
    group_frequency: float
    by_cutoff: tuple[float, ...]
    gain: float
    kept: bool


@dataclass(frozen=True)
class Stability:
    """What a stability selection found.

    Attributes
    ----------
    features
        The most frequent first.
    cutoffs
        Dates, ascending.
    halves
        Halves of the enterprises at each cut-off.
    threshold
        Frequency from which a feature is stable.
    roc_auc_all, roc_auc_kept
        After each cut-off, of trees on all features and on the stable ones alone.
    """

    features: tuple[FeatureStability, ...]
    cutoffs: tuple[str, ...]
    halves: int
    threshold: float
    roc_auc_all: tuple[float, ...]
    roc_auc_kept: tuple[float, ...]

    @property
    def kept(self) -> tuple[str, ...]:
        """Stable features, in the order of the library."""
        names = {one.feature for one in self.features if one.kept}
        return tuple(feature.name for feature in LIBRARY if feature.name in names)

    @property
    def dropped(self) -> tuple[str, ...]:
        """All others, in the order of the library."""
        names = {one.feature for one in self.features if not one.kept}
        return tuple(feature.name for feature in LIBRARY if feature.name in names)

    @property
    def loses(self) -> bool:
        """Whether the stable features alone rank worse after more than half of the cut-offs.

        Weak features that no half shows to beat noise may still tell something together.
        """
        worse = sum(k < a for a, k in zip(self.roc_auc_all, self.roc_auc_kept, strict=True))
        return worse > len(self.roc_auc_all) / 2

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        told = {"kept": list(self.kept), "dropped": list(self.dropped), "loses": self.loses}
        return asdict(self) | told


def select(
    specification: ModelSpecification,
    dataset: Dataset,
    *,
    base: RiskModel | None = None,
    halves: int = 20,
    threshold: float = 0.6,
    seed: int = 20210721,
    progress: Progress | None = None,
) -> Stability:
    """Find the features that are stable over time and over enterprises.

    Parameters
    ----------
    specification
        The model; its directions hold for features and shadows.
    dataset
        Its rows; those that calibrate and test are not looked at.
    base
        The model that it starts from, if it is an increment.
    halves
        Halves of the enterprises at each cut-off, in complementary pairs: even.
    threshold
        Share of all halves in which a feature must beat every shadow. Of a declaration that does so by
        changing windows, the window that does so most often stays.
    seed
        The same seed gives the same result.
    progress
        Called with halves done and halves in all.

    Raises
    ------
    InputError
        If the training part is too short.

    Notes
    -----
    Meinshausen and Bühlmann 2010, *Stability selection*; complementary pairs as in Shah and Samworth 2013,
    *Variable selection with error control*; shadows as in Kursa and Rudnicki 2010, *Feature selection with
    the Boruta package*. A feature that tells nothing is one of p + 1 equals, so that it beats all p shadows
    in one half of p + 1; to do so in most halves is next to impossible.
    """
    rows = dataset.part("train").reset_index(drop=True)
    names = own_features(specification)
    folds = inner_folds(rows)
    halves += halves % 2
    matrix, label = rows[list(names)].to_numpy(np.float64), rows["label"].to_numpy()
    weight = row_weights(rows, specification)
    codes, place = np.unique(rows["credit_code"].to_numpy(dtype=object), return_inverse=True)
    rng = np.random.default_rng(seed)
    beat = np.zeros((len(folds), halves, len(names)), dtype=bool)
    gain = np.zeros((len(folds), halves, len(names)))
    starts = [_start(base, specification, rows, fold) for fold in folds]
    for f, (fold, start) in enumerate(zip(folds, starts, strict=True)):
        for pair in range(halves // 2):
            side = rng.permutation(len(codes)) < len(codes) // 2
            for half in (0, 1):
                number = 2 * pair + half
                learns = fold.learns[side[place[fold.learns]] == bool(half)]
                own, shadows = _gains(
                    specification,
                    names,
                    matrix[learns],
                    label[learns],
                    None if start is None else start[learns],
                    None if weight is None else weight[learns],
                    int(rng.integers(2**31)),
                )
                beat[f, number] = own > shadows.max(initial=0.0)
                gain[f, number] = own / max(own.sum(), 1e-12)
                if progress is not None:
                    progress(f * halves + number + 1, len(folds) * halves)
    kept, group_frequency = _stable(names, beat.reshape(-1, len(names)), threshold)
    found = [
        FeatureStability(
            feature=name,
            group=LIBRARY[name].group,
            frequency=float(beat[:, :, i].mean()),
            group_frequency=group_frequency[LIBRARY[name].group],
            by_cutoff=tuple(float(x) for x in beat[:, :, i].mean(axis=1)),
            gain=float(gain[:, :, i].mean()),
            kept=name in kept,
        )
        for i, name in enumerate(names)
    ]
    everything = tuple(
        _judged(specification, names, fold, start, matrix, label, weight)
        for fold, start in zip(folds, starts, strict=True)
    )
    few = tuple(name for name in names if name in kept)
    columns = [names.index(name) for name in few]
    alone = tuple(
        _judged(specification, few, fold, start, matrix[:, columns], label, weight)
        for fold, start in zip(folds, starts, strict=True)
    )
    return Stability(
        tuple(sorted(found, key=lambda one: (-one.frequency, -one.gain, one.feature))),
        tuple(str(fold.cutoff.date()) for fold in folds),
        halves,
        threshold,
        everything,
        alone,
    )


def _start(
    base: RiskModel | None, specification: ModelSpecification, rows: pd.DataFrame, fold: Fold
) -> np.ndarray | None:
    if base is None:
        return None
    return entry_of(base, specification, rows.iloc[fold.learns]).margin(base.margin(base.matrix(rows)))


def _gains(
    specification: ModelSpecification,
    names: tuple[str, ...],
    matrix: np.ndarray,
    label: np.ndarray,
    start: np.ndarray | None,
    weight: np.ndarray | None,
    seed: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Return what trees gain by each feature and by each shadow; nothing where one class is missing."""
    if len(np.unique(label)) < 2:
        return np.zeros(len(names)), np.zeros(len(names))
    features = [LIBRARY[name] for name in names]
    # All shadows in one other order: they hang together as the features do, and tell nothing of the label.
    order = np.random.default_rng(seed).permutation(len(matrix))
    both = np.hstack([matrix, matrix[order]])
    # A half has half the rows: a leaf of it stands for twice as many.
    usual = specification.learner
    learner = usual.model_copy(
        update={"seed": seed, "minimum_in_leaf": max(1, usual.minimum_in_leaf // 2), "l2": usual.l2 / 2}
    )
    categorical = [i for i, feature in enumerate(features) if feature.categories is not None]
    data = lgb.Dataset(
        both,
        label,
        weight=weight,
        init_score=start,
        feature_name=[*names, *(SHADOW + name for name in names)],
        categorical_feature=[*categorical, *(i + len(names) for i in categorical)],
        free_raw_data=True,
    )
    booster = lgb.train(
        learner_parameters(learner, [*features, *features]), data, num_boost_round=learner.trees
    )
    found = np.asarray(booster.feature_importance("gain"), dtype=np.float64)
    return found[: len(names)], found[len(names) :]


def _stable(names: tuple[str, ...], beat: np.ndarray, threshold: float) -> tuple[set[str], dict[str, float]]:
    """Return the stable features, and how often any window of each declaration beat every shadow.

    Parameters
    ----------
    names
        Features.
    beat
        Whether each did, shape (halves, features).
    threshold
        Frequency from which a feature is stable.
    """
    frequency = beat.mean(axis=0)
    kept = {name for name, share in zip(names, frequency, strict=True) if share >= threshold}
    members: dict[str, list[int]] = {}
    for i, name in enumerate(names):
        members.setdefault(LIBRARY[name].group, []).append(i)
    shares = {group: float(beat[:, own].any(axis=1).mean()) for group, own in members.items()}
    for group, own in members.items():
        if shares[group] >= threshold and not kept & {names[i] for i in own}:
            kept.add(names[max(own, key=lambda i: frequency[i])])
    return kept, shares


def _judged(
    specification: ModelSpecification,
    names: tuple[str, ...],
    fold: Fold,
    start: np.ndarray | None,
    matrix: np.ndarray,
    label: np.ndarray,
    weight: np.ndarray | None,
) -> float:
    """Return the ROC AUC after a cut-off of trees on some features."""
    margin = np.zeros(len(fold.judged)) if start is None else start[fold.judged].copy()
    booster = None
    if names:
        booster = fit_booster(
            specification,
            names,
            matrix[fold.learns],
            label[fold.learns],
            None if start is None else start[fold.learns],
            None if weight is None else weight[fold.learns],
        )
    if booster is not None:
        margin += np.asarray(booster.predict(matrix[fold.judged], raw_score=True))
    return rank_auc(label[fold.judged], margin)


def as_profile(name: str, profile: str | None, found: Stability) -> str:
    """Return YAML that ``risk-model train --profile FILE`` takes: the profile, less what is not stable."""
    content: dict[str, Any] = find_profile(profile) if profile else {}
    own = dict(content.get(name) or {})
    own["exclude_features"] = sorted({*own.get("exclude_features", ()), *found.dropped})
    head = (
        f"# {len(found.kept)} of {len(found.features)} features beat noise in at least "
        f"{100 * found.threshold:.0f} % of {found.halves} halves of the\n"
        f"# enterprises at each of the cut-offs {', '.join(found.cutoffs)}; ROC AUC after them "
        f"{np.mean(found.roc_auc_kept):.4f}, with all {np.mean(found.roc_auc_all):.4f}.\n"
        "# Kept:\n" + "".join(f"#   {feature}\n" for feature in found.kept)
    )
    return head + yaml.safe_dump({**content, name: own}, allow_unicode=True, sort_keys=False)
