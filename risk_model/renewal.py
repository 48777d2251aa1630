"""Renewing a classification of the same date after more records came: only what they change is done again.

An enterprise is scored again if a record of its own was added, if that of somebody it is tied to was, or if
the rate of its neighbourhood has moved across a number at which anything turns (a split of a tree, a floor):
as long as it has not, margin and contributions are the same to the last bit. The rates themselves are
computed again for everybody, from where each lies and what each adds itself, without a look at its records.
What is published is what a whole run would publish.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.cohort import registered
from features.errors import InputError
from features.kernel import Context, Neighbours, Survey, merge, replaced
from features.kernel.beyond import BeyondPlan
from features.kernel.survey import changed_rows
from features.runners import Threads
from features.runners.few import Few
from features.runners.ranges import ENTERPRISES_A_RANGE, PAIR_SCHEMA, cut
from features.runners.work import RecordReader, known, survey_range
from features.store import Snapshot
from risk_model.classified_range import (
    Classifying,
    computed,
    facts_of,
    neighbourhood,
    opened,
    own_values,
    score_rows,
)
from risk_model.coverage import records_known
from risk_model.publication import Publication, layout
from risk_model.publication.reading import laid_over
from risk_model.publication.writing import WrittenShard, write_shard
from risk_model.registration import COLUMNS, registration_at

#: A file of which more is changed is written anew: what lies over the rest would cost more than it saves.
REWRITE_SHARE = 0.25


@dataclass(frozen=True)
class Renewal:
    """What more records change in a classification.

    Attributes
    ----------
    base
        Folder of the classification that is renewed.
    changed
        Credit codes of the enterprises of whom records were added, sorted.
    cohort
        Those of them that are in business at the date, sorted.
    touched
        Hashes of the enterprises that are, or were, tied to one whose ties or events changed; uint64.
    """

    base: Path
    changed: pa.Array
    cohort: pa.Array
    touched: np.ndarray


def renewable(
    publications: Sequence[Publication], as_of: date, inputs: Mapping[str, Any], snapshot: Any
) -> tuple[Publication, pa.Array] | None:
    """Return the newest classification that can be renewed, and of whom records were added since.

    Parameters
    ----------
    publications
        All that are published, by date and number.
    as_of
        Date of the classification that is wanted.
    inputs
        All that decides it, but for the records.
    snapshot
        Records.

    Returns
    -------
    tuple or None
        None if there is none: of this date, from the same models, features, rules and classification before,
        and from an earlier state of the same store to which rows were only added.
    """
    if not isinstance(snapshot, Snapshot):
        return None
    for base in reversed(publications):
        if base.as_of != as_of or base.document.get("inputs") != inputs:
            continue
        if not base.document.get("neighbourhood") or not (base.folder / layout.SURVEY).is_dir():
            continue
        number = base.document["data_snapshot"]
        try:
            codes = snapshot.added_since(Snapshot.earlier(snapshot, number))
        except (InputError, FileNotFoundError):
            # That state of the store was dropped since.
            continue
        if codes is not None:
            return base, codes
    return None


def renewal(
    base: Publication, changed: pa.Array, snapshot: Snapshot, work: Classifying
) -> tuple[Renewal, Context, Context] | None:
    """Find out what more records change, by a look at those of the enterprises that have some.

    Parameters
    ----------
    base, changed
        From :func:`renewable`.
    snapshot
        Records.
    work
        What is classified; its context does not count.

    Returns
    -------
    tuple or None
        What changes, what features across enterprises know of the others now, and the same with everybody in
        it. None if a shard would have nobody left: then all is to be done anew.
    """
    beyond, as_of = work.plan.beyond, work.as_of
    before = base.context()
    assert beyond is not None
    assert before is not None
    whole = Context.load(base.folder / layout.SURVEY)
    earlier, later = (
        _surveyed(reader, changed, (beyond, whole.dates))
        for reader in (Snapshot.earlier(snapshot, base.document["data_snapshot"]), snapshot)
    )
    now = replace(whole, survey=replaced(whole.survey, earlier, later))
    context = known(now)
    cohort = registered(snapshot, [as_of], among=changed)["credit_code"].combine_chunks()
    cohort = cohort.take(pc.array_sort_indices(cohort))
    found = Renewal(base.folder.resolve(), changed, cohort, _touched(earlier, later, before, context))
    gone = changed.filter(pc.invert(pc.is_in(changed, value_set=cohort))).to_pylist()
    for number, shard in enumerate(base.document["shards"]):
        low, high = _stretch(base, number)
        if len(_within(gone, low, high)) >= shard["enterprises"]:
            return None
    return found, context, now


def _surveyed(snapshot: Snapshot, codes: pa.Array, asked: tuple[BeyondPlan, np.ndarray]) -> Survey:
    parts = (codes.slice(first, ENTERPRISES_A_RANGE) for first in range(0, len(codes), ENTERPRISES_A_RANGE))
    return merge(Threads(snapshot).map(_survey_few, asked, parts))


def _survey_few(reader: RecordReader, asked: tuple[BeyondPlan, np.ndarray], codes: pa.Array) -> Survey:
    return survey_range(Few(reader, codes), asked, codes)


def _touched(before: Survey, after: Survey, old: Context, new: Context) -> np.ndarray:
    """Return hashes of the enterprises whose features of tied enterprises may be others now."""
    ties = changed_rows(before.ties, after.ties)
    events = changed_rows(before.events, after.events)
    lasting = pa.concat_tables([old.survey.ties, new.survey.ties])
    near = lasting.filter(pc.is_in(lasting["code"], value_set=pc.unique(events["code"])))
    hubs = pc.unique(pa.chunked_array([*ties["hub"].chunks, *near["hub"].chunks], pa.uint64()))
    members = lasting.filter(pc.is_in(lasting["hub"], value_set=hubs))
    codes = pa.chunked_array([*ties["code"].chunks, *members["code"].chunks], pa.uint64())
    return np.asarray(pc.unique(codes).to_numpy())


def _stretch(base: Publication, number: int) -> tuple[str, str | None]:
    """Return the half-open range of credit codes that belong to a shard, known or not."""
    shards = base.document["shards"]
    low = "" if number == 0 else shards[number]["first"]
    return low, shards[number + 1]["first"] if number + 1 < len(shards) else None


def _within(codes: list[str], low: str, high: str | None) -> list[str]:
    return codes[bisect_left(codes, low) : len(codes) if high is None else bisect_left(codes, high)]


def renew_shard(reader: RecordReader, shared: tuple[Classifying, Renewal], number: int) -> WrittenShard:
    """Write a shard of the renewed classification.

    Parameters
    ----------
    reader
        Where records are read.
    shared
        What is classified, and what changes.
    number
        Of the shard.
    """
    work, what = shared
    shard = _Shard(reader, work, what, number)
    return shard.write()


class _Shard:
    """One shard of the classification that is renewed, and what becomes of it.

    Enterprises are *anew* (all about them is computed from their records), *moved* (the rate of their
    neighbourhood is on another side of a number, so they are scored again from the features that are there),
    or they stay as they are but for that rate.
    """

    def __init__(self, reader: RecordReader, work: Classifying, what: Renewal, number: int) -> None:
        self._reader = reader
        self._work = work
        self._number = number
        self._base = opened(what.base)
        self._near = self._base.shard_table(number, layout.NEIGHBOURHOOD)
        low, high = _stretch(self._base, number)
        changed = _within(what.changed.to_pylist(), low, high)
        tied = self._near.filter(pc.is_in(self._near["hash"], value_set=pa.array(what.touched)))
        tied_codes = set(tied["credit_code"].to_pylist())
        #: Whose rows are no longer true, whatever becomes of them.
        self._out = pa.array(sorted({*changed, *tied_codes}), pa.string())
        anew = {*_within(what.cohort.to_pylist(), low, high), *(tied_codes - set(changed))}
        self._anew = pa.array(sorted(anew), pa.string())

    def write(self) -> WrittenShard:
        """Write it."""
        work, out = self._work, self._out
        old = self._base.shard_table(self._number, layout.CLASSIFICATION)
        stays, rates, moved = self._neighbours()
        near = [neighbourhood(work, stays["credit_code"].combine_chunks(), rates, self._places(stays))]
        tables: dict[str, pa.Table] = {}
        linked: list[Path] = []
        residual = self._residual()
        done = pa.concat_arrays([out, moved])
        parts: list[pa.Table] = []
        values: list[pa.Table] = []
        contributions: dict[str, list[pa.Table]] = {name: [] for name in work.fleet.models}
        for table, who, records in (self._computed(near, values), self._moved(stays, rates, moved, old)):
            if table.num_rows:
                scored = score_rows(work, table, who, records)
                parts.append(scored.rows)
                for name, rows in scored.contributions.items():
                    contributions[name].append(rows)
                    residual[name] = max(residual[name], scored.residual[name])
        members = pa.concat_tables(near)
        members = members.take(pc.sort_indices(members, sort_keys=[("credit_code", "ascending")]))
        tables[layout.NEIGHBOURHOOD] = members
        if len(done):
            kept = old.filter(pc.invert(pc.is_in(old["credit_code"], value_set=done)))
            rows = pa.concat_tables([kept, *parts])
            tables[layout.CLASSIFICATION] = rows = rows.take(
                pc.sort_indices(rows, sort_keys=[("credit_code", "ascending")])
            )
        else:
            rows = old
            linked += self._base.linkable(self._number, layout.CLASSIFICATION)
        self._lay_over(layout.FEATURES, values, out, tables, linked)
        for name, found in contributions.items():
            self._lay_over(layout.contributions_file(name), found, done, tables, linked)
        codes = members["credit_code"].combine_chunks()
        return write_shard(work.folder, tables, facts_of(work, rows, codes, residual), linked)

    def _neighbours(self) -> tuple[pa.Table, np.ndarray, pa.Array]:
        """Return who stays, their rates of the neighbourhood now, and those of whom one has moved."""
        work = self._work
        assert work.plan.beyond is not None
        assert work.context is not None
        stays = self._near.filter(pc.invert(pc.is_in(self._near["credit_code"], value_set=self._out)))
        before = stays["values"].combine_chunks().flatten().to_numpy().reshape(-1, len(work.near)).T
        at = np.zeros(stays.num_rows, dtype=np.int64)
        rates = self._places(stays).rates(work.plan.beyond, work.context, at)
        moved = np.zeros(stays.num_rows, dtype=bool)
        for place, name in enumerate(work.near):
            moved |= other_side(work.fleet.thresholds.get(name), before[place], rates[place])
        return stays, rates, stays["credit_code"].combine_chunks().filter(pa.array(moved))

    def _places(self, near: pa.Table) -> Neighbours:
        assert self._work.plan.beyond is not None
        return Neighbours.from_columns(self._work.plan.beyond, near)

    def _computed(
        self, near: list[pa.Table], values: list[pa.Table]
    ) -> tuple[pa.Table, pa.Table, np.ndarray]:
        """Return the features, registration and number of records of those that are computed anew."""
        work = self._work
        if not len(self._anew):
            empty = pa.table({"credit_code": pa.array([], pa.string())})
            return empty, empty, np.zeros(0, dtype=np.int64)
        days = pa.array([work.as_of] * len(self._anew), pa.date32())
        (part,) = cut(pa.table([self._anew, days], schema=PAIR_SCHEMA), len(self._anew))
        few = Few(self._reader, self._anew)
        table, places = computed(few, work, part)
        assert places is not None
        near.append(places)
        values.append(own_values(work, table))
        who = registration_at(few, work.as_of, self._anew)
        return table.select(["credit_code", *work.kept]), who, records_known(table)

    def _moved(
        self, stays: pa.Table, rates: np.ndarray, moved: pa.Array, old: pa.Table
    ) -> tuple[pa.Table, pa.Table, np.ndarray]:
        """Return the same of those who are scored again from the features that are there."""
        work = self._work
        if not len(moved):
            empty = pa.table({"credit_code": moved})
            return empty, empty, np.zeros(0, dtype=np.int64)
        stored = self._base.shard_table(self._number, layout.FEATURES)
        stored = stored.filter(pc.is_in(stored["credit_code"], value_set=moved))
        matrix = stored["values"].combine_chunks().flatten().to_numpy().reshape(stored.num_rows, -1)
        chosen = pc.is_in(stays["credit_code"], value_set=moved).to_numpy()
        columns = dict(zip(work.own, matrix.T, strict=True)) | dict(
            zip(work.near, rates[:, chosen], strict=True)
        )
        table = pa.table({"credit_code": moved} | {name: columns[name] for name in work.kept})
        # Of an enterprise with several models the rows say the same of who it is.
        first = pc.index_in(moved, value_set=old["credit_code"].combine_chunks())
        known_of = old.take(first)
        return table, known_of.select(["credit_code", *COLUMNS]), known_of["records"].to_numpy()

    def _residual(self) -> dict[str, float]:
        """Return the largest residuals that the shard had: of those that stay they may be smaller."""
        told = self._base.shard_facts(self._number)
        return {name: told["models"][name]["residual"] for name in self._work.fleet.models}

    def _lay_over(
        self,
        file: str,
        anew: list[pa.Table],
        out: pa.Array,
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
        out
            Codes whose rows in the file are no longer true.
        tables, linked
            What is written and what is linked.
        """
        paths = self._base.linkable(self._number, file)
        if not len(out):
            linked += paths
            return
        whole = self._base.shard_table(self._number, file) if len(paths) > 1 else None
        rows = pa.concat_tables(anew) if anew else None
        there = self._base.shard_codes(self._number, file)
        hidden = there.filter(pc.is_in(there, value_set=out))
        if rows is not None:
            hidden = hidden.filter(
                pc.invert(pc.is_in(hidden, value_set=rows["credit_code"].combine_chunks()))
            )
        over = 0 if rows is None else rows.num_rows
        if whole is not None or len(hidden) or over > REWRITE_SHARE * len(there):
            whole = self._base.shard_table(self._number, file) if whole is None else whole
            kept = whole.filter(pc.invert(pc.is_in(whole["credit_code"], value_set=out)))
            tables[file] = kept if rows is None else laid_over(kept, rows)
            return
        linked += paths
        if rows is not None:
            tables[f"{layout.CHANGED}{file}"] = laid_over(rows.slice(0, 0), rows)


def other_side(thresholds: np.ndarray | None, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Return where a value has moved across a threshold, or is known now or no longer, shape (n,).

    Parameters
    ----------
    thresholds
        Ascending; a split sends ``x <= threshold`` to one side. None if nothing turns on the feature.
    before, after
        Values, shape (n,); NaN is missing.

    Examples
    --------
    >>> before, after = np.array([0.4, 0.5, 0.6, np.nan]), np.array([0.5, 0.51, 0.7, np.nan])
    >>> other_side(np.array([0.5]), before, after).tolist()
    [False, True, False, False]
    """
    if thresholds is None:
        return np.zeros(len(before), dtype=bool)
    sides = [np.searchsorted(thresholds, values, side="left") for values in (before, after)]
    result: np.ndarray = (sides[0] != sides[1]) | (np.isnan(before) != np.isnan(after))
    return result
