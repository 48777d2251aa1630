"""Texts become dates, numbers and booleans, exactly or not at all.

Every function takes an array and returns an array of the type asked for; where a value is given but
cannot be read, the result is missing. What is missing in the result and not in the argument was
unreadable: the caller decides what becomes of it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

ISO = ("%Y-%m-%d",)
TRUE_WORDS = ("true", "1", "1.0", "yes", "y", "t", "是", "有")
FALSE_WORDS = ("false", "0", "0.0", "no", "n", "f", "否", "无")
_DIGITS = {"Y": r"\d{4}", "m": r"\d{1,2}", "d": r"\d{1,2}", "H": r"\d{1,2}", "M": r"\d{1,2}", "S": r"\d{1,2}"}
_DAYS = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
#: What spreadsheets count days from (the year 1900 has a day too many there).
_SPREADSHEET = np.datetime64("1899-12-30", "D")


def to_text(values: pa.Array) -> pa.Array:
    """Return values as text; whole numbers without a decimal point."""
    if pa.types.is_string(values.type):
        return values
    if pa.types.is_floating(values.type):
        whole = pc.equal(pc.floor(values), values)
        small = pc.and_(whole, pc.less(pc.abs(values), 2.0**53))
        integers = pc.if_else(small, values, None).cast(pa.int64()).cast(pa.string())
        return pc.if_else(pc.fill_null(small, False), integers, values.cast(pa.string()))
    return values.cast(pa.string())


def to_date(values: pa.Array, formats: Sequence[str] = ISO) -> pa.Array:
    """Return dates; formats are tried in their order, and only days that the calendar has are dates."""
    if pa.types.is_date(values.type) or pa.types.is_timestamp(values.type):
        return values.cast(pa.date32())
    text = to_text(values)
    result = pa.nulls(len(text), pa.date32())
    for form in formats:
        if result.null_count == text.null_count:
            break
        result = pc.coalesce(result, _spreadsheet(text) if form == "excel" else _dated(text, form))
    return result


def _dated(text: pa.Array, form: str) -> pa.Array:
    parts = pc.extract_regex(text, pattern=_date_pattern(form))
    found = pc.is_valid(parts).to_numpy(zero_copy_only=False)

    def numbers(name: str, absent: int) -> np.ndarray:
        if f"%{name}" not in form:
            return np.full(len(text), absent)
        field = pc.fill_null(pc.struct_field(parts, name), "0")
        return np.asarray(field.cast(pa.int64()).to_numpy())

    year, month, day = numbers("Y", 0), numbers("m", 1), numbers("d", 1)
    hour, minute, second = numbers("H", 0), numbers("M", 0), numbers("S", 0)
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    in_year = (month >= 1) & (month <= 12)
    longest = _DAYS[np.clip(month, 1, 12) - 1] + (leap & (month == 2))
    valid = found & (year >= 1) & in_year & (day >= 1) & (day <= longest)
    valid &= (hour < 24) & (minute < 60) & (second < 61)
    months = np.where(valid, (year - 1970) * 12 + month - 1, 0).astype("datetime64[M]")
    days = months.astype("datetime64[D]") + np.where(valid, day - 1, 0)
    return pa.array(days.astype("datetime64[D]"), pa.date32(), mask=~valid)


def _date_pattern(form: str) -> str:
    pieces = re.findall(r"%[YmdHMS]|[^%]+", form)
    pattern = ""
    for place, piece in enumerate(pieces):
        if not piece.startswith("%"):
            pattern += re.escape(piece)
            continue
        before = place > 0 and pieces[place - 1].startswith("%")
        after = place + 1 < len(pieces) and pieces[place + 1].startswith("%")
        # Next to another number, a part has its full width, or 2021111 could be read in two ways.
        width = r"\d{2}" if piece != "%Y" and (before or after) else _DIGITS[piece[1]]
        pattern += f"(?P<{piece[1]}>{width})"
    return f"^{pattern}$"


def _spreadsheet(text: pa.Array) -> pa.Array:
    number = pc.if_else(pc.match_substring_regex(text, r"^\d{4,5}(\.\d+)?$"), text, None)
    days = pc.floor(number.cast(pa.float64()))
    missing = pc.is_null(days).to_numpy(zero_copy_only=False)
    counted = pc.fill_null(days, 0).to_numpy(zero_copy_only=False).astype(np.int64)
    return pa.array((_SPREADSHEET + counted).astype("datetime64[D]"), pa.date32(), mask=missing)


def to_float(values: pa.Array, scale: int | str | None = None) -> pa.Array:
    """Return finite numbers."""
    if pa.types.is_integer(values.type) or pa.types.is_floating(values.type):
        numbers = values.cast(pa.float64())
    else:
        text = to_text(values)
        good = pc.match_substring_regex(text, r"^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?$")
        numbers = pc.replace_substring_regex(pc.if_else(good, text, None), r"^\+", "").cast(pa.float64())
    numbers = pc.if_else(pc.is_finite(numbers), numbers, None)
    return numbers if scale is None else pc.multiply(numbers, float(scale))


def to_whole(values: pa.Array, scale: int | str | None = None) -> pa.Array:
    """Return whole numbers; with a scale, numbers times it, in decimal arithmetic.

    A product that is not whole, such as half a fen, is unreadable.
    """
    if scale is None and pa.types.is_integer(values.type):
        return values.cast(pa.int64())
    text = to_text(values)
    if scale is None:
        good = pc.match_substring_regex(text, r"^[+-]?\d{1,18}(\.0*)?$")
        bare = pc.replace_substring_regex(pc.if_else(good, text, None), r"^\+|\.0*$", "")
        return bare.cast(pa.int64())
    # Amounts repeat: each is computed once.
    encoded = text.dictionary_encode()
    factor = Decimal(str(scale))
    numbers = pa.array([_product(one, factor) for one in encoded.dictionary.to_pylist()], pa.int64())
    return numbers.take(encoded.indices)


def _product(text: str, factor: Decimal) -> int | None:
    try:
        product = Decimal(text) * factor
    except InvalidOperation:
        return None
    if not product.is_finite() or abs(product) >= 10**18 or product != product.to_integral_value():
        return None
    return int(product)


def to_bool(
    values: pa.Array, true_words: Sequence[str] | None = None, false_words: Sequence[str] | None = None
) -> pa.Array:
    """Return booleans; words are compared without regard to case."""
    if pa.types.is_boolean(values.type):
        return values
    text = pc.utf8_lower(to_text(values))
    yes = pa.array([word.lower() for word in (true_words or TRUE_WORDS)])
    no = pa.array([word.lower() for word in (false_words or FALSE_WORDS)])
    known = pc.if_else(pc.is_in(text, value_set=yes), True, pa.scalar(None, pa.bool_()))
    return pc.if_else(pc.is_in(text, value_set=no), False, known)
