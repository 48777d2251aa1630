"""Records on which models are measured: cities and registers, and the simulated province."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from features.runners import compute
from features.simulation import simulate
from features.sources import ingest
from features.store import RecordStore
from risk_model.dataset import Dataset, plan_of
from risk_model.model import RiskModel
from risk_model.specification import load_specification
from risk_model.training import train

DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
SEED = 20210721
#: The dates of the truth at which the attainable regression learns, and the one on which it is judged.
TRUTH_LEARNS = ("2018-07-01", "2020-07-01", "2021-07-01", "2022-07-01", "2023-07-01", "2024-07-01")
TRUTH_TEST = "2025-07-01"


@dataclass(frozen=True)
class Register:
    """Records of a city or register, and the model that is trained on them.

    Attributes
    ----------
    folder, source, files
        Where the files lie, the mapping that reads them, and what their names begin with.
    profile, model
        What is trained.
    aims
        Title of a test window → last day of the window (None: all) and the ROC AUC to beat.
    """

    folder: str
    source: str
    files: tuple[str, ...]
    profile: str
    model: str
    aims: dict[str, tuple[str | None, float]] = field(default_factory=dict)


REGISTERS = {
    "Chicago": Register(
        "chicago_food",
        "chicago",
        ("canvass_inspections",),
        "chicago_after_2014_09",
        "food",
        {"after 2014-09-01": (None, 0.629), "city's window": ("2014-10-31", 0.583)},
    ),
    "San Francisco": Register(
        "sf_food",
        "san_francisco",
        ("businesses", "inspections", "violations"),
        "san_francisco",
        "food",
        {"last 30 %": (None, 0.733)},
    ),
    "Toronto": Register(
        "toronto_dinesafe",
        "toronto",
        ("inspections_infractions",),
        "toronto",
        "food",
        {"last 30 %": (None, 0.667)},
    ),
    "Beijing": Register(
        "beijing_market_supervision",
        "beijing",
        ("inspections", "penalties", "new_enterprises"),
        "beijing",
        "general",
        {"culture": (None, 0.725)},
    ),
    "Ontario": Register(
        "ontario_elevators",
        "ontario",
        ("fleet_licences", "incidents"),
        "ontario",
        "special_equipment",
        {"devices": (None, 0.62)},
    ),
}


@dataclass(frozen=True)
class Trial:
    """A trained model and its rows."""

    model: RiskModel
    dataset: Dataset


def train_register(register: Register, folder: Path) -> Trial:
    """Ingest a register's files into a store of its own and train as the product does."""
    files = [
        p for p in sorted((DATA / register.folder).glob("*.csv.gz")) if p.name.startswith(register.files)
    ]
    store = RecordStore(folder)
    ingest(store, register.source, files)
    done = train(store.snapshot(), load_specification(register.model, register.profile))
    return Trial(done.model, done.dataset)


@dataclass(frozen=True)
class Province:
    """Models of the simulated province, and everybody with the true probability.

    Attributes
    ----------
    trials
        Model → what was trained.
    everybody
        Rows of all enterprises in business at dates of the truth: ``credit_code``, ``as_of``,
        ``p_<model>`` and the features.
    """

    trials: dict[str, Trial]
    everybody: pd.DataFrame


def train_province(enterprises: int, folder: Path, say: Callable[[str], None]) -> Province:
    """Simulate, ingest and train the three models as they ship."""
    simulate(enterprises=enterprises, seed=SEED, out=folder / "simulated")
    store = RecordStore(folder / "store")
    ingest(store, "simulated", sorted((folder / "simulated" / "records").glob("*.parquet")))
    snapshot = store.snapshot()
    say("simulated and ingested")
    trials: dict[str, Trial] = {}
    for name in ("general", "food", "special_equipment"):
        specification = load_specification(name)
        base = trials["general"].model if specification.increment_over else None
        done = train(snapshot, specification, base=base)
        trials[name] = Trial(done.model, done.dataset)
        say(f"trained {name}")
    truth = pq.read_table(folder / "simulated" / "truth.parquet").to_pandas(date_as_object=False)
    days = pd.to_datetime([*TRUTH_LEARNS, TRUTH_TEST])
    truth = truth[pd.to_datetime(truth["as_of"]).isin(days)]
    truth = truth.sort_values(["credit_code", "as_of"], kind="stable").reset_index(drop=True)
    plan = plan_of(dict.fromkeys(name for trial in trials.values() for name in trial.model.feature_names))
    pairs = pa.Table.from_pandas(truth[["credit_code", "as_of"]], preserve_index=False)
    table = compute(snapshot, plan, pairs).drop_columns(["credit_code", "as_of"])
    say("features of everybody")
    values = table.to_pandas().astype(np.float32)
    return Province(trials, pd.concat([truth, values], axis=1))


