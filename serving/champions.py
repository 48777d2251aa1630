"""The champion models, ready to score single enterprises as the batch would."""

from __future__ import annotations

import json
import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from features.errors import InputError
from features.home import Home
from features.store import RecordStore
from risk_model.classification import ModelVersion
from risk_model.model import RiskModel
from risk_model.publication import Publication
from risk_model.scoring import Scorer
from risk_model.tiers.overrides import Overrides

if TYPE_CHECKING:
    from features.kernel import Context, Plan

logger = logging.getLogger("risk_model.serving")

GENERAL_MODEL = "general"
CONTEXT = "context"
#: In a home that is a bundle: folder of the champions themselves, and their versions in it.
BUNDLED, VERSIONS = "champions", "versions.json"


@dataclass(frozen=True)
class Champions:
    """The champions of a moment.

    Attributes
    ----------
    versions
        Model → version, the general one first.
    models
        The models themselves.
    scorer
        Scores with them; safe for several threads.
    snapshot
        The classification whose records tell what is known of other enterprises; None if there is none,
        and features across enterprises are missing.
    """

    versions: dict[str, str]
    models: dict[str, ModelVersion]
    scorer: Scorer
    snapshot: str | None


def load_champions(
    home: Home, publication: Publication | None, held: Champions | None = None
) -> Champions | None:
    """Load the champions.

    Parameters
    ----------
    home
        With the registry.
    publication
        The classification in force.
    held
        What was loaded before: what is the same is not loaded again.

    Returns
    -------
    Champions or None
        None if no model is registered.

    Raises
    ------
    InputError
        If a champion cannot be used by this version.
    """
    bundled = bundled_versions(home)
    versions = registered_versions(home) if bundled is None else bundled
    if not versions:
        return None
    snapshot = publication.name if publication is not None else None
    if held is not None and held.versions == versions and held.snapshot == snapshot:
        return held
    if held is not None and held.versions == versions:
        models = held.models
    elif bundled is not None:
        models = {
            name: ModelVersion(RiskModel.load(home.root / BUNDLED / name), version)
            for name, version in versions.items()
        }
    else:
        from risk_model.registry import Registry

        registry = Registry(home)
        models = {
            name: ModelVersion(registry.load(name, version)[0], version) for name, version in versions.items()
        }
    for entry in models.values():
        # Now: the first request need not wait for it, and one score is quicker with it.
        entry.model.prepare()
    context = None if publication is None else context_for(home, publication, Scorer(models).plan)
    return Champions(versions, models, Scorer(models, context, Overrides(home)), snapshot)


def bundled_versions(home: Home) -> dict[str, str] | None:
    """Return model → version of the champions in a bundle; None if the home is none."""
    path = home.root / BUNDLED / VERSIONS
    if not path.is_file():
        return None
    versions: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return _general_first(versions)


def registered_versions(home: Home) -> dict[str, str]:
    """Return model → version of the champions in the registry; nothing if there is no registry."""
    path = database_file(home)
    if path is not None and not path.is_file():
        # Asking the registry would make an empty database.
        return {}
    from risk_model.registry import Registry

    registry = Registry(home)
    return _general_first({name: registry.find(name).version for name in registry.champions()})


def _general_first(versions: dict[str, str]) -> dict[str, str]:
    return dict(sorted(versions.items(), key=lambda item: (item[0] != GENERAL_MODEL, item[0])))


def context_for(home: Home, publication: Publication, plan: Plan) -> Context | None:
    """Return what features across enterprises must know of the others, as of a classification.

    Parameters
    ----------
    home
        With the records that the classification saw.
    publication
        The classification.
    plan
        The features.

    Returns
    -------
    Context or None
        None if no feature looks beyond the enterprise, or the records are no longer there.
    """
    if plan.beyond is None:
        return None
    from features.kernel import Context
    from features.runners.threads import context_of

    kept = publication.folder / CONTEXT
    if kept.is_dir():
        found = Context.load(kept)
        if found.fingerprint == plan.beyond.fingerprint:
            return found
    try:
        records = RecordStore(home.store).snapshot(publication.document["data_snapshot"])
    except InputError:
        logger.warning(
            "the records of %s are gone: features across enterprises are missing", publication.name
        )
        return None
    began = time.monotonic()
    dates = pa.table({"as_of": pa.array([publication.as_of], pa.date32())})
    made = context_of(records, plan, dates)
    logger.info("records of all enterprises surveyed in %.1f s", time.monotonic() - began)
    return made


def database_file(home: Home) -> Path | None:
    """Return the file of the registry, or None if it is a database elsewhere."""
    uri = home.tracking_uri
    return Path(uri.removeprefix("sqlite:///")) if uri.startswith("sqlite:///") else None
