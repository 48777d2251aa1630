"""What a mapping says of a value and of a condition, computed for all rows of a chunk at once."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features.records.schema import ARROW_TYPES, Column
from features.sources import conversion
from features.sources.needs import template_columns
from features.sources.reading import Chunk
from features.sources.settings import Case, Condition, Scalar, Value

Mask = npt.NDArray[np.bool_]

#: Columns of a chunk that say for which column of the file a record was made (``for_each``).
ITEM_NAME, ITEM_VALUE = "#name", "#value"

#: Type of a column → reason for which a text that cannot be read puts a row into the quarantine.
UNREADABLE = {
    "date": "unreadable_date",
    "int": "unreadable_number",
    "float": "unreadable_number",
    "fen": "unreadable_number",
    "bool": "unreadable_boolean",
}
UNKNOWN_CODE = "unknown_code"


@dataclass(frozen=True)
class Problem:
    """Rows that cannot be used, and why.

    Attributes
    ----------
    reason, column
        The reason, and the canonical column.
    rows
        Which rows, shape (n,).
    given
        What stood there.
    what
        Said before what stood there.
    """

    reason: str
    column: str
    rows: Mask
    given: pa.Array | None
    what: str

    def detail(self, row: int) -> str:
        """Return one sentence on a row."""
        given = None if self.given is None else self.given[row].as_py()
        return f"{self.column}: {self.what}" if given is None else f"{self.column}: {given!r} {self.what}"


@dataclass
class Evaluation:
    """Values of one chunk.

    Parameters
    ----------
    chunk
        The rows.
    parameters
        Of the mapping.
    """

    chunk: Chunk
    parameters: Mapping[str, Scalar] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def column(self, column: Column, value: Value) -> pa.Array:
        """Return a canonical column; rows whose value cannot be read become problems."""
        given = self._value(value, column.name)
        if given.type == pa.null():
            return given.cast(ARROW_TYPES[column.type])
        if column.type == "string":
            return conversion.to_text(given)
        return self._typed(column, value, given)

    def _typed(self, column: Column, value: Value, given: pa.Array) -> pa.Array:
        form = value.dates
        if column.type == "date":
            result = conversion.to_date(given, form or conversion.ISO)
            what = f"is no date ({', '.join(form or conversion.ISO)})"
        elif column.type == "bool":
            result = conversion.to_bool(given, value.true_words, value.false_words)
            what = "is neither yes nor no"
        elif column.type == "float":
            result = conversion.to_float(given, value.scale)
            what = "is no number"
        else:
            result = conversion.to_whole(given, value.scale)
            what = "is no whole number" + (f" of fen, times {value.scale}" if value.scale is not None else "")
        unreadable = pc.and_(pc.is_null(result), pc.is_valid(given)).to_numpy(zero_copy_only=False)
        if unreadable.any() and value.unreadable == "quarantine":
            self.problems.append(
                Problem(UNREADABLE[column.type], column.name, unreadable, conversion.to_text(given), what)
            )
        return result

    def _value(self, value: Value, column: str) -> pa.Array:
        result = self._origin(value, column)
        if value.extract is not None:
            pattern = group_named(value.extract)
            result = pc.struct_field(pc.extract_regex(conversion.to_text(result), pattern=pattern), "found")
        for pattern, into in (value.replace or {}).items():
            result = pc.replace_substring_regex(conversion.to_text(result), pattern=pattern, replacement=into)
        if value.codes is not None:
            result = self._translated(value, conversion.to_text(result), column)
        if value.prefix is not None:
            result = pc.binary_join_element_wise(
                pa.scalar(value.prefix), conversion.to_text(result), "", null_handling="emit_null"
            )
        return result

    def _origin(self, value: Value, column: str) -> pa.Array:
        if value.column is not None:
            result = self.chunk.column(value.column)
        elif value.item is not None:
            result = self.chunk.column(ITEM_NAME if value.item == "name" else ITEM_VALUE)
        elif value.template is not None:
            result = self._filled(value.template)
        elif value.digest is not None:
            result = digest([conversion.to_text(self.chunk.column(name)) for name in value.digest])
        elif value.sum_of is not None:
            result = self._sum(value.sum_of)
        elif value.first_of is not None:
            result = _coalesced([self._part(part, column) for part in value.first_of])
        elif value.case is not None:
            result = self._case(value.case, column)
        else:
            constant = self.parameters[value.parameter] if value.parameter is not None else value.constant
            result = pa.repeat(pa.scalar(constant), len(self.chunk))
        return result

    def _part(self, value: Value, column: str) -> pa.Array:
        """Return a value that is one of several; each may have its own date formats and scale."""
        given = self._value(value, column)
        if value.dates is not None:
            dates = conversion.to_date(given, value.dates)
            unreadable = pc.and_(pc.is_null(dates), pc.is_valid(given))
            if value.unreadable == "missing":
                return dates
            # What cannot be read stays as it is: the column's own type refuses it, unless others come first.
            return pc.if_else(unreadable, conversion.to_text(given), dates.cast(pa.string()))
        if value.scale is not None:
            return conversion.to_whole(given, value.scale)
        return given

    def _sum(self, names: list[str]) -> pa.Array:
        numbers = [conversion.to_float(self.chunk.column(name)) for name in names]
        total = pc.fill_null(numbers[0], 0.0)
        for number in numbers[1:]:
            total = pc.add(total, pc.fill_null(number, 0.0))
        return pc.if_else(pc.is_null(pc.coalesce(*numbers)), pa.scalar(None, pa.float64()), total)

    def _case(self, cases: list[Case], column: str) -> pa.Array:
        open_rows = np.ones(len(self.chunk), dtype=bool)
        branches = []
        for branch in cases:
            rows = open_rows & self.holds(branch.when)
            open_rows &= ~rows
            part = Evaluation(self.chunk, self.parameters)
            result = part._part(branch.value, column)
            # Only rows that take this branch can fail in it.
            self.problems += [
                Problem(p.reason, p.column, p.rows & rows, p.given, p.what)
                for p in part.problems
                if (p.rows & rows).any()
            ]
            branches.append(pc.if_else(pa.array(rows), result, pa.scalar(None, result.type)))
        return _coalesced(branches)

    def _filled(self, template: str) -> pa.Array:
        pieces: list[pa.Array | pa.Scalar] = []
        rest = template
        for name in template_columns(template):
            before, _, rest = rest.partition("{" + name + "}")
            pieces += [pa.scalar(before), conversion.to_text(self.chunk.column(name))]
        pieces.append(pa.scalar(rest))
        return pc.binary_join_element_wise(*pieces, "", null_handling="emit_null")

    def _translated(self, value: Value, text: pa.Array, column: str) -> pa.Array:
        codes = value.codes or {}
        known = pa.array(list(codes), pa.string())
        into = pa.array([None if code is None else str(code) for code in codes.values()], pa.string())
        # The code of the empty text stands for a missing value.
        place = pc.index_in(pc.fill_null(text, "") if "" in codes else text, value_set=known)
        result = into.take(place)
        unknown = pc.and_(pc.is_null(place), pc.is_valid(text)).to_numpy(zero_copy_only=False)
        if not unknown.any():
            return result
        if value.has_default:
            default = None if value.default is None else str(value.default)
            return pc.if_else(pa.array(unknown), pa.scalar(default, pa.string()), result)
        self.problems.append(
            Problem(UNKNOWN_CODE, column, unknown, text, "is a code that the mapping has not")
        )
        return result

    # -- conditions -----------------------------------------------------------------------------------

    def holds(self, conditions: list[Condition]) -> Mask:
        """Return for which rows all conditions hold."""
        result = np.ones(len(self.chunk), dtype=bool)
        for condition in conditions:
            result &= self._holds(condition)
        return result

    def _holds(self, condition: Condition) -> Mask:
        result = np.ones(len(self.chunk), dtype=bool)
        name = condition.column
        if condition.item is not None:
            name = ITEM_NAME if condition.item == "name" else ITEM_VALUE
        if name is not None:
            result &= self._tested(condition, self.chunk.column(name))
        if condition.any_of is not None:
            result &= np.any([self._holds(c) for c in condition.any_of], axis=0)
        if condition.none_of is not None:
            result &= ~np.any([self._holds(c) for c in condition.none_of], axis=0)
        return result

    def _tested(self, condition: Condition, given: pa.Array) -> Mask:
        result = np.ones(len(given), dtype=bool)
        if condition.missing is not None:
            result &= _mask(pc.is_null(given)) == condition.missing
        if condition.among is not None or condition.not_among is not None or condition.matches is not None:
            text = conversion.to_text(given)
            if condition.among is not None:
                result &= _mask(pc.is_in(text, value_set=pa.array(condition.among, pa.string())))
            if condition.not_among is not None:
                listed = _mask(pc.is_in(text, value_set=pa.array(condition.not_among, pa.string())))
                result &= ~listed & _mask(pc.is_valid(text))
            if condition.matches is not None:
                result &= _mask(pc.match_substring_regex(text, condition.matches))
        if condition.above is not None:
            result &= _mask(pc.greater(conversion.to_float(given), float(condition.above)))
        if condition.at_least is not None:
            result &= _mask(pc.greater_equal(conversion.to_float(given), float(condition.at_least)))
        return result


def digest(columns: list[pa.Array]) -> pa.Array:
    """Return 16 hexadecimal digits of the texts of each row: the same texts, the same digits."""
    joined = pc.binary_join_element_wise(*columns, "\x1f", null_handling="replace", null_replacement="")
    digits = [hashlib.blake2b(text.encode(), digest_size=8).hexdigest() for text in joined.to_pylist()]
    return pa.array(digits, pa.string())


def group_named(pattern: str) -> str:
    """Return a regular expression whose first plain group is named ``found``, as Arrow wants it."""
    escaped = in_class = False
    for place, character in enumerate(pattern):
        if escaped:
            escaped = False
        elif character == "\\":
            escaped = True
        elif character == "[":
            in_class = True
        elif character == "]":
            in_class = False
        elif character == "(" and not in_class and not pattern.startswith("(?", place):
            return pattern[:place] + "(?P<found>" + pattern[place + 1 :]
    return pattern


def _mask(values: pa.Array) -> Mask:
    filled = pc.fill_null(values, False)
    return np.asarray(filled.to_numpy(zero_copy_only=False), dtype=bool)


def _coalesced(parts: list[pa.Array]) -> pa.Array:
    kinds = {part.type for part in parts if part.type != pa.null()}
    if len(kinds) > 1:
        parts = [conversion.to_text(part) for part in parts]
    elif kinds:
        parts = [part.cast(next(iter(kinds))) for part in parts]
    return pc.coalesce(*parts)
