"""Exact SHAP values of LightGBM models, at about the cost of a score."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import lightgbm as lgb
import numpy as np

from features.errors import InputError
from risk_model.explanation.trees.axes import find_axes
from risk_model.explanation.trees.ensemble import Ensemble, read_ensemble
from risk_model.explanation.trees.kernel import (
    BLOCK,
    FEW,
    add_contributions,
    add_few,
    add_margins,
    few_margins,
)
from risk_model.explanation.trees.tables import build_coding, build_tables, pack

#: Memory of the tables, at most, unless the caller says otherwise: 128 MiB.
MAX_TABLE_BYTES = 128 * 2**20
# A thread is not worth its start for fewer rows.
_ROWS_A_THREAD = 8 * BLOCK


class TreeExplainer:
    """Explains the margin of one LightGBM model.

    Contributions are path-dependent SHAP values (Lundberg et al. 2020, *From local explanations to
    global understanding with explainable AI for trees*), the same as ``pred_contrib=True`` gives, to
    1e-9 and better; margins are the same as ``raw_score=True`` to the last bit. What a row gives does
    not depend on the other rows, nor on the number of threads. It is only the trees that are
    explained: an ``init_score`` that they were trained on top of is not among them.

    A categorical column holds the categories' numbers, as the columns of a data frame do not: apply
    ``Booster.pandas_categorical`` first, if the model has it.

    Parameters
    ----------
    ensemble
        The trees.
    max_table_bytes
        What the tables may take; smaller tables make it slower, never less exact.

    Raises
    ------
    InputError
        If the model is none of one output and constant leaves, or a feature is used both as category
        and as number.

    Attributes
    ----------
    base_value : float
        Margin of nothing known: the mean of the leaf values over the training rows.
    feature_names : tuple of str
        Columns of a matrix.
    table_bytes : int
        Memory that the tables take.
    """

    def __init__(self, ensemble: Ensemble, *, max_table_bytes: int = MAX_TABLE_BYTES) -> None:
        self.feature_names = ensemble.feature_names
        self.base_value = sum((tree.expected_value for tree in ensemble.trees), 0.0)
        axes = find_axes(ensemble.trees)
        self._coding = build_coding(axes)
        self._tables, self._deep = build_tables(ensemble.trees, axes, self._coding.code_type, max_table_bytes)
        self._packed = pack(self._coding, self._tables)
        self.table_bytes = self._tables.bytes
        self._in_place = np.arange(len(self.feature_names))

    @classmethod
    def from_booster(cls, booster: lgb.Booster, *, max_table_bytes: int = MAX_TABLE_BYTES) -> TreeExplainer:
        """Explain a booster, up to its best iteration if it has one, as its ``predict`` does."""
        return cls(read_ensemble(booster.model_to_string()), max_table_bytes=max_table_bytes)

    @property
    def layout(self) -> dict[str, int]:
        """How the leaves are looked up: counts of trees, of tables and products, of leaves without either."""
        products = int((self._tables.nodes > 0).sum())
        return {
            "trees": len(self._tables.tree_start) - 1,
            "tables": len(self._tables.nodes) - products,
            "products": products,
            "leaves_without_table": len(self._deep.value),
        }

    def contributions(self, matrix: np.ndarray, *, threads: int | None = None) -> np.ndarray:
        """Return what each feature adds to the margin.

        Parameters
        ----------
        matrix
            Feature values, missing is NaN, shape (n, features).
        threads
            At most so many; by default as many as there are processors.

        Returns
        -------
        numpy.ndarray
            float64, shape (n, features); with ``base_value`` a row sums to its margin.

        Raises
        ------
        InputError
            If the matrix has another number of columns than the model has features.
        """
        rows = self._rows(matrix)
        out = np.zeros(rows.shape)
        self.add_to(out, rows, self._in_place, 1.0, threads=threads)
        return out

    def add_to(
        self,
        out: np.ndarray,
        rows: np.ndarray,
        columns: np.ndarray,
        scale: float,
        *,
        threads: int | None = None,
    ) -> None:
        """Add contributions to a wider table, for models whose margin is made of several.

        Parameters
        ----------
        out
            What is added to, float64, C order, shape (n, columns).
        rows
            Feature values of all models, float64, C order, shape (n, columns).
        columns
            Column of each feature of this model, int64.
        scale
            What its contributions are multiplied with.
        threads
            At most so many; by default as many as there are processors.
        """
        if self._one_by_one(rows):
            tables = self._tables
            add_few(
                self._packed,
                self._coding.points,
                tables.entries,
                tables.node_values,
                rows,
                columns,
                scale,
                out,
            )
            return
        self._run(add_contributions, rows, columns, scale, out, threads)

    def margin(self, matrix: np.ndarray, *, threads: int | None = None) -> np.ndarray:
        """Return the raw scores, shape (n,), bit for bit those of ``predict(raw_score=True)``.

        Parameters and errors are those of :meth:`contributions`.
        """
        rows = self._rows(matrix)
        out = np.zeros(len(rows))
        if self._one_by_one(rows):
            few_margins(
                self._packed, self._coding.points, self._tables.leaf_values, rows, self._in_place, out
            )
            return out
        self._run(add_margins, rows, self._in_place, 1.0, out, threads)
        return out

    def _one_by_one(self, rows: np.ndarray) -> bool:
        """Return whether rows go one by one: they are few, and no leaf is without a table."""
        return len(rows) < FEW and not len(self._deep.value)

    def _rows(self, matrix: np.ndarray) -> np.ndarray:
        rows = np.ascontiguousarray(matrix, dtype=np.float64)
        if rows.ndim != 2 or rows.shape[1] != len(self.feature_names):
            raise InputError(
                f"the matrix has shape {rows.shape}; the model has {len(self.feature_names)} features",
                fix="Give one row an enterprise, one column a feature of the model, in its order.",
            )
        return rows

    def _run(
        self,
        kernel: Callable[..., Any],
        rows: np.ndarray,
        columns: np.ndarray,
        scale: float,
        out: np.ndarray,
        threads: int | None,
    ) -> None:
        n = len(rows)
        if n == 0:
            return
        model = self._coding, self._tables, self._deep
        if n < 2 * _ROWS_A_THREAD or threads == 1:
            kernel(rows, columns, scale, 0, n, *model, out)
            return
        workers = min(threads or len(os.sched_getaffinity(0)), n // _ROWS_A_THREAD)
        # More parts than threads: one that is held up does not hold up all.
        parts = min(4 * workers, n // _ROWS_A_THREAD)
        edges = [n * part // parts for part in range(parts + 1)]
        with ThreadPoolExecutor(workers) as pool:
            done = [
                pool.submit(kernel, rows, columns, scale, start, stop, *model, out)
                for start, stop in pairwise(edges)
            ]
            for future in done:
                future.result()
