"""First phase of features across enterprises: what a range of enterprises adds to what all must know.

A record counts on a stretch of as-of dates, an enterprise lies in a neighbourhood on stretches of
dates, and a tie lasts for one. So the survey is made of stretches, as places ``[first, last)`` in the
sorted list of dates that are asked for, and its cost does not grow with the number of dates.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numba import njit

from features.definitions.across import TIE_TABLES, Tie
from features.definitions.expressions import Columns
from features.definitions.terms import Operation, Term
from features.kernel.beyond import ADDRESS, PRODUCER, BeyondPlan, RatePlan, newest
from features.kernel.records import days

RATES = pa.schema(
    [
        pa.field("rate", pa.int32()),
        pa.field("level", pa.int32()),
        pa.field("key", pa.string()),
        pa.field("at", pa.int32()),
        pa.field("top", pa.int64()),
        pa.field("bottom", pa.int64()),
    ]
)
TIES = pa.schema(
    [
        pa.field("tie", pa.int32()),
        pa.field("hub", pa.uint64()),
        pa.field("code", pa.uint64()),
        pa.field("first", pa.int32()),
        pa.field("last", pa.int32()),
    ]
)
EVENTS = pa.schema(
    [
        pa.field("code", pa.uint64()),
        pa.field("term", pa.int32()),
        pa.field("hub", pa.uint64()),
        pa.field("first", pa.int32()),
        pa.field("last", pa.int32()),
    ]
)
_FAR = np.int64(1 << 40)
#: Ranges whose sums are added up together, and ties that are looked through at once: they bound the memory.
_MERGED_AT_ONCE = 16
_TIES_AT_ONCE = 2_000_000


@dataclass(frozen=True)
class Survey:
    """What is known of a range of enterprises, or of all.

    Attributes
    ----------
    rates
        Steps of the sums of both terms of every rate by neighbourhood: at place ``at`` of the list of
        dates they change by ``top`` and ``bottom``.
    ties
        Hub (a person, an enterprise, an address) and enterprise, as 64-bit hashes, with the stretch.
    events
        Enterprise and term that it adds 1 to, with the stretch. Where it counts for one hub only, such as
        the producer of the goods, that hub; otherwise missing.
    tables
        Record tables that there are.
    """

    rates: pa.Table
    ties: pa.Table
    events: pa.Table
    tables: frozenset[str]


def rows_with(table: pa.Table, column: str, values: pa.Array) -> pa.Table:
    """Return the rows with one of some values in a column, in their order; large tables on all cores."""

    def of_stretch(first: int) -> pa.Table:
        part = table.slice(first, _ROWS_A_STRETCH)
        return part.filter(pc.is_in(part[column], value_set=values))

    if table.num_rows <= _ROWS_A_STRETCH:
        return of_stretch(0)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return pa.concat_tables(pool.map(of_stretch, range(0, table.num_rows, _ROWS_A_STRETCH)))


#: Rows that one thread looks through at once.
_ROWS_A_STRETCH = 500_000
#: Of fewer values none is looked for twice before hashing: that takes longer than the hashing.
_FEW = 16


def hashed(values: pa.Array | pa.ChunkedArray | list[str]) -> np.ndarray:
    """Return 64-bit hashes of strings, the same on every machine; uint64."""
    if not isinstance(values, list):
        values = values.to_numpy(zero_copy_only=False)
    objects = np.asarray(values, dtype=object)
    return np.asarray(pd.util.hash_array(objects, categorize=len(objects) > _FEW), dtype=np.uint64)


def survey(
    plan: BeyondPlan,
    records: Mapping[str, pa.Table],
    codes: pa.Array,
    dates: np.ndarray,
    only: frozenset[str] | None = None,
) -> Survey:
    """Survey a range of enterprises.

    Parameters
    ----------
    plan
        What is needed.
    records
        Record tables with the columns of the kernel, of the plan's terms and of its ties.
    codes
        Sorted unique credit codes of the range.
    dates
        Sorted as-of days, int64.
    only
        Ties and events of records of these tables, and no rates; by default all. ``records`` need no others.
    """
    own = _Range(records, codes, dates)
    rates = [_rate(own, number, rate) for number, rate in enumerate(plan.rates) if only is None]
    ties = [
        _ties(own, number, tie)
        for number, tie in enumerate(plan.ties)
        if only is None or TIE_TABLES[tie] in only
    ]
    events = [
        _events(own, number, term, of_producer=number in plan.of_producer)
        for number, term in enumerate(plan.terms)
        if plan.ties and (only is None or term.table in only)
    ]
    found = Survey(_stack(rates, RATES), _stack(ties, TIES), _stack(events, EVENTS), frozenset(records))
    return merge([found])


def merge(parts: Iterable[Survey]) -> Survey:
    """Put surveys of ranges together: steps of the same neighbourhood and date are added."""
    rates: list[pa.Table] = []
    ties, events, tables = [], [], frozenset[str]()
    for part in parts:
        rates.append(part.rates)
        if len(rates) >= _MERGED_AT_ONCE:
            rates = [_added(rates)]
        ties.append(part.ties)
        events.append(part.events)
        tables |= part.tables
    # Left in the pieces in which they come: put together they would be there twice for a while.
    return Survey(_added(rates), _in_pieces(ties, TIES), _in_pieces(events, EVENTS), tables)


def replaced_rates(whole: pa.Table, before: pa.Table, after: pa.Table) -> pa.Table:
    """Return the sums of all in which some enterprises add something else.

    Parameters
    ----------
    whole
        Of all, as they were.
    before, after
        Of the same enterprises, as they were and as they are.
    """
    sums = before
    for name in ("top", "bottom"):
        place = sums.schema.get_field_index(name)
        sums = sums.set_column(place, sums.schema.field(place), pc.negate(sums[name]))
    rates = _added([whole, sums, after])
    return rates.filter(pc.or_(pc.not_equal(rates["top"], 0), pc.not_equal(rates["bottom"], 0)))


def changed_rows(before: pa.Table, after: pa.Table) -> pa.Table:
    """Return the rows that only one of two tables has, or has more often."""
    return balance([signed(before, -1), signed(after, 1)]).drop_columns(["times"])


def signed(rows: pa.Table, times: int) -> pa.Table:
    """Return rows that each count so many times."""
    return rows.append_column("times", pa.array(np.full(rows.num_rows, times, dtype=np.int64)))


def balance(parts: list[pa.Table]) -> pa.Table:
    """Return the distinct rows of tables and how many ``times`` they count together, unless that is 0."""
    rows = pa.concat_tables(parts)
    names = [name for name in rows.column_names if name != "times"]
    summed = rows.group_by(names).aggregate([("times", "sum")])
    summed = summed.filter(pc.not_equal(summed["times_sum"], 0))
    return summed.select([*names, "times_sum"]).rename_columns([*names, "times"])


def _in_pieces(parts: list[pa.Table], schema: pa.Schema) -> pa.Table:
    return pa.concat_tables([schema.empty_table(), *parts])


def _added(parts: list[pa.Table]) -> pa.Table:
    rates = _stack(parts, RATES)
    summed = rates.group_by(["rate", "level", "key", "at"]).aggregate([("top", "sum"), ("bottom", "sum")])
    return summed.rename_columns(["rate", "level", "key", "at", "top", "bottom"]).cast(RATES)


def connected(whole: Survey) -> Survey:
    """Leave out ties that tie nobody, and what is known of enterprises without a tie."""
    kept = _stack([shared(ties) for ties in _by_hub(whole.ties)], TIES)
    kept = kept.sort_by([(name, "ascending") for name in TIES.names])
    mask = pc.is_in(whole.events["code"], value_set=pc.unique(kept["code"]))
    events = whole.events.filter(mask).sort_by([(name, "ascending") for name in EVENTS.names])
    return Survey(sorted_rates(whole.rates), kept.combine_chunks(), events.combine_chunks(), whole.tables)


def sorted_rates(rates: pa.Table) -> pa.Table:
    """Return the steps of the rates by rate, level, neighbourhood and date."""
    return rates.sort_by([(name, "ascending") for name in ("rate", "level", "key", "at")]).combine_chunks()


def _by_hub(ties: pa.Table) -> Iterator[pa.Table]:
    """Yield the ties in stretches of hubs: what is kept of each hub at once bounds the memory."""
    parts = -(-max(ties.num_rows, 1) // _TIES_AT_ONCE)
    if parts == 1:
        yield ties
        return
    # Hubs are hashes: any bits divide them evenly.
    part = ties["hub"].to_numpy() % np.uint64(parts)
    for number in range(parts):
        yield ties.filter(pa.array(part == number))


def shared(ties: pa.Table) -> pa.Table:
    """Return the ties of hubs that tie more than one enterprise, in any order."""
    members = ties.group_by(["tie", "hub"]).aggregate([("code", "min"), ("code", "max")])
    several = members.filter(pc.not_equal(members["code_min"], members["code_max"])).select(["tie", "hub"])
    return ties.join(several, keys=["tie", "hub"], join_type="left semi").select(TIES.names)


def _stack(parts: list[pa.Table], schema: pa.Schema) -> pa.Table:
    return pa.concat_tables([schema.empty_table(), *parts]).combine_chunks()


class _Range:
    """Records of a range of enterprises, with what is asked of them more than once."""

    def __init__(self, records: Mapping[str, pa.Table], codes: pa.Array, dates: np.ndarray) -> None:
        self.records = records
        self.codes = codes
        self.dates = dates
        self.hashes = hashed(codes)
        self._columns: dict[str, Columns] = {}
        self._places: dict[str, np.ndarray] = {}

    def place(self, table: str) -> np.ndarray:
        """Return the place of each record's enterprise in the range, -1 if it is of none."""
        if table not in self._places:
            found = pc.index_in(self.records[table]["credit_code"], value_set=self.codes)
            self._places[table] = found.combine_chunks().fill_null(-1).to_numpy().astype(np.int64)
        return self._places[table]

    def holds(self, term: Term) -> np.ndarray:
        """Return for which records of its table a term's condition holds."""
        if term.table not in self._columns:
            self._columns[term.table] = Columns(self.records[term.table])
        return self._columns[term.table].truth(term.where).holds & (self.place(term.table) >= 0)

    def stretch(self, first_day: np.ndarray, last_day: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the places of the dates in ``[first_day, last_day)``."""
        return np.searchsorted(self.dates, first_day), np.searchsorted(self.dates, last_day)

    def counted(self, term: Term) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the records that a term counts at some date: row and stretch."""
        table = self.records[term.table]
        event = days(table["event_date"]).astype(np.int64)
        begin = np.maximum(event, days(table["visible_from"]))
        end = np.minimum(days(table["visible_to"]).astype(np.int64), event + term.window.days)
        if term.operation is Operation.IN_FORCE:
            end = np.minimum(end, ending(table[term.column]))
        first, last = self.stretch(begin, end)
        rows = np.flatnonzero(self.holds(term) & (first < last))
        return rows, first[rows], last[rows]


def ending(data: pa.ChunkedArray) -> np.ndarray:
    """Return dates of an end as days, far away where there is none; int64."""
    numbers = data.cast(pa.int32()).cast(pa.int64()).fill_null(int(_FAR))
    return np.asarray(numbers.to_numpy())


def _runs(own: _Range, columns: list[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return stretches on which the newest registration with each column is the same.

    Returns
    -------
    tuple
        Enterprise, first and last place of a date, each of shape (n,), and rows of ``enterprise``,
        shape (n, columns), -1 where none is known.
    """
    table = own.records["enterprise"]
    holds = np.column_stack([own.holds(newest(column)) for column in columns])
    return _newest_runs(  # type: ignore[no-any-return]
        own.place("enterprise"),
        days(table["event_date"]),
        days(table["visible_from"]),
        days(table["visible_to"]),
        holds,
        own.dates,
        len(own.codes),
    )


@njit(nogil=True, cache=True)
def _newest_runs(  # type: ignore[no-untyped-def]  # noqa: PLR0912
    place, event, visible_from, visible_to, holds, dates, enterprises
):
    columns = holds.shape[1]
    count = dates.shape[0]
    who: list[int] = [0 for _ in range(0)]
    first: list[int] = [0 for _ in range(0)]
    last: list[int] = [0 for _ in range(0)]
    rows: list[int] = [0 for _ in range(0)]
    now = np.empty(columns, dtype=np.int64)
    before = np.empty(columns, dtype=np.int64)
    start = 0
    for enterprise in range(enterprises):
        while start < place.shape[0] and place[start] < enterprise:
            start += 1
        stop = start
        while stop < place.shape[0] and place[stop] == enterprise:
            stop += 1
        began = 0
        # What is known changes only where a registration begins or ends to be visible.
        marks = np.zeros(2 * (stop - start) + 1, dtype=np.int64)
        for row in range(start, stop):
            marks[2 * (row - start)] = np.searchsorted(dates, max(event[row], visible_from[row]))
            marks[2 * (row - start) + 1] = np.searchsorted(dates, visible_to[row])
        marks.sort()
        checked = np.int64(-1)
        for at in marks:
            if at == checked or at >= count:
                continue
            checked = at
            today = dates[at]
            now[:] = -1
            for row in range(start, stop):
                if event[row] > today:
                    break
                if visible_from[row] <= today < visible_to[row]:
                    for column in range(columns):
                        if holds[row, column]:
                            now[column] = row
            if at > 0 and not (now == before).all():
                who.append(enterprise)
                first.append(began)
                last.append(at)  # type: ignore[arg-type]
                for column in range(columns):
                    rows.append(before[column])
                began = at  # type: ignore[assignment]
            before[:] = now
        if count > 0:
            who.append(enterprise)
            first.append(began)
            last.append(count)
            for column in range(columns):
                rows.append(before[column])
        start = stop
    found = np.array(rows, dtype=np.int64).reshape(len(who), columns)
    return (
        np.array(who, dtype=np.int64),
        np.array(first, dtype=np.int64),
        np.array(last, dtype=np.int64),
        found,
    )


@njit(nogil=True, cache=True)
def _overlaps(who, first, last, run_start, run_first, run_last):  # type: ignore[no-untyped-def]
    """Cut stretches of enterprises by their runs: stretch, run and the places of both."""
    total = 0
    for i in range(who.shape[0]):
        for run in range(run_start[who[i]], run_start[who[i] + 1]):
            if first[i] < run_last[run] and run_first[run] < last[i]:
                total += 1
    stretch = np.empty(total, dtype=np.int64)
    runs = np.empty(total, dtype=np.int64)
    begin = np.empty(total, dtype=np.int64)
    end = np.empty(total, dtype=np.int64)
    n = 0
    for i in range(who.shape[0]):
        for run in range(run_start[who[i]], run_start[who[i] + 1]):
            if first[i] < run_last[run] and run_first[run] < last[i]:
                stretch[n] = i
                runs[n] = run
                begin[n] = max(first[i], run_first[run])
                end[n] = min(last[i], run_last[run])
                n += 1
    return stretch, runs, begin, end


def level_keys(plan: RatePlan, table: pa.Table, rows: np.ndarray) -> list[pa.Array]:
    """Return the neighbourhood of each row at each level, null where it is unknown.

    Parameters
    ----------
    plan
        The rate.
    table
        Registrations.
    rows
        Row of the newest registration for each level's column, -1 if unknown; shape (n, levels).
    """
    count = len(rows)
    keys = [pa.array(np.full(count, "", dtype=object), pa.string())]
    for i, level in enumerate(plan.neighbourhood.levels):
        place = pa.array(rows[:, i], mask=rows[:, i] < 0)
        values = table[level.column].combine_chunks().take(place)
        if level.characters is not None:
            values = pc.utf8_slice_codeunits(values, 0, level.characters)
        # A level is known only if all wider ones are: what is null stays null.
        keys.append(pc.binary_join_element_wise(keys[-1], values, "|"))
    return keys


def _rate(own: _Range, number: int, plan: RatePlan) -> pa.Table:
    levels = plan.neighbourhood.levels
    if plan.top.table not in own.records or "enterprise" not in own.records:
        return RATES.empty_table()
    columns = [level.column for level in levels]
    run_who, run_first, run_last, rows = _runs(own, columns)
    starts = np.searchsorted(run_who, np.arange(len(own.codes) + 1))
    keys = level_keys(plan, own.records["enterprise"], rows)
    parts = []
    for name, term in (("top", plan.top), ("bottom", plan.bottom)):
        row, first, last = own.counted(term)
        who = own.place(term.table)[row]
        _, run, begin, end = _overlaps(who, first, last, starts, run_first, run_last)
        for level, key in enumerate(keys):
            named = key.take(pa.array(run))
            for at, sign in ((begin, 1), (end, -1)):
                steps = np.full(len(run), sign, dtype=np.int64)
                zeros = np.zeros(len(run), dtype=np.int64)
                table = pa.table(
                    {
                        "rate": np.full(len(run), number, dtype=np.int32),
                        "level": np.full(len(run), level, dtype=np.int32),
                        "key": named,
                        "at": at.astype(np.int32),
                        "top": steps if name == "top" else zeros,
                        "bottom": steps if name == "bottom" else zeros,
                    },
                    schema=RATES,
                )
                parts.append(table.filter(pc.and_(pc.is_valid(named), pa.array(at < len(own.dates)))))
    return _stack(parts, RATES)


def _tie_table(
    number: int, hub: np.ndarray, code: np.ndarray, first: np.ndarray, last: np.ndarray
) -> pa.Table:
    return pa.table(
        [np.full(len(hub), number, dtype=np.int32), hub, code, first.astype(np.int32), last.astype(np.int32)],
        schema=TIES,
    )


def _ties(own: _Range, number: int, tie: Tie) -> pa.Table:
    if tie is Tie.ADDRESS:
        return _address_ties(own, number)
    if tie is Tie.PRODUCER:
        return _producer_ties(own, number)
    if "relation" not in own.records:
        return TIES.empty_table()
    table = own.records["relation"]
    event = days(table["event_date"]).astype(np.int64)
    begin = np.maximum(event, days(table["visible_from"]))
    end = np.minimum(days(table["visible_to"]), ending(table["ended_on"]))
    first, last = own.stretch(begin, end)
    lasts = (first < last) & (own.place("relation") >= 0)
    kind = table["kind"]
    if tie is Tie.PERSON:
        of_kind = pc.is_in(kind, value_set=pa.array(["legal_representative", "shareholder"]))
        chosen = lasts & np.asarray(pc.and_(of_kind, pc.is_valid(table["person_key"])))
        rows = np.flatnonzero(chosen)
        person = pc.binary_join_element_wise("person", table["person_key"].take(pa.array(rows)), ":")
        code = own.hashes[own.place("relation")[rows]]
        return _tie_table(number, hashed(person), code, first[rows], last[rows])
    of_kind = pc.is_in(kind, value_set=pa.array(["branch", "investment", "shareholder"]))
    rows = np.flatnonzero(lasts & np.asarray(pc.and_(of_kind, pc.is_valid(table["related_code"]))))
    chosen_rows = pa.array(rows)
    one = table["credit_code"].take(chosen_rows)
    other = table["related_code"].take(chosen_rows)
    # The owner is the hub: of a branch or investment this enterprise, of a shareholding the other.
    owner = pc.if_else(pc.equal(kind.take(chosen_rows), "shareholder"), other, one)
    hub = hashed(pc.binary_join_element_wise("enterprise", owner, ":"))
    return pa.concat_tables(
        [_tie_table(number, hub, hashed(member), first[rows], last[rows]) for member in (one, other)]
    )


def _address_ties(own: _Range, number: int) -> pa.Table:
    if "enterprise" not in own.records:
        return TIES.empty_table()
    who, first, last, rows = _runs(own, [ADDRESS])
    known = np.flatnonzero(rows[:, 0] >= 0)
    address = own.records["enterprise"][ADDRESS].combine_chunks().take(pa.array(rows[known, 0]))
    hub = hashed(pc.binary_join_element_wise("address", address, ":"))
    return _tie_table(number, hub, own.hashes[who[known]], first[known], last[known])


def _producer_hubs(table: pa.Table, rows: np.ndarray) -> np.ndarray:
    return hashed(pc.binary_join_element_wise("producer", table[PRODUCER].take(pa.array(rows)), ":"))


def _producer_ties(own: _Range, number: int) -> pa.Table:
    if "sampling_test" not in own.records:
        return TIES.empty_table()
    table = own.records["sampling_test"]
    begin = np.maximum(days(table["event_date"]), days(table["visible_from"]))
    first, last = own.stretch(begin, days(table["visible_to"]))
    stated = np.asarray(pc.is_valid(table[PRODUCER]))
    rows = np.flatnonzero((first < last) & (own.place("sampling_test") >= 0) & stated)
    code = own.hashes[own.place("sampling_test")[rows]]
    return _tie_table(number, _producer_hubs(table, rows), code, first[rows], last[rows])


def _events(own: _Range, number: int, term: Term, *, of_producer: bool) -> pa.Table:
    if term.table not in own.records:
        return EVENTS.empty_table()
    rows, first, last = own.counted(term)
    table = own.records[term.table]
    if of_producer:
        stated = np.asarray(pc.is_valid(table[PRODUCER]))[rows]
        rows, first, last = rows[stated], first[stated], last[stated]
        hub = pa.array(_producer_hubs(table, rows))
    else:
        hub = pa.nulls(len(rows), pa.uint64())
    code = own.hashes[own.place(term.table)[rows]]
    named = np.full(len(rows), number, dtype=np.int32)
    return pa.table(
        [code, named, hub, first.astype(np.int32), last.astype(np.int32)],
        schema=EVENTS,
    )
