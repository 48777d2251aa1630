"""The pool of inspectors (执法检查人员名录库): checked, in one canonical form."""

from __future__ import annotations

import hashlib
import itertools
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from features.errors import InputError

COLUMNS = ("inspector_id", "name", "districts", "competences", "visits", "conflicts")
SEPARATOR = ";"


@dataclass(frozen=True)
class Inspector:
    """One inspector.

    Attributes
    ----------
    districts
        District codes (or their first digits) in which he or she works.
    competences
        Sectors that he or she is qualified for.
    visits
        Visits that can be made in the month.
    conflicts
        Credit codes of enterprises that must not be visited: interest, kinship, former employer.
    """

    inspector_id: str
    name: str
    districts: tuple[str, ...]
    competences: tuple[str, ...]
    visits: int
    conflicts: tuple[str, ...] = ()


def read_pool(file: Path) -> list[Inspector]:
    """Read the pool from a CSV file.

    Parameters
    ----------
    file
        Columns :data:`COLUMNS` (``conflicts`` may be left out); several values are separated by ``;``.

    Returns
    -------
    list of Inspector
        By ``inspector_id``.

    Raises
    ------
    InputError
        Naming the column and line at fault.
    """
    try:
        table = pd.read_csv(file, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except FileNotFoundError:
        raise InputError(f"there is no file {file}", field="inspectors") from None
    except (OSError, UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise InputError(f"{file.name} cannot be read: {error}", field="inspectors") from None
    missing = [c for c in COLUMNS if c not in table.columns and c != "conflicts"]
    if missing:
        raise InputError(
            f"{file.name} lacks {', '.join(missing)}; it has {', '.join(table.columns)}", field=missing[0]
        )
    if "conflicts" not in table.columns:
        table["conflicts"] = ""
    pool = []
    for line, row in enumerate(table[list(COLUMNS)].itertuples(index=False), start=2):
        visits = str(row.visits).strip()
        if not visits.isdigit():
            raise InputError(
                f"line {line}: got {visits!r}, but expected a whole number of 0 or more", field="visits"
            )
        if not str(row.inspector_id).strip():
            raise InputError(f"line {line}: an inspector has no identifier", field="inspector_id")
        pool.append(
            Inspector(
                inspector_id=str(row.inspector_id).strip(),
                name=str(row.name).strip(),
                districts=_values(str(row.districts)),
                competences=_values(str(row.competences)),
                visits=int(visits),
                conflicts=_values(str(row.conflicts)),
            )
        )
    return normalise_pool(pool)


def normalise_pool(pool: list[Inspector]) -> list[Inspector]:
    """Return the pool by identifier.

    Raises
    ------
    InputError
        If it is empty, or an identifier occurs twice.
    """
    ordered = sorted(pool, key=lambda inspector: inspector.inspector_id)
    if not ordered:
        msg = "there are no inspectors"
        raise InputError(msg, field="inspectors")
    for one, other in itertools.pairwise(ordered):
        if one.inspector_id == other.inspector_id:
            raise InputError(f"{one.inspector_id} occurs more than once", field="inspector_id")
    return ordered


def pool_as_json(pool: list[Inspector]) -> str:
    """Return the pool as canonical JSON."""
    return json.dumps([asdict(i) for i in pool], ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def pool_from_json(text: str) -> list[Inspector]:
    """Return the pool that was written by :func:`pool_as_json`.

    Raises
    ------
    InputError
        If the text is no pool.
    """
    try:
        pool = [_inspector(row) for row in json.loads(text)]
    except (ValueError, TypeError, AttributeError) as error:
        raise InputError(f"it is no pool of inspectors: {error}", field="inspectors") from None
    return normalise_pool(pool)


def _inspector(row: dict[str, Any]) -> Inspector:
    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in row.items()}
    return Inspector(**values)


def pool_digest(pool: list[Inspector]) -> str:
    """Return the SHA-256 of the pool."""
    return hashlib.sha256(pool_as_json(pool).encode()).hexdigest()


def _values(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.strip() for part in text.split(SEPARATOR) if part.strip()))