def expected_auc(chance: np.ndarray, score: np.ndarray) -> float:
    """Return the ROC AUC of a score over enterprises of known probability, in expectation of the labels.

    Each enterprise is a positive with weight p and a negative with weight 1 - p: there is no noise of
    labels left in the figure.
    """
    from sklearn.metrics import roc_auc_score

    ones, zeros = np.ones(len(chance), dtype=np.int8), np.zeros(len(chance), dtype=np.int8)
    return float(
        roc_auc_score(
            np.concatenate([ones, zeros]),
            np.concatenate([score, score]),
            sample_weight=np.concatenate([chance, 1 - chance]),
        )
    )


def true_calibration_error(chance: np.ndarray, probability: np.ndarray, bins: int = 10) -> float:
    """Return the expected calibration error against the true probability, over equally filled bins."""
    order = np.argsort(probability, kind="stable")
    parts = np.array_split(order, bins)
    error = sum(len(p) * abs(float(chance[p].mean()) - float(probability[p].mean())) for p in parts)
    return error / len(order)


def attainable(province: Province, name: str) -> tuple[np.ndarray, np.ndarray, pd.DataFrame]:
    """Return what the records allow: a regression on the same features fitted to the true probabilities.

    Returns
    -------
    chance, score, rows
        True probability, score of the regression, and the rows, of everybody at :data:`TRUTH_TEST`.

    Notes
    -----
    Fitted by cross-entropy to the true probability of *all* enterprises at all dates, the date of the
    test included, in folds by enterprise: whoever is scored was not learned from at any date. So it
    learns from many times the rows that have a label, without the noise of labels and without their
    selection.
    """
    import lightgbm as lgb

    column = f"p_{name}"
    rows = province.everybody[province.everybody[column].notna()].reset_index(drop=True)
    model = province.trials[name].model
    names = list(model.feature_names)
    matrix, chance = rows[names].to_numpy(np.float32), rows[column].to_numpy()
    test = (pd.to_datetime(rows["as_of"]) == pd.Timestamp(TRUTH_TEST)).to_numpy()
    folds = 2 if name == "general" else 4
    fold = pd.util.hash_array(rows["credit_code"].to_numpy(dtype=object)) % folds
    categories = [i for i, f in enumerate(model.features) if f.categories is not None]
    parameters: dict[str, Any] = {
        "objective": "cross_entropy",
        "learning_rate": 0.08,
        "num_leaves": 24,
        "min_data_in_leaf": 300,
        "lambda_l2": 10.0,
        "feature_fraction": 0.3,
        "max_bin": 127,
        "cat_smooth": 50,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 2,
        "seed": SEED,
        "verbosity": -1,
    }
    score = np.full(len(rows), np.nan)
    for k in range(folds):
        learns, judged = fold != k, (fold == k) & test
        data = lgb.Dataset(matrix[learns], chance[learns], categorical_feature=categories)
        score[judged] = lgb.train(parameters, data, num_boost_round=220).predict(matrix[judged])
    return chance[test], score[test], rows[test].reset_index(drop=True)


__all__ = [
    "DATA",
    "REGISTERS",
    "Province",
    "Register",
    "Trial",
    "attainable",
    "expected_auc",
    "train_province",
    "train_register",
    "true_calibration_error",
]
