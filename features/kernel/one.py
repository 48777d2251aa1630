"""The kernel for one enterprise alone, without the cost of arrays of one: the same values to the last bit.

The loop over records is the one of all (:mod:`features.kernel.aggregate`). What stands around it in a range
of enterprises is a function of NumPy or Arrow for each step, which cost microseconds each: nothing for a
range and everything for one. Here it is one compiled function for all features that look at the enterprise
alone, and plain numbers for those that look beyond it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numba import njit

from features.definitions.across import Measure, Tie
from features.definitions.terms import Combination
from features.kernel.aggregate import aggregate
from features.kernel.beyond import BeyondPlan, RatePlan, newest
from features.kernel.context import Context
from features.kernel.few import Few
from features.kernel.survey import hashed

if TYPE_CHECKING:
    from features.kernel.plan import Plan, TablePlan

_KINDS = {kind: code for code, kind in enumerate(Combination)}
_VALUE = _KINDS[Combination.VALUE]
_RATIO = _KINDS[Combination.RATIO]
_TREND = _KINDS[Combination.TREND]
_BITS = _KINDS[Combination.BITS]
_YEARS_MISSING = _KINDS[Combination.YEARS_MISSING]
#: Most parameters that a combination has.
_PARAMETERS = 3
_NAN = float("nan")
_ONLY = np.zeros(1, dtype=np.int64)


class _Rate(NamedTuple):
    """A rate among neighbours, with the places of the terms that it needs."""

    number: int
    column: int
    table: str
    top: int
    bottom: int
    levels: tuple[tuple[str, int | None, int], ...]
    pseudo_count: int


class _Tied(NamedTuple):
    """A measure of tied enterprises."""

    column: int
    tables: tuple[str, ...]
    measure: Measure
    term: int


class PackedRecords(NamedTuple):
    """Records of one enterprise over all tables that it has any in, one table after the other.

    Attributes
    ----------
    tables
        Places of the tables in the plan, int64, shape (t,).
    places
        First record and first value of each table, then how many there are, int64, shape (2 * (t + 1),).
    event_day, visible_from, visible_to, words
        Of the records, as in :class:`features.kernel.records.Arrays`.
    values
        Value columns of each table one after the other, float64.
    """

    tables: np.ndarray
    places: np.ndarray
    event_day: np.ndarray
    visible_from: np.ndarray
    visible_to: np.ndarray
    words: np.ndarray
    values: np.ndarray


#: Numbers of a table's plan in the array of shapes.
_SHAPE = 8


def _shapes(plan: Plan) -> np.ndarray:
    """Return of each table how much of its plan lies where in the arrays of :class:`PlanOfOne`.

    Counts of conditions, terms, value columns, half-lives and days of weights; the first integer, the first
    weight, and the first term, which is also the first blank.
    """
    rows = np.zeros((len(plan.tables), _SHAPE), dtype=np.int64)
    integers = weights = terms = 0
    for row, table in zip(rows, plan.tables.values(), strict=True):
        row[:] = (
            len(table.conditions),
            len(table.operation),
            max(len(table.values), 1),
            *table.weights.shape,
            integers,
            weights,
            terms,
        )
        integers += sum(len(part) for part in _integers(table))
        weights += table.weights.size
        terms += len(table.operation)
    return rows


def _integers(table: TablePlan) -> tuple[np.ndarray, ...]:
    """Return what the loop reads of a table's plan, each of the terms' length but the first."""
    return (
        table.first,
        table.place,
        table.operation,
        table.value,
        table.year,
        table.parameter,
        table.window,
    )


class PlanOfOne:
    """What a plan needs for one enterprise, worked out once; safe for several threads.

    Parameters
    ----------
    plan
        The features.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._starts: dict[frozenset[str], np.ndarray] = {}
        self._table_places = {name: place for place, name in enumerate(plan.tables)}
        tables = list(plan.tables.values())
        self._shapes = _shapes(plan)
        self._integers = np.concatenate([part for table in tables for part in _integers(table)] or [_ONLY])
        self._weights = np.concatenate([table.weights.ravel() for table in tables] or [np.zeros(1)])
        self._blank = np.concatenate([table.blank for table in tables] or [np.zeros(1)])
        alone = [(column, feature) for column, feature in enumerate(plan.features) if feature.across is None]
        places = [[plan.place_of(term) for term in feature.terms] for _, feature in alone]
        self._columns = np.array([column for column, _ in alone], dtype=np.int64)
        self._kinds = np.array([_KINDS[feature.combination] for _, feature in alone], dtype=np.int64)
        self._first = np.array([found[0] for found in places], dtype=np.int64)
        self._second = np.array([found[-1] for found in places], dtype=np.int64)
        self._parameters = np.full((_PARAMETERS, len(alone)), np.nan)
        for place, (_, feature) in enumerate(alone):
            self._parameters[: len(feature.parameters), place] = feature.parameters
        beyond = plan.beyond
        self._rates = () if beyond is None else tuple(self._rate(n, r) for n, r in enumerate(beyond.rates))
        self._ties = {} if beyond is None else self._tied(beyond)

    def _rate(self, number: int, rate: RatePlan) -> _Rate:
        place_of = self._plan.place_of
        return _Rate(
            number,
            rate.column,
            rate.top.table,
            place_of(rate.top),
            place_of(rate.bottom),
            tuple(
                (level.column, level.characters, place_of(newest(level.column)))
                for level in rate.neighbourhood.levels
            ),
            rate.neighbourhood.pseudo_count,
        )

    def _tied(self, beyond: BeyondPlan) -> dict[tuple[Tie, int], list[_Tied]]:
        found: dict[tuple[Tie, int], list[_Tied]] = {}
        for part in beyond.related:
            told = _Tied(
                part.column, self._plan.features[part.column].tables, part.related.measure, part.term
            )
            found.setdefault((part.related.tie, part.related.at_most), []).append(told)
        return found

    def packed(self, records: Mapping[str, Few]) -> PackedRecords:
        """Return the records of an enterprise in few arrays, as the loop over all tables reads them.

        Parameters
        ----------
        records
            Table of the plan → its records, of tables that have any.
        """
        event: list[int] = []
        recorded: list[int] = []
        until: list[int] = []
        words: list[int] = []
        values: list[float] = []
        places = [0, 0]
        tables = []
        for name, found in records.items():
            tables.append(self._table_places[name])
            event += found.event_day
            recorded += found.visible_from
            until += found.visible_to
            words += found.words
            for column in found.values:
                values += column
            places += (len(words), len(values))
        count = len(words)
        days = np.array([*event, *recorded, *until], dtype=np.int32)
        return PackedRecords(
            np.array(tables, dtype=np.int64),
            np.array(places, dtype=np.int64),
            days[:count],
            days[count : 2 * count],
            days[2 * count :],
            np.array(words, dtype=np.uint64),
            np.array(values, dtype=np.float64),
        )

    def terms(self, records: PackedRecords, known: frozenset[str], today: np.ndarray) -> np.ndarray:
        """Return the terms of an enterprise at a day.

        Parameters
        ----------
        records
            From :meth:`packed`.
        known
            Tables that are known, of which one without records means that there are none.
        today
            Days since 1970-01-01, int64, shape (1,).

        Returns
        -------
        numpy.ndarray
            float64, shape (number of terms, 1).
        """
        plan, start = self._plan, self._starts.get(known)
        if start is None:
            start = np.full((plan.term_count, 1), np.nan)
            for name, table in plan.tables.items():
                if name in known:
                    start[plan.places[name], 0] = table.blank
            self._starts[known] = start
        found = start.copy()
        _fill(*records, today, self._shapes, self._integers, self._weights, self._blank, found)
        return found

    def combine(self, terms: np.ndarray, today: np.ndarray, result: np.ndarray) -> None:
        """Fill in the features that look at the enterprise alone, as :meth:`Combining.fill` does.

        Parameters
        ----------
        terms
            From :meth:`terms`, at the day.
        today
            Days since 1970-01-01, int64, shape (1,).
        result
            float64, shape (number of features,).
        """
        _combine(
            self._kinds, self._columns, self._first, self._second, self._parameters, terms, today[0], result
        )

    def look_beyond(
        self,
        context: Context,
        terms: np.ndarray,
        registrations: Sequence[Mapping[str, Any]] | None,
        credit_code: str,
        at: int,
        result: np.ndarray,
    ) -> None:
        """Fill in the features that look beyond the enterprise, as ``fill_beyond`` does of many.

        Parameters
        ----------
        context
            What is known of others.
        terms
            From :meth:`terms`, at the date of the context.
        registrations
            Rows of ``enterprise`` in order; None if that table is not known.
        credit_code
            The enterprise.
        at
            Place of the date in the context; -1 if it is before them all.
        result
            float64, shape (number of features,); those features are NaN.

        Raises
        ------
        InputError
            If the context was made for other features.
        """
        beyond = self._plan.beyond
        if beyond is None:
            return
        context.check(beyond)
        if at < 0:
            return
        tables = context.survey.tables
        own = terms[:, 0].tolist()
        if registrations is not None:
            for rate in self._rates:
                if rate.table in tables:
                    result[rate.column] = _rate_near(rate, context, own, registrations, at)
        if not self._ties:
            return
        member = context.members(hashed([credit_code]))
        place, terms_told = np.array([at], dtype=np.int64), len(beyond.terms)
        for (tie, at_most), measures in self._ties.items():
            wanted = [one for one in measures if tables.issuperset(one.tables)]
            if not wanted:
                continue
            number = beyond.ties.index(tie)
            found = context.related_to(number, at_most, terms_told, member, place)[0].tolist()
            for one in wanted:
                if one.measure is Measure.NUMBER:
                    result[one.column] = found[0]
                elif one.measure is Measure.TOTAL:
                    result[one.column] = found[1 + one.term]
                else:
                    result[one.column] = _ratio(found[1 + terms_told + one.term], found[0])


