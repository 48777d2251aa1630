"""Declarations written as YAML: the ``features.yaml`` of an added sector, as the kinds of this package.

.. code-block:: yaml

    basis: 产品质量法                       # of every feature that names no other
    features:
      - kind: Count
        name: quality_penalties
        table: penalty
        where: {domain: quality, severity: [general, serious], amount: {above: 100000}}
        windows: [1y, 3y]
        label: {zh: 产品质量行政处罚, en: product-quality penalties}
        indicator: supervision.penalty
        direction: raises

``kind`` is one of :mod:`features.definitions.kinds`; the other settings are its parameters. A condition names
columns, all of which must fit: a value, a list of values, or a test (``is_not``, ``above``, ``at_least``,
``below``, ``at_most``, ``begins_with``, ``missing``); ``any_of`` and ``none_of`` hold lists of conditions.
Values are checked against the type and the code set of the column.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from datetime import date
from difflib import get_close_matches
from enum import Enum
from functools import reduce
from pathlib import Path
from typing import Any, get_type_hints

from features.definitions import kinds
from features.definitions.across import Level, Measure, Tie
from features.definitions.declaration import Declaration
from features.definitions.expressions import EVERYTHING, ColumnReference, Expression, Scalar, col
from features.definitions.feature import Direction
from features.errors import InputError
from features.records import TABLES, CodeSet, Column, Label, codes
from features.sectors import FEATURES, added_sectors
from features.yaml_text import read_yaml

KINDS: Mapping[str, type[Declaration]] = {name: getattr(kinds, name) for name in kinds.__all__}
CODE_SETS: Mapping[str, CodeSet] = {
    found.name: found for found in vars(codes).values() if isinstance(found, CodeSet)
}
_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "int": (int,),
    "fen": (int,),
    "float": (int, float),
    "bool": (bool,),
}
_TESTS: Mapping[str, Callable[[ColumnReference, Any], Expression]] = {
    "is_not": lambda column, value: column != value,
    "above": lambda column, value: column > value,
    "at_least": lambda column, value: column >= value,
    "below": lambda column, value: column < value,
    "at_most": lambda column, value: column <= value,
}


def added_declarations() -> tuple[Declaration, ...]:
    """Return the declarations of all added sectors (:func:`features.sectors.added_sectors`)."""
    return tuple(
        declaration
        for sector in added_sectors().values()
        for declaration in read_declarations(sector.folder / FEATURES, sector.name)
    )


def read_declarations(path: Path, sector: str) -> tuple[Declaration, ...]:
    """Read the declarations of a sector.

    Parameters
    ----------
    path
        A ``features.yaml``.
    sector
        The sector that owns them.

    Returns
    -------
    tuple of Declaration
        In the order of the file.

    Raises
    ------
    InputError
        If a setting is unknown, missing or wrong; ``field`` names the feature and the setting.
    """
    content = read_yaml(path.read_text(encoding="utf-8"), path.name)
    unknown = [key for key in content if key not in {"basis", "features"} and not key.startswith("x-")]
    if unknown:
        raise InputError(
            f"there is no such setting in {path.name}", field=unknown[0], fix="Settings: basis, features."
        )
    listed = content.get("features")
    if not isinstance(listed, list):
        raise InputError(f"{path.name} lists no features", field="features", fix="Give a list, be it empty.")
    return tuple(
        _declaration(given, f"features[{place}]", sector, content.get("basis"))
        for place, given in enumerate(listed)
    )


def _declaration(given: Any, place: str, sector: str, basis: Any) -> Declaration:
    if not isinstance(given, dict):
        raise InputError(f"got {given!r}, expected the settings of a feature", field=place)
    field = f"feature {given['name']}" if isinstance(given.get("name"), str) else place
    kind = KINDS.get(str(given.get("kind")))
    if kind is None:
        raise _unknown(given.get("kind"), KINDS, f"{field}, kind", "kind of feature")
    settings = {f.name: f for f in dataclasses.fields(kind) if f.name != "sector"}
    for key in given:
        if key != "kind" and key not in settings:
            raise _unknown(key, settings, field, f"setting of {kind.__name__}")
    table = str(given.get("table"))
    if table not in TABLES:
        raise _unknown(table, TABLES, f"{field}, table", "record table")
    if "basis" not in given and basis is not None:
        given = {**given, "basis": basis}
    missing = [
        name
        for name, setting in settings.items()
        if setting.default is dataclasses.MISSING and name not in given and name not in {"codes"}
    ]
    if missing:
        raise InputError("the setting is missing", field=f"{field}, {missing[0]}")
    if "basis" not in given:
        raise InputError(
            "the setting is missing", field=f"{field}, basis", fix="Name the article under which it is used."
        )
    hints = get_type_hints(kind)
    values: dict[str, Any] = {
        name: _value(given[name], hints[name], f"{field}, {name}", table) for name in given if name != "kind"
    }
    if "codes" in settings and "codes" not in given:
        values["codes"] = _codes_of(table, given["column"], field)
    try:
        return kind(**values, sector=sector)
    except (ValueError, KeyError) as error:
        raise InputError(str(error.args[0]), field=field) from None


def _value(given: Any, wanted: Any, field: str, table: str) -> Any:
    """Turn a setting into what the parameter of the declaration is."""
    if wanted is Expression:
        return condition(given, table, field)
    if wanted in _READERS:
        return _READERS[wanted](given, field)
    for kind, types in {str: (str,), int: (int,), float: (int, float)}.items():
        if wanted in {kind, kind | None}:
            if not isinstance(given, types) or isinstance(given, bool):
                raise InputError(f"got {given!r}, expected {kind.__name__}", field=field)
            return given
    msg = f"a parameter of type {wanted} cannot be written in YAML"
    raise TypeError(msg)


def _label(given: Any, field: str) -> Label:
    if not isinstance(given, dict) or set(given) != {"zh", "en"}:
        raise InputError(f"got {given!r}, expected the texts zh and en", field=field)
    return Label(str(given["zh"]), str(given["en"]))


def _code_set(given: Any, field: str) -> CodeSet:
    if given not in CODE_SETS:
        raise _unknown(given, CODE_SETS, field, "code set")
    return CODE_SETS[given]


def _list(given: Any, field: str) -> list[Any]:
    if not isinstance(given, list):
        raise InputError(f"got {given!r}, expected a list", field=field)
    return given


def _level(given: Any, field: str) -> Level:
    if isinstance(given, str):
        return Level(given)
    if not isinstance(given, dict) or not {"column"} <= set(given) <= {"column", "characters"}:
        raise InputError(f"got {given!r}, expected a column, or column and characters", field=field)
    return Level(**given)


def _member(kind: type[Enum], name: str, field: str) -> Enum:
    if name not in kind.__members__:
        raise _unknown(name.lower(), [one.lower() for one in kind.__members__], field, kind.__name__.lower())
    return kind[name]


#: How a setting of each type is read.
_READERS: Mapping[Any, Callable[[Any, str], Any]] = {
    Label: _label,
    CodeSet: _code_set,
    Direction: lambda given, field: _member(Direction, str(given).upper(), field),
    Tie: lambda given, field: _member(Tie, str(given).upper(), field),
    Measure: lambda given, field: _member(Measure, str(given).upper(), field),
    tuple[Level, ...]: lambda given, field: tuple(_level(one, field) for one in _list(given, field)),
    tuple[str, ...]: lambda given, field: tuple(str(one) for one in _list(given, field)),
}


def _codes_of(table: str, column: Any, field: str) -> CodeSet:
    own = _column(table, column, f"{field}, column").codes
    if own is None:
        raise InputError(
            f"column {column!r} of {table!r} has no code set",
            field=f"{field}, codes",
            fix=f"Name one of {', '.join(CODE_SETS)}.",
        )
    return own


def _column(table: str, name: Any, field: str) -> Column:
    columns = {column.name: column for column in TABLES[table].all_columns}
    if name not in columns:
        raise _unknown(name, columns, field, f"column of {table!r}")
    return columns[name]


def condition(given: Any, table: str, field: str = "where") -> Expression:
    """Read a condition on the records of a table.

    Parameters
    ----------
    given
        Column → value, list of values, or tests; ``any_of``, ``none_of`` → list of such conditions.
    table
        The record table.
    field
        What errors name.

    Raises
    ------
    InputError
        If a column, test or code does not exist, or a value is of another type than its column.

    Examples
    --------
    >>> condition({"severity": ["general", "serious"], "amount": {"above": 100_000}}, "penalty").text
    'severity in (general, serious) and amount > 100000'
    """
    if not isinstance(given, dict):
        raise InputError(f"got {given!r}, expected columns and their values", field=field)
    parts: list[Expression] = []
    for key, wanted in given.items():
        if key in {"any_of", "none_of"}:
            inner = [condition(one, table, f"{field}, {key}") for one in _list(wanted, f"{field}, {key}")]
            if not inner:
                raise InputError("the list is empty", field=f"{field}, {key}")
            either = reduce(lambda a, b: a | b, inner)
            parts.append(either if key == "any_of" else ~either)
        else:
            parts.extend(_tests(_column(table, key, field), wanted, f"{field}, {key}"))
    return reduce(lambda a, b: a & b, parts) if parts else EVERYTHING


def _tests(column: Column, wanted: Any, field: str) -> list[Expression]:
    reference = col(column.name)
    if isinstance(wanted, list):
        return [reference.isin([_scalar(column, one, field) for one in wanted])]
    if not isinstance(wanted, dict):
        return [reference == _scalar(column, wanted, field)]
    found = []
    for test, value in wanted.items():
        if test == "missing":
            if not isinstance(value, bool):
                raise InputError(f"got {value!r}, expected true or false", field=f"{field}, missing")
            found.append(reference.is_missing() if value else reference.is_present())
        elif test == "begins_with":
            prefixes = value if isinstance(value, list) else [value]
            if column.type != "string" or not all(isinstance(one, str) for one in prefixes):
                raise InputError("only texts begin with texts", field=f"{field}, begins_with")
            found.append(reference.startswith(*prefixes))
        elif test in _TESTS:
            found.append(_TESTS[test](reference, _scalar(column, value, field)))
        else:
            raise _unknown(test, [*_TESTS, "begins_with", "missing"], field, "test")
    return found


def _scalar(column: Column, given: Any, field: str) -> Scalar:
    """Check a value against the type and the codes of its column."""
    if column.type == "date":
        try:
            return date.fromisoformat(given)
        except (TypeError, ValueError):
            raise InputError(f"got {given!r}, expected a date YYYY-MM-DD", field=field) from None
    right = isinstance(given, _TYPES[column.type]) and (column.type == "bool" or not isinstance(given, bool))
    if not right:
        fix = "Write it in quotes." if column.type == "string" else None
        raise InputError(
            f"got {given!r}, but column {column.name!r} is of type {column.type}", field=field, fix=fix
        )
    if column.codes is not None and given not in column.codes:
        raise _unknown(given, list(column.codes), field, f"code of {column.name!r}")
    scalar: Scalar = given
    return scalar


def _unknown(given: Any, known: Any, field: str, what: str) -> InputError:
    names = [str(name) for name in known]
    near = get_close_matches(str(given), names, 1)
    return InputError(
        f"{given!r} is no {what}",
        field=field,
        fix=f"Did you mean {near[0]!r}?" if near else f"Use one of {', '.join(names)}.",
    )
