"""What must hold of a mapping beyond the types of its settings: every name in it names something."""

from __future__ import annotations

import re
from difflib import get_close_matches

from features.errors import InputError
from features.records import TABLES, publication
from features.sources.needs import condition_columns, stored_columns, value_columns
from features.sources.settings import FileMapping, RecordMapping, Scalar, SourceMapping, Value


def check_mapping(mapping: SourceMapping, origin: str) -> None:
    """Check names of tables, columns, codes, files and parameters, patterns and date formats.

    Raises
    ------
    InputError
        ``field`` is the setting at fault.
    """
    for kind, file in mapping.files.items():
        place = f"files.{kind}"
        for number, join in enumerate(file.joins):
            if join.file is not None and join.file not in mapping.files:
                raise _unknown(origin, f"{place}.joins.{number}.file", join.file, list(mapping.files), "file")
        for number, record in enumerate(file.records):
            _check_record(mapping, record, f"{place}.records.{number}", origin)
            _check_kept(file, record, f"{place}.records.{number}", origin)


def _check_record(mapping: SourceMapping, record: RecordMapping, place: str, origin: str) -> None:
    if record.table not in TABLES:
        raise _unknown(origin, f"{place}.table", record.table, list(TABLES), "record table")
    table = TABLES[record.table]
    if record.publication and record.table not in publication.TABLES:
        raise InputError(
            f"{origin}: no rule says how long {record.table!r} is published",
            field=f"{place}.publication",
            fix=f"It is for {', '.join(sorted(publication.TABLES))}.",
        )
    known = [column.name for column in table.all_columns]
    for name, value in record.columns.items():
        where = f"{place}.columns.{name}"
        if name not in known:
            raise _unknown(origin, where, name, known, f"column of {record.table!r}")
        _check_value(mapping, value, where, origin)
        if value.lag_days is not None and name != "recorded_at":
            raise InputError(f"{origin}: lag_days is only for recorded_at", field=where)
        if value.name is not None and name != "credit_code":
            raise InputError(f"{origin}: name is only for credit_code", field=where)
        codes = table.column(name).codes
        for given in _outcomes(value):
            if codes is not None and given is not None and str(given) not in codes:
                raise _unknown(origin, where, str(given), list(codes), f"code of {codes.name!r}")
    missing = [c.name for c in table.all_columns if c.required and c.name not in record.columns]
    if missing and not record.same_names:
        raise InputError(
            f"{origin}: {record.table!r} needs {', '.join(missing)}",
            field=f"{place}.columns",
            fix="Name a column, a constant or another value for each.",
        )


def _check_kept(file: FileMapping, record: RecordMapping, place: str, origin: str) -> None:
    """What a file conceals or omits must not come into a record."""
    looked = condition_columns(record.when)
    for name, value in record.columns.items():
        for hidden in {*file.conceal, *file.omit} & set(stored_columns(value)):
            raise InputError(f"{origin}: {hidden!r} must not be stored", field=f"{place}.columns.{name}")
        looked += value_columns(value)
    for hidden in set(file.omit) & set(looked):
        raise InputError(
            f"{origin}: {hidden!r} is omitted, but looked at",
            field=place,
            fix="List it under conceal: conditions may look at such a column.",
        )


def _check_value(mapping: SourceMapping, value: Value, where: str, origin: str) -> None:
    if value.parameter is not None and value.parameter not in mapping.parameters:
        raise _unknown(origin, where, value.parameter, list(mapping.parameters), "parameter")
    if value.extract is not None:
        _check_pattern(value.extract, where, origin)
        if re.compile(value.extract).groups != 1:
            raise InputError(f"{origin}: {value.extract!r} needs exactly one group", field=f"{where}.extract")
    for pattern in value.replace or {}:
        _check_pattern(pattern, f"{where}.replace", origin)
    if value.scale is not None and not re.fullmatch(r"-?\d+(\.\d+)?", str(value.scale)):
        raise InputError(f"{origin}: {value.scale!r} is no number", field=f"{where}.scale")
    for form in value.dates or ():
        if form != "excel" and not re.fullmatch(r"(?:%[YmdHMS]|[^%])+", form):
            raise InputError(
                f"{origin}: {form!r} is no date format", field=f"{where}.dates", fix="Use %Y %m %d %H %M %S."
            )
    for part in [*(value.first_of or ()), *(branch.value for branch in value.case or ())]:
        _check_value(mapping, part, where, origin)


def _check_pattern(pattern: str, where: str, origin: str) -> None:
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        re.compile(pattern)
        pc.match_substring_regex(pa.array([""]), pattern)
    except (re.error, pa.ArrowInvalid) as error:
        raise InputError(f"{origin}: {pattern!r} is no regular expression: {error}", field=where) from None


def _outcomes(value: Value) -> list[Scalar]:
    """Return the codes that a mapping itself writes."""
    if value.codes is not None:
        return [*value.codes.values(), *([value.default] if value.has_default else [])]
    if value.constant is not None:
        return [value.constant]
    parts = [*(value.first_of or ()), *(branch.value for branch in value.case or ())]
    return [given for part in parts for given in _outcomes(part)]


def _unknown(origin: str, field: str, got: str, known: list[str], what: str) -> InputError:
    near = get_close_matches(got, known, 1)
    fix = f"Did you mean {near[0]!r}?" if near else f"There are {', '.join(known)}."
    return InputError(f"{origin}: there is no {what} {got!r}", field=field, fix=fix)
