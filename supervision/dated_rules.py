"""Rule files by sector, each rule set in force from a date until the next."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from risk_model.specification import read_yaml, validate

T = TypeVar("T", bound=BaseModel)


def read_dated_rules(kind: type[T], path: Path) -> T:
    """Read a rule file whose ``sectors`` hold lists of versions.

    Keys that begin with ``x-`` only hold what the file refers back to. A version is told the sector
    that it stands under.

    Parameters
    ----------
    kind
        Model of the file.
    path
        The file.

    Raises
    ------
    InputError
        If it cannot be read, or a setting is unknown, missing or out of range.
    """
    content = read_yaml(path)
    if isinstance(content, dict):
        content = {key: value for key, value in content.items() if not str(key).startswith("x-")}
        sectors = content.get("sectors")
        if isinstance(sectors, dict):
            content["sectors"] = {
                name: [
                    {**version, "sector": name} if isinstance(version, dict) else version
                    for version in (versions if isinstance(versions, list) else [versions])
                ]
                for name, versions in sectors.items()
            }
    return validate(kind, content, source=path.name)
