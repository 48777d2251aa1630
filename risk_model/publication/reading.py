"""Reading a published classification, in place and without loading it.

A look-up finds the shard of a credit code by its bounds, and in it decodes one row group.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from features.errors import InputError
from features.home import Home
from features.kernel import Context
from risk_model.publication import layout
from risk_model.publication.lists import matrix_of
from risk_model.publication.lookup import SortedFile, sorted_file
from risk_model.publication.tied import Tied
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
        self._whole: dict[str, ds.Dataset] = {}
        try:
            self.document: dict[str, Any] = json.loads((folder / layout.DOCUMENT).read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            raise InputError(
                f"there is no published classification {folder.name!r}",
                field="snapshot",
                fix="Name one that exists, or run risk-model classify.",
            ) from None
        if self.document.get("format") not in layout.READABLE:
            raise InputError(
                f"published classification {folder.name!r} has format {self.document.get('format')!r}; "
                f"this version reads {' and '.join(map(str, layout.READABLE))}",
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
        if codes is not None and len(codes) == 1 and where is None:
            return self._rows_of_one(codes[0], model, columns)
        condition = where
        if model is not None:
            condition = _both(condition, ds.field("model") == model)
        if codes is None:
            data = self._dataset(layout.CLASSIFICATION)
        else:
            condition = _both(condition, ds.field("credit_code").isin(list(codes)))
            data = self._of_codes(layout.CLASSIFICATION, codes)
        return data.to_table(columns=list(columns) if columns else None, filter=condition, use_threads=False)

    def _rows_of_one(self, credit_code: str, model: str | None, columns: Sequence[str] | None) -> pa.Table:
        number = self._shard_of(credit_code)
        if number is None:
            found = layout.CLASSIFICATION_SCHEMA.empty_table()
        else:
            read = None if columns is None else list(dict.fromkeys([*columns, "model"]))
            found = sorted_file(self._path(number, layout.CLASSIFICATION)).rows(credit_code, read)
        if model is not None:
            found = found.filter(pc.equal(found["model"], model))
        return found if columns is None else found.select(list(columns))

    def between(self, first: str, last: str, columns: Sequence[str]) -> pa.Table:
        """Return rows of the classification of a closed range of credit codes, sorted.

        Parameters
        ----------
        first, last
            Credit codes.
        columns
            Columns to return.
        """
        lows, highs = self._shards
        paths = [
            str(self._path(number, layout.CLASSIFICATION))
            for number, (low, high) in enumerate(zip(lows, highs, strict=True))
            if low <= last and first <= high
        ]
        if not paths:
            return layout.CLASSIFICATION_SCHEMA.empty_table().select(list(columns))
        code = ds.field("credit_code")
        data = ds.dataset(paths, format="parquet")
        return data.to_table(
            columns=list(columns), filter=(code >= first) & (code <= last), use_threads=False
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
        found = self._row(layout.contributions_file(model), credit_code)
        if found is None:
            raise InputError(f"{credit_code} is not classified by model {model!r}", field="credit_code")
        names = self.feature_names(model)
        values = self.values(credit_code)
        return PublishedContributions(
            names,
            float(found["base_value"]),
            np.array(found["contributions"], dtype=np.float64),
            np.array([values[name] for name in names], dtype=np.float64),
        )

    def values(self, credit_code: str) -> dict[str, float | None]:
        """Return all feature values that were kept of an enterprise, missing ones as NaN.

        Raises
        ------
        InputError
            If it is not classified.
        """
        found = self._row(layout.FEATURES, credit_code)
        if found is None:
            raise InputError(f"{credit_code} is not classified as of {self.as_of}", field="credit_code")
        values = dict(zip(self._of_features, found["values"], strict=True))
        if self._of_tied:
            over = sorted_file(self.folder / layout.TIED).rows(credit_code)
            if over.num_rows:
                values |= dict(zip(self._of_tied, over["values"][0].as_py(), strict=True))
        if self._of_neighbourhood:
            near = self._row(layout.NEIGHBOURHOOD, credit_code)
            assert near is not None
            values |= dict(zip(self._of_neighbourhood, near["values"], strict=True))
        return {name: values[name] for name in self.document["features"]}

    def feature_names(self, model: str) -> tuple[str, ...]:
        """Return the features of a model, in the order of its contributions."""
        return tuple(self.document["models"][model]["features"])

    def contributions_table(self, model: str) -> pa.Table:
        """Return what every feature adds to the margin, of everybody.

        Returns
        -------
        pyarrow.Table
            ``credit_code``, ``base_value`` and one column a feature of the model.
        """
        table = self.table(layout.contributions_file(model))
        own = _columns(table["contributions"], self.feature_names(model))
        return pa.table({name: table[name] for name in ("credit_code", "base_value")} | own)

    def features_table(self, names: Sequence[str] | None = None) -> pa.Table:
        """Return the feature values of everybody.

        Parameters
        ----------
        names
            Features; by default all that were kept.

        Returns
        -------
        pyarrow.Table
            ``credit_code`` and one column a feature.
        """
        table = self.table(layout.FEATURES)
        own = _columns(table["values"], self._of_features)
        if self._of_neighbourhood:
            near = self.table(layout.NEIGHBOURHOOD, ["credit_code", "values"])
            own |= _columns(near["values"], self._of_neighbourhood)
        chosen = self.document["features"] if names is None else names
        return pa.table({"credit_code": table["credit_code"]} | {name: own[name] for name in chosen})

    def table(self, file: str, columns: Sequence[str] | None = None) -> pa.Table:
        """Return a file of all shards, sorted by credit code, what was renewed in its place.

        Parameters
        ----------
        file
            Its name.
        columns
            Columns to return, the credit code among them; all by default.
        """
        if not any(f"{layout.CHANGED}{file}" in shard.get("bytes", {}) for shard in self.document["shards"]):
            whole = self._dataset(file).to_table(columns=None if columns is None else list(columns))
            return self._as_tied(file, whole)
        return pa.concat_tables(
            self.shard_table(number, file, columns) for number in range(len(self._shards[0]))
        )

    def shard_table(
        self,
        number: int,
        file: str,
        columns: Sequence[str] | None = None,
        codes: pa.Array | None = None,
    ) -> pa.Table:
        """Return a file of one shard as :meth:`table` does, or the rows of some enterprises of it."""
        if not self._renewed(number, file):
            return self._as_tied(file, _read(self._path(number, file), columns, codes))
        read = None if columns is None else list(dict.fromkeys(["credit_code", *columns]))
        found = self.shard_changed(number, file, read, codes)
        assert found is not None
        if codes is None or found.num_rows < len(codes):
            found = laid_over(_read(self._path(number, file), read, codes), found)
        return self._as_tied(file, found if columns is None else found.select(list(columns)))

    @cached_property
    def tied(self) -> Tied | None:
        """Features of tied enterprises that count before those of the shards; None if there are none."""
        return Tied.load(self.folder / layout.TIED, self._of_tied) if self._of_tied else None

    def shard_changed(
        self,
        number: int,
        file: str,
        columns: Sequence[str] | None = None,
        codes: pa.Array | None = None,
    ) -> pa.Table | None:
        """Return the rows that count before those of a file of one shard; None if there are none."""
        if not self._renewed(number, file):
            return None
        return _read(self._path(number, f"{layout.CHANGED}{file}"), columns, codes)

    def shard_whole(self, number: int, file: str) -> Path:
        """Return the path of a file of one shard, without what counts before it."""
        return self._path(number, file)

    def shard_folder(self, number: int) -> Path:
        """Return the folder of one shard."""
        return self.folder / layout.shard_name(number)

    def shard_facts(self, number: int) -> dict[str, Any]:
        """Return what was counted of a shard."""
        told: dict[str, Any] = json.loads(self._path(number, layout.SHARD).read_text(encoding="utf-8"))
        return told

    def linkable(self, number: int, file: str) -> list[Path]:
        """Return the paths of a file of a shard and of what counts before it."""
        names = [file, f"{layout.CHANGED}{file}"] if self._renewed(number, file) else [file]
        return [self._path(number, name) for name in names]

    def _as_tied(self, file: str, rows: pa.Table) -> pa.Table:
        """Return rows of a file with what counts before them, whatever the shard says."""
        if file != layout.FEATURES or self.tied is None or "values" not in rows.column_names:
            return rows
        return self.tied.laid_over(rows, self._of_features)

    @cached_property
    def _of_tied(self) -> tuple[str, ...]:
        """Features of tied enterprises that may lie in a file of their own."""
        return tuple(self.document.get("tied", {}).get("features", ()))

    def _renewed(self, number: int, file: str) -> bool:
        return f"{layout.CHANGED}{file}" in self.document["shards"][number].get("bytes", {})

    @cached_property
    def _of_neighbourhood(self) -> tuple[str, ...]:
        """Features that lie in the file of neighbourhoods."""
        return tuple(self.document.get("neighbourhood", ()))

    @cached_property
    def _of_features(self) -> tuple[str, ...]:
        """Features that lie in the file of features."""
        return tuple(name for name in self.document["features"] if name not in self._of_neighbourhood)

    def files(self, file: str) -> list[str]:
        """Return the paths of a file of all shards, in order, for engines that read them in place.

        Of files that may be renewed in part (contributions, features) this is not all: see :meth:`table`.
        """
        return [str(self._path(number, file)) for number in range(len(self._shards[0]))]

    def check(self) -> None:
        """Make sure that the files of every shard are there and are whole.

        A file is as long as it was when it was written; only of classifications that do not say how long that
        was is every footer read.

        Raises
        ------
        InputError
            If one is not.
        """
        kinds = (layout.CLASSIFICATION, layout.FEATURES, *map(layout.contributions_file, self.models))
        if self._of_tied and not _whole(self.folder / layout.TIED, self.document["tied"]["bytes"]):
            raise self._damaged(layout.TIED)
        for number, shard in enumerate(self.document["shards"]):
            sizes = shard.get("bytes") or dict.fromkeys(kinds)
            for file, size in sizes.items():
                path = self._path(number, file)
                if not _whole(path, size):
                    raise self._damaged(f"{path.parent.name}/{path.name}")

    def _damaged(self, file: str) -> InputError:
        return InputError(
            f"{file} of published classification {self.name!r} is missing or damaged",
            field="snapshot",
            fix="Run risk-model classify again.",
        )

    def context(self, *, only_rates: bool = False) -> Context | None:
        """Return what features across enterprises knew of the others; None if no feature looks there.

        Parameters
        ----------
        only_rates
            Leave out who is tied to whom.
        """
        folder = self.folder / layout.CONTEXT
        return Context.load(folder, only_rates=only_rates) if folder.is_dir() else None

    @cached_property
    def _shards(self) -> tuple[list[str], list[str]]:
        """First and last credit code of every shard."""
        shards = self.document["shards"]
        return [shard["first"] for shard in shards], [shard["last"] for shard in shards]

    def _path(self, number: int, file: str) -> Path:
        return self.folder / layout.shard_name(number) / file

    def _shard_of(self, credit_code: str) -> int | None:
        first, last = self._shards
        number = bisect_right(first, credit_code) - 1
        return number if number >= 0 and credit_code <= last[number] else None

    def _of_codes(self, file: str, codes: Sequence[str]) -> ds.Dataset:
        """Return the shards of some codes."""
        numbers = sorted({number for code in codes if (number := self._shard_of(code)) is not None})
        if len(numbers) == 1:
            return _opened(self._path(numbers[0], file))
        if not numbers:
            return ds.dataset(layout.CLASSIFICATION_SCHEMA.empty_table())
        return ds.dataset([str(self._path(number, file)) for number in numbers], format="parquet")

    def _row(self, file: str, credit_code: str) -> dict[str, Any] | None:
        number = self._shard_of(credit_code)
        if number is None:
            return None
        names = [f"{layout.CHANGED}{file}", file] if self._renewed(number, file) else [file]
        for name in names:
            found: list[dict[str, Any]] = sorted_file(self._path(number, name)).rows(credit_code).to_pylist()
            if found:
                return found[0]
        return None

    def _dataset(self, file: str) -> ds.Dataset:
        found = self._whole.get(file)
        if found is None:
            found = self._whole[file] = ds.dataset(self.files(file), format="parquet")
        return found


def laid_over(whole: pa.Table, changed: pa.Table) -> pa.Table:
    """Return rows by credit code, those of the second table in the place of those of the first."""
    others = pc.invert(pc.is_in(whole["credit_code"], value_set=pc.unique(changed["credit_code"])))
    return by_code(pa.concat_tables([whole.filter(others), changed]))


def by_code(rows: pa.Table) -> pa.Table:
    """Return rows sorted by credit code, those of one code in the order that they have."""
    codes = rows["credit_code"].combine_chunks()
    if len(codes) < 2 or pc.all(pc.less_equal(codes[:-1], codes[1:])).as_py():
        return rows
    return rows.take(pc.sort_indices(rows, sort_keys=[("credit_code", "ascending")]))


def _read(path: Path, columns: Sequence[str] | None, codes: pa.Array | None) -> pa.Table:
    """Read a file of a shard, or the rows of some enterprises in it; whoever reads is a thread of several."""
    if codes is not None:
        return SortedFile(path).rows_of(codes, columns)
    with pq.ParquetFile(path, memory_map=True) as file:
        return file.read(columns=None if columns is None else list(columns), use_threads=False)


def _whole(path: Path, size: int | None) -> bool:
    try:
        if size is None:
            pq.read_metadata(path)
            return True
        return path.stat().st_size == size
    except (OSError, pa.ArrowInvalid):
        return False


# Opened once: the footer of a file costs more than a few rows of it. A file never changes.
@lru_cache(maxsize=256)
def _opened(path: Path) -> ds.Dataset:
    return ds.dataset(path, format="parquet")


def _columns(lists: pa.ChunkedArray, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Return the columns of lists of fixed size, by name."""
    matrix = matrix_of(lists)
    return {name: matrix[:, place] for place, name in enumerate(names)}


def current_name(home: Home) -> str | None:
    """Return the name of the classification in force, or None."""
    path = home.published / layout.CURRENT
    name = path.read_text(encoding="utf-8").strip() if path.is_file() else ""
    # A name, never a path: the file may have been written by hand.
    return name if name and Path(name).name == name else None


def _both(first: ds.Expression | None, second: ds.Expression) -> ds.Expression:
    return second if first is None else first & second
