"""A home that holds what a service needs and nothing else: to go into a bento, or to another host."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from features.errors import InputError
from features.home import Home
from risk_model.publication import Publication
from risk_model.publication.writing import set_current
from risk_model.tiers.overrides import FILE as OVERRIDES
from serving.champions import BUNDLED, VERSIONS, registered_versions
from serving.pages.public import SITE


@dataclass(frozen=True)
class Bundle:
    """What was bundled.

    Attributes
    ----------
    folder
        Where it is.
    classification
        The classification in force.
    champions
        Model → version.
    records
        Whether the record store went with it.
    """

    folder: Path
    classification: str
    champions: dict[str, str]
    records: bool


def bundle(home: Home, out: Path, *, records: bool = False) -> Bundle:
    """Write the classification in force, the champions and the public site to a folder of their own.

    Parameters
    ----------
    home
        Where they are.
    out
        A folder that does not exist yet, or is empty.
    records
        Take the record store along: dossiers then name the records behind them.

    Raises
    ------
    InputError
        If nothing is published, no model is registered, or the folder holds something.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out} is not empty", field="--out", fix="Name a folder that does not exist yet.")
    publication = Publication.current(home)
    versions = registered_versions(home)
    if not versions:
        raise InputError("no model is registered", fix="Run risk-model train all.")
    shutil.copytree(publication.folder, out / "published" / publication.name)
    set_current(out / "published", publication.name)
    _champions(home, versions, out / BUNDLED)
    for name in (SITE, *(["store"] if records else [])):
        if (home.root / name).is_dir():
            shutil.copytree(home.root / name, out / name)
    if (home.root / OVERRIDES).is_file():
        shutil.copy2(home.root / OVERRIDES, out / OVERRIDES)
    return Bundle(out, publication.name, versions, records)


def _champions(home: Home, versions: dict[str, str], out: Path) -> None:
    from risk_model.registry import Registry

    registry = Registry(home)
    for name, version in versions.items():
        registry.load(name, version)[0].save(out / name)
    (out / VERSIONS).write_text(json.dumps(versions, indent=2) + "\n", encoding="utf-8")
