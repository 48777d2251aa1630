"""What the registry knows of a model: its versions, and how the champion did out of time."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from features.home import Home
from serving.champions import database_file

#: The newest first: an evaluation of its own is more thorough than that at training.
DOCUMENTS = ("evaluation.json", "evaluation-at-training.json")


@dataclass(frozen=True)
class ModelVersionLine:
    """A registered version.

    Attributes
    ----------
    version, aliases
        As in the registry.
    created_at
        Milliseconds since 1970.
    evaluation
        Its evaluation, if it was kept.
    """

    version: str
    aliases: tuple[str, ...]
    created_at: int
    evaluation: dict[str, Any] | None


def versions_of(home: Home, name: str, most: int = 10) -> list[ModelVersionLine]:
    """Return the newest versions of a model, the newest first.

    Parameters
    ----------
    home
        With the registry.
    name
        The model.
    most
        How many.
    """
    path = database_file(home)
    if path is not None and not path.is_file():
        return []
    from risk_model.registry import Registry

    client = Registry(home).client
    aliases = client.get_registered_model(name).aliases
    found = sorted(client.search_model_versions(f"name = '{name}'"), key=lambda v: -int(v.version))
    return [
        ModelVersionLine(
            str(version.version),
            tuple(sorted(alias for alias, of in aliases.items() if str(of) == str(version.version))),
            int(version.creation_timestamp),
            _evaluation(home, str(version.run_id)),
        )
        for version in found[:most]
    ]


def _evaluation(home: Home, run_id: str) -> dict[str, Any] | None:
    from mlflow.artifacts import list_artifacts

    from risk_model.registry import Registry

    uri = str(Registry(home).client.get_run(run_id).info.artifact_uri)
    kept = {Path(item.path).name for item in list_artifacts(artifact_uri=uri, tracking_uri=home.tracking_uri)}
    for name in DOCUMENTS:
        if name in kept:
            return _read(f"{uri}/{name}", home.tracking_uri)
    return None


@lru_cache(maxsize=32)
def _read(uri: str, tracking_uri: str) -> dict[str, Any]:
    from mlflow.artifacts import download_artifacts

    path = download_artifacts(artifact_uri=uri, tracking_uri=tracking_uri)
    content: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
    return content
