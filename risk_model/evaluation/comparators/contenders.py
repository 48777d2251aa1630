"""What a model is compared with: each is fitted to the training rows and scores the test rows.

Each ``fit`` has the same form, ``fit(rows, columns) -> score``: rows with ``label`` and the columns go
in, and out comes a function from rows to scores. Packages are imported when one is used.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from features.errors import InputError
from risk_model.evaluation.comparators.columns import Columns
from risk_model.scorecard import load_points_card

Score = Callable[[pd.DataFrame], np.ndarray]
Fit = Callable[[pd.DataFrame, Columns], Score]
SEED = 20210721
#: Rows from which the scorecard and the additive model learn at most; a random sample of more.
MOST_ROWS = 40_000


@dataclass(frozen=True)
class Comparator:
    """A way of scoring that a model is compared with.

    Attributes
    ----------
    name
        As in reports.
    fit
        From training rows and columns to a function from rows to scores, shape (n,).
    probabilistic
        Whether the scores are probabilities.
    basic
        Whether every evaluation has it; the others take tens of seconds.
    """

    name: str
    fit: Fit
    probabilistic: bool
    basic: bool


def points(rows: pd.DataFrame) -> np.ndarray:
    """Return points of the expert card."""
    return load_points_card().score(rows)


def _points_card(rows: pd.DataFrame, columns: Columns) -> Score:
    return points


def _rate(rows: pd.DataFrame) -> Score:
    """Return what can be said where no column tells anything."""
    rate = float(rows["label"].mean())
    return lambda given: np.full(len(given), rate)


def _random(rows: pd.DataFrame, columns: Columns) -> Score:
    return lambda given: np.random.default_rng(SEED).random(len(given))


def _logistic_regression(rows: pd.DataFrame, columns: Columns) -> Score:
    """Fit a logistic regression.

    Missing values are set to the median and flagged, amounts of money and counts are compressed by
    a signed logarithm, codes become flags, all columns are standardised.
    """
    from sklearn.compose import make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

    known = columns.telling(rows)
    if not known.names:
        return _rate(rows)
    names = list(known.names)
    codes = [n in known.categorical for n in names]
    numbers = make_pipeline(
        SimpleImputer(strategy="median", add_indicator=True),
        FunctionTransformer(_compress),
        StandardScaler(),
    )
    flags = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=50, sparse_output=False)
    pipeline = make_pipeline(
        make_column_transformer((numbers, ~np.array(codes)), (flags, np.array(codes))),
        LogisticRegression(C=0.1, max_iter=2000),
    )
    pipeline.fit(rows[names].to_numpy(np.float64), rows["label"].to_numpy())
    return lambda given: np.asarray(pipeline.predict_proba(given[names].to_numpy(np.float64))[:, 1])


def _compress(values: np.ndarray) -> np.ndarray:
    return np.asarray(np.sign(values) * np.log1p(np.abs(values)))


def _at_most(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.sample(MOST_ROWS, random_state=SEED) if len(rows) > MOST_ROWS else rows


def _woe_scorecard(rows: pd.DataFrame, columns: Columns) -> Score:
    """Fit a scorecard as banks use it: monotone optimal bins, weight of evidence, logistic regression.

    Notes
    -----
    Siddiqi 2017, *Intelligent credit scoring*; optimal bins after Navas-Palencia 2020, *Optimal
    binning: mathematical programming formulation*. Columns with an information value below 0.01 are
    left out; a missing value is a bin of its own.
    """
    from sklearn.linear_model import LogisticRegression

    BinningProcess = _package("optbinning").BinningProcess  # noqa: N806
    rows = _at_most(rows)
    known = columns.telling(rows)
    if not known.names:
        return _rate(rows)
    names = list(known.names)
    label = rows["label"].to_numpy()
    process = BinningProcess(
        names,
        max_n_prebins=12,
        min_bin_size=0.03,
        categorical_variables=[n for n in names if n in known.categorical],
        selection_criteria={"iv": {"min": 0.01}},
        binning_fit_params={n: {"monotonic_trend": "auto_asc_desc"} for n in names},
    )

    def evidence(given: pd.DataFrame) -> np.ndarray:
        return np.asarray(process.transform(given[names], metric="woe", metric_missing="empirical"))

    with warnings.catch_warnings():  # of the package about its own dependencies
        warnings.simplefilter("ignore")
        process.fit(rows[names], label)
        if not process.get_support().any():
            return _rate(rows)
        model = LogisticRegression(C=0.1, max_iter=2000).fit(evidence(rows), label)

    def score(given: pd.DataFrame) -> np.ndarray:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return np.asarray(model.predict_proba(evidence(given))[:, 1])

    return score


def _additive(rows: pd.DataFrame, columns: Columns) -> Score:
    """Fit an additive model of boosted shape functions, without interactions.

    Notes
    -----
    Explainable boosting machine (Lou, Caruana and Gehrke 2012, *Intelligible models for classification
    and regression*).
    """
    classifier = _package("interpret.glassbox", "interpret-core").ExplainableBoostingClassifier
    rows = _at_most(rows)
    known = columns.telling(rows)
    if not known.names:
        return _rate(rows)
    names = list(known.names)
    model = classifier(
        feature_names=names,
        feature_types=["nominal" if n in known.categorical else "continuous" for n in names],
        interactions=0,
        outer_bags=3,
        max_rounds=1500,
        learning_rate=0.03,
        max_bins=64,
        n_jobs=1,
        random_state=SEED % 2**31,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(_numbers(rows, names), rows["label"].to_numpy())

    def score(given: pd.DataFrame) -> np.ndarray:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return np.asarray(model.predict_proba(_numbers(given, names))[:, 1])

    return score


def _numbers(rows: pd.DataFrame, names: list[str]) -> np.ndarray:
    return rows[names].to_numpy(np.float64)


def _plain_lightgbm(rows: pd.DataFrame, columns: Columns) -> Score:
    """Fit LightGBM as it comes: default leaves and regularisation, no constraints, fixed seed."""
    import lightgbm as lgb

    names = list(columns.names)
    booster = lgb.train(
        {
            "objective": "binary",
            "deterministic": True,
            "force_row_wise": True,
            "num_threads": 2,
            "seed": SEED,
            "verbosity": -1,
        },
        lgb.Dataset(
            _numbers(rows, names),
            rows["label"].to_numpy(),
            feature_name=[f"f{i}" for i in range(len(names))],
            categorical_feature=[i for i, n in enumerate(names) if n in columns.categorical],
        ),
        num_boost_round=100,
    )
    return lambda given: np.asarray(booster.predict(_numbers(given, names)))


def _package(module: str, distribution: str | None = None) -> Any:
    from importlib import import_module

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return import_module(module)
    except ImportError as error:
        raise InputError(
            f"comparator needs a package that is not installed: {error.name}",
            field="comparators",
            fix=f"Install {distribution or module}, or ask for the basic comparators only.",
        ) from error


COMPARATORS: dict[str, Comparator] = {
    c.name: c
    for c in (
        Comparator("points_card", _points_card, probabilistic=False, basic=True),
        Comparator("logistic_regression", _logistic_regression, probabilistic=True, basic=True),
        Comparator("woe_scorecard", _woe_scorecard, probabilistic=True, basic=False),
        Comparator("additive_model", _additive, probabilistic=True, basic=False),
        Comparator("plain_lightgbm", _plain_lightgbm, probabilistic=True, basic=True),
        Comparator("random", _random, probabilistic=False, basic=True),
    )
}


def chosen(which: str | Iterable[str]) -> tuple[Comparator, ...]:
    """Return comparators by a word or by names.

    Raises
    ------
    InputError
        If there is no such comparator.
    """
    if which == "all":
        return tuple(COMPARATORS.values())
    if which == "basic":
        return tuple(c for c in COMPARATORS.values() if c.basic)
    names = (which,) if isinstance(which, str) else tuple(which)
    unknown = [name for name in names if name not in COMPARATORS]
    if unknown:
        raise InputError(
            f"there is no comparator {unknown[0]!r}",
            field="comparators",
            fix=f"Use basic, all, or some of {', '.join(COMPARATORS)}.",
        )
    return tuple(COMPARATORS[name] for name in names)


def comparator_scores(
    train: pd.DataFrame, test: pd.DataFrame, columns: Columns, which: str | Iterable[str] = "basic"
) -> dict[str, np.ndarray]:
    """Fit comparators to the training rows and score the test rows.

    Parameters
    ----------
    train, test
        Rows with the columns; ``train`` with ``label``.
    columns
        What they may look at.
    which
        ``basic``, ``all``, or names.

    Returns
    -------
    dict
        Name → scores, shape (rows of ``test``,).
    """
    return {c.name: c.fit(train, columns)(test) for c in chosen(which)}
