"""Renewing a classification of the same date after more records came: only what they change is done again.

An enterprise is scored again if a record of its own was added, if that of somebody it is tied to was, or if
the rate of its neighbourhood has moved across a number at which anything turns (a split of a tree, a floor):
as long as it has not, margin and contributions are the same to the last bit. The rates themselves are
computed again for everybody, from where each lies and what each adds itself, without a look at its records;
where they are those that were published before (:mod:`risk_model.pinned_rates`), not even that: a shard in
which nobody has records of his own, or of those he is tied to, is taken over as it is. What is published is
what a whole run would publish.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.cohort import registered
from features.errors import InputError
from features.kernel import Context, Neighbours, Survey, merge, reconnected, replaced
from features.kernel.beyond import BeyondPlan
from features.kernel.survey import changed_rows, hashed
from features.runners import Threads
from features.runners.few import Few
from features.runners.ranges import ENTERPRISES_A_RANGE, PAIR_SCHEMA, cut
from features.runners.work import RecordReader, survey_range, survey_ties
from features.store import Snapshot
from risk_model.classified_range import (
    Classifying,
    Scored,
    computed,
    facts_of,
    neighbourhood,
    opened,
    own_values,
    score_rows,
)
from risk_model.coverage import records_known
from risk_model.pinned_rates import INPUT, origin_of
from risk_model.publication import Publication, layout
from risk_model.publication.reading import laid_over
from risk_model.publication.writing import WrittenShard, link_shard, write_shard
from risk_model.registration import COLUMNS, registration_at

#: A file of which more is changed is written anew: what lies over the rest would cost more than it saves.
REWRITE_SHARE = 0.25
#: Shards whose few enterprises are computed together, at most: a stretch of records is read once for all.
SHARDS_AT_ONCE = 8
#: Stretches that there should be at least, so that everybody has work.
STRETCHES = 4


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
    rates_stand
        Whether the sums behind the rates of the neighbourhood are what they were.
    """

    base: Path
    changed: pa.Array
    cohort: pa.Array
    touched: np.ndarray
    rates_stand: bool


