"""Trees that the workers of a Dask cluster grow together, each from its share of the rows."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import lightgbm as lgb
import numpy as np

from risk_model.stored_rows import CHUNK, StoredMatrix

#: What LightGBM's Dask estimator calls the parameters that it names itself.
_NAMES = {
    "objective": "objective",
    "learning_rate": "learning_rate",
    "num_leaves": "num_leaves",
    "min_data_in_leaf": "min_child_samples",
    "lambda_l2": "reg_lambda",
    "feature_fraction": "colsample_bytree",
    "bagging_fraction": "subsample",
    "bagging_freq": "subsample_freq",
    "seed": "random_state",
    "num_threads": "n_jobs",
}


LOGGER = "risk_model.lightgbm"


@dataclass(frozen=True)
class Cluster:
    """Workers that train together.

    Parameters
    ----------
    client
        ``dask.distributed.Client``. Every worker must reach the file of the rows by the same path.
    """

    client: Any

    def train(
        self,
        parameters: Mapping[str, Any],
        trees: int,
        names: Sequence[str],
        categorical: Sequence[int],
        matrix: StoredMatrix,
        label: np.ndarray,
        start: np.ndarray | None,
        weight: np.ndarray | None,
    ) -> lgb.Booster:
        """Grow trees through ``lightgbm.dask``, rows divided among the workers.

        Parameters
        ----------
        parameters, trees
            Of the learner; directions are kept by the method *basic*, the only one that LightGBM has where
            rows are divided.
        names, categorical
            Features, and the places of those that are categories.
        matrix, label, start, weight
            As for :func:`risk_model.growing.fit_booster`.

        Notes
        -----
        Bins are found, and rows drawn, on each worker's share: trees are not those of one machine bit for
        bit, and as good.
        """
        from lightgbm.dask import DaskLGBMClassifier

        # It prints what it says of ports; standard output is the answer of a command.
        lgb.register_logger(logging.getLogger(LOGGER))
        # Without types of its own.
        da: Any = import_module("dask.array")
        delayed: Any = import_module("dask").delayed
        shares = max(len(self.client.scheduler_info(n_workers=-1)["workers"]), 1)
        size = max(1, min(CHUNK, -(-len(matrix) // shares)))
        bounds = [(first, min(first + size, len(matrix))) for first in range(0, len(matrix), size)]
        lengths = tuple(last - first for first, last in bounds)
        read = delayed(StoredMatrix.read, pure=True)
        parts = [
            da.from_delayed(read(matrix, first, last), (last - first, len(names)), dtype=np.float64)
            for first, last in bounds
        ]

        def divided(values: np.ndarray | None) -> Any:
            return None if values is None else da.from_array(values, chunks=(lengths,))

        own = {_NAMES[name]: value for name, value in parameters.items() if name in _NAMES}
        others = {name: value for name, value in parameters.items() if name not in _NAMES}
        others["monotone_constraints_method"] = "basic"
        estimator = DaskLGBMClassifier(
            client=self.client, n_estimators=trees, tree_learner="data", **own, **others
        )
        estimator.fit(
            da.concatenate(parts, axis=0),
            divided(label.astype(np.int64)),
            sample_weight=divided(weight),
            init_score=divided(start),
            feature_name=list(names),
            categorical_feature=list(categorical),
        )
        return estimator.booster_
