"""The feature library as a scikit-learn transformer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from features.definitions import GENERAL, LIBRARY, SECTORS
from features.errors import InputError
from features.kernel import Plan
from features.runners import RecordReader, compute
from features.runners.ranges import PAIR_SCHEMA

KEYS = ("credit_code", "as_of")


class FeatureBuilder(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Turns pairs of enterprise and as-of date into features, as they were known at the date.

    Parameters
    ----------
    store
        Folder of a record store, or anything that reads records as a store's snapshot does.
    sectors
        Sectors whose features are computed.
    features
        Names of features; given, ``sectors`` does not count.
    snapshot
        Number of the store's snapshot; the latest at :meth:`fit` by default.
    threads
        Ranges computed at once; the number of cores by default.

    Attributes
    ----------
    plan_ : Plan
        The kernel's plan.
    snapshot_id_ : object
        The snapshot that is read, fixed at :meth:`fit`; None if the reader has no number.
    n_features_in_ : int
        2: ``credit_code`` and ``as_of``.
    feature_names_in_ : numpy.ndarray
        Those two names.

    Notes
    -----
    Nothing is learned from the rows: ``fit`` fixes the features and the snapshot, so that what is
    computed later does not drift with what is loaded later. There is no leakage between folds either:
    a value depends only on records known at its own date.

    Examples
    --------
    >>> builder = FeatureBuilder("var/store", features=["penalties_1y", "days_since_penalty"])
    >>> builder.get_params()["features"]
    ['penalties_1y', 'days_since_penalty']
    """

    def __init__(
        self,
        store: Path | str | RecordReader,
        *,
        sectors: Sequence[str] = (GENERAL,),
        features: Sequence[str] | None = None,
        snapshot: int | None = None,
        threads: int | None = None,
    ) -> None:
        self.store = store
        self.sectors = sectors
        self.features = features
        self.snapshot = snapshot
        self.threads = threads

    def fit(self, X: Any, y: Any = None) -> FeatureBuilder:  # noqa: N803
        """Fix the features and the snapshot.

        Parameters
        ----------
        X
            Pairs: a pandas DataFrame or a pyarrow Table with ``credit_code`` and ``as_of``.
        y
            Ignored.

        Raises
        ------
        InputError
            If a feature, sector or snapshot does not exist, or X has no pairs.
        """
        _pairs(X)
        self.plan_ = Plan(LIBRARY[name] for name in self._names())
        self._reader = self._open(self.snapshot)
        self.snapshot_id_ = getattr(self._reader, "id", None)
        self.n_features_in_ = len(KEYS)
        self.feature_names_in_ = np.array(KEYS, dtype=object)
        return self

    def transform(self, X: Any) -> pd.DataFrame:  # noqa: N803
        """Return the features of pairs, row by row.

        Parameters
        ----------
        X
            As for :meth:`fit`.

        Returns
        -------
        pandas.DataFrame
            One float64 column a feature, in the order and with the index of ``X``; or what
            ``set_output`` asks for.
        """
        index = X.index if isinstance(X, pd.DataFrame) else None
        table = self.transform_arrow(X)
        return pd.DataFrame(
            {name: table[name].to_numpy() for name in table.column_names}, index=index, copy=False
        )

    def transform_arrow(self, X: Any) -> pa.Table:  # noqa: N803
        """Return the features of pairs as a pyarrow Table, row by row."""
        check_is_fitted(self, "plan_")
        pairs = _pairs(X)
        order = pairs.append_column("row", pa.array(np.arange(pairs.num_rows)))
        order = order.sort_by([(key, "ascending") for key in KEYS])
        rows = order["row"].to_numpy()
        back = np.empty(len(rows), dtype=np.int64)
        back[rows] = np.arange(len(rows))
        found = compute(self._reading(), self.plan_, pairs, threads=self.threads)
        return found.select(list(self.plan_.names)).take(pa.array(back))

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return the names of the features.

        Parameters
        ----------
        input_features
            Ignored: the names do not depend on the input.
        """
        check_is_fitted(self, "plan_")
        return np.array(self.plan_.names, dtype=object)

    def _names(self) -> list[str]:
        if self.features is None:
            unknown = [sector for sector in self.sectors if sector not in SECTORS]
            if unknown:
                raise InputError(
                    f"there is no sector {unknown[0]!r}",
                    field="sectors",
                    fix=f"Sectors: {', '.join(SECTORS)}.",
                )
            return [feature.name for feature in LIBRARY if feature.sector in self.sectors]
        unknown = [name for name in self.features if name not in LIBRARY.by_name]
        if unknown:
            raise InputError(
                f"there is no feature {unknown[0]!r}",
                field="features",
                fix="risk-model features --describe lists them.",
            )
        return list(self.features)

    def _open(self, snapshot: Any) -> RecordReader:
        if isinstance(self.store, str | Path):
            from features.store import RecordStore

            return RecordStore(Path(self.store)).snapshot(snapshot)
        return self.store

    def _reading(self) -> RecordReader:
        # A copy in another process (cross-validation) opens the same snapshot itself.
        reader: RecordReader | None = self.__dict__.get("_reader")
        if reader is None:
            reader = self._reader = self._open(self.snapshot_id_)
        return reader

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = super().__getstate__()
        return {name: value for name, value in state.items() if name != "_reader"}


def _pairs(given: Any) -> pa.Table:
    columns = given.column_names if isinstance(given, pa.Table) else list(getattr(given, "columns", ()))
    missing = [key for key in KEYS if key not in columns]
    if missing:
        raise InputError(
            f"the pairs have no column {missing[0]!r}",
            field=missing[0],
            fix="Give a pandas DataFrame or a pyarrow Table with credit_code and as_of.",
        )
    if isinstance(given, pa.Table):
        table = given.select(list(KEYS))
    else:
        days = pd.to_datetime(given["as_of"])
        table = pa.table(
            {
                "credit_code": pa.array(given["credit_code"].astype(object), pa.string()),
                "as_of": pa.array(days.dt.date),
            }
        )
    if any(table[key].null_count for key in KEYS):
        raise InputError("a pair has no enterprise or no date", field="as_of", fix="Leave such rows out.")
    return table.cast(PAIR_SCHEMA)
