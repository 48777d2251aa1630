"""Models on their way to other processes: as the text and JSON that they are saved as."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from risk_model.explanation.trees.ensemble import Missing, read_ensemble
from risk_model.model import RiskModel

#: What LightGBM takes for zero.
ZERO = 1e-35
#: Name, version, and the files of the model's folder.
Parcel = tuple[str, str, tuple[tuple[str, bytes], ...]]


@dataclass(frozen=True)
class ModelVersion:
    """A model and the version under which it is registered."""

    model: RiskModel
    version: str


class Fleet:
    """The models of a classification, the general one first.

    To another process it goes as the files of its models; there they are read as from the registry, checked
    against their manifests.

    Parameters
    ----------
    models
        Name → model and version.
    """

    def __init__(self, models: Mapping[str, ModelVersion]) -> None:
        self.models = dict(models)

    @cached_property
    def parcels(self) -> tuple[Parcel, ...]:
        """The files of every model."""
        return tuple((name, entry.version, tuple(_files(entry.model))) for name, entry in self.models.items())

    @cached_property
    def digest(self) -> str:
        """SHA-256 of names, versions and files."""
        found = hashlib.sha256()
        for name, version, files in self.parcels:
            found.update(f"{name}\0{version}\0".encode())
            for path, content in files:
                found.update(f"{path}\0{len(content)}\0".encode() + content)
        return found.hexdigest()

    def prepare(self) -> None:
        """Work out what scoring and renewing look up of the trees, so that nobody waits for it later."""
        _ = self.thresholds
        for entry in self.models.values():
            entry.model.prepare()

    @cached_property
    def thresholds(self) -> Mapping[str, np.ndarray]:
        """Feature → the numbers, ascending, at which anything turns: a split, a floor, a membership.

        As long as the value of a feature stays between the same two, nothing about an enterprise changes but
        that value. Categories have none: of them every change counts.
        """
        found: dict[str, set[float]] = {}
        for entry in self.models.values():
            model: RiskModel | None = entry.model
            for floor in entry.model.policy.floors:
                # Reached from the number itself on.
                found.setdefault(floor.feature, set()).add(float(np.nextafter(floor.at_least, -np.inf)))
            for name in entry.model.cohort_features:
                found.setdefault(name, set()).add(0.0)
            while model is not None:
                for name, threshold in _splits(model):
                    found.setdefault(name, set()).add(threshold)
                model = model.base
        return {name: np.array(sorted(numbers)) for name, numbers in found.items()}

    def __reduce__(self) -> tuple[Callable[..., Fleet], tuple[Any, ...]]:
        return _arrived, (self.parcels,)


def _splits(model: RiskModel) -> Iterator[tuple[str, float]]:
    """Yield the feature and threshold of every numerical split of a model's own trees."""
    if model.booster is None:
        return
    for tree in read_ensemble(model.booster.model_to_string()).trees:
        numbers = zip(tree.feature, tree.threshold, tree.missing, tree.categories, strict=True)
        for feature, threshold, missing, categories in numbers:
            name = model.own_features[int(feature)]
            if categories is not None:
                continue
            yield name, float(threshold)
            if missing == Missing.ZERO:
                yield from ((name, -ZERO), (name, ZERO))


def _files(model: RiskModel) -> list[tuple[str, bytes]]:
    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder))
        return [
            (str(path.relative_to(folder)), path.read_bytes())
            for path in sorted(Path(folder).rglob("*"))
            if path.is_file()
        ]


def _arrived(parcels: tuple[Parcel, ...]) -> Fleet:
    models = {}
    for name, version, files in parcels:
        with tempfile.TemporaryDirectory() as folder:
            for path, content in files:
                target = Path(folder) / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
            models[name] = ModelVersion(RiskModel.load(Path(folder)), version)
    return Fleet(models)
