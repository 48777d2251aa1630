"""Whether rows may go into the store: the record table's own schema, checked for all rows at once."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from features.records import TABLES, RecordTable
from features.records.credit_code import ALPHABET, CodeKind, check_character
from features.records.schema import ARROW_TYPES, Column
from features.sources.values import UNKNOWN_CODE, Problem

with warnings.catch_warnings():
    # Where Spark is installed, it is loaded along and warns of pandas 3; neither is used here.
    warnings.simplefilter("ignore", FutureWarning)
    import pandera.pandas as pandera
    from pandera.backends.pandas import builtin_checks  # noqa: F401 - what loads Spark when first needed
    from pandera.errors import SchemaErrors

#: No record of market supervision is older; what is, is a typing error or a placeholder.
EARLIEST = date(1900, 1, 1)
#: How far in the future a recording date may lie: clocks and batches differ by hours, not by years.
AHEAD = timedelta(days=366)

NAME_WITHOUT_CODE, NAME_AMBIGUOUS = "name_without_code", "name_ambiguous"
#: Kind of a code that identifies nobody → reason.
CODE_REASONS = {
    CodeKind.WRONG_CHECK.value: "code_wrong_check",
    CodeKind.MALFORMED.value: "code_malformed",
    CodeKind.MISSING.value: "code_missing",
    NAME_WITHOUT_CODE: NAME_WITHOUT_CODE,
    NAME_AMBIGUOUS: NAME_AMBIGUOUS,
}
LEGACY = pa.array([CodeKind.LEGACY_REGISTRATION.value, CodeKind.LEGACY_ORGANISATION.value])

# Columns that are checked beside those of the table.
_KIND, _DELAY = "#code_kind", "#recording_delay"
_WRONG_DATE, _AFTER = "date_out_of_range", "event_after_recording"


@dataclass(frozen=True)
class Candidate:
    """Rows of one table before validation.

    Attributes
    ----------
    rows
        The table's ``arrow_schema``.
    kinds
        Kind of each credit code: :class:`CodeKind`, ``name_without_code`` or ``name_ambiguous``.
    codes
        What stood in place of the code.
    """

    rows: pa.Table
    kinds: pa.Array
    codes: pa.Array


@cache
def schema_of(name: str, today: date) -> pandera.DataFrameSchema:
    """Return the schema of a record table's rows: types, required columns, code sets, bounds, dates."""
    table = TABLES[name]
    columns = {column.name: _schema_column(column, today) for column in table.all_columns}
    good = [kind.value for kind in CodeKind if kind.identifies]
    columns[_KIND] = pandera.Column(checks=pandera.Check.isin(good, error="code_kind"), nullable=False)
    columns[_DELAY] = pandera.Column(checks=pandera.Check.ge(0, error=_AFTER), nullable=True)
    return pandera.DataFrameSchema(columns)


def _schema_column(column: Column, today: date) -> pandera.Column:
    checks = []
    if column.codes is not None:
        checks.append(pandera.Check.isin(list(column.codes), error=UNKNOWN_CODE))
    if column.low is not None:
        checks.append(pandera.Check.ge(column.low, error="out_of_range"))
    if column.high is not None:
        checks.append(pandera.Check.le(column.high, error="out_of_range"))
    if column.type == "date":
        checks.append(pandera.Check.ge(EARLIEST, error=_WRONG_DATE))
    if column.name in ("event_date", "recorded_at"):
        checks.append(pandera.Check.le(today + AHEAD, error=_WRONG_DATE))
    # A missing credit code is told by its kind.
    nullable = not column.required or column.name == "credit_code"
    return pandera.Column(
        pd.ArrowDtype(ARROW_TYPES[column.type]), checks=checks, nullable=nullable, name=column.name
    )


def validate(table: RecordTable, candidate: Candidate) -> Iterator[Problem]:
    """Yield what is wrong with the rows of a table, each kind of fault once a column."""
    rows = candidate.rows
    event, recorded = (rows[name].cast(pa.int32()) for name in ("event_date", "recorded_at"))
    frame = rows.to_pandas(types_mapper=pd.ArrowDtype)
    frame[_KIND] = pd.Series(candidate.kinds.to_pandas(), dtype="string")
    frame[_DELAY] = pd.Series(pc.subtract(recorded, event).to_pandas(types_mapper=pd.ArrowDtype))
    try:
        schema_of(table.name, date.today()).validate(frame, lazy=True)  # noqa: DTZ011 - civil dates
    except SchemaErrors as errors:
        failures = errors.failure_cases
    else:
        return
    if failures["index"].isna().any():
        # Not a row but a whole column is at fault: the conversion is wrong, not the data.
        raise RuntimeError(f"table {table.name!r}: {failures[failures['index'].isna()].to_dict('records')}")
    order = {name: place for place, name in enumerate([_KIND, *table.arrow_schema.names, _DELAY])}
    groups = sorted(failures.groupby(["column", "check"]), key=lambda group: order[group[0][0]])
    for (name, check), found in groups:
        which = np.zeros(len(frame), dtype=bool)
        which[found["index"].to_numpy(dtype=np.int64)] = True
        if name == _KIND:
            yield from _code_problems(candidate, which)
        elif name == _DELAY:
            given = rows["event_date"].combine_chunks()
            yield Problem(_AFTER, "event_date", which, given, "is later than the date of recording")
        else:
            given = rows[name].combine_chunks()
            yield _problem(table.column(name), str(check), which, given)


def _problem(column: Column, check: str, which: np.ndarray, given: pa.Array) -> Problem:
    if check == "not_nullable":
        return Problem("missing_required", column.name, which, None, "is missing")
    if check == UNKNOWN_CODE and column.codes is not None:
        return Problem(UNKNOWN_CODE, column.name, which, given, f"is no code of {column.codes.name!r}")
    if check == _WRONG_DATE:
        return Problem(_WRONG_DATE, column.name, which, given, "is before 1900 or in the future")
    low = "" if column.low is None else f"{column.low:g}"
    high = "" if column.high is None else f"{column.high:g}"
    return Problem(check, column.name, which, given, f"is out of range ({low} to {high})")


def _code_problems(candidate: Candidate, which: np.ndarray) -> Iterator[Problem]:
    kinds = candidate.kinds.to_numpy(zero_copy_only=False)
    for kind, reason in CODE_REASONS.items():
        rows = which & (kinds == kind)
        if rows.any():
            yield CodeProblem(reason, "credit_code", rows, candidate.codes, kind)


class CodeProblem(Problem):
    """Rows whose credit code identifies nobody; ``what`` is the kind of the code."""

    def detail(self, row: int) -> str:
        """Say what is wrong with the code."""
        code = "" if self.given is None else str(self.given[row].as_py())
        if self.what == CodeKind.WRONG_CHECK.value:
            return f"{code!r}: check character {code[-1]!r} is wrong, expected {check_character(code[:17])!r}"
        if self.what == CodeKind.MALFORMED.value:
            return f"{code!r}: {len(code)} characters; a credit code has 18, of {ALPHABET}"
        if self.what == NAME_WITHOUT_CODE:
            return f"no credit code, and no enterprise of the name {code!r} is known"
        if self.what == NAME_AMBIGUOUS:
            return f"no credit code, and several enterprises have the name {code!r}"
        return "there is no credit code"
