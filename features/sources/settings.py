"""What a mapping is made of: every setting, and what it means.

A mapping says in YAML how the files of one provider become rows of the canonical tables; a new province
is a new mapping and no code.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

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
    publication
        Where the file does not say when publication of the record ends (``expires_at``), it ends by the
        rules of :mod:`features.records.publication`. Only for ``penalty``.
    same_names
        Take every canonical column from the file's column of the same name, where it has one.
    columns
        Canonical column → value.
    """

    table: str
    when: Conditions = Field(default_factory=list)
    once: Once | None = None
    for_each: list[str] | None = None
    publication: bool = False
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
