"""Which columns a mapping looks at, and which of them come into records."""

from __future__ import annotations

import string

from features.records import TABLES
from features.sources.settings import Aggregate, Condition, FileMapping, SourceMapping, Value


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
