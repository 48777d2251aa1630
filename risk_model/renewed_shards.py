"""Shards of a renewed classification: what stays is linked, and what became of the others is laid over it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.kernel import Neighbours
from features.runners.few import Few
from features.runners.ranges import PAIR_SCHEMA, cut
from features.runners.work import RecordReader
from risk_model.classified_range import (
    Classifying,
    Scored,
    computed,
    counts_of,
    neighbourhood,
    opened,
    own_values,
    score_rows,
)
from risk_model.coverage import records_known
from risk_model.publication import layout
from risk_model.publication.lists import matrix_of
from risk_model.publication.reading import by_code, laid_over
from risk_model.publication.writing import WrittenShard, link_shard, write_shard
from risk_model.registration import COLUMNS, registration_at
from risk_model.renewal import Renewal, other_side, places_within, stretch, within

#: A file of which more is changed is written anew: what lies over the rest would cost more than it saves.
REWRITE_SHARE = 0.25
#: Shards whose few enterprises are computed together, at most: a stretch of records is read once for all.
SHARDS_AT_ONCE = 8
#: Enterprises that are computed from their records at once, at most, but for those of one shard.
ENTERPRISES_AT_ONCE = 4_000
#: Stretches that there should be at least, so that everybody has work.
STRETCHES = 4


def stretches(what: Renewal, first: int) -> Iterator[range]:
    """Yield shards that are renewed together, from the first one that is left.

    Where many enterprises are computed from their records they are fewer: no stretch is to be the one that
    everybody waits for.
    """
    base = opened(what.base)
    shards = len(base.document["shards"])
    most = max(1, min(SHARDS_AT_ONCE, (shards - first) // STRETCHES))
    begun, gathered = first, 0
    for number in range(first, shards):
        own = len(within(what.cohort, *stretch(base, number)))
        if number > begun and (number - begun >= most or gathered + own > ENTERPRISES_AT_ONCE):
            yield range(begun, number)
            begun, gathered = number, 0
        gathered += own
    if begun < shards:
        yield range(begun, shards)


def renew_shards(
    reader: RecordReader, shared: tuple[Classifying, Renewal], numbers: range
) -> list[WrittenShard]:
    """Write some shards of the renewed classification.

    Parameters
    ----------
    reader
        Where records are read.
    shared
        What is classified, and what changes.
    numbers
        Of the shards, one after the other.
    """
    work, what = shared
    shards = [_Shard(work, what, number) for number in numbers]
    fresh = _fresh(reader, work, pa.concat_arrays([shard.anew for shard in shards]))
    again = _scored_again(work, [told for shard in shards if (told := shard.told_again()) is not None])
    return [shard.write([one for one in (fresh, again) if one is not None]) for shard in shards]


@dataclass(frozen=True)
class _Again:
    """Enterprises that are scored again without a look at their records.

    Attributes
    ----------
    features
        ``credit_code``, sorted, with the features.
    who
        Registration of each.
    records
        Records of supervision known of each, shape (n,).
    """

    features: pa.Table
    who: pa.Table
    records: np.ndarray


@dataclass(frozen=True)
class _Found:
    """Rows of the files, sorted by credit code.

    Attributes
    ----------
    scored
        Rows of the classification and contributions; None if nobody was scored.
    values, near
        Rows of features and neighbourhoods that are others now; None if none are.
    """

    scored: Scored | None
    values: pa.Table | None
    near: pa.Table | None


def _fresh(reader: RecordReader, work: Classifying, anew: pa.Array) -> _Found | None:
    """Compute enterprises from their records; None if there is none."""
    if not len(anew):
        return None
    days = pa.array([work.as_of] * len(anew), pa.date32())
    (part,) = cut(pa.table([anew, days], schema=PAIR_SCHEMA), len(anew))
    few = Few(reader, anew)
    table, near = computed(few, work, part)
    assert near is not None
    who = registration_at(few, work.as_of, anew)
    scored = score_rows(work, table.select(["credit_code", *work.kept]), who, records_known(table))
    return _Found(scored, own_values(work, table), near)


def _scored_again(work: Classifying, told: Sequence[_Again]) -> _Found | None:
    """Score from what is there whoever is scored again; None if nobody is."""
    if not told:
        return None
    tables, who = (
        pa.concat_tables(parts) for parts in zip(*((t.features, t.who) for t in told), strict=True)
    )
    return _Found(score_rows(work, tables, who, np.concatenate([t.records for t in told])), None, None)


class _Shard:
    """One shard of the classification that is renewed, and what becomes of it.

    Enterprises are *anew* (all about them is computed from their records), or they stay: with the rate of
    their neighbourhood as it is now. They are scored *again* from the features that are there if this, or
    something of those that they are tied to, is on another side of a number at which anything turns.
    """

    def __init__(self, work: Classifying, what: Renewal, number: int) -> None:
        self._work = work
        self._what = what
        self._number = number
        self._base = opened(what.base)
        self._bounds = stretch(self._base, number)
        self.anew = within(what.cohort, *self._bounds)
        self._changed = within(what.changed, *self._bounds)
        self._turned = within(what.turned, *self._bounds)

    @cached_property
    def _near(self) -> pa.Table:
        """Rows of the file of neighbourhoods: where everybody lies, as far as it is needed."""
        columns = ["credit_code"] if self._what.rates_stand else None
        return self._base.shard_table(self._number, layout.NEIGHBOURHOOD, columns)

    @cached_property
    def _there(self) -> pa.Array:
        """Codes of those who were classified."""
        return self._near["credit_code"].combine_chunks()

    @cached_property
    def _out(self) -> pa.Array:
        """Codes of those of them whose records are others now."""
        if not len(self._changed):
            return self._changed
        return self._changed.filter(pc.is_in(self._changed, value_set=self._there))

    @cached_property
    def _stays(self) -> pa.Table:
        """Rows of the file of neighbourhoods of all others."""
        if not len(self._out):
            return self._near
        return self._near.filter(pc.invert(pc.is_in(self._there, value_set=self._out)))

    @cached_property
    def _codes(self) -> pa.Array:
        """Codes of those who stay."""
        return self._stays["credit_code"].combine_chunks()

    @cached_property
    def _rates(self) -> np.ndarray:
        """Rates of the neighbourhood of those who stay, as they are now, shape (rates, n)."""
        work, at = self._work, np.zeros(self._stays.num_rows, dtype=np.int64)
        assert work.plan.beyond is not None
        assert work.context is not None
        return self._places().rates(work.plan.beyond, work.context, at)

    @cached_property
    def _again(self) -> pa.Array:
        """Codes of those who are scored again, sorted."""
        if self._what.rates_stand:
            return self._turned
        moved = pc.is_in(self._codes, value_set=self._turned).to_numpy(zero_copy_only=False).copy()
        before = matrix_of(self._stays["values"]).T
        for place, name in enumerate(self._work.near):
            moved |= other_side(self._work.fleet.thresholds.get(name), before[place], self._rates[place])
        return self._codes.filter(pa.array(moved))

    @cached_property
    def _rows(self) -> pa.Table:
        """Rows of the classification that is renewed."""
        return self._base.shard_table(self._number, layout.CLASSIFICATION).combine_chunks()

    def _places(self) -> Neighbours:
        assert self._work.plan.beyond is not None
        return Neighbours.from_columns(self._work.plan.beyond, self._stays)

    def told_again(self) -> _Again | None:
        """Return what is known of those who are scored again; None if nobody is."""
        again = self._again
        if not len(again):
            return None
        work = self._work
        own = matrix_of(self._base.shard_table(self._number, layout.FEATURES, codes=again)["values"]).T.copy()
        columns = dict(zip(work.own, own, strict=True))
        place = pc.index_in(again, value_set=self._what.tied).fill_null(-1).to_numpy().astype(np.int64)
        for name, values in self._what.related.items():
            columns[name][place >= 0] = values[place[place >= 0]]
        columns |= dict(zip(work.near, self._rates_of(again), strict=True))
        # Of an enterprise with several models the rows say the same of who it is.
        rows = self._rows.take(pc.index_in(again, value_set=self._rows["credit_code"].combine_chunks()))
        return _Again(
            pa.table({"credit_code": again} | {name: columns[name] for name in work.kept}),
            rows.select(["credit_code", *COLUMNS]),
            rows["records"].to_numpy(),
        )

    def _rates_of(self, again: pa.Array) -> np.ndarray:
        """Return the rates of those who are scored again, shape (rates, n)."""
        if not self._what.rates_stand:
            return self._rates[:, pc.index_in(again, value_set=self._codes).to_numpy()]
        columns = ["credit_code", "values"]
        near = self._base.shard_table(self._number, layout.NEIGHBOURHOOD, columns, codes=again)
        return matrix_of(near["values"]).T

    def write(self, found: Sequence[_Found]) -> WrittenShard:
        """Write it.

        Parameters
        ----------
        found
            What was found of those who are computed anew or scored again, here and elsewhere.
        """
        work, again = self._work, self._again
        new = bool(len(self.anew) or len(again) or len(self._out))
        if self._what.rates_stand and not new:
            return link_shard(work.folder, self._base.shard_folder(self._number))
        tables: dict[str, pa.Table] = {}
        linked: list[Path] = []
        self._write_neighbourhood(found, tables, linked)
        values = self._own([one.values for one in found])
        self._lay_over(layout.FEATURES, values, self._out, len(self._there), tables, linked)
        facts = self._base.shard_facts(self._number)
        if new:
            scored = [one.scored for one in found if one.scored is not None]
            gone = pa.concat_arrays([self._out, again])
            facts = self._write_rows(scored, gone, facts, tables, linked)
        else:
            for file in (layout.CLASSIFICATION, *map(layout.contributions_file, work.fleet.models)):
                linked += self._base.linkable(self._number, file)
        return write_shard(work.folder, tables, facts, linked)

    def _write_rows(
        self,
        scored: Sequence[Scored],
        done: pa.Array,
        facts: Mapping[str, Any],
        tables: dict[str, pa.Table],
        linked: list[Path],
    ) -> dict[str, Any]:
        """Write classification and contributions without some and with others; return what is counted."""
        work = self._work
        rows = self._rows
        gone = pc.is_in(rows["credit_code"], value_set=done)
        old, kept = rows.filter(gone), rows.filter(pc.invert(gone))
        new = self._own([one.rows for one in scored])
        parts = [kept] if new is None else [kept, new]
        tables[layout.CLASSIFICATION] = by_code(pa.concat_tables(parts))
        models = {}
        before, after = (counts_of(work, one) for one in (old, rows.slice(0, 0) if new is None else new))
        for name in work.fleet.models:
            told = facts["models"][name]
            contributions = self._own([one.contributions[name] for one in scored])
            theirs = old.filter(pc.equal(old["model"], name))["credit_code"].combine_chunks()
            count = sum(told["tiers"].values())
            self._lay_over(layout.contributions_file(name), contributions, theirs, count, tables, linked)
            models[name] = {
                **{
                    what: _counts(told[what], before[name][what], after[name][what])
                    for what in ("tiers", "decided_by")
                },
                "probability": told["probability"] - before[name]["probability"] + after[name]["probability"],
                # Of those that stay it may be smaller.
                "residual": max([told["residual"], *(one.residual[name] for one in scored)]),
            }
        codes = self._codes
        if len(self.anew):
            codes = _in_order(codes, self.anew)
        return {
            "first": codes[0].as_py(),
            "last": codes[-1].as_py(),
            "enterprises": len(codes),
            "models": models,
        }

    def _write_neighbourhood(
        self, found: Sequence[_Found], tables: dict[str, pa.Table], linked: list[Path]
    ) -> None:
        """Write where the enterprises lie, and their rates."""
        near = self._own([one.near for one in found])
        if self._what.rates_stand:
            self._lay_over(layout.NEIGHBOURHOOD, near, self._out, len(self._there), tables, linked)
            return
        stays = neighbourhood(self._work, self._codes, self._rates, self._places())
        tables[layout.NEIGHBOURHOOD] = stays if near is None else by_code(pa.concat_tables([stays, near]))

    def _own(self, tables: Sequence[pa.Table | None]) -> pa.Table | None:
        """Return the rows of this shard, sorted by credit code; None if there are none."""
        own = []
        for table in tables:
            if table is not None:
                first, last = places_within(table["credit_code"].combine_chunks(), *self._bounds)
                own.append(table.slice(first, last - first))
        together = [table for table in own if table.num_rows]
        return by_code(pa.concat_tables(together)) if together else None

    def _lay_over(
        self,
        file: str,
        anew: pa.Table | None,
        gone: pa.Array,
        count: int,
        tables: dict[str, pa.Table],
        linked: list[Path],
    ) -> None:
        """Put rows over a file, or in it where they are many or another's rows must go.

        Parameters
        ----------
        file
            Its name.
        anew
            Rows.
        gone
            Codes whose rows there are no longer true.
        count
            Number of rows there, those over it included.
        tables, linked
            What is written and what is linked.
        """
        if not len(gone) and anew is None:
            linked += self._base.linkable(self._number, file)
            return
        over = self._base.shard_changed(self._number, file)
        parts = [] if anew is None else [anew]
        if over is not None:
            parts.append(over.filter(pc.invert(pc.is_in(over["credit_code"], value_set=gone))))
        path = self._base.shard_whole(self._number, file)
        laid = by_code(pa.concat_tables(parts)) if parts else None
        size = 0 if laid is None else laid.num_rows
        if laid is not None and over is None and len(gone) == count:
            # Nobody stays.
            tables[file] = laid
            return
        if size <= REWRITE_SHARE * count and not _hides(path, gone, laid):
            linked.append(path)
            if laid is not None and size:
                tables[f"{layout.CHANGED}{file}"] = laid
            return
        whole = pq.read_table(path)
        kept = whole.filter(pc.invert(pc.is_in(whole["credit_code"], value_set=gone)))
        tables[file] = kept if laid is None else laid_over(kept, laid)


def _hides(path: Path, gone: pa.Array, laid: pa.Table | None) -> bool:
    """Return whether a file has rows that must go and that no others lie over."""
    bare = gone
    if laid is not None:
        bare = gone.filter(pc.invert(pc.is_in(gone, value_set=laid["credit_code"].combine_chunks())))
    if not len(bare):
        return False
    # Somebody who came after the file was written has rows only over it.
    codes = pq.read_table(path, columns=["credit_code"])["credit_code"]
    return bool(pc.any(pc.is_in(codes, value_set=bare)).as_py())


def _counts(told: Mapping[str, int], gone: Mapping[str, int], come: Mapping[str, int]) -> dict[str, int]:
    """Return what is counted without some and with others."""
    found = Counter(told)
    found.subtract(gone)
    found.update(come)
    return {name: count for name, count in found.items() if count}


def _in_order(first: pa.Array, second: pa.Array) -> pa.Array:
    """Return the codes of both, sorted."""
    together = pa.concat_arrays([first, second])
    return together.take(pc.array_sort_indices(together))
