"""Rule files by sector, each rule set in force from a date until the next."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from features.errors import InputError
from features.sectors import added_sectors
from risk_model.specification import Strict, read_yaml, validate

T = TypeVar("T", bound=BaseModel)


class Dated(Strict):
    """Anything that the law changes: in force from a day, and up to and with another if it ended."""

    in_force_from: date
    in_force_until: date | None = None


D = TypeVar("D", bound=Dated)


def in_force(versions: Iterable[D], on: date) -> list[D]:
    """Return what is in force on a day."""
    return [
        v for v in versions if v.in_force_from <= on and (v.in_force_until is None or on <= v.in_force_until)
    ]


def version_in_force(versions: Iterable[D], on: date, what: str) -> D:
    """Return the newest version that is in force on a day.

    Parameters
    ----------
    versions
        Versions of one rule set.
    on
        The day.
    what
        What the rules are about, for the error.

    Raises
    ------
    InputError
        If none is.
    """
    given = list(versions)
    found = in_force(given, on)
    if not found:
        first = min((v.in_force_from for v in given), default=None)
        raise InputError(
            f"there are no rules on {what} for {on}" + (f"; the first are of {first}" if first else ""),
            field="on",
            fix="Give a later date, or add a version to the rule file.",
        )
    return max(found, key=lambda v: v.in_force_from)


def read_rules(kind: type[T], path: Path) -> T:
    """Read a rule file; keys that begin with ``x-`` only hold what the file refers back to.

    Raises
    ------
    InputError
        If it cannot be read, or a setting is unknown, missing or out of range.
    """
    return validate(kind, _without_anchors(read_yaml(path)), source=path.name)


def _without_anchors(content: Any) -> Any:
    if not isinstance(content, dict):
        return content
    return {key: value for key, value in content.items() if not str(key).startswith("x-")}


def read_dated_rules(kind: type[T], path: Path | None, shipped: Path, added: str) -> T:
    """Read a rule file whose ``sectors`` hold lists of versions.

    Keys that begin with ``x-`` only hold what the file refers back to. A version is told the sector
    that it stands under.

    Parameters
    ----------
    kind
        Model of the file.
    path
        A province's own file; None: the shipped one, and beside it those of added sectors.
    shipped
        The shipped file.
    added
        Name of such a file in the folder of an added sector (:mod:`features.sectors`).

    Raises
    ------
    InputError
        If it cannot be read, or a setting is unknown, missing or out of range.
    """
    content = _without_anchors(read_yaml(path or shipped))
    if path is None:
        content["sectors"] |= _of_added_sectors(added)
    if isinstance(content, dict):
        sectors = content.get("sectors")
        if isinstance(sectors, dict):
            content["sectors"] = {
                name: [
                    {**version, "sector": name} if isinstance(version, dict) else version
                    for version in (versions if isinstance(versions, list) else [versions])
                ]
                for name, versions in sectors.items()
            }
    return validate(kind, content, source=(path or shipped).name)


def _of_added_sectors(name: str) -> dict[str, Any]:
    """Return what the files of added sectors say, each of its own sector only."""
    found = {}
    for sector in added_sectors().values():
        path = sector.file(name)
        if path is None:
            continue
        content = _without_anchors(read_yaml(path))
        sectors = content.get("sectors") if isinstance(content, dict) else None
        if not isinstance(sectors, dict) or set(sectors) != {sector.name}:
            raise InputError(
                f"{path} must hold the rules of {sector.name!r} and of no other sector", field="sectors"
            )
        found[sector.name] = sectors[sector.name]
    return found
