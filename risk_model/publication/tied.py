"""Features of tied enterprises as they are now, of those of whom the shards do not say so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from risk_model.publication import layout
from risk_model.publication.lists import lists_of, matrix_of


@dataclass(frozen=True)
class Tied:
    """Values that count before those in the files of features.

    Attributes
    ----------
    codes
        Credit codes, sorted, shape (n,).
    names
        Features.
    values
        Shape (n, features).
    """

    codes: pa.Array
    names: tuple[str, ...]
    values: np.ndarray

    @classmethod
    def of(cls, codes: pa.Array, columns: Mapping[str, np.ndarray]) -> Tied:
        """Return it from the column of each feature."""
        values = np.column_stack(list(columns.values())) if columns else np.zeros((len(codes), 0))
        return cls(codes, tuple(columns), values)

    def over(self, earlier: Tied | None, changed: pa.Array) -> Tied:
        """Return it with what was told earlier of others.

        Parameters
        ----------
        earlier
            Of the same features.
        changed
            Enterprises of which the shards say all that is now.
        """
        if earlier is None:
            return self
        stays = pc.invert(pc.is_in(earlier.codes, value_set=pa.concat_arrays([self.codes, changed])))
        codes = pa.concat_arrays([self.codes, earlier.codes.filter(stays)])
        values = np.concatenate([self.values, earlier.values[stays.to_numpy(zero_copy_only=False)]])
        order = pc.array_sort_indices(codes)
        return Tied(codes.take(order), self.names, values[order.to_numpy()])

    def laid_over(self, rows: pa.Table, names: Sequence[str]) -> pa.Table:
        """Return rows of the file of features as they are now.

        Parameters
        ----------
        rows
            ``credit_code`` and ``values``, as :func:`risk_model.publication.layout.features_schema` says.
        names
            Features of ``values``.
        """
        place = pc.index_in(rows["credit_code"], value_set=self.codes).combine_chunks().fill_null(-1)
        place = place.to_numpy().astype(np.int64)
        here = np.flatnonzero(place >= 0)
        if not len(here):
            return rows
        matrix = matrix_of(rows["values"]).copy()
        columns = np.array([names.index(name) for name in self.names])
        matrix[here[:, None], columns] = self.values[place[here]]
        place_of = rows.schema.get_field_index("values")
        return rows.set_column(place_of, rows.schema.field(place_of), lists_of(matrix))

    def save(self, path: Path) -> None:
        """Write it."""
        schema = layout.features_schema(len(self.names))
        rows = pa.table([self.codes, lists_of(self.values)], schema=schema)
        pq.write_table(rows, path, row_group_size=layout.ROWS_A_GROUP, **layout.PACKED_ELSE)

    @classmethod
    def load(cls, path: Path, names: tuple[str, ...]) -> Tied:
        """Read what :meth:`save` wrote."""
        rows = pq.read_table(path)
        return cls(rows["credit_code"].combine_chunks(), names, matrix_of(rows["values"]))
