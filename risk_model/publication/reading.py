"""Reading a published classification, in place and without loading it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds

from features.errors import InputError
from features.home import Home
from features.kernel import Context
from risk_model.publication import layout
from risk_model.tiers.headline import decisive_last


@dataclass(frozen=True)
class PublishedContributions:
    """What every feature adds to the margin of one enterprise, and the values behind.

    Attributes
    ----------
    names
        Features.
    base_value
        Margin of nothing known.
    contributions, values
        Shape (features,).
    """

    names: tuple[str, ...]
    base_value: float
    contributions: np.ndarray
    values: np.ndarray


class Publication:
    """One published classification.

    Parameters
    ----------
    folder
        Its folder.

    Attributes
    ----------
    name
        ``<as_of>-<number>``.
    document
        Content of ``snapshot.json``.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = folder.name
        self._datasets: dict[str, ds.Dataset] = {}
        try:
            self.document: dict[str, Any] = json.loads((folder / layout.DOCUMENT).read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            raise InputError(
                f"there is no published classification {folder.name!r}",
                field="snapshot",
                fix="Name one that exists, or run risk-model classify.",
            ) from None
        if self.document.get("format") != layout.FORMAT:
            raise InputError(
                f"published classification {folder.name!r} has format {self.document.get('format')!r}; "
                f"this version reads {layout.FORMAT}",
                field="format",
            )

    @classmethod
    def current(cls, home: Home) -> Publication:
        """Return the classification in force.

        Raises
        ------
        InputError
            If nothing is published.
        """
        name = current_name(home)
        if name is None:
            raise InputError(
                f"there is no published classification in {home.published}",
                field="home",
                fix="Run risk-model classify first.",
            )
        return cls(home.published / name)

    @classmethod
    def all(cls, home: Home) -> list[Publication]:
        """Return all published classifications, by date and number."""
        if not home.published.is_dir():
            return []
        found = [cls(path.parent) for path in home.published.glob(f"[!.]*/{layout.DOCUMENT}")]
        return sorted(found, key=lambda p: (p.as_of, int(p.name.rpartition("-")[2])))

    @property
    def as_of(self) -> date:
        """The date that it speaks of."""
        return date.fromisoformat(self.document["as_of"])

    @property
    def models(self) -> tuple[str, ...]:
        """Models, the general one first."""
        return tuple(self.document["models"])

    def rows(
        self,
        *,
        model: str | None = None,
        codes: Sequence[str] | None = None,
        where: ds.Expression | None = None,
        columns: Sequence[str] | None = None,
    ) -> pa.Table:
        """Return rows of the classification, sorted by credit code.

        Parameters
        ----------
        model, codes
            Only of this model; only of these enterprises.
        where
            A further condition on columns of the classification.
        columns
            Columns to return; all by default.
        """
        condition = where
        if model is not None:
            condition = _both(condition, ds.field("model") == model)
        if codes is not None:
            condition = _both(condition, ds.field("credit_code").isin(list(codes)))
        return self._classification.to_table(
            columns=list(columns) if columns else None, filter=condition, use_threads=False
        )

    def find(self, credit_code: str, model: str | None = None) -> dict[str, Any]:
        """Return the row of an enterprise.

        Parameters
        ----------
        credit_code
            Its code.
        model
            By default the decisive one; see :func:`risk_model.tiers.headline.decisive_last`.

        Raises
        ------
        InputError
            If it is not classified, or not by this model.
        """
        found: list[dict[str, Any]] = self.rows(codes=[credit_code]).to_pylist()
        if not found:
            raise InputError(
                f"{credit_code} is not classified as of {self.as_of}",
                field="credit_code",
                fix="Check the code; enterprises that are not in business are not classified.",
            )
        if model is None:
            return decisive_last(found)[-1]
        for row in found:
            if row["model"] == model:
                return row
        raise InputError(
            f"{credit_code} is not classified by model {model!r}",
            field="model",
            fix=f"It is by: {', '.join(row['model'] for row in found)}.",
        )

    def contributions(self, credit_code: str, model: str) -> PublishedContributions:
        """Return the exact contributions of one row.

        Raises
        ------
        InputError
            If there is no such row.
        """
        if model not in self.models:
            raise InputError(
                f"there is no model {model!r}", field="model", fix=f"There are {', '.join(self.models)}."
            )
        one = ds.field("credit_code") == credit_code
        table = self._dataset(layout.contributions_file(model)).to_table(filter=one, use_threads=False)
        if not table.num_rows:
            raise InputError(f"{credit_code} is not classified by model {model!r}", field="credit_code")
        names = tuple(table.column_names[2:])
        row = table.to_pylist()[0]
        values = self._dataset(layout.FEATURES).to_table(columns=list(names), filter=one, use_threads=False)
        return PublishedContributions(
            names,
            float(row["base_value"]),
            np.array([row[name] for name in names], dtype=np.float64),
            np.array([values[name][0].as_py() for name in names], dtype=np.float64),
        )

    def values(self, credit_code: str) -> dict[str, float | None]:
        """Return all feature values that were kept of an enterprise, missing ones as None or NaN.

        Raises
        ------
        InputError
            If it is not classified.
        """
        one = ds.field("credit_code") == credit_code
        found: list[dict[str, Any]] = (
            self._dataset(layout.FEATURES).to_table(filter=one, use_threads=False).to_pylist()
        )
        if not found:
            raise InputError(f"{credit_code} is not classified as of {self.as_of}", field="credit_code")
        return {name: value for name, value in found[0].items() if name != "credit_code"}

    def table(self, file: str) -> pa.Table:
        """Return a whole file of the publication; its names are in :mod:`risk_model.publication.layout`."""
        return self._dataset(file).to_table()

    def context(self) -> Context | None:
        """Return what features across enterprises knew of the others; None if no feature looks there."""
        folder = self.folder / layout.CONTEXT
        return Context.load(folder) if folder.is_dir() else None

    @cached_property
    def _classification(self) -> ds.Dataset:
        return self._dataset(layout.CLASSIFICATION)

    def _dataset(self, file: str) -> ds.Dataset:
        # Opened once: the footer of a file of 200 columns costs more than the row that is looked up.
        found = self._datasets.get(file)
        if found is None:
            found = self._datasets[file] = ds.dataset(self.folder / file, format="parquet")
        return found


def current_name(home: Home) -> str | None:
    """Return the name of the classification in force, or None."""
    path = home.published / layout.CURRENT
    name = path.read_text(encoding="utf-8").strip() if path.is_file() else ""
    # A name, never a path: the file may have been written by hand.
    return name if name and Path(name).name == name else None


def _both(first: ds.Expression | None, second: ds.Expression) -> ds.Expression:
    return second if first is None else first & second
