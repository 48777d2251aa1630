"""Renewing a classification of the same date after more records came: only what they change is done again.

An enterprise is computed from its records if any were added. All others are scored again only if the rate of
their neighbourhood, or what is counted of those they are tied to, has moved across a number at which anything
turns (a split of a tree, a floor): as long as it has not, margin and contributions are the same to the last
bit. These values themselves follow for everybody from what is kept of all, without a look at records: of the
neighbourhood from where each lies and what each adds itself, of the others from who is tied to whom. Rates
that are those of an earlier classification (:mod:`risk_model.pinned_rates`) stand. What is published is what
a whole run would publish.
"""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.cohort import registered
from features.errors import InputError
from features.kernel import ChangedContext, ChangedSurvey, Context, Survey, merge, reconnected, related
from features.kernel.beyond import BeyondPlan
from features.kernel.reconnected import values_of
from features.kernel.survey import changed_rows, hashed, shared
from features.runners import Threads
from features.runners.few import Few
from features.runners.ranges import ENTERPRISES_A_RANGE
from features.runners.work import RecordReader, survey_range
from features.store import Snapshot
from risk_model.classified_range import Classifying
from risk_model.pinned_rates import INPUT, origin_of
from risk_model.publication import Publication, layout
from risk_model.publication.tied import Tied

#: Where something else is told of those tied to more of all enterprises than this, all is done anew.
_MOST = 0.25


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
    tied
        Credit codes of the others of whose tied enterprises something else is known now, sorted; shape (n,).
    related
        Feature of tied enterprises → its values of those, shape (n,).
    turned
        Those of whom one of these is on another side of a number at which anything turns, sorted.
    rates_stand
        Whether the sums behind the rates of the neighbourhood are what they were.
    """

    base: Path
    changed: pa.Array
    cohort: pa.Array
    tied: pa.Array
    related: Mapping[str, np.ndarray]
    turned: pa.Array
    rates_stand: bool


@dataclass(frozen=True)
class Found:
    """A renewal, and what is known of all as they are.

    Attributes
    ----------
    what
        What more records change.
    near
        What features across enterprises must know of the others for whoever changes.
    context
        What they know of all.
    survey
        What everybody told.
    tied
        Features of tied enterprises of those of whom a shard does not say what they are now.
    """

    what: Renewal
    near: Context
    context: ChangedContext
    survey: ChangedSurvey
    tied: Tied


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
        if (told.get(INPUT) if origin is None else origin_of(told, base.name)) == origin:
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
) -> Found | None:
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
    Found or None
        None if a shard would have nobody left, or what is told of tied enterprises is another for many: then
        all is to be done anew.
    """
    beyond, as_of = work.plan.beyond, work.as_of
    assert beyond is not None
    kept = ChangedSurvey.load(base.folder.resolve() / layout.SURVEY)
    earlier = Snapshot.earlier(snapshot, base.document["data_snapshot"])
    only = None if pinned is None else _added_to(earlier, snapshot, changed)
    own = hashed(changed)
    with ThreadPoolExecutor() as pool:
        # Neither needs anything of the other.
        loading = pool.submit(_loaded, base, own)
        in_business = pool.submit(_in_business, snapshot, as_of, changed)
        preparing = pool.submit(work.fleet.prepare)
        old, new = (_surveyed(reader, changed, (beyond, kept.dates), only) for reader in (earlier, snapshot))
    (before, with_own), cohort = loading.result(), in_business.result()
    preparing.result()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        # Read while it is found out who is tied to whom, which keeps one core busy.
        everybody = pool.map(partial(_codes_of_shard, base), range(len(base.document["shards"])))
        ties, events = changed_rows(old.ties, new.ties), changed_rows(old.events, new.events)
        now = kept.changed(old, new)
        if pinned is not None:
            now = now.with_rates(pinned.survey.rates)
        of_hubs = shared(now.ties_of(values_of(ties["hub"])))
        reached = values_of(ties["code"], events["code"], of_hubs["code"]).to_numpy()
        # Beyond those tied to these nothing else is known of anybody; with whom they are tied counts, too.
        near = before.around(np.union1d(with_own, before.near(np.setdiff1d(reached, own))))
        again = reconnected(near.survey, of_hubs, ties, events, now.events_of)
        context = replace(near, survey=again.of(near.survey, now.rates, now.tables))
        touched = np.setdiff1d(_touched(ties, events, near, context), own)
        tied, related_now, turned = _otherwise_tied(work, everybody, touched, near, context)
    stand = context.survey.rates.equals(before.survey.rates)
    what = Renewal(base.folder.resolve(), changed, cohort, tied, related_now, turned, stand)
    laid = Tied.of(tied, related_now).over(base.tied, changed)
    if len(laid.codes) > _MOST * base.document["enterprises"]:
        return None
    gone = changed.filter(pc.invert(pc.is_in(changed, value_set=cohort)))
    for number, shard in enumerate(base.document["shards"]):
        if len(within(gone, *stretch(base, number))) >= shard["enterprises"]:
            return None
    kept_context = base.folder.resolve() / layout.CONTEXT
    return Found(what, context, ChangedContext.upon(kept_context, now.rates, now.tables, again), now, laid)


