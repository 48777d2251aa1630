"""Which records made a feature, asked of the kernel itself.

Which records count is the kernel's business: what is visible at the date, what a window holds, what a
condition means. So there is no second rule here. The kernel computes a term over each record alone, and
where the order matters over the records up to each one; from these values it is plain which records made
the value over all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import pyarrow as pa

from features.definitions import Feature
from features.definitions.across import TIE_TABLES, Neighbourhood, Related, Tie
from features.definitions.terms import ALL, Combination, Operation, Term
from features.kernel import survey
from features.kernel.beyond import ADDRESS, BeyondPlan, newest
from features.kernel.combine import due_year
from features.kernel.evaluate import fill_terms
from features.kernel.plan import TablePlan, ValueColumn
from features.kernel.records import Arrays, arrays, numbers

#: The newest record that counts is the value.
_NEWEST = frozenset({Operation.LATEST, Operation.DAYS_SINCE, Operation.DAYS_SINCE_DATE, Operation.LATEST_ROW})
#: The record with the greatest or smallest value is the value.
_EXTREME = frozenset(
    {
        Operation.MAXIMUM,
        Operation.DAYS_OVERDUE,
        Operation.DAYS_UNTIL,
        Operation.AGE_MAXIMUM,
        Operation.DAYS_SINCE_FIRST,
        Operation.LONGEST_IN_FORCE,
    }
)


@dataclass(frozen=True)
class Made:
    """Records of one table that made a feature.

    Attributes
    ----------
    table
        Name of the record table.
    counted
        Rows that the value counts, sums or takes; ascending.
    beside
        Rows that it is compared with: of a share those that only the whole counts, of a repetition the
        record that is repeated, of a series the one that began it; ascending.
    """

    table: str
    counted: tuple[int, ...]
    beside: tuple[int, ...]


def attribute(
    features: Iterable[Feature], records: Mapping[str, pa.Table], credit_code: str, as_of: date
) -> dict[str, tuple[Made, ...]]:
    """Return the records that made each feature of one enterprise.

    Parameters
    ----------
    features
        The features.
    records
        Record tables with the columns of the features and of :data:`features.kernel.evaluate.REQUIRED`,
        in the order of the store; only of this enterprise. A table that is not there was never loaded.
    credit_code
        The enterprise.
    as_of
        The date.

    Returns
    -------
    dict
        Name of the feature → what made it, a table each. Of a feature that looks beyond the enterprise
        only its own records that tie it to the others, never theirs.
    """
    wanted = tuple(features)
    whole = _Enterprise(records, credit_code, as_of, _terms_of(wanted))
    return {feature.name: _merge(whole.parts(feature)) for feature in wanted}


def _terms_of(features: Iterable[Feature]) -> dict[str, list[Term]]:
    """Return all terms to be computed, by table; beside each the number of records that it looks at."""
    found: dict[str, dict[Term, None]] = {}
    for feature in features:
        for term in _own_terms(feature):
            for each in (term, _looked_at(term), _looked_at(replace(term, window=ALL))):
                found.setdefault(term.table, {})[each] = None
    return {table: list(terms) for table, terms in found.items()}


def _own_terms(feature: Feature) -> tuple[Term, ...]:
    """Return the terms over the enterprise's own records."""
    if feature.across is None:
        return feature.terms
    if isinstance(feature.across, Neighbourhood):
        return tuple(newest(level.column) for level in feature.across.levels)
    return (newest(ADDRESS),) if feature.across.tie is Tie.ADDRESS else ()


def _looked_at(term: Term) -> Term:
    return Term(term.table, Operation.COUNT, term.where, term.window)


def _merge(parts: Iterable[Made]) -> tuple[Made, ...]:
    """Put the parts of one table together; a row that counts for any of them counts."""
    counted: dict[str, set[int]] = {}
    beside: dict[str, set[int]] = {}
    for part in parts:
        counted.setdefault(part.table, set()).update(part.counted)
        beside.setdefault(part.table, set()).update(part.beside)
    return tuple(
        Made(table, tuple(sorted(rows)), tuple(sorted(beside[table] - rows)))
        for table, rows in counted.items()
        if rows or beside[table]
    )


class _Table:
    """One record table of the enterprise, and the terms over it."""

    def __init__(self, table: pa.Table, terms: list[Term], code: str, today: int) -> None:
        self.plan = TablePlan.build(terms[0].table, terms)
        self.table, self._arrays = arrays(self.plan, table, pa.array([code]))
        self.rows = self.table.num_rows
        self._today = today
        self._place = {term: place for place, term in enumerate(terms)}
        self._alone = self._compute(np.arange(self.rows + 1), np.arange(self.rows))
        self._all = self._compute(np.array([0, self.rows]), np.zeros(1, dtype=np.int64))[:, 0]
        self._until: np.ndarray | None = None

    def _compute(self, starts: np.ndarray, who: np.ndarray) -> np.ndarray:
        """Return the terms over the rows ``starts[w]:starts[w + 1]`` for each w in ``who``."""
        out = np.empty((len(self._place), len(who)))
        today = np.full(len(who), self._today, dtype=np.int64)
        parts: Arrays = replace(self._arrays, starts=starts.astype(np.int64))
        fill_terms(self.plan, parts, who.astype(np.int64), today, due_year(today), out)
        return out

    def alone(self, term: Term) -> np.ndarray:
        """Return the term over each record alone, shape (rows,)."""
        return np.asarray(self._alone[self._place[term]])

    def looked_at(self, term: Term) -> np.ndarray:
        """Return which records the term looks at: visible, within the window, meeting its condition."""
        return np.asarray(self.alone(_looked_at(term)) > 0)

    def of_all(self, term: Term) -> float:
        """Return the term over all records."""
        return float(self._all[self._place[term]])

    def until(self, term: Term) -> np.ndarray:
        """Return the term over the records up to each one, shape (rows,)."""
        if self._until is None:
            starts = np.zeros(2 * self.rows, dtype=np.int64)
            starts[1::2] = np.arange(1, self.rows + 1)
            self._until = self._compute(starts, 2 * np.arange(self.rows))
        return np.asarray(self._until[self._place[term]])

    @property
    def day(self) -> np.ndarray:
        """Days of the events, shape (rows,)."""
        return self._arrays.event_day


