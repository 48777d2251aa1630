"""Rates of the neighbourhood as published: the sums behind them from an earlier classification of the date.

They are then an input of a classification like its models: stated with it, the same for whoever computes it
again, and unmoved by records that come late. Ties, and what is counted of tied enterprises, are those of now.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from features.errors import InputError
from features.home import Home
from features.kernel import Context, Plan
from risk_model.publication import Publication
from risk_model.publication.layout import DOCUMENT

#: What ``inputs`` of a classification says whose rates it took; not there if it made its own.
INPUT = "rates_of"
FIELD = "--rates-of"


@dataclass(frozen=True)
class PinnedRates:
    """Rates that are taken from a classification.

    Attributes
    ----------
    origin
        The classification that made them.
    context
        Whose rates they are; nothing else of it counts.
    """

    origin: str
    context: Context


def origin_of(inputs: Mapping[str, Any], name: str) -> str:
    """Return the classification that made the rates of one.

    Parameters
    ----------
    inputs, name
        What decided it, and its own name.
    """
    return str(inputs.get(INPUT, name))


def pinned_rates(publication: Publication, as_of: date, plan: Plan, data_snapshot: Any) -> PinnedRates:
    """Return the rates of a classification, to be those of another.

    Parameters
    ----------
    publication
        Whose rates they are. If it took them from another itself, they are that one's.
    as_of
        Date of the classification that takes them.
    plan
        Its features.
    data_snapshot
        Number of the records that it is made from.

    Raises
    ------
    InputError
        If the classification is of another date, of other features or from later records, or none of its
        features looks at the neighbourhood.
    """
    if publication.as_of != as_of:
        raise InputError(
            f"classification {publication.name} speaks of {publication.as_of}, not of {as_of}",
            field=FIELD,
            fix="Name one of the same date.",
        )
    context = publication.context(only_rates=True)
    if context is None or plan.beyond is None or not plan.beyond.rates:
        raise InputError(
            f"classification {publication.name} holds no rates of the neighbourhood",
            field=FIELD,
            fix="Leave the option out.",
        )
    if context.fingerprint != plan.beyond.fingerprint:
        raise InputError(
            f"the rates of classification {publication.name} are of other features than the models have now",
            field=FIELD,
            fix="Name one by the same models, or leave the option out.",
        )
    told = publication.document["data_snapshot"]
    if told > data_snapshot:
        raise InputError(
            f"classification {publication.name} saw later records (snapshot {told}) than are classified "
            f"(snapshot {data_snapshot})",
            field=FIELD,
            fix="Name an earlier one.",
        )
    return PinnedRates(origin_of(publication.document.get("inputs", {}), publication.name), context)


def named(home: Home, name: str) -> Publication:
    """Return the classification that the option names.

    Raises
    ------
    InputError
        If there is none of this name.
    """
    # A name, never a path.
    if Path(name).name != name or not (home.published / name / DOCUMENT).is_file():
        there = ", ".join(one.name for one in Publication.all(home)[-5:]) or "none"
        raise InputError(
            f"there is no published classification {name!r}",
            field=FIELD,
            fix=f"Name one that exists; the newest are: {there}.",
        )
    return Publication(home.published / name)
