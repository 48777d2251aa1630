"""From challenger to champion, and what becomes of it: comparing, promoting, monitoring."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from features.errors import InputError
from features.home import Home
from features.store import RecordStore
from risk_model.comparison import Contestant, compare_models
from risk_model.dataset import build_dataset, needed_features
from risk_model.evaluation.population import population_at
from risk_model.monitoring import reference
from risk_model.monitoring.reference import Reference
from risk_model.monitoring.watch import watch
from risk_model.publication import Publication
from risk_model.registry import CHALLENGER, CHAMPION, Registry, Version
from risk_model.specification import ModelSpecification, Target, validate

Progress = Callable[[int, int], None]
#: The remark that stays with a version: what the gate said, and who overruled it.
PROMOTION = "promotion"


def compare_versions(
    home: Home,
    name: str,
    *,
    champion: str = CHAMPION,
    challenger: str = CHALLENGER,
    repetitions: int = 500,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Compare two versions of a model on the challenger's test rows.

    Parameters
    ----------
    home
        Records and registry.
    name
        The model.
    champion, challenger
        Versions or aliases.
    repetitions
        Of the paired bootstrap.
    progress
        Called with rows done and rows in all.

    Returns
    -------
    dict
        See :func:`risk_model.comparison.compare_models`.

    Raises
    ------
    InputError
        If a version is not there, both are the same, or they predict different things.
    """
    registry = Registry(home)
    old, old_version = registry.load(name, champion)
    new, new_version = registry.load(name, challenger)
    if old_version.version == new_version.version:
        raise InputError(
            f"version {new_version.version} of {name!r} is on both sides of the comparison",
            field="challenger",
            fix=f"Train another one (risk-model train {name}), or name a version.",
        )
    if old.facts["specification"]["target"] != new.facts["specification"]["target"]:
        raise InputError(
            f"versions {old_version.version} and {new_version.version} of {name!r} predict different things",
            field="challenger",
            fix="Compare versions with one target, horizon included.",
        )
    specification = validate(
        ModelSpecification, new.facts["specification"], source=f"the recorded run of model {name!r}"
    )
    records = RecordStore(home.store).snapshot(new.facts["data_snapshot"])
    also = old.needed
    wanted = {*needed_features(specification, new.policy), *also}
    test = build_dataset(records, specification, _in_order(wanted), progress).part("test")
    newest = test["as_of"].max().date()
    return compare_models(
        Contestant(old, old_version.version),
        Contestant(new, new_version.version, _directions_hold(registry, new_version)),
        test,
        population_at(records, new, [newest], also=also),
        repetitions=repetitions,
    )


def _in_order(names: set[str]) -> tuple[str, ...]:
    from features.definitions import LIBRARY

    return tuple(feature.name for feature in LIBRARY if feature.name in names)


def _directions_hold(registry: Registry, version: Version) -> bool | None:
    """Return what a version's certificate says; None if it has none."""
    try:
        return bool(json.loads(registry.document(version, "certificate.json"))["holds"])
    except InputError:
        return None


def promote_version(
    home: Home,
    name: str,
    version: str,
    *,
    force: bool = False,
    reason: str = "",
    progress: Progress | None = None,
) -> tuple[Version, dict[str, Any] | None]:
    """Make a version champion if the recorded rule lets it.

    Parameters
    ----------
    home
        Records and registry.
    name, version
        The model, and its version or alias.
    force, reason
        Overrule the gate, and why; kept with the version.
    progress
        Called with rows done and rows in all.

    Returns
    -------
    version, comparison
        The new champion, and what it was compared by; None if there was nothing to compare with.

    Raises
    ------
    InputError
        If the gate does not pass and is not overruled, or is overruled without a reason.
    """
    if force and not reason.strip():
        raise InputError("overruling the gate needs a reason", field="reason", fix="Say why with --reason.")
    registry = Registry(home)
    found = registry.find(name, version)
    if CHAMPION in found.aliases:
        return found, None
    if name not in registry.champions():
        return registry.promote(name, found.version, how="first"), None
    comparison = compare_versions(home, name, challenger=found.version, progress=progress)
    passed = comparison["gate"]["passed"]
    if not passed and not force:
        raise InputError(
            f"version {found.version} of {name!r} does not pass the gate: "
            f"{comparison['recommendation']['en']}",
            field="version",
            fix="See risk-model compare; or overrule it with --force --reason '…', which is kept.",
        )
    remark = {
        "against_version": comparison["champion"],
        "passed": passed,
        "forced": force and not passed,
        "reason": reason.strip(),
        "recommendation": comparison["recommendation"],
        "gate": comparison["gate"],
    }
    registry.tag(found, PROMOTION, json.dumps(remark, ensure_ascii=False))
    how = "gate" if passed else "forced"
    return registry.promote(name, found.version, how=how, reason=reason.strip()), comparison


def roll_back(home: Home, name: str, version: str, *, reason: str) -> Version:
    """Make an earlier champion champion again, at once and without the gate.

    Parameters
    ----------
    home
        Records and registry.
    name, version
        The model, and the version that was champion before.
    reason
        Why; kept with the version.

    Raises
    ------
    InputError
        If there is no reason, or the version is champion already or never was.

    Notes
    -----
    The gate asks whether a newer model may replace what is known to work; the way back is to what worked,
    must be open when the newer one fails in use, and waits for no labels.
    """
    if not reason.strip():
        raise InputError("a rollback needs a reason", field="reason", fix="Say why with --reason.")
    registry = Registry(home)
    found = registry.find(name, version)
    if CHAMPION in found.aliases:
        raise InputError(f"version {found.version} of {name!r} is champion already", field="version")
    if not registry.reigns(found):
        raise InputError(
            f"version {found.version} of {name!r} never was champion: there is no way back to it",
            field="version",
            fix=f"Promote it through the gate: risk-model promote {name} {found.version}.",
        )
    return registry.promote(name, found.version, how="rollback", reason=reason.strip())


def monitor(home: Home) -> dict[str, Any]:
    """Monitor the classification in force.

    Parameters
    ----------
    home
        Records, registry, published classifications.

    Returns
    -------
    dict
        See :func:`risk_model.monitoring.watch.watch`.

    Raises
    ------
    InputError
        If nothing is published, or a model was trained before references were kept.
    """
    publication = Publication.current(home)
    registry = Registry(home)
    versions = {
        name: registry.find(name, str(told["version"]))
        for name, told in publication.document["models"].items()
    }

    def target_of(name: str) -> Target:
        text = registry.document(versions[name], "specification.json")
        return validate(ModelSpecification, json.loads(text), source=f"the run of model {name!r}").target

    references = {
        name: Reference.from_dict(json.loads(registry.document(version, reference.DOCUMENT)))
        for name, version in versions.items()
    }
    records = RecordStore(home.store).snapshot()
    return watch(publication, Publication.all(home), references, target_of, records)
