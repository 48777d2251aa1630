"""Sectors that an office adds: one folder each, reviewed data and no code.

``RISK_MODEL_SECTORS`` names the folders. A folder holds

- ``sector.yaml``: the sector's ``name`` and its ``label`` in Chinese and English;
- ``features.yaml``: what is declared of its records (:mod:`features.definitions.written`);
- ``model.yaml``: its model, as those in ``models/``;
- if the office has them, ``measures.yaml``, ``plan_rules.yaml`` and ``assignment.yaml``, as those in
  ``supervision/``.

What a process knows of sectors is fixed when it starts: the feature library is one for all of its threads
and for every home it works on.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from features.errors import InputError
from features.yaml_text import read_yaml

VARIABLE = "RISK_MODEL_SECTORS"
#: Sectors that come with the package, the general one first.
SHIPPED = ("general", "food", "special_equipment")
SECTOR, FEATURES, MODEL = "sector.yaml", "features.yaml", "model.yaml"


@dataclass(frozen=True)
class AddedSector:
    """A sector that an office added.

    Attributes
    ----------
    name
        Of the sector, its model and the domain of its inspections.
    zh, en
        Its label.
    folder
        Where its files lie.
    """

    name: str
    zh: str
    en: str
    folder: Path

    def file(self, name: str) -> Path | None:
        """Return one of its files, or None if it has no such file."""
        path = self.folder / name
        return path if path.is_file() else None


@cache
def added_sectors() -> Mapping[str, AddedSector]:
    """Return the sectors of the folders in ``RISK_MODEL_SECTORS``, by name.

    Raises
    ------
    InputError
        If a folder is not there or lacks a file, or a name cannot be used.
    """
    found: dict[str, AddedSector] = {}
    for text in os.environ.get(VARIABLE, "").split(os.pathsep):
        if not text.strip():
            continue
        sector = read_sector(Path(text.strip()))
        if sector.name in found:
            raise InputError(
                f"{sector.folder} and {found[sector.name].folder} are both of sector {sector.name!r}",
                field=VARIABLE,
                fix="Name one of them.",
            )
        found[sector.name] = sector
    return found


def read_sector(folder: Path) -> AddedSector:
    """Read the folder of a sector.

    Raises
    ------
    InputError
        If it is not there, lacks a file, or its ``sector.yaml`` cannot be used.
    """
    folder = folder.resolve()
    if not folder.is_dir():
        raise InputError(
            f"there is no folder {folder}",
            field=VARIABLE,
            fix=f"Name folders of sectors, several joined by {os.pathsep!r}.",
        )
    missing = [name for name in (SECTOR, FEATURES, MODEL) if not (folder / name).is_file()]
    if missing:
        raise InputError(
            f"the folder {folder} holds no {missing[0]}",
            field=VARIABLE,
            fix=f"A sector has the files {SECTOR}, {FEATURES} and {MODEL}.",
        )
    return _checked(read_yaml((folder / SECTOR).read_text(encoding="utf-8"), SECTOR), folder)


def _checked(content: dict[str, Any], folder: Path) -> AddedSector:
    unknown = sorted(set(content) - {"name", "label"})
    if unknown:
        raise InputError(
            f"there is no such setting in {SECTOR}", field=unknown[0], fix="Settings: name, label."
        )
    name, label = content.get("name"), content.get("label")
    if not isinstance(name, str) or not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise InputError(
            f"got {name!r} in {SECTOR}, expected lower case with underscores",
            field="name",
            fix="Give a name such as industrial_products.",
        )
    if name in SHIPPED:
        raise InputError(
            f"sector {name!r} comes with the package",
            field="name",
            fix="Take another name, or lay your settings over the shipped model with a profile.",
        )
    words = label if isinstance(label, dict) else {}
    if set(words) != {"zh", "en"} or not all(isinstance(text, str) and text for text in words.values()):
        raise InputError(
            f"got {label!r} in {SECTOR}, expected the texts zh and en",
            field="label",
            fix="Give label: {zh: 工业产品, en: industrial products}, say.",
        )
    return AddedSector(name, words["zh"], words["en"], folder)