def _rate_near(
    rate: _Rate,
    context: Context,
    own: Sequence[float],
    registrations: Sequence[Mapping[str, Any]],
    at: int,
) -> float:
    """Return the rate among the others, drawn from each neighbourhood towards the wider one."""
    key: str | None = ""
    value = _ratio(*_others(rate, context, 0, "", own, at))
    for level, (column, characters, place) in enumerate(rate.levels, start=1):
        row = own[place]
        named = None if row != row or key is None else registrations[int(row)][column]  # noqa: PLR0124 - NaN
        if named is None:
            # A level is known only if all wider ones are.
            return value
        key = f"{key}|{named[:characters]}"
        top, bottom = _others(rate, context, level, key, own, at)
        value = (top + rate.pseudo_count * value) / (bottom + rate.pseudo_count)
    return value


def _others(
    rate: _Rate, context: Context, level: int, key: str, own: Sequence[float], at: int
) -> tuple[float, float]:
    top, bottom = context.sum_of(rate.number, level, key, at)
    return _not_negative(top - own[rate.top]), _not_negative(bottom - own[rate.bottom])


def _not_negative(value: float) -> float:
    """Return what ``numpy.maximum`` with 0 does: what is not known stays so."""
    return 0.0 if value < 0 else value


def _ratio(first: float, second: float) -> float:
    return first / second if second > 0 else _NAN


