"""What a plan reads: the published classification and the records."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import pandas as pd

from features.errors import InputError
from features.home import Home
from risk_model.publication import Publication
from supervision.records import as_frame
from supervision.sampling.calendar import month_bounds

CLASSIFICATION_COLUMNS = ["credit_code", "name", "district", "industry", "model", "tier", "probability"]
INSPECTION_COLUMNS = ["credit_code", "event_date", "domain", "kind", "full_item"]
LICENCE_COLUMNS = ["credit_code", "event_date", "kind", "category", "status", "valid_from", "valid_to"]


@dataclass(frozen=True)
class PlanInputs:
    """The classification in force and the records, and which states they are.

    Attributes
    ----------
    snapshot, classified_at
        Name of the published classification, and the date that it speaks of.
    records
        Number of the record store's snapshot.
    """

    classification: pd.DataFrame
    inspections: pd.DataFrame
    licences: pd.DataFrame | None
    snapshot: str
    classified_at: date | None
    records: int


def read_inputs(home: Home, sector: str, district: str | None = None) -> PlanInputs:
    """Read what a plan of a sector needs.

    Parameters
    ----------
    home
        Where everything lies.
    sector
        Its model's rows of the classification are read.
    district
        GB/T 2260 code; a code that ends in 00 stands for all below it.

    Raises
    ------
    InputError
        If nothing is published, or nobody is classified in the sector or district.
    """
    from features.store import RecordStore

    publication = Publication.current(home)
    classification = as_frame(publication.rows(model=sector, columns=CLASSIFICATION_COLUMNS))
    if district is not None:
        classification = in_district(classification, district)
    records = RecordStore(home.store).snapshot()
    licences = (
        as_frame(records.read("licence", columns=LICENCE_COLUMNS)) if "licence" in records.tables else None
    )
    return PlanInputs(
        classification=classification,
        inspections=as_frame(records.read("inspection", columns=INSPECTION_COLUMNS)),
        licences=licences,
        snapshot=publication.name,
        classified_at=publication.as_of,
        records=records.id,
    )


def publication_on(home: Home, on: date) -> Publication | None:
    """Return the newest published classification of a day or before, if there is one."""
    found = [publication for publication in Publication.all(home) if publication.as_of <= on]
    return found[-1] if found else None


def tier_on(home: Home, credit_code: str, on: date, model: str = "general") -> str | None:
    """Return an enterprise's tier by a model, as published on a day or before."""
    publication = publication_on(home, on)
    if publication is None:
        return None
    rows = publication.rows(model=model, codes=[credit_code], columns=["tier"])
    return str(rows["tier"][0]) if rows.num_rows else None


def in_district(classification: pd.DataFrame, district: str) -> pd.DataFrame:
    """Return the rows of a district and of all below it.

    Raises
    ------
    InputError
        If there are none.
    """
    prefix = district
    while len(prefix) > 2 and len(prefix) % 2 == 0 and prefix.endswith("00"):
        prefix = prefix[:-2]
    codes = classification["district"].astype("object").fillna("").map(str)
    rows = codes.str.startswith(prefix) if prefix.isdigit() else codes == district
    if not rows.any():
        some = ", ".join(sorted(codes.unique())[:10])
        raise InputError(
            f"nobody is classified in district {district!r}",
            field="district",
            fix=f"There are, e.g., {some}.",
        )
    return classification[rows].reset_index(drop=True)


def known_until(month: str, classified_at: date | None) -> date:
    """Return the day whose knowledge a plan may use: the day before the month begins.

    With a classification from within the month, its date.

    Raises
    ------
    InputError
        If the classification is of a later month: it would know what the plan cannot.
    """
    first, last = month_bounds(month)
    if classified_at is None or classified_at < first:
        return first - timedelta(days=1)
    if classified_at > last:
        raise InputError(
            f"the published classification is of {classified_at}, after {month}",
            field="month",
            fix="Plan a later month, or publish a classification of an earlier date.",
        )
    return classified_at