def renewable(
    publications: Sequence[Publication], as_of: date, inputs: Mapping[str, Any], snapshot: Any
) -> tuple[Publication, pa.Array] | None:
    """Return the newest classification that can be renewed, and of whom records were added since.

    One with the rates of the neighbourhood that are wanted goes before newer ones with others.

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
    for base in _candidates(publications, as_of, inputs):
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


def _candidates(
    publications: Sequence[Publication], as_of: date, inputs: Mapping[str, Any]
) -> list[Publication]:
    """Return the classifications that differ in records, or in whose rates they took."""
    wanted, origin = _but_for_rates(inputs), inputs.get(INPUT)
    same, others = [], []
    for base in reversed(publications):
        told = base.document.get("inputs", {})
        if base.as_of != as_of or _but_for_rates(told) != wanted:
            continue
        if told.get(INPUT) == origin or (origin is not None and origin_of(told, base.name) == origin):
            same.append(base)
        elif origin is not None:
            others.append(base)
        # What was kept with rates of another does not tell what its own would have been.
    return same + others


def _but_for_rates(inputs: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in inputs.items() if name != INPUT}


def renewal(
    base: Publication,
    changed: pa.Array,
    snapshot: Snapshot,
    work: Classifying,
    pinned: Context | None = None,
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
    pinned
        Whose rates of the neighbourhood are taken; by default they are made from the records.

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
    earlier = Snapshot.earlier(snapshot, base.document["data_snapshot"])
    only = None if pinned is None else _added_to(earlier, snapshot)
    old, new = (_surveyed(reader, changed, (beyond, whole.dates), only) for reader in (earlier, snapshot))
    ties, events = changed_rows(old.ties, new.ties), changed_rows(old.events, new.events)
    now = replace(whole, survey=replaced(whole.survey, old, new))
    if pinned is not None:
        now = now.with_rates_of(pinned)
    context = replace(now, survey=reconnected(before.survey, now.survey, ties, events))
    cohort = registered(snapshot, [as_of], among=changed)["credit_code"].combine_chunks()
    cohort = cohort.take(pc.array_sort_indices(cohort))
    touched = _touched(ties, events, before, context)
    stand = context.survey.rates.equals(before.survey.rates)
    found = Renewal(base.folder.resolve(), changed, cohort, touched, stand)
    gone = changed.filter(pc.invert(pc.is_in(changed, value_set=cohort)))
    for number, shard in enumerate(base.document["shards"]):
        if len(_within(gone, *_stretch(base, number))) >= shard["enterprises"]:
            return None
    return found, context, now


def members_of(what: Renewal) -> np.ndarray:
    """Return the hashes of the enterprises that are computed from their records; uint64."""
    return np.union1d(hashed(what.cohort), what.touched)


def _added_to(earlier: Snapshot, later: Snapshot) -> frozenset[str]:
    """Return the tables whose records may be others, or seen at other dates."""
    found = frozenset(name for name in later.tables if later.tables[name] != earlier.tables.get(name))
    # A repair ends the visibility of records of any table.
    return frozenset(later.tables) if "credit_repair" in found else found


def _surveyed(
    snapshot: Snapshot, codes: pa.Array, asked: tuple[BeyondPlan, np.ndarray], only: frozenset[str] | None
) -> Survey:
    parts = (codes.slice(first, ENTERPRISES_A_RANGE) for first in range(0, len(codes), ENTERPRISES_A_RANGE))
    return merge(Threads(snapshot).map(_survey_few, (*asked, only), parts))


def _survey_few(
    reader: RecordReader, asked: tuple[BeyondPlan, np.ndarray, frozenset[str] | None], codes: pa.Array
) -> Survey:
    plan, dates, only = asked
    few = Few(reader, codes)
    return (
        survey_range(few, (plan, dates), codes)
        if only is None
        else survey_ties(few, (plan, dates, only), codes)
    )


def _touched(ties: pa.Table, events: pa.Table, old: Context, new: Context) -> np.ndarray:
    """Return hashes of the enterprises whose features of tied enterprises may be others now.

    Parameters
    ----------
    ties, events
        Rows that are there now and were not, or were and are not.
    old, new
        Who is tied to whom, then and now.
    """
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


def _within(codes: pa.Array, low: str, high: str | None) -> pa.Array:
    return codes.filter(_mask(codes, low, high))


def _mask(codes: pa.Array | pa.ChunkedArray, low: str, high: str | None) -> Any:
    above = pc.greater_equal(codes, low)
    return above if high is None else pc.and_(above, pc.less(codes, high))


def stretches(first: int, shards: int) -> Iterator[range]:
    """Yield shards that are renewed together, from the first one that is left.

    Examples
    --------
    >>> list(stretches(1, 10))
    [range(1, 3), range(3, 5), range(5, 7), range(7, 9), range(9, 10)]
    """
    size = max(1, min(SHARDS_AT_ONCE, (shards - first) // STRETCHES))
    for low in range(first, shards, size):
        yield range(low, min(low + size, shards))


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
    return [shard.write(fresh) for shard in shards]


@dataclass(frozen=True)
class _Fresh:
    """What was computed from records: rows of every file, sorted by credit code."""

    scored: Scored
    values: pa.Table
    near: pa.Table


def _fresh(reader: RecordReader, work: Classifying, anew: pa.Array) -> _Fresh | None:
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
    return _Fresh(scored, own_values(work, table), near)


class _Shard:
    """One shard of the classification that is renewed, and what becomes of it.

    Enterprises are *anew* (all about them is computed from their records), *moved* (the rate of their
    neighbourhood is on another side of a number, so they are scored again from the features that are there),
    or they stay as they are but for that rate.
    """

    def __init__(self, work: Classifying, what: Renewal, number: int) -> None:
        self._work = work
        self._number = number
        self._rates_stand = what.rates_stand
        self._base = opened(what.base)
        self._bounds = _stretch(self._base, number)
        changed = _within(what.changed, *self._bounds)
        none = pa.array([], pa.string())
        #: Whose rows are no longer true, whatever becomes of them; and who is computed anew.
        self._out, self.anew = none, none
        if not len(changed) and not len(what.touched):
            return
        places = self._base.shard_table(number, layout.NEIGHBOURHOOD, ["credit_code", "hash"])
        #: Who was classified.
        self._there = places["credit_code"].combine_chunks()
        tied = self._there.filter(pc.is_in(places["hash"].combine_chunks(), value_set=pa.array(what.touched)))
        tied = tied.filter(pc.invert(pc.is_in(tied, value_set=changed)))
        known = changed.filter(pc.is_in(changed, value_set=self._there))
        self._out = _in_order(known, tied)
        self.anew = _in_order(_within(what.cohort, *self._bounds), tied)

    def write(self, fresh: _Fresh | None) -> WrittenShard:
        """Write it.

        Parameters
        ----------
        fresh
            What was computed of those who are computed anew, here and elsewhere.
        """
        if self._rates_stand and not len(self._out) and not len(self.anew):
            return link_shard(self._work.folder, self._base.shard_folder(self._number))
        work, out = self._work, self._out
        old = self._base.shard_table(self._number, layout.CLASSIFICATION)
        there = self._codes()
        tables: dict[str, pa.Table] = {}
        linked: list[Path] = []
        residual = self._residual()
        fresh = fresh if len(self.anew) else None
        parts = [] if fresh is None else [fresh.scored]
        done = out
        if self._rates_stand:
            near = None if fresh is None else self._own(fresh.near)
            self._lay_over(layout.NEIGHBOURHOOD, near, out, there, tables, linked)
        else:
            places = self._base.shard_table(self._number, layout.NEIGHBOURHOOD)
            stays, rates, moved = self._neighbours(places)
            nearby = [neighbourhood(work, stays["credit_code"].combine_chunks(), rates, self._places(stays))]
            nearby += [] if fresh is None else [self._own(fresh.near)]
            tables[layout.NEIGHBOURHOOD] = _by_code(pa.concat_tables(nearby))
            if len(moved):
                parts.append(score_rows(work, *self._moved(stays, rates, moved, old)))
            done = pa.concat_arrays([out, moved])
        for scored in parts:
            for name, found in scored.residual.items():
                residual[name] = max(residual[name], found)
        rows = old
        if len(done) or parts:
            kept = old.filter(pc.invert(pc.is_in(old["credit_code"], value_set=done)))
            rows = _by_code(pa.concat_tables([kept, *(self._own(scored.rows) for scored in parts)]))
            tables[layout.CLASSIFICATION] = rows
        else:
            linked += self._base.linkable(self._number, layout.CLASSIFICATION)
        values = None if fresh is None else self._own(fresh.values)
        self._lay_over(layout.FEATURES, values, out, there, tables, linked)
        for name in work.fleet.models:
            again = [self._own(scored.contributions[name]) for scored in parts]
            explained = old.filter(pc.equal(old["model"], name))["credit_code"].combine_chunks()
            file = layout.contributions_file(name)
            self._lay_over(file, pa.concat_tables(again) if again else None, done, explained, tables, linked)
        stay = there.filter(pc.invert(pc.is_in(there, value_set=out)))
        facts = facts_of(work, rows, _in_order(stay, self.anew), residual)
        return write_shard(work.folder, tables, facts, linked)

    def _codes(self) -> pa.Array:
        """Return who was classified."""
        if not hasattr(self, "_there"):
            places = self._base.shard_table(self._number, layout.NEIGHBOURHOOD, ["credit_code"])
            self._there = places["credit_code"].combine_chunks()
        return self._there

    def _own(self, table: pa.Table) -> pa.Table:
        """Return the rows of this shard."""
        return table.filter(_mask(table["credit_code"], *self._bounds))

    def _neighbours(self, near: pa.Table) -> tuple[pa.Table, np.ndarray, pa.Array]:
        """Return who stays, their rates of the neighbourhood now, and those of whom one has moved."""
        work = self._work
        assert work.plan.beyond is not None
        assert work.context is not None
        stays = near.filter(pc.invert(pc.is_in(near["credit_code"], value_set=self._out)))
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

    def _moved(
        self, stays: pa.Table, rates: np.ndarray, moved: pa.Array, old: pa.Table
    ) -> tuple[pa.Table, pa.Table, np.ndarray]:
        """Return features, registration and number of records of those who are scored from what is there."""
        work = self._work
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
        anew: pa.Table | None,
        out: pa.Array,
        there: pa.Array,
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
        there
            Codes that it had rows of, those over it included.
        tables, linked
            What is written and what is linked.
        """
        if not len(out) and (anew is None or not anew.num_rows):
            linked += self._base.linkable(self._number, file)
            return
        over = self._base.shard_changed(self._number, file)
        parts = [] if anew is None else [anew]
        if over is not None:
            parts.append(over.filter(pc.invert(pc.is_in(over["credit_code"], value_set=out))))
        path = self._base.shard_whole(self._number, file)
        laid = _by_code(pa.concat_tables(parts)) if parts else None
        count = 0 if laid is None else laid.num_rows
        if count <= REWRITE_SHARE * len(there) and not self._hides(path, out, there, laid):
            linked.append(path)
            if laid is not None and count:
                tables[f"{layout.CHANGED}{file}"] = laid
            return
        whole = pq.read_table(path)
        kept = whole.filter(pc.invert(pc.is_in(whole["credit_code"], value_set=out)))
        tables[file] = kept if laid is None else laid_over(kept, laid)

    def _hides(self, path: Path, out: pa.Array, there: pa.Array, laid: pa.Table | None) -> bool:
        """Return whether a file has rows that must go and that no others lie over."""
        bare = out.filter(pc.is_in(out, value_set=there))
        if laid is not None:
            bare = bare.filter(pc.invert(pc.is_in(bare, value_set=laid["credit_code"].combine_chunks())))
        if not len(bare):
            return False
        # Somebody who came after the file was written has rows only over it.
        codes = pq.read_table(path, columns=["credit_code"])["credit_code"]
        return bool(pc.any(pc.is_in(codes, value_set=bare)).as_py())


def _in_order(first: pa.Array, second: pa.Array) -> pa.Array:
    """Return the codes of both, sorted."""
    together = pa.concat_arrays([first, second])
    return together.take(pc.array_sort_indices(together))


def _by_code(rows: pa.Table) -> pa.Table:
    return rows.take(pc.sort_indices(rows, sort_keys=[("credit_code", "ascending")]))


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
