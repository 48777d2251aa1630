"""Growing a model's own trees: from which margin, with which weights, and without some enterprises."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import lightgbm as lgb
import numpy as np
import pandas as pd
from scipy.special import expit

from features.definitions import LIBRARY
from risk_model.calibration import IDENTITY, Platt
from risk_model.dataset import own_features
from risk_model.distributed import Cluster
from risk_model.model import RiskModel, learner_parameters
from risk_model.specification import ModelSpecification
from risk_model.stored_rows import (
    Matrix,
    Rows,
    StoredDataset,
    StoredMatrix,
    StoredRows,
    each,
    keys_of,
    predicted,
)

#: Parts into which enterprises are divided where trees must not have seen whom they score.
FOLDS = 4


def fit_booster(
    specification: ModelSpecification,
    names: tuple[str, ...],
    matrix: Matrix,
    label: np.ndarray,
    start: np.ndarray | None,
    weight: np.ndarray | None = None,
    cluster: Cluster | None = None,
) -> lgb.Booster | None:
    """Fit the trees, from the margin ``start`` if there is one.

    Parameters
    ----------
    specification
        Learner, and the fewest labels.
    names
        Features, as many as columns of ``matrix``.
    matrix, label, start, weight
        Rows, in memory or on disk, 0 or 1, log-odds, weights; shapes (n, features), (n,), (n,), (n,).
    cluster
        Whose workers grow the trees together, each from its share of the rows; by default this process.

    Returns
    -------
    lightgbm.Booster or None
        None if there are fewer labels than the specification asks for, or one class only.
    """
    if len(label) < specification.minimum_labels or len(np.unique(label)) < 2:
        return None
    features = [LIBRARY[name] for name in names]
    categorical = [i for i, feature in enumerate(features) if feature.categories is not None]
    parameters = learner_parameters(specification.learner, features)
    trees = specification.learner.trees
    if cluster is not None and isinstance(matrix, StoredMatrix):
        return cluster.train(parameters, trees, names, categorical, matrix, label, start, weight)
    with ExitStack() as opened:
        rows = opened.enter_context(matrix.batches()) if isinstance(matrix, StoredMatrix) else matrix
        data = (StoredDataset if isinstance(matrix, StoredMatrix) else lgb.Dataset)(
            rows,
            label,
            weight=weight,
            init_score=start,
            feature_name=list(names),
            categorical_feature=categorical,
            free_raw_data=True,
        )
        return lgb.train(parameters, data, num_boost_round=trees)


def grow(
    model: RiskModel, specification: ModelSpecification, rows: Rows, cluster: Cluster | None = None
) -> lgb.Booster | None:
    """Grow the own trees of a model on training rows, from the margin of its base if it has one."""
    own, start = _own(model, rows), _start(model, rows)
    label, weight = keys_of(rows)["label"].to_numpy(), row_weights(keys_of(rows), specification)
    return fit_booster(specification, model.own_features, own, label, start, weight, cluster)


def grown_without(
    model: RiskModel, specification: ModelSpecification, rows: Rows, cluster: Cluster | None = None
) -> np.ndarray:
    """Return raw margins of training rows by trees that were grown without the enterprise, shape (n,).

    The trees are the model's in all else. Where too few rows are left to grow any, the margin is the one
    that they would start from.
    """
    keys = keys_of(rows)
    start, label = _start(model, rows), keys["label"].to_numpy()
    own, weight = _own(model, rows), row_weights(keys, specification)
    raw = np.zeros(len(keys)) if start is None else start.copy()
    for learns, judged in _folds(keys["credit_code"]):
        booster = fit_booster(
            specification,
            model.own_features,
            own[learns],
            label[learns],
            None if start is None else start[learns],
            None if weight is None else weight[learns],
            cluster,
        )
        if booster is not None and judged.any():
            raw[judged] += predicted(booster, own[judged])
    return raw


def entry_of(
    base: RiskModel | None, specification: ModelSpecification, rows: Rows, cluster: Cluster | None = None
) -> Platt:
    r"""Return where a model's own trees start from, by its training rows.

    Parameters
    ----------
    base
        The model that it is an increment over; the identity is returned without one, and where labels are
        too few to grow trees.
    specification, rows
        The model and its training rows.

    Notes
    -----
    The slope is what the general margin :math:`m` is worth *beside* the sector's own records, not by
    itself: both speak of the same conduct, and trees that started from the whole margin would count it
    twice. So it is the coefficient of :math:`m` in a logistic regression of the labels on :math:`m` and on
    the margin of trees that see the sector's own features alone and were grown without the enterprise.
    The intercept then makes the mean right.
    """
    if base is None:
        return IDENTITY
    known = set(base.feature_names)
    names = tuple(name for name in own_features(specification) if name not in known)
    keys = keys_of(rows)
    margin, label = each(rows, lambda part: base.margin(base.matrix(part))), keys["label"].to_numpy()
    own = rows.matrix(names) if isinstance(rows, StoredRows) else rows[list(names)].to_numpy(np.float64)
    alone = np.zeros(len(keys))
    for learns, judged in _folds(keys["credit_code"]):
        booster = fit_booster(specification, names, own[learns], label[learns], None, None, cluster)
        if booster is None:
            return IDENTITY
        if judged.any():
            alone[judged] = predicted(booster, own[judged])
    slope = _slope_beside(margin, alone, label)
    return Platt(slope, _intercept(slope * margin, label))


def row_weights(rows: pd.DataFrame, specification: ModelSpecification) -> np.ndarray | None:
    """Return the weights of training rows, shape (n,); None if all weigh the same."""
    if specification.weights == "equal" or "inclusion_probability" not in rows:
        return None
    chance = np.nan_to_num(rows["inclusion_probability"].to_numpy(np.float64))
    drawn = (rows["selection"] == "random").to_numpy() & (chance > 0)
    weight = np.ones(len(rows))
    if drawn.any():
        inverse = 1 / chance[drawn]
        weight[drawn] = inverse / inverse.mean()
    return weight


def _start(model: RiskModel, rows: Rows) -> np.ndarray | None:
    """Return the margin that the own trees start from, shape (n,); None without a base."""
    if model.base is None:
        return None
    return each(rows, lambda part: model.entry.margin(model.base_margin(model.matrix(part))))


def _own(model: RiskModel, rows: Rows) -> Matrix:
    """Return what the own trees of a model see, shape (n, own features)."""
    if isinstance(rows, StoredRows):
        return rows.matrix(model.own_features)
    own: np.ndarray = model.matrix(rows)[:, model.own_columns]
    return own


def _folds(codes: pd.Series) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Return for each part of the enterprises which rows are of others, and which are of it."""
    part = pd.util.hash_array(codes.to_numpy(dtype=object)) % FOLDS
    for number in range(FOLDS):
        yield part != number, part == number


def _slope_beside(margin: np.ndarray, alone: np.ndarray, label: np.ndarray) -> float:
    from sklearn.linear_model import LogisticRegression

    design = np.column_stack([margin, alone])
    spread = design.std(axis=0)
    if not spread[0]:
        return 1.0
    design = (design - design.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    found = LogisticRegression(C=1e6, max_iter=1000, tol=1e-8).fit(design, label)
    return max(float(found.coef_[0, 0] / spread[0]), 0.0)


def _intercept(offset: np.ndarray, label: np.ndarray) -> float:
    """Return what makes the mean probability that of the labels, by Newton's method."""
    intercept = 0.0
    for _ in range(50):
        fitted = expit(offset + intercept)
        step = float((label - fitted).sum() / (fitted * (1 - fitted)).sum())
        intercept += float(np.clip(step, -2, 2))
        if abs(step) < 1e-12:
            break
    return intercept