class _Enterprise:
    """All that is known of the enterprise."""

    def __init__(
        self, records: Mapping[str, pa.Table], code: str, as_of: date, terms: Mapping[str, list[Term]]
    ) -> None:
        self._records = records
        self._code = code
        self._tied: dict[Tie, tuple[int, ...]] = {}
        self._today = int(np.datetime64(as_of, "D").astype(np.int64))
        self._tables = {
            name: _Table(records[name], wanted, code, self._today)
            for name, wanted in terms.items()
            if name in records
        }

    def parts(self, feature: Feature) -> Iterable[Made]:
        """Yield what made a feature, term by term."""
        for place, term in enumerate(_own_terms(feature)):
            if term.table not in self._tables:
                continue
            counted, beside = self._made(term, feature)
            if place > 0 or feature.across is not None:
                # The first term is what is told; all others are what it is compared with.
                counted, beside = np.empty(0, dtype=np.int64), np.union1d(counted, beside)
            yield Made(term.table, tuple(counted.tolist()), tuple(beside.tolist()))
        across = feature.across
        if isinstance(across, Related) and across.tie is not Tie.ADDRESS:
            named = TIE_TABLES[across.tie]
            if named in self._records:
                if across.tie not in self._tied:
                    self._tied[across.tie] = tuple(self._tying(feature, named))
                yield Made(named, (), self._tied[across.tie])

    def _made(self, term: Term, feature: Feature) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows that a term counts, and those that it compares them with."""
        table = self._tables[term.table]
        rule = _SERIES.get(term.operation)
        if rule is not None:
            return rule(table, term)
        made = _made_alone(table, term)
        if feature.combination is Combination.YEARS_MISSING and term.operation is Operation.YEARS:
            asked = (1 << int(feature.parameters[0])) - 1
            made &= (table.alone(term).astype(np.int64) & asked) > 0
        return np.flatnonzero(made), np.empty(0, dtype=np.int64)

    def _tying(self, feature: Feature, named: str) -> Iterable[int]:
        """Yield the rows of a table that tie the enterprise to others at the date."""
        plan = BeyondPlan.build([feature])
        assert plan is not None  # it looks beyond
        table = self._records[named]
        today = np.array([self._today], dtype=np.int64)
        for row in range(table.num_rows):
            one = survey(plan, {named: table.slice(row, 1)}, pa.array([self._code]), today)
            if one.ties.num_rows:
                yield row


def _made_alone(table: _Table, term: Term) -> np.ndarray:
    """Return which records made a term in which no record depends on another, bool, shape (rows,)."""
    alone = table.alone(term)
    looked_at = table.looked_at(term)
    if term.operation in _NEWEST:
        return _last(looked_at)
    if term.operation is Operation.YEAR_VALUE:
        return _last(~np.isnan(alone))
    if term.operation in _EXTREME:
        return np.asarray(looked_at & (alone == table.of_all(term)))
    # An age may be 0 and still be one of those of a mean.
    return looked_at if term.operation is Operation.AGE_SUM else np.asarray(alone != 0)


def _last(rows: np.ndarray) -> np.ndarray:
    """Return only the last of some rows."""
    found = np.zeros(len(rows), dtype=bool)
    found[np.flatnonzero(rows)[-1:]] = True
    return found


def _repeated(table: _Table, term: Term) -> tuple[np.ndarray, np.ndarray]:
    """Return the records that repeat another, and those that they repeat."""
    counted = np.flatnonzero(np.diff(table.until(term), prepend=0.0) > 0)
    assert term.column is not None  # it is told apart by a code
    code = numbers(ValueColumn(term.column, term.categories, term.characters), table.table[term.column])
    # What is repeated may lie before the window.
    known = table.looked_at(replace(term, window=ALL))
    beside = [
        np.flatnonzero(known & (code == code[row]) & (table.day < table.day[row]))[-1] for row in counted
    ]
    return counted, np.setdiff1d(np.array(beside, dtype=np.int64), counted)


def _in_a_row(table: _Table, term: Term) -> tuple[np.ndarray, np.ndarray]:
    """Return the records of the present series, and the one that ended the series before."""
    alone = table.alone(term)
    ended = np.flatnonzero(table.looked_at(term) & (alone == 0))[-1:]
    counted = np.flatnonzero(alone > 0)
    return counted[counted > ended[0]] if len(ended) else counted, ended


_SERIES: Mapping[Operation, Callable[[_Table, Term], tuple[np.ndarray, np.ndarray]]] = {
    Operation.REPEATS: _repeated,
    Operation.STREAK: _in_a_row,
}
