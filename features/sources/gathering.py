"""What must be known of whole files before their rows can be read: counts, firsts, names."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from features.records import credit_code
from features.sources import conversion
from features.sources.reading import Chunk, chunks
from features.sources.recognition import Input
from features.sources.settings import Join, Once, SourceMapping
from features.sources.values import Evaluation, Mask
from features.store import RecordStore

#: Partial results are merged when there are this many.
PARTS = 32


@dataclass
class Grouped:
    """Aggregates by key, merged chunk by chunk; its size is the number of keys.

    Parameters
    ----------
    ways
        Column → ``sum``, ``min`` or ``max``.
    """

    ways: Mapping[str, str]
    parts: list[pa.Table] = field(default_factory=list)

    def add(self, keys: pa.Array, columns: Mapping[str, pa.Array]) -> None:
        """Add rows."""
        self.parts.append(self._merged(pa.table({"key": keys, **columns})))
        if len(self.parts) >= PARTS:
            self.parts = [self._merged(pa.concat_tables(self.parts))]

    def table(self) -> pa.Table:
        """Return one row a key."""
        if not self.parts:
            return pa.table({"key": pa.array([], pa.string())})
        self.parts = [self._merged(pa.concat_tables(self.parts, promote_options="permissive"))]
        return self.parts[0].combine_chunks()

    def _merged(self, rows: pa.Table) -> pa.Table:
        grouped = rows.group_by("key").aggregate(list(self.ways.items()))
        return grouped.rename_columns(
            ["key" if name == "key" else name.rpartition("_")[0] for name in grouped.column_names]
        )


def key_of(chunk: Chunk, names: Sequence[str]) -> pa.Array:
    """Return one text a row for several columns; a missing value is a value of its own."""
    texts = [conversion.to_text(chunk.column(name)) for name in names]
    return pc.binary_join_element_wise(*texts, "\x1f", null_handling="replace", null_replacement="\x00")


@dataclass(frozen=True)
class Links:
    """Which credit code an enterprise's name stands for.

    Attributes
    ----------
    names, codes
        Names that exactly one enterprise has, and its code.
    ambiguous
        Names of several.
    """

    names: pa.Array
    codes: pa.Array
    ambiguous: pa.Array

    def resolve(self, names: pa.Array) -> tuple[pa.Array, Mask]:
        """Return the code of each name, missing where there is none, and which names are ambiguous."""
        plain = plain_names(names)
        codes = self.codes.take(pc.index_in(plain, value_set=self.names))
        return codes, np.asarray(pc.is_in(plain, value_set=self.ambiguous).to_numpy(zero_copy_only=False))


def plain_names(names: pa.Array) -> pa.Array:
    """Return names without blanks, full-width characters made narrow: as they are compared."""
    text = pc.utf8_normalize(conversion.to_text(names), form="NFKC")
    return pc.replace_substring_regex(text, r"\s+", "")


@dataclass(frozen=True)
class Gathered:
    """What was learned before the rows are read.

    Attributes
    ----------
    joined
        Kind of file and number of the join → one row a key.
    firsts
        Kind of file and number of the record → the place of the row that holds it, by key.
    links
        Names and codes; None if the mapping links none.
    """

    joined: Mapping[tuple[str, int], pa.Table]
    firsts: Mapping[tuple[str, int], pa.Table]
    links: Links | None


#: Called with the file and the number of its rows that were read.
Progress = Callable[[str, int], None]


def gather(
    mapping: SourceMapping, inputs: Sequence[Input], store: RecordStore, progress: Progress | None = None
) -> Gathered:
    """Read the files that must be known as a whole."""
    present = {one.kind for one in inputs}
    joins = {
        (kind, number): join for kind in present for number, join in enumerate(mapping.files[kind].joins)
    }
    onces = {
        (kind, number): record.once
        for kind in present
        for number, record in enumerate(mapping.files[kind].records)
        if record.once
    }
    linked = any(
        value.name
        for kind in present
        for record in mapping.files[kind].records
        for value in record.columns.values()
    )
    joined = {place: Grouped(_ways(join)) for place, join in joins.items()}
    firsts = {place: Grouped({"rank": "min"}) for place in onces}
    pairs = Grouped({"low": "min", "high": "max"})
    for number, one in enumerate(inputs):
        here = {p: j for p, j in joins.items() if (j.file or p[0]) == one.kind}
        once = {p: o for p, o in onces.items() if p[0] == one.kind}
        names = mapping.files[one.kind].names if linked else None
        if not (here or once or names):
            continue
        for chunk in _with_progress(mapping, one, progress):
            if not len(chunk):
                continue
            for place, join in here.items():
                joined[place].add(key_of(chunk, list(join.keys.values())), _aggregated(chunk, mapping, join))
            for place, rule in once.items():
                firsts[place].add(key_of(chunk, rule.per), {"rank": _rank(chunk, rule, number)})
            if names:
                _add_pairs(pairs, chunk.column(names.name), chunk.column(names.code))
    links = None
    if linked:
        _add_stored(pairs, store)
        links = _links(pairs.table())
    return Gathered(
        {place: grouped.table() for place, grouped in joined.items()},
        {place: grouped.table() for place, grouped in firsts.items()},
        links,
    )


def _with_progress(mapping: SourceMapping, one: Input, progress: Progress | None) -> Iterator[Chunk]:
    rows = 0
    for chunk in chunks(one.path, mapping.files[one.kind]):
        yield chunk
        rows += len(chunk)
        if progress:
            progress(f"{one.name} (first pass)", rows)


# -- joins ---------------------------------------------------------------------------------------


def _ways(join: Join) -> dict[str, str]:
    ways = {}
    for name, aggregate in join.columns.items():
        ways[name] = "min" if aggregate.lowest else "max" if aggregate.highest else "sum"
    return ways


def _aggregated(chunk: Chunk, mapping: SourceMapping, join: Join) -> dict[str, pa.Array]:
    evaluation = Evaluation(chunk, mapping.parameters)
    columns = {}
    for name, aggregate in join.columns.items():
        if aggregate.count is not None:
            columns[name] = pa.array(evaluation.holds(aggregate.count).astype(np.int64))
        elif aggregate.total is not None:
            columns[name] = conversion.to_float(chunk.column(aggregate.total))
        else:
            columns[name] = conversion.to_text(chunk.column(aggregate.lowest or aggregate.highest or ""))
    return columns


def with_joined(chunk: Chunk, kind: str, joins: Sequence[Join], gathered: Gathered) -> Chunk:
    """Return the chunk with the columns that the file's joins add."""
    rows = chunk.rows
    for number, join in enumerate(joins):
        table = gathered.joined[kind, number]
        keys = key_of(chunk, list(join.keys))
        place = pc.index_in(keys, value_set=table["key"].combine_chunks())
        for name, aggregate in join.columns.items():
            if name in table.column_names:
                values = table[name].combine_chunks().take(place)
            else:
                values = pa.nulls(len(chunk), pa.int64())
            if aggregate.count is not None:
                values = pc.fill_null(values, 0)
            rows = rows.append_column(name, values)
    return Chunk(rows, chunk.lines, chunk.unreadable)