@njit(nogil=True, cache=True, error_model="numpy")
def _combine(kinds, columns, first, second, parameters, terms, today, result):  # type: ignore[no-untyped-def]
    for i in range(kinds.shape[0]):
        kind = kinds[i]
        a, b = terms[first[i], 0], terms[second[i], 0]
        value = np.nan
        if kind == _VALUE:
            value = a
        elif kind == _RATIO:
            if b > 0:
                value = a / b
        elif kind == _TREND:
            if b > 0:
                recent_days, total_days, pseudo = parameters[0, i], parameters[1, i], parameters[2, i]
                before_days = total_days - recent_days
                now = (a + pseudo) / recent_days
                then = (b - a + pseudo * before_days / recent_days) / before_days
                value = now / then
        elif kind == _BITS:
            if not np.isnan(a):
                value = np.float64(_ones(np.int64(a)))
        elif kind == _YEARS_MISSING and not np.isnan(a) and not np.isnan(b):
            # The year of the foundation is the first that is reported.
            founded, _ = _year_and_month(today - np.int64(b))
            due = _due_year(today) - founded + 1
            due = min(max(due, 0), np.int64(parameters[0, i]))
            value = np.float64(due - _ones(np.int64(a) & ((np.int64(1) << due) - 1)))
        result[columns[i]] = value


@njit(nogil=True, cache=True)
def _fill(  # type: ignore[no-untyped-def]
    tables, places, event, begun, ended, words, values, today, shapes, integers, weights, blank, out
):
    """Fill in the terms of all tables that there are records of; each table by the loop of all."""
    only = np.zeros(1, dtype=np.int64)
    starts = np.zeros(2, dtype=np.int64)
    due = np.full(1, _due_year(today[0]))
    for i in range(tables.shape[0]):
        conditions, terms, columns, rows, longest, at, weight, to = shapes[tables[i]]
        begin, end, first = places[2 * i], places[2 * i + 2], places[2 * i + 1]
        starts[1] = end - begin
        if places[2 * i + 3] == first:
            numbers = np.empty((columns, end - begin))
        else:
            numbers = values[first : first + columns * (end - begin)].reshape((columns, end - begin))
        of_conditions, at = integers[at : at + conditions + 1], at + conditions + 1
        aggregate(
            starts,
            event[begin:end],
            begun[begin:end],
            ended[begin:end],
            words[begin:end],
            numbers,
            only,
            today,
            due,
            of_conditions,
            integers[at : at + terms],
            integers[at + terms : at + 2 * terms],
            integers[at + 2 * terms : at + 3 * terms],
            integers[at + 3 * terms : at + 4 * terms],
            integers[at + 4 * terms : at + 5 * terms],
            integers[at + 5 * terms : at + 6 * terms],
            weights[weight : weight + rows * longest].reshape((rows, longest)),
            blank[to : to + terms],
            out[to : to + terms],
        )


@njit(nogil=True, cache=True)
def _ones(word):  # type: ignore[no-untyped-def]
    count = 0
    while word != 0:
        word &= word - 1
        count += 1
    return count


@njit(nogil=True, cache=True)
def _due_year(day):  # type: ignore[no-untyped-def]
    """Return what :func:`features.kernel.combine.due_year` does, of one day."""
    year, month = _year_and_month(day)
    return year - (1 if month > 6 else 2)


@njit(nogil=True, cache=True)
def _year_and_month(day):  # type: ignore[no-untyped-def]
    """Return the year and the month, 1-12, of a day since 1970-01-01 in the Gregorian calendar.

    Counted from 1 March of the year 0 in periods of 400 years, which are all of one length.
    """
    day = day + 719_468
    era = day // 146_097
    of_era = day - era * 146_097
    year_of_era = (of_era - of_era // 1_460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    from_march = (5 * of_year + 2) // 153
    month = from_march + 3 if from_march < 10 else from_march - 9
    year = year_of_era + era * 400 + (1 if month <= 2 else 0)
    return year, month
