"""Growing a model's own trees: from which margin, with which weights, and without some enterprises."""

from __future__ import annotations

from collections.abc import Iterator

import lightgbm as lgb
import numpy as np
import pandas as pd
from scipy.special import expit

from features.definitions import LIBRARY
from risk_model.calibration import IDENTITY, Platt
from risk_model.dataset import own_features
from risk_model.model import RiskModel, learner_parameters
from risk_model.specification import ModelSpecification

#: Parts into which enterprises are divided where trees must not have seen whom they score.
FOLDS = 4


def fit_booster(
    specification: ModelSpecification,
    names: tuple[str, ...],
    matrix: np.ndarray,
    label: np.ndarray,
    start: np.ndarray | None,
    weight: np.ndarray | None = None,
) -> lgb.Booster | None:
    """Fit the trees, from the margin ``start`` if there is one.

    Parameters
    ----------
    specification
        Learner, and the fewest labels.
    names
        Features, as many as columns of ``matrix``.
    matrix, label, start, weight
        Rows, 0 or 1, log-odds, weights; shapes (n, features), (n,), (n,), (n,).

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
        weight=weight,
        init_score=start,
        feature_name=list(names),
        categorical_feature=categorical,
        free_raw_data=True,
    )
    parameters = learner_parameters(specification.learner, features)
    return lgb.train(parameters, data, num_boost_round=specification.learner.trees)


def grow(model: RiskModel, specification: ModelSpecification, rows: pd.DataFrame) -> lgb.Booster | None:
    """Grow the own trees of a model on training rows, from the margin of its base if it has one."""
    matrix = model.matrix(rows)
    start = _start(model, matrix)
    own = matrix[:, model.own_columns]
    weight = row_weights(rows, specification)
    return fit_booster(specification, model.own_features, own, rows["label"].to_numpy(), start, weight)


def grown_without(model: RiskModel, specification: ModelSpecification, rows: pd.DataFrame) -> np.ndarray:
    """Return raw margins of training rows by trees that were grown without the enterprise, shape (n,).

    The trees are the model's in all else. Where too few rows are left to grow any, the margin is the one
    that they would start from.
    """
    matrix = model.matrix(rows)
    start, label = _start(model, matrix), rows["label"].to_numpy()
    own, weight = matrix[:, model.own_columns], row_weights(rows, specification)
    raw = np.zeros(len(rows)) if start is None else start.copy()
    for learns, judged in _folds(rows["credit_code"]):
        booster = fit_booster(
            specification,
            model.own_features,
            own[learns],
            label[learns],
            None if start is None else start[learns],
            None if weight is None else weight[learns],
        )
        if booster is not None and judged.any():
            raw[judged] += np.asarray(booster.predict(own[judged], raw_score=True))
    return raw


def entry_of(base: RiskModel | None, specification: ModelSpecification, rows: pd.DataFrame) -> Platt:
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
    margin, label = base.margin(base.matrix(rows)), rows["label"].to_numpy()
    own = rows[list(names)].to_numpy(np.float64)
    alone = np.zeros(len(rows))
    for learns, judged in _folds(rows["credit_code"]):
        booster = fit_booster(specification, names, own[learns], label[learns], None)
        if booster is None:
            return IDENTITY
        if judged.any():
            alone[judged] = np.asarray(booster.predict(own[judged], raw_score=True))
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


def _start(model: RiskModel, matrix: np.ndarray) -> np.ndarray | None:
    return None if model.base is None else model.entry.margin(model.base_margin(matrix))


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
