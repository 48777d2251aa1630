"""What moves the scores of a registered version of a model, on the enterprises of a date."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from features.errors import InputError
from features.home import Home
from features.store import RecordStore, Snapshot
from risk_model.evaluation.population import population_at
from risk_model.explanation.overall import OverallExplanation, explain_overall
from risk_model.model import RiskModel
from risk_model.pipeline import newest_day
from risk_model.publication import Publication
from risk_model.registry import Registry


@dataclass(frozen=True)
class VersionExplained:
    """A version of a model, and what moves its scores.

    Attributes
    ----------
    model, version
        The model.
    as_of
        Date at which its enterprises were looked at.
    overall
        What was found.
    """

    model: RiskModel
    version: str
    as_of: date
    overall: OverallExplanation


def explain_version(
    home: Home,
    name: str,
    version: str = "champion",
    *,
    against: str | None = None,
    as_of: date | None = None,
    rows: int = 5_000,
    repetitions: int = 300,
) -> VersionExplained:
    """Say what moves the scores of a version, and compare its reasons with those of another.

    Parameters
    ----------
    home
        Records and registry.
    name, version
        The model; a version or an alias.
    against
        Another version or alias.
    as_of
        Date; by default that of the classification in force, else the last day of the records.
    rows
        Enterprises that are looked at, at most.
    repetitions
        Of the bootstrap.

    Raises
    ------
    InputError
        If a version is not there, both are the same, or nobody can be explained at that date.
    """
    registry = Registry(home)
    model, found = registry.load(name, version)
    other, other_version = (None, None)
    if against is not None:
        other, beside = registry.load(name, against)
        other_version = beside.version
        if other_version == found.version:
            raise InputError(
                f"version {found.version} of {name!r} is on both sides of the comparison",
                field="--against",
                fix="Name another version.",
            )
    records = RecordStore(home.store).snapshot()
    day = as_of or _in_force(home, records)
    population = population_at(records, model, [day], also=() if other is None else other.feature_names)
    if not len(population):
        raise InputError(
            f"model {name!r} speaks of no enterprise on {day}",
            field="--as-of",
            fix="Choose a date within the records.",
        )
    overall = explain_overall(
        model,
        population,
        against=other,
        against_version=other_version,
        most_rows=rows,
        repetitions=repetitions,
    )
    return VersionExplained(model, found.version, day, overall)


def _in_force(home: Home, records: Snapshot) -> date:
    try:
        return Publication.current(home).as_of
    except InputError:
        return newest_day(records)