def _loaded(base: Publication, changed: np.ndarray) -> tuple[Context, np.ndarray]:
    """Return what features across enterprises knew of all, and hashes of some and all tied to them."""
    context = base.context()
    assert context is not None
    return context, context.near(changed)


def _in_business(snapshot: Snapshot, as_of: date, among: pa.Array) -> pa.Array:
    """Return those of some enterprises that are in business at a date, sorted."""
    cohort = registered(snapshot, [as_of], among=among)["credit_code"].combine_chunks()
    return cohort.take(pc.array_sort_indices(cohort))


def _added_to(earlier: Snapshot, later: Snapshot, changed: pa.Array) -> frozenset[str]:
    """Return the tables whose records may be others, or seen at other dates; of some enterprises."""
    found = {name for name in later.tables if later.tables[name] != earlier.tables.get(name)}
    if "credit_repair" in found:
        # A repair ends the visibility of records of another table, and of a third what it said before.
        targets = Few(later, changed).read("credit_repair", columns=["target_table"])["target_table"]
        found |= set(pc.unique(targets).to_pylist()) & set(later.tables)
    return frozenset(found)


def _surveyed(
    snapshot: Snapshot, codes: pa.Array, asked: tuple[BeyondPlan, np.ndarray], only: frozenset[str] | None
) -> Survey:
    parts = (codes.slice(first, ENTERPRISES_A_RANGE) for first in range(0, len(codes), ENTERPRISES_A_RANGE))
    return merge(Threads(snapshot).map(_survey_few, (*asked, only), parts))


def _survey_few(
    reader: RecordReader, asked: tuple[BeyondPlan, np.ndarray, frozenset[str] | None], codes: pa.Array
) -> Survey:
    plan, dates, only = asked
    return survey_range(Few(reader, codes), (plan, dates), codes, only)


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
    hubs = values_of(ties["hub"], near["hub"])
    members = lasting.filter(pc.is_in(lasting["hub"], value_set=hubs))
    return np.asarray(values_of(ties["code"], members["code"]).to_numpy())


def _otherwise_tied(
    work: Classifying,
    everybody: Iterable[tuple[pa.Array, pa.Array]],
    touched: np.ndarray,
    old: Context,
    new: Context,
) -> tuple[pa.Array, dict[str, np.ndarray], pa.Array]:
    """Return who of the classified has another feature of tied enterprises now, these, and who is turned.

    Parameters
    ----------
    work
        What is classified.
    everybody
        Credit codes of the classified and their hashes, in order.
    touched
        Hashes of the enterprises that may have, uint64.
    old, new
        Who is tied to whom, then and now.
    """
    at = np.zeros(len(touched), dtype=np.int64)
    before, after = (dict(related(work.plan, one.around(touched), touched, at)) for one in (old, new))
    other, turned = (np.zeros(len(touched), dtype=bool) for _ in range(2))
    values = {}
    for column, now in after.items():
        name, then = work.plan.features[column].name, before[column]
        other |= ~((then == now) | (np.isnan(then) & np.isnan(now)))
        turned |= other_side(work.fleet.thresholds.get(name), then, now)
        values[name] = now
    wanted = pa.array(touched[other])
    codes, places = [pa.array([], pa.string())], [np.zeros(0, dtype=np.int64)]
    for of_shard, hashes in everybody:
        place = pc.index_in(hashes, value_set=wanted)
        here = pa.array(np.flatnonzero(place.is_valid().to_numpy(zero_copy_only=False)))
        codes.append(of_shard.take(here))
        places.append(place.take(here).to_numpy())
    named, chosen = pa.concat_arrays(codes), np.flatnonzero(other)[np.concatenate(places)]
    return named, {name: now[chosen] for name, now in values.items()}, named.filter(pa.array(turned[chosen]))


def _codes_of_shard(base: Publication, number: int) -> tuple[pa.Array, pa.Array]:
    """Return the credit codes of the enterprises of a shard and their hashes."""
    found = base.shard_table(number, layout.NEIGHBOURHOOD, ["credit_code", "hash"])
    return found["credit_code"].combine_chunks(), found["hash"].combine_chunks()


def stretch(base: Publication, number: int) -> tuple[str, str | None]:
    """Return the half-open range of credit codes that belong to a shard, known or not."""
    shards = base.document["shards"]
    low = "" if number == 0 else shards[number]["first"]
    return low, shards[number + 1]["first"] if number + 1 < len(shards) else None


def within(codes: pa.Array, low: str, high: str | None) -> pa.Array:
    """Return those of some sorted codes with ``low <= code < high``."""
    first, last = places_within(codes, low, high)
    return codes.slice(first, last - first)


def places_within(codes: pa.Array, low: str, high: str | None) -> tuple[int, int]:
    """Return where those of some sorted codes with ``low <= code < high`` begin and end."""

    def place(code: str) -> int:
        return bisect_left(range(len(codes)), code, key=lambda at: codes[at].as_py())

    return place(low), len(codes) if high is None else place(high)


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
