"""Second phase of features across enterprises: from the survey of all to the values of a range."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numba import njit

from features.errors import InputError
from features.kernel.beyond import BeyondPlan
from features.kernel.combine import ratio
from features.kernel.reconnected import Reconnection
from features.kernel.survey import EVENTS, RATES, TIES, Survey, connected, rows_with

FORMAT = 2


@dataclass(frozen=True)
class Context:
    """What all features across enterprises must know of the others, at given dates.

    Parameters
    ----------
    fingerprint
        Of the :class:`~features.kernel.beyond.BeyondPlan` that it was made for.
    dates
        Sorted as-of days since 1970-01-01, int64.
    survey
        Of all enterprises, only ties that tie somebody.
    """

    fingerprint: str
    dates: np.ndarray
    survey: Survey

    def at(self, day: int) -> Context:
        """Return the context of one of its dates, for those who score single enterprises then.

        Raises
        ------
        InputError
            If the day is none of its dates.
        """
        place = self._place(day)

        def lasting(table: pa.Table) -> pa.Table:
            now = table.filter(
                pc.and_(pc.less_equal(table["first"], place), pc.greater(table["last"], place))
            )
            schema = table.schema
            zero, one = pa.scalar(0, pa.int32()), pa.scalar(1, pa.int32())
            for name, value in (("first", zero), ("last", one)):
                i = schema.get_field_index(name)
                now = now.set_column(i, schema.field(i), pa.repeat(value, now.num_rows))
            return now

        rates = self.survey.rates
        rates = rates.filter(pc.less_equal(rates["at"], place))
        summed = rates.group_by(["rate", "level", "key"]).aggregate([("top", "sum"), ("bottom", "sum")])
        at = pa.repeat(pa.scalar(0, pa.int32()), summed.num_rows)
        columns = [
            summed["rate"],
            summed["level"],
            summed["key"],
            at,
            summed["top_sum"],
            summed["bottom_sum"],
        ]
        kept = Survey(
            pa.table(columns, schema=RATES),
            lasting(self.survey.ties),
            lasting(self.survey.events),
            self.survey.tables,
        )
        return Context(self.fingerprint, np.array([day], dtype=np.int64), connected(kept))

    def save(self, folder: Path) -> None:
        """Write it as three Parquet files and ``context.json``."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, table in (
            ("rates", self.survey.rates),
            ("ties", self.survey.ties),
            ("events", self.survey.events),
        ):
            path = folder / f"{name}.parquet"
            # It may be a link to bytes that others have, too.
            path.unlink(missing_ok=True)
            pq.write_table(table, path, compression="zstd")
        content = {
            "format": FORMAT,
            "fingerprint": self.fingerprint,
            "dates": [int(day) for day in self.dates],
            "tables": sorted(self.survey.tables),
        }
        (folder / "context.json").write_text(json.dumps(content) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, *, only_rates: bool = False, as_written: bool = False) -> Context:
        """Read what :meth:`save` wrote.

        Parameters
        ----------
        folder
            Where it lies.
        only_rates
            Leave out who is tied to whom.
        as_written
            Leave out what is told again beside the files (:class:`features.kernel.ChangedContext`).

        Raises
        ------
        InputError
            If the folder holds no context, or one of an unknown format.
        """
        try:
            content: dict[str, Any] = json.loads((folder / "context.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise InputError(
                f"{folder} holds no context of other enterprises",
                field="context",
                fix="Write one with risk-model features --context DIR.",
            ) from None
        if content.get("format") != FORMAT:
            raise InputError(
                f"context format {content.get('format')!r} is unknown; this version reads {FORMAT}",
                field="context",
            )
        tables = [
            pq.read_table(folder / f"{name}.parquet", schema=schema)
            if name == "rates" or not only_rates
            else schema.empty_table()
            for name, schema in (("rates", RATES), ("ties", TIES), ("events", EVENTS))
        ]
        dates = np.array(content["dates"], dtype=np.int64)
        rates, ties, events = tables
        # Ties and events are left in pieces: put together they would be there twice for a while.
        survey = Survey(rates.combine_chunks(), ties, events, frozenset(content["tables"]))
        again = None if only_rates or as_written else Reconnection.load(folder)
        if again is not None:
            survey = again.of(survey, survey.rates, survey.tables)
        return cls(content["fingerprint"], dates, survey)

    def check(self, plan: BeyondPlan) -> None:
        """Make sure that it was made for a plan.

        Raises
        ------
        InputError
            If it was made for other features.
        """
        if plan.fingerprint != self.fingerprint:
            raise InputError(
                "the context of other enterprises was made for other features",
                field="context",
                fix="Make it again with the same features.",
            )

    def with_rates_of(self, other: Context) -> Context:
        """Return the same with the sums of another behind the rates of the neighbourhood.

        Raises
        ------
        InputError
            If the other was made for other features or other dates.
        """
        if other.fingerprint != self.fingerprint or not np.array_equal(other.dates, self.dates):
            raise InputError(
                "rates of the neighbourhood were made for other features or other dates",
                field="context",
                fix="Take those of the same features and dates.",
            )
        survey = Survey(other.survey.rates, self.survey.ties, self.survey.events, self.survey.tables)
        return Context(self.fingerprint, self.dates, survey)

    def near(self, members: np.ndarray) -> np.ndarray:
        """Return the hashes of some enterprises and of all that share a hub with one of them, uint64."""
        return np.union1d(members, self._ties_near(members)["code"].to_numpy())

    def _ties_near(self, members: np.ndarray) -> pa.Table:
        """Return all ties of the hubs that tie any of some enterprises, in order."""
        ties = self.survey.ties
        own = rows_with(ties, "code", pa.array(members))
        parts = []
        for tie in pc.unique(own["tie"]).to_pylist():
            # Ties are sorted by kind and hub, so nobody else's are looked at.
            low, high = np.searchsorted(self._columns["tie"], [tie, tie + 1])
            hubs = np.unique(own.filter(pc.equal(own["tie"], tie))["hub"].to_numpy())
            parts.append(low + _places_of(self._columns["hub"][low:high], hubs))
        found = np.sort(np.concatenate(parts)) if parts else np.zeros(0, dtype=np.int64)
        return ties.take(pa.array(found)).combine_chunks()

    @cached_property
    def _columns(self) -> dict[str, np.ndarray]:
        """By what ties and events are sorted."""
        ties, events = self.survey.ties, self.survey.events
        return {
            "tie": ties["tie"].to_numpy(),
            "hub": ties["hub"].to_numpy(),
            "event": events["code"].to_numpy(),
        }

    def around(self, members: np.ndarray) -> Context:
        """Return what must be known to compute the features of some enterprises, and not of others.

        Parameters
        ----------
        members
            Hashes of their credit codes, uint64.
        """
        ties = self._ties_near(members)
        found = _places_of(self._columns["event"], np.unique(ties["code"].to_numpy()))
        events = self.survey.events.take(pa.array(found)).combine_chunks()
        survey = Survey(self.survey.rates, ties, events, self.survey.tables)
        return Context(self.fingerprint, self.dates, survey)

    def places(self, as_of: np.ndarray) -> np.ndarray:
        """Return the place of the last date that is not after each day, -1 if there is none."""
        return np.searchsorted(self.dates, as_of, side="right") - 1

    def _place(self, day: int) -> int:
        found = int(np.searchsorted(self.dates, day))
        if found == len(self.dates) or self.dates[found] != day:
            raise InputError(f"the context holds no date {np.datetime64(day, 'D')}", field="as_of")
        return found

    def sums(self, rate: int, level: int, keys: pa.Array, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the sums of both terms of a rate over everybody in a neighbourhood at a date.

        Parameters
        ----------
        rate, level
            Place of the rate in the plan, and of the level in its neighbourhoods.
        keys
            Neighbourhoods, shape (n,); where it is null the sums are 0.
        at
            Places of dates, int64, shape (n,).
        """
        steps = self._steps.get((rate, level))
        if steps is None:
            return np.zeros(len(keys)), np.zeros(len(keys))
        names, position, top, bottom = steps
        width = len(self.dates)
        place = pc.index_in(keys, value_set=names).fill_null(-1).to_numpy().astype(np.int64)
        newest = np.searchsorted(position, place * width + at, side="right") - 1
        known = (place >= 0) & (newest >= 0) & (position[newest] // width == place)
        return np.where(known, top[newest], 0.0), np.where(known, bottom[newest], 0.0)

    def sum_of(self, rate: int, level: int, key: str, at: int) -> tuple[float, float]:
        """Return the sums of both terms of a rate over everybody in one neighbourhood at a date.

        Parameters
        ----------
        rate, level, key, at
            As for :meth:`sums`, of one neighbourhood.
        """
        steps = self._steps.get((rate, level))
        if steps is None:
            return 0.0, 0.0
        # Arrow would read all names for the one that is looked for.
        one = self._place_of_name(rate, level).get(key)
        if one is None:
            return 0.0, 0.0
        _, position, top, bottom = steps
        width = len(self.dates)
        last = int(position.searchsorted(one * width + at, side="right")) - 1
        if last < 0 or position[last] // width != one:
            return 0.0, 0.0
        return float(top[last]), float(bottom[last])

    def _place_of_name(self, rate: int, level: int) -> dict[str, int]:
        found = self._named.get((rate, level))
        if found is None:
            names = self._steps[rate, level][0].to_pylist()
            found = self._named[rate, level] = {name: place for place, name in enumerate(names)}
        return found

    @cached_property
    def _named(self) -> dict[tuple[int, int], dict[str, int]]:
        """Of each rate and level that was asked for a single enterprise: the places of its neighbourhoods."""
        return {}

    @cached_property
    def _steps(self) -> dict[tuple[int, int], tuple[pa.Array, np.ndarray, np.ndarray, np.ndarray]]:
        """Of each rate and level: neighbourhoods, and the sums at each of their steps."""
        found = {}
        rates = self.survey.rates
        which = rates.select(["rate", "level"]).group_by(["rate", "level"]).aggregate([])
        for rate, level in zip(which["rate"].to_pylist(), which["level"].to_pylist(), strict=True):
            mine = rates.filter(pc.and_(pc.equal(rates["rate"], rate), pc.equal(rates["level"], level)))
            key = mine["key"].combine_chunks().dictionary_encode()
            place = key.indices.to_numpy().astype(np.int64)
            position = place * len(self.dates) + mine["at"].to_numpy()
            order = np.argsort(position, kind="stable")
            place, position = place[order], position[order]
            heads = np.flatnonzero(np.diff(place, prepend=-1))
            sums = []
            for name in ("top", "bottom"):
                total = np.cumsum(mine[name].to_numpy()[order])
                before = np.where(heads > 0, total[heads - 1], 0)
                sums.append((total - np.repeat(before, np.diff(heads, append=len(place)))).astype(float))
            found[rate, level] = (key.dictionary, position, sums[0], sums[1])
        return found

    @cached_property
    def _codes(self) -> np.ndarray:
        """Hashes of the enterprises that are tied to somebody, sorted."""
        return np.unique(self.survey.ties["code"].to_numpy())

    @cached_property
    def _ties(self) -> dict[int, tuple[np.ndarray, ...]]:
        """Of each tie: the members of its hubs, and the hubs of each enterprise."""
        found: dict[int, tuple[np.ndarray, ...]] = {}
        ties = self.survey.ties
        for tie in pc.unique(ties["tie"]).to_pylist():
            mine = ties.filter(pc.equal(ties["tie"], tie))
            hubs, hub = np.unique(mine["hub"].to_numpy(), return_inverse=True)
            member = np.searchsorted(self._codes, mine["code"].to_numpy())
            first, last = mine["first"].to_numpy(), mine["last"].to_numpy()
            by_hub = np.argsort(hub, kind="stable")
            by_member = np.argsort(member, kind="stable")
            found[tie] = (
                np.searchsorted(hub[by_hub], np.arange(hub.max() + 2)),
                member[by_hub],
                first[by_hub],
                last[by_hub],
                np.searchsorted(member[by_member], np.arange(len(self._codes) + 1)),
                hub[by_member],
                first[by_member],
                last[by_member],
                self._hubs_of_events(hubs),
            )
        return found

    def _hubs_of_events(self, hubs: np.ndarray) -> np.ndarray:
        """Return of each event the place of the hub that it counts for: -1 for any, -2 for none of these."""
        named = self.survey.events["hub"].take(pa.array(self._event_order))
        place = pc.index_in(named.combine_chunks(), value_set=pa.array(hubs)).fill_null(-2)
        return np.where(pc.is_null(named).to_numpy(), -1, place.to_numpy()).astype(np.int64)

    @cached_property
    def _event_members(self) -> np.ndarray:
        """Place of each event's enterprise among those that are tied."""
        members: np.ndarray = np.searchsorted(self._codes, self.survey.events["code"].to_numpy())
        return members

    @cached_property
    def _event_order(self) -> np.ndarray:
        """Order of the events by enterprise."""
        return np.argsort(self._event_members, kind="stable")

    @cached_property
    def _events(self) -> tuple[np.ndarray, ...]:
        """What is counted of each enterprise."""
        events = self.survey.events
        member, order = self._event_members, self._event_order
        return (
            np.searchsorted(member[order], np.arange(len(self._codes) + 1)),
            events["term"].to_numpy()[order].astype(np.int64),
            events["first"].to_numpy()[order],
            events["last"].to_numpy()[order],
        )

    def members(self, hashes: np.ndarray) -> np.ndarray:
        """Return the places of enterprises among those that are tied to somebody, int64; -1 for others.

        Parameters
        ----------
        hashes
            Of their credit codes (:func:`features.kernel.survey.hashed`), uint64, shape (n,).
        """
        if not len(self._codes):
            return np.full(len(hashes), -1, dtype=np.int64)
        member = self._codes.searchsorted(hashes)
        member[member == len(self._codes)] = 0
        member[self._codes[member] != hashes] = -1
        return member

    def related_to(
        self, tie: int, at_most: int, terms: int, member: np.ndarray, at: np.ndarray
    ) -> np.ndarray:
        """Return what is known of the enterprises that are tied to some.

        Parameters
        ----------
        tie, at_most
            Place of the tie in the plan; how many a hub may tie.
        terms
            Number of terms that are counted.
        member
            Their places, from :meth:`members`, shape (n,).
        at
            Places of dates, int64, shape (n,).

        Returns
        -------
        numpy.ndarray
            float64, shape (n, 1 + 2 * terms): how many they are, the total of each term over them, and
            how many of them have any.
        """
        out = np.zeros((len(member), 1 + 2 * terms))
        if tie not in self._ties:
            return out
        marks = self._marks
        done = marks.hubs(tie, len(self._ties[tie][0]))
        asked = (member, at, at_most, terms, marks.seen, marks.inside, done, marks.last, out)
        marks.last = _related(*self._ties[tie], *self._events, *asked)  # type: ignore[call-arg]
        return out

    @property
    def _marks(self) -> _Marks:
        """What this thread marks enterprises and hubs with."""
        held: _Marks | None = getattr(self._of_threads, "marks", None)
        if held is None:
            held = self._of_threads.marks = _Marks(len(self._codes))
        return held

    @cached_property
    def _of_threads(self) -> threading.local:
        return threading.local()

    def __getstate__(self) -> dict[str, Any]:
        # What was worked out from it is worked out again where it is sent to.
        return {"fingerprint": self.fingerprint, "dates": self.dates, "survey": self.survey}


def _places_of(column: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the places of some values in a column, int64, ascending; both are sorted."""
    first, last = (np.searchsorted(column, values, side=side) for side in ("left", "right"))
    count = last - first
    before = np.cumsum(count) - count
    return np.repeat(first - before, count) + np.arange(count.sum())


class _Marks:
    """Who was seen: numbers that only grow, so that nothing is wiped between enterprises.

    Wiping would cost every single enterprise a look at all of the province. All ties share the marks of
    enterprises: they are as long as the province.
    """

    def __init__(self, members: int) -> None:
        self.seen, self.inside = (np.zeros(members, dtype=np.int64) for _ in range(2))
        self.last = 0
        self._hubs: dict[int, np.ndarray] = {}

    def hubs(self, tie: int, count: int) -> np.ndarray:
        """Return the marks of the hubs of a tie."""
        if tie not in self._hubs:
            self._hubs[tie] = np.zeros(count, dtype=np.int64)
        return self._hubs[tie]


@njit(nogil=True, cache=True)
def _related(  # type: ignore[no-untyped-def]  # noqa: PLR0912
    hub_start,
    hub_member,
    hub_first,
    hub_last,
    member_start,
    member_hub,
    member_first,
    member_last,
    event_hub,
    event_start,
    event_term,
    event_first,
    event_last,
    who,
    at,
    at_most,
    terms,
    seen,
    inside,
    done,
    last,
    out,
):
    """Fill ``out`` as :meth:`Context.related_to` says; each tied enterprise counts once.

    An event that counts for one hub only counts wherever that hub ties, an enterprise otherwise once.
    Marks in ``seen``, ``inside`` and ``done`` are larger than ``last``; returns the largest.
    """
    visit = last
    any_of = np.zeros(terms, dtype=np.int64)
    for pair in range(who.shape[0]):
        own, now = who[pair], at[pair]
        if own < 0:
            continue
        visit += 1
        mark = visit
        seen[own] = mark
        for i in range(member_start[own], member_start[own + 1]):
            if not member_first[i] <= now < member_last[i]:
                continue
            hub = member_hub[i]
            if done[hub] == mark:
                continue
            done[hub] = mark
            visit += 1
            size = 0
            for j in range(hub_start[hub], hub_start[hub + 1]):
                if hub_first[j] <= now < hub_last[j] and inside[hub_member[j]] != visit:
                    inside[hub_member[j]] = visit
                    size += 1
            if size > at_most:
                continue
            for j in range(hub_start[hub], hub_start[hub + 1]):
                other = hub_member[j]
                if inside[other] != visit or other == own:
                    continue
                inside[other] = -1
                fresh = seen[other] != mark
                seen[other] = mark
                any_of[:] = 0
                for e in range(event_start[other], event_start[other + 1]):
                    counts = event_hub[e] == hub or (event_hub[e] == -1 and fresh)
                    if counts and event_first[e] <= now < event_last[e]:
                        out[pair, 1 + event_term[e]] += 1.0
                        any_of[event_term[e]] = 1
                if not fresh:
                    continue
                out[pair, 0] += 1.0
                for term in range(terms):
                    out[pair, 1 + terms + term] += any_of[term]
    return visit


def rate_of_others(
    pseudo_count: int, sums: list[tuple[np.ndarray, np.ndarray]], known: list[np.ndarray]
) -> np.ndarray:
    """Return a rate, drawn from each neighbourhood towards the wider one.

    Parameters
    ----------
    pseudo_count
        Weight of the wider neighbourhood.
    sums
        Both terms over the others, from the widest neighbourhood to the finest, each of shape (n,).
    known
        Whether the enterprise's place at each level is known, each of shape (n,).
    """
    value = ratio(*sums[0])
    for (top, bottom), where in zip(sums[1:], known[1:], strict=True):
        value = np.where(where, (top + pseudo_count * value) / (bottom + pseudo_count), value)
    return value
