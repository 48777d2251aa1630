"""What a mapping is made of, and how it is read and checked.

A mapping says in YAML how the files of one provider become rows of the canonical tables; a new province
is a new mapping and no code. The docstrings of the classes here say what every setting means.
"""

from __future__ import annotations

import re
import string
from collections.abc import Mapping as AbstractMapping
from difflib import get_close_matches
from importlib.resources import files as resources
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from features.errors import InputError
from features.records import TABLES

SHIPPED = "features.sources.mappings"

Scalar = str | int | float | bool | None
Required = Literal["quarantine", "missing"]

#: Of these a value states exactly one: where it comes from.
ORIGINS = (
    "column",
    "constant",
    "parameter",
    "template",
    "digest",
    "sum_of",
    "first_of",
    "case",
    "item",
    "lag_days",
)


class Setting(BaseModel):
    """A part of a mapping: unknown settings and wrong types are errors."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def _column(given: Any) -> Any:
    """A text in place of a value names a column."""
    return {"column": given} if isinstance(given, str) else given


def _listed(given: Any) -> Any:
    """One condition in place of several."""
    return [given] if isinstance(given, dict) else given


def _text_keys(given: Any) -> Any:
    """YAML reads 1 as a number; codes in files are text."""
    if isinstance(given, dict):
        return {"" if key is None else str(key): value for key, value in given.items()}
    return given


def _texts(given: Any) -> Any:
    if isinstance(given, list):
        return [str(value) if isinstance(value, (int, float)) else value for value in given]
    return given


class Condition(Setting):
    """What must hold of a row; several settings must all hold.

    Attributes
    ----------
    column
        The column that is looked at.
    item
        Of a record that is made :attr:`RecordMapping.for_each` column: that column's name or value.
    among, not_among
        Its text is, or is not, one of these. A missing value is neither.
    matches
        A regular expression (RE2) that is found in its text.
    missing
        Whether it has no value.
    above, at_least
        It is a number greater than, or not less than, this.
    any_of
        At least one of these conditions holds.
    none_of
        None of these conditions holds.
    """

    column: str | None = None
    item: Literal["name", "value"] | None = None
    among: Annotated[list[str] | None, BeforeValidator(_texts)] = None
    not_among: Annotated[list[str] | None, BeforeValidator(_texts)] = None
    matches: str | None = None
    missing: bool | None = None
    above: float | int | None = None
    at_least: float | int | None = None
    any_of: list[Condition] | None = None
    none_of: list[Condition] | None = None

    @model_validator(mode="after")
    def _has_a_test(self) -> Condition:
        tests = (self.among, self.not_among, self.matches, self.missing, self.above, self.at_least)
        looks = self.column is not None or self.item is not None
        if self.column is not None and self.item is not None:
            raise ValueError("a condition looks at a column or at an item, not at both")
        if looks != any(test is not None for test in tests):
            raise ValueError("a condition names a column (or item) and at least one test of it")
        if not looks and self.any_of is None and self.none_of is None:
            raise ValueError("the condition is empty")
        return self


Conditions = Annotated[list[Condition], BeforeValidator(_listed)]


class Case(Setting):
    """One branch of a value: the value of rows for which the conditions hold."""

    when: Conditions
    value: Annotated[Value, BeforeValidator(_column)]


class Value(Setting):
    """The value of one canonical column. A text in its place names a column of the file.

    Attributes
    ----------
    column, constant, parameter
        A column of the file, the same value for all rows, or one of the mapping's parameters.
    template
        Text with ``{columns}`` of the file; missing if one of them is. ``{#name}`` and ``{#value}`` are
        those of the column that a record was made for (:attr:`RecordMapping.for_each`).
    digest
        Columns whose values are made into 16 hexadecimal digits: an identifier for rows that have none.
    sum_of
        Columns of numbers that are added; a missing one counts nothing, all missing give missing.
    first_of
        The first of several values that is not missing.
    case
        The value of the first branch whose conditions hold; missing if none does.
    item
        Name or value of the column that a record was made for (:attr:`RecordMapping.for_each`).
    lag_days
        Only for ``recorded_at``: that many days after the event, where the source has no such date.
    extract
        The group of a regular expression (RE2); missing if it is not found.
    replace
        Regular expressions and what takes their place, in this order.
    codes
        Translation of texts.
    default
        What ``codes`` gives for other texts (``null``: missing); without it such a row is quarantined.
    prefix
        Text in front of a value, such as the namespace of local keys.
    dates
        Date formats, tried in this order: ``%Y %m %d %H %M %S`` and plain text; ``excel`` is the number
        of days that spreadsheets count.
    scale
        Factor of a number, exact in decimal arithmetic: 1000000 makes fen of 万元.
    true_words, false_words
        Texts that mean yes and no.
    unreadable
        What becomes of a text that is no date or number: ``quarantine`` the row, or take it as ``missing``.
    name
        Only for ``credit_code``: column with the enterprise's name, by which rows without a code are
        linked if exactly one enterprise has that name.
    """

    column: str | None = None
    constant: Scalar = None
    parameter: str | None = None
    template: str | None = None
    digest: list[str] | None = None
    sum_of: list[str] | None = None
    first_of: list[Annotated[Value, BeforeValidator(_column)]] | None = None
    case: list[Case] | None = None
    item: Literal["name", "value"] | None = None
    lag_days: int | None = None
    extract: str | None = None
    replace: dict[str, str] | None = None
    codes: Annotated[dict[str, Scalar] | None, BeforeValidator(_text_keys)] = None
    default: Scalar = None
    prefix: str | None = None
    dates: list[str] | None = None
    scale: int | str | None = None
    true_words: Annotated[list[str] | None, BeforeValidator(_texts)] = None
    false_words: Annotated[list[str] | None, BeforeValidator(_texts)] = None
    unreadable: Required = "quarantine"
    name: str | None = None

    @property
    def has_default(self) -> bool:
        """Whether a default was stated, be it ``null``."""
        return "default" in self.model_fields_set

    @model_validator(mode="after")
    def _one_origin(self) -> Value:
        stated = [name for name in ORIGINS if name in self.model_fields_set]
        if len(stated) != 1:
            got = " and ".join(stated) or "none"
            raise ValueError(f"a value comes from exactly one of {', '.join(ORIGINS)}; got {got}")
        if self.has_default and self.codes is None:
            raise ValueError("a default goes with codes")
        return self


class Aggregate(Setting):
    """A column computed over several rows: exactly one of the ways.

    Attributes
    ----------
    count
        Number of rows for which the conditions hold.
    total, lowest, highest
        Sum of a column of numbers; least and greatest text of a column.
    """

    count: Conditions | None = None
    total: str | None = None
    lowest: str | None = None
    highest: str | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Aggregate:
        if len(self.model_fields_set) != 1:
            raise ValueError("an aggregate is exactly one of count, total, lowest, highest")
        return self


class Join(Setting):
    """Columns computed over the rows of a file that share a key with a row; missing counts are 0.

    Attributes
    ----------
    file
        The file of this mapping; by default the row's own file.
    keys
        Column of this file → column of the other.
    columns
        New column → aggregate.
    """

    file: str | None = None
    keys: dict[str, str]
    columns: dict[str, Aggregate]


class Once(Setting):
    """Only one row of those with the same key holds the record; the others are not applicable.

    Attributes
    ----------
    per
        Columns of the key.
    first_by
        The row with the least text in these columns is taken, then the first in the file.
    """

    per: list[str]
    first_by: list[str] = Field(default_factory=list)


class Names(Setting):
    """Columns of a file that say which name goes with which credit code."""

    name: str
    code: str


class RecordMapping(Setting):
    """One canonical record that a row may hold.

    Attributes
    ----------
    table
        The record table.
    when
        Conditions; other rows are counted as not applicable.
    once
        Only one row of several holds it.
    for_each
        The row may hold one such record for each of these columns.
    same_names
        Take every canonical column from the file's column of the same name, where it has one.
    columns
        Canonical column → value.
    """

    table: str
    when: Conditions = Field(default_factory=list)
    once: Once | None = None
    for_each: list[str] | None = None
    same_names: bool = False
    columns: dict[str, Annotated[Value, BeforeValidator(_column)]] = Field(default_factory=dict)


class FileMapping(Setting):
    """One kind of file.

    Attributes
    ----------
    match
        Pattern of the file's name, such as ``penalties*.csv*``.
    encoding, delimiter
        Of text files.
    blank
        Texts that mean a missing value, beside the empty text.
    omit
        Columns that are dropped before anything else, also from what the quarantine keeps of a row.
    conceal
        Columns that conditions may look at, such as the authority that shows the domain, but that no
        record and no quarantined row keeps.
    optional
        Columns that a file may lack; they are missing then.
    names
        Pairs of name and credit code that this file states.
    joins
        Columns computed over several rows.
    records
        What a row may hold.
    """

    match: str
    encoding: str = "utf-8"
    delimiter: str = ","
    blank: Annotated[list[str], BeforeValidator(_texts)] = Field(default_factory=list)
    omit: list[str] = Field(default_factory=list)
    conceal: list[str] = Field(default_factory=list)
    optional: list[str] = Field(default_factory=list)
    names: Names | None = None
    joins: list[Join] = Field(default_factory=list)
    records: list[RecordMapping]


class SourceMapping(Setting):
    """How one source's files become canonical records.

    Attributes
    ----------
    source
        Its name.
    title
        What it is, in Chinese and English.
    parameters
        Values that a user may change in a copy of the mapping, such as the date of a list.
    files
        Kinds of files.
    """

    source: str
    title: dict[Literal["zh", "en"], str]
    parameters: dict[str, Scalar] = Field(default_factory=dict)
    files: dict[str, FileMapping]


class _Loader(yaml.SafeLoader):
    """YAML 1.2 core scalars: ``no`` and ``on`` are texts, dates stay texts; keys may not repeat."""


_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("bool", r"^(?:true|false)$", "tf"),
    ("null", r"^(?:null|~|)$", ["n", "~", ""]),
    ("int", r"^-?(?:0|[1-9]\d*)$", "-0123456789"),
    ("float", r"^-?(?:0|[1-9]\d*)\.\d+$", "-0123456789"),
    ("merge", r"^<<$", "<"),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), list(_first))


def _unique(loader: _Loader, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
    seen: set[str] = set()
    for key, _ in node.value:
        if key.value in seen and key.value != "<<":
            raise yaml.MarkedYAMLError(problem=f"{key.value!r} is given twice", problem_mark=key.start_mark)
        seen.add(key.value)
    loader.flatten_mapping(node)
    return {
        loader.construct_object(k, deep=True): loader.construct_object(v, deep=True) for k, v in node.value
    }


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _unique)


def shipped_mappings() -> list[str]:
    """Return the names of the mappings that come with the package."""
    return sorted(
        entry.name.removesuffix(".yaml")
        for entry in resources(SHIPPED).iterdir()
        if entry.name.endswith(".yaml")
    )


def load_mapping(source: str | Path) -> SourceMapping:
    """Read and check a mapping.

    Parameters
    ----------
    source
        Name of a shipped mapping, or path of a YAML file.

    Raises
    ------
    InputError
        If there is no such mapping, or a setting cannot be used; ``field`` is the setting.
    """
    name = str(source)
    if name in shipped_mappings():
        return parse_mapping(resources(SHIPPED).joinpath(f"{name}.yaml").read_text(encoding="utf-8"), name)
    path = Path(source)
    if not path.is_file():
        near = get_close_matches(name, shipped_mappings(), 1)
        hint = f"Did you mean {near[0]!r}? " if near else ""
        raise InputError(
            f"there is no mapping {name!r}",
            field="source",
            fix=f"{hint}Shipped mappings: {', '.join(shipped_mappings())}; or give the path of a YAML file.",
        )
    return parse_mapping(path.read_text(encoding="utf-8"), path.name)


def parse_mapping(text: str, origin: str) -> SourceMapping:
    """Read and check the text of a mapping; ``origin`` names it in errors."""
    try:
        content = yaml.load(text, _Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = f" in line {mark.line + 1}" if mark else ""
        raise InputError(f"{origin} is no YAML{line}: {error.problem}", field="source") from None
    if not isinstance(content, dict):
        raise InputError(f"{origin} holds no settings", field="source")
    content = {key: value for key, value in content.items() if not str(key).startswith("x-")}
    try:
        mapping = SourceMapping.model_validate(content)
    except ValidationError as error:
        raise _as_input_error(error, origin, content) from None
    _check(mapping, origin)
    return mapping


def _as_input_error(error: ValidationError, origin: str, content: Any) -> InputError:
    """Name the first setting that is wrong, and what would be right."""
    problems = error.errors()
    first = problems[0]
    path = ".".join(str(part) for part in first["loc"])
    message = first["msg"].removeprefix("Value error, ")
    fix = None
    if first["type"] == "extra_forbidden":
        message = "there is no such setting"
        allowed = sorted(_settings_at(first["loc"][:-1]))
        near = get_close_matches(str(first["loc"][-1]), allowed, 1)
        fix = (
            f"Did you mean {near[0]!r}?"
            if near
            else (f"Settings: {', '.join(allowed)}." if allowed else None)
        )
    elif first["type"] == "missing":
        message = "the setting is missing"
    if len(problems) > 1:
        others = ", ".join(".".join(str(p) for p in problem["loc"]) for problem in problems[1:4])
        message += f" ({len(problems) - 1} more: {others})"
    return InputError(f"{origin}: {message}", field=path, fix=fix)


#: Which class the settings below a name are of.
_CLASSES: AbstractMapping[str, type[Setting]] = {
    "files": FileMapping,
    "records": RecordMapping,
    "joins": Join,
    "columns": Value,
    "first_of": Value,
    "value": Value,
    "case": Case,
    "when": Condition,
    "any_of": Condition,
    "none_of": Condition,
    "count": Condition,
    "once": Once,
    "names": Names,
}


def _settings_at(place: tuple[Any, ...]) -> list[str]:
    owner: type[Setting] = SourceMapping
    for position, part in enumerate(place):
        if part in _CLASSES and isinstance(part, str):
            owner = _CLASSES[part]
            if part == "columns" and "joins" in place[:position]:
                owner = Aggregate
    return list(owner.model_fields)


def _check(mapping: SourceMapping, origin: str) -> None:
    """Check what pydantic cannot: names of tables, columns, codes, files, parameters."""
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


# -- what a mapping needs of a file ---------------------------------------------------------------


def template_columns(template: str) -> list[str]:
    """Return the columns that a template names; those that begin with # are not of the file."""
    return [name for _, name, _, _ in string.Formatter().parse(template) if name is not None]


def condition_columns(conditions: list[Condition]) -> list[str]:
    """Return the columns that conditions look at."""
    found: list[str] = []
    for condition in conditions:
        found += [condition.column] if condition.column is not None else []
        found += condition_columns([*(condition.any_of or ()), *(condition.none_of or ())])
    return found


def value_columns(value: Value) -> list[str]:
    """Return the columns that a value is made of, and those that its conditions look at."""
    looked = [name for branch in value.case or () for name in condition_columns(branch.when)]
    looked += [
        name
        for part in [*(value.first_of or ()), *(b.value for b in value.case or ())]
        for name in value_columns(part)
    ]
    return [*stored_columns(value), *looked]


def stored_columns(value: Value) -> list[str]:
    """Return the columns whose content comes into a value."""
    found = [name for name in (value.column, value.name) if name is not None]
    found += [*(value.digest or ()), *(value.sum_of or ())]
    found += template_columns(value.template) if value.template is not None else []
    for part in [*(value.first_of or ()), *(branch.value for branch in value.case or ())]:
        found += stored_columns(part)
    return found


def aggregate_columns(aggregate: Aggregate) -> list[str]:
    """Return the columns that an aggregate is made of."""
    named = [aggregate.total, aggregate.lowest, aggregate.highest]
    return [name for name in named if name is not None] + condition_columns(aggregate.count or [])


def needed_columns(mapping: SourceMapping, kind: str) -> list[str]:
    """Return the columns that a file of this kind must have, in the order of the mapping."""
    file = mapping.files[kind]
    found: list[str] = []
    for record in file.records:
        for value in record.columns.values():
            found += value_columns(value)
        found += condition_columns(record.when) + (record.for_each or [])
        found += [*record.once.per, *record.once.first_by] if record.once else []
        if record.same_names:
            table = TABLES[record.table]
            found += [c.name for c in table.all_columns if c.required and c.name not in record.columns]
    if file.names:
        found += [file.names.name, file.names.code]
    for join in file.joins:
        found += join.keys
    for other in mapping.files.values():
        for join in other.joins:
            if (join.file or _kind(mapping, other)) == kind:
                found += join.keys.values()
                for aggregate in join.columns.values():
                    found += aggregate_columns(aggregate)
    computed = {name for join in file.joins for name in join.columns}
    own = {*computed, *file.optional}
    return [name for name in dict.fromkeys(found) if name not in own and not name.startswith("#")]


def _kind(mapping: SourceMapping, file: FileMapping) -> str:
    return next(kind for kind, candidate in mapping.files.items() if candidate is file)
