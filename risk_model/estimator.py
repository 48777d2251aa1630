"""The learner as a scikit-learn classifier: for tables that are not in a record store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import lightgbm as lgb
import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from features.errors import InputError
from risk_model.calibration import Platt, fit_platt, probability

#: Fewest rows of each class in the later part for it to calibrate.
FEWEST_OF_A_CLASS = 20


class RiskClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Boosted trees with declared directions, calibrated out of time.

    Parameters
    ----------
    directions
        Feature → +1 (raises the risk), -1 (lowers it) or 0; by name, or by position where X has no
        names. What is not named is free.
    categorical
        Features whose numbers are codes without an order, by name or position; codes are whole
        numbers from 0 on.
    trees, learning_rate, leaves, minimum_in_leaf, l2, feature_fraction, bagging_fraction
        As in :class:`risk_model.specification.Learner`; ``minimum_in_leaf`` is at most a twentieth of
        the rows, so that small tables are learned from, too.
    category_smoothing
        How many rows of its own a code needs before it counts for itself.
    calibration_share
        Share of the rows, the latest ones, on which the probabilities are calibrated if ``times`` are
        given to :meth:`fit`; the trees do not see them.
    seed, threads
        The same seed and threads give the same trees on the same machine.

    Attributes
    ----------
    classes_ : numpy.ndarray
        The two classes; the second is the risk.
    booster_ : lightgbm.Booster
        The trees.
    calibration_ : Platt
        From raw margin to log-odds; the identity without ``times``.
    n_features_in_ : int
        Columns of X.
    feature_names_in_ : numpy.ndarray
        Names of the columns, if X has any.

    Notes
    -----
    Missing values are a branch of their own and need no imputation. The record store's models
    (:mod:`risk_model.training`) use the same learner and calibration.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(400, 2))
    >>> y = (X[:, 0] + rng.normal(size=400) > 0).astype(int)
    >>> model = RiskClassifier(directions={0: 1}, trees=50).fit(X, y)
    >>> bool(model.predict_proba([[2.0, 0.0]])[0, 1] > model.predict_proba([[-2.0, 0.0]])[0, 1])
    True
    """

    def __init__(
        self,
        *,
        directions: Mapping[Any, int] | None = None,
        categorical: Sequence[Any] = (),
        trees: int = 300,
        learning_rate: float = 0.03,
        leaves: int = 8,
        minimum_in_leaf: int = 100,
        l2: float = 20.0,
        feature_fraction: float = 0.5,
        bagging_fraction: float = 0.7,
        category_smoothing: float = 50.0,
        calibration_share: float = 0.2,
        seed: int = 20210721,
        threads: int = 2,
    ) -> None:
        self.directions = directions
        self.categorical = categorical
        self.trees = trees
        self.learning_rate = learning_rate
        self.leaves = leaves
        self.minimum_in_leaf = minimum_in_leaf
        self.l2 = l2
        self.feature_fraction = feature_fraction
        self.bagging_fraction = bagging_fraction
        self.category_smoothing = category_smoothing
        self.calibration_share = calibration_share
        self.seed = seed
        self.threads = threads

    def fit(self, X: Any, y: Any, sample_weight: Any = None, *, times: Any = None) -> RiskClassifier:  # noqa: N803
        """Grow the trees, and calibrate them on later rows if times are given.

        Parameters
        ----------
        X
            Shape (n, features); NaN is a missing value.
        y
            Two classes, shape (n,).
        sample_weight
            Weights, shape (n,).
        times
            When each label was known, shape (n,): the latest ``calibration_share`` calibrates; rows of
            one time stay together.

        Raises
        ------
        ValueError
            If there are more than two classes or fewer (as scikit-learn asks), or X is no table of
            numbers.
        InputError
            If a feature named by ``directions`` or ``categorical`` does not exist, a direction is none
            of +1, 0, -1, or the later rows are too few of one class to calibrate on.
        """
        matrix, label = validate_data(self, X, y, dtype=np.float64, ensure_all_finite="allow-nan")
        check_classification_targets(label)
        self.classes_, target = np.unique(label, return_inverse=True)
        if len(self.classes_) > 2:
            msg = (
                "Only binary classification is supported. "
                f"The type of the target is multiclass: {len(self.classes_)} classes."
            )
            raise ValueError(msg)
        if len(self.classes_) < 2:
            msg = "RiskClassifier can't train when only one class is present."
            raise ValueError(msg)
        weight = _check_sample_weight(sample_weight, matrix, dtype=np.float64, ensure_non_negative=True)
        later = self._later(times, len(matrix))
        self._check_calibration(target, later)
        early = ~later & (weight > 0)
        parameters = self._parameters(int(early.sum()))
        self.booster_ = lgb.train(
            parameters,
            lgb.Dataset(
                matrix[early],
                target[early],
                weight=None if sample_weight is None else weight[early],
                categorical_feature=self._places(self.categorical, "categorical"),
            ),
            num_boost_round=self.trees,
        )
        self.calibration_ = Platt()
        if later.any():
            raw = self.booster_.predict(matrix[later], raw_score=True)
            self.calibration_ = fit_platt(
                np.asarray(raw), target[later], None if sample_weight is None else weight[later]
            )
        return self

    def decision_function(self, X: Any) -> np.ndarray:  # noqa: N803
        """Return calibrated log-odds of the second class, shape (n,)."""
        check_is_fitted(self, "booster_")
        matrix = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan", reset=False)
        return self.calibration_.margin(np.asarray(self.booster_.predict(matrix, raw_score=True)))

    def predict_proba(self, X: Any) -> np.ndarray:  # noqa: N803
        """Return probabilities of both classes, shape (n, 2)."""
        risk = probability(self.decision_function(X))
        return np.column_stack([1 - risk, risk])

    def predict(self, X: Any) -> np.ndarray:  # noqa: N803
        """Return the likelier class of each row, shape (n,)."""
        likelier = (self.decision_function(X) > 0).astype(int)
        return np.asarray(self.classes_[likelier])

    def _later(self, times: Any, rows: int) -> np.ndarray:
        if times is None:
            return np.zeros(rows, dtype=bool)
        when = np.asarray(times)
        if when.shape != (rows,):
            raise InputError(f"times has shape {when.shape}, expected ({rows},)", field="times")
        ordered = np.sort(when)
        cut = ordered[min(round((1 - self.calibration_share) * rows), rows - 1)]
        return np.asarray(when >= cut)

    @staticmethod
    def _check_calibration(target: np.ndarray, later: np.ndarray) -> None:
        if not later.any():
            return
        if len(np.unique(target[~later])) < 2:
            raise InputError(
                "the earlier rows, from which the trees learn, hold one class only",
                field="times",
                fix="Lower calibration_share or give a longer history.",
            )
        if np.bincount(target[later], minlength=2).min() < FEWEST_OF_A_CLASS:
            raise InputError(
                f"the latest rows hold fewer than {FEWEST_OF_A_CLASS} of one class: too few to calibrate on",
                field="times",
                fix="Raise calibration_share, or give no times.",
            )

    def _parameters(self, rows: int) -> dict[str, Any]:
        directions = [0] * self.n_features_in_
        for name, direction in (self.directions or {}).items():
            if direction not in (-1, 0, 1):
                raise InputError(
                    f"direction of {name!r} is {direction!r}, expected 1, 0 or -1", field="directions"
                )
            directions[self._place(name, "directions")] = direction
        return {
            "objective": "binary",
            "learning_rate": self.learning_rate,
            "num_leaves": self.leaves,
            "min_data_in_leaf": max(1, min(self.minimum_in_leaf, rows // 20)),
            "lambda_l2": self.l2 * min(1.0, rows / 2000),
            "feature_fraction": self.feature_fraction,
            "bagging_fraction": self.bagging_fraction if rows >= 100 else 1.0,
            "bagging_freq": 1,
            "max_cat_threshold": 16,
            "cat_smooth": self.category_smoothing,
            "min_data_in_bin": 1 if rows < 100 else 3,
            "monotone_constraints": directions,
            "monotone_constraints_method": "intermediate",
            "deterministic": True,
            "force_row_wise": True,
            "num_threads": self.threads,
            "seed": self.seed,
            "verbosity": -1,
        }

    def _places(self, names: Sequence[Any], field: str) -> list[int]:
        return [self._place(name, field) for name in names]

    def _place(self, name: Any, field: str) -> int:
        known = list(getattr(self, "feature_names_in_", []))
        if name in known:
            return known.index(name)
        if isinstance(name, int | np.integer) and 0 <= name < self.n_features_in_:
            return int(name)
        raise InputError(
            f"X has no feature {name!r}",
            field=field,
            fix=f"Name one of {', '.join(known[:8])}." if known else "Give its position.",
        )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        tags.input_tags.allow_nan = True
        return tags
