"""What a plan reads: the published classification and the records."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from features.errors import InputError
from features.home import Home
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
        Name of the published classification, and the date that it speaks of (if it says so).
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

    folder = published(home)
    classification = _pandas(
        pq.read_table(
            folder / "classification.parquet",
            columns=CLASSIFICATION_COLUMNS,
            filters=[("model", "==", sector)],
        )
    )
    if district is not None:
        classification = in_district(classification, district)
    records = RecordStore(home.store).snapshot()
    licences = (
        _pandas(records.read("licence", columns=LICENCE_COLUMNS)) if "licence" in records.tables else None
    )
    return PlanInputs(
        classification=classification,
        inspections=_pandas(records.read("inspection", columns=INSPECTION_COLUMNS)),
        licences=licences,
        snapshot=folder.name,
        classified_at=_classified_at(folder),
        records=records.id,
    )


def published(home: Home) -> Path:
    """Return the folder of the published classification in force."""
    current = home.published / "CURRENT"
    name = current.read_text(encoding="utf-8").strip() if current.is_file() else ""
    folder = home.published / name
    if not name or Path(name).name != name or not (folder / "classification.parquet").is_file():
        raise InputError(
            f"there is no published classification in {home.published}",
            field="home",
            fix="Run risk-model classify first.",
        )
    return folder


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


def _classified_at(folder: Path) -> date | None:
    file = folder / "snapshot.json"
    if not file.is_file():
        return None
    as_of = json.loads(file.read_text(encoding="utf-8")).get("as_of")
    return date.fromisoformat(str(as_of)[:10]) if as_of else None


def _pandas(table: pa.Table) -> pd.DataFrame:
    """Return a table as pandas, dates as seconds, which hold every year."""
    for place, field in enumerate(table.schema):
        if pa.types.is_date(field.type):
            table = table.set_column(place, field.name, table[field.name].cast(pa.timestamp("s")))
    frame: pd.DataFrame = table.to_pandas()
    return frame
