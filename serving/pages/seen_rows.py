"""Rows about enterprises (warnings, what falls due) as far as a caller may see them."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from datetime import date
from typing import Any

import pandas as pd
from starlette.responses import Response

from features.errors import InputError
from features.store import RecordStore, Snapshot
from risk_model.publication import Publication
from serving.access.principal import district_prefix
from serving.endpoints import Call
from supervision.writing import csv_of

#: Classified by it are all enterprises in business.
GENERAL = "general"


def seen(call: Call, publication: Publication, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of enterprises in the caller's scope.

    Parameters
    ----------
    call
        Who asks.
    publication
        Says which sectors an enterprise belongs to.
    rows
        With ``credit_code`` and ``district``.
    """
    principal = call.principal
    if principal.districts is not None and len(rows):
        prefixes = tuple(district_prefix(district) for district in principal.districts)
        rows = rows[rows["district"].fillna("").astype(str).str.startswith(prefixes)]
    if principal.sectors is not None and GENERAL not in principal.sectors and len(rows):
        # Who sees a sector only sees its enterprises, of those all that is known.
        known: set[str] = set()
        for name in publication.models:
            if principal.sees_sector(name):
                known |= set(publication.rows(model=name, columns=["credit_code"])["credit_code"].to_pylist())
        rows = rows[rows["credit_code"].isin(known)]
    return rows


def of_district(rows: pd.DataFrame, district: str | None) -> pd.DataFrame:
    """Return the rows of a district; a code that ends in 00 stands for all below it."""
    if not district or not len(rows):
        return rows
    return rows[rows["district"].fillna("").astype(str).str.startswith(district_prefix(district))]


def latest_records(call: Call) -> Snapshot:
    """Return the latest state of the record store.

    Raises
    ------
    InputError
        If there are no records.
    """
    return RecordStore(call.context.home.store).snapshot()


def day_of(text: str | None, field: str, otherwise: date) -> date:
    """Return a day that was asked for.

    Raises
    ------
    InputError
        If the calendar has no such day.
    """
    if text is None:
        return otherwise
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InputError(f"{text!r} is no date", field=field, fix="Write it as YYYY-MM-DD.") from None


def shown(row: Mapping[Hashable, Any], lang: str) -> dict[str, Any]:
    """Return a row as a template shows it."""
    return {
        **{str(key): value for key, value in row.items()},
        "name": row["name"] if isinstance(row["name"], str) else None,
        "district": row["district"] if isinstance(row["district"], str) else None,
        "day": str(row["date"])[:10],
        "reason": row[f"reason_{lang}"],
    }


def as_csv(rows: pd.DataFrame, name: str) -> Response:
    """Return rows as a file for spreadsheets."""
    return Response(
        csv_of(rows),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}.csv"'},
    )