# -- the one row of several that holds a record ----------------------------------------------------


def _rank(chunk: Chunk, rule: Once, file_number: int) -> pa.Array:
    """Return a text a row that sorts as the rule says, then by file and line."""
    line = pc.utf8_lpad(chunk.lines.cast(pa.string()), 12, "0")
    place = pc.binary_join_element_wise(pa.scalar(f"{file_number:06d}"), line, "\x1f")
    if not rule.first_by:
        return place
    return pc.binary_join_element_wise(key_of(chunk, rule.first_by), place, "\x1f")


def is_first(
    chunk: Chunk, kind: str, record_number: int, rule: Once, file_number: int, gathered: Gathered
) -> Mask:
    """Return which rows hold a record that only one row of several holds."""
    table = gathered.firsts[kind, record_number]
    place = pc.index_in(key_of(chunk, rule.per), value_set=table["key"].combine_chunks())
    first = table["rank"].combine_chunks().take(place)
    return np.asarray(pc.equal(first, _rank(chunk, rule, file_number)).to_numpy(zero_copy_only=False))


# -- names ------------------------------------------------------------------------------------------


def identifying(codes: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Return normalised codes and the kind of each, computed once for each different code."""
    encoded = conversion.to_text(codes).dictionary_encode()
    unique = credit_code.normalise(pd.Series(encoded.dictionary.to_pylist(), dtype="string"))
    kinds = credit_code.classify(unique)
    plain = pa.array(unique, pa.string()).take(encoded.indices)
    kind = pa.array(kinds, pa.string()).take(encoded.indices)
    return plain, pc.fill_null(kind, credit_code.CodeKind.MISSING.value)


_IDENTIFYING = pa.array([kind.value for kind in credit_code.CodeKind if kind.identifies])


def _add_pairs(pairs: Grouped, names: pa.Array, codes: pa.Array) -> None:
    plain, kinds = identifying(codes)
    keep = pc.and_(pc.is_in(kinds, value_set=_IDENTIFYING), pc.is_valid(names))
    plain, names = plain.filter(keep), plain_names(names.filter(keep))
    # A name has one code if the least and the greatest of its codes are equal.
    pairs.add(names, {"low": plain, "high": plain})


def _add_stored(pairs: Grouped, store: RecordStore) -> None:
    snapshots = store.snapshots()
    if snapshots and snapshots[-1].exists("enterprise"):
        stored = snapshots[-1].read("enterprise", columns=["name", "credit_code"])
        _add_pairs(pairs, stored["name"].combine_chunks(), stored["credit_code"].combine_chunks())


def _links(table: pa.Table) -> Links:
    if "low" not in table.column_names:
        empty = pa.array([], pa.string())
        return Links(empty, empty, empty)
    names, low, high = (table[name].combine_chunks() for name in ("key", "low", "high"))
    one = pc.equal(low, high)
    return Links(names.filter(one), low.filter(one), names.filter(pc.invert(one)))
