"""Options and answers that the commands of this room share."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from features.terminal import print_json

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from features.home import Home
    from features.store import Snapshot
    from supervision.decisions import Recorded

OnOption = Annotated[
    str | None,
    typer.Option("--on", metavar="DATE", help="Date, YYYY-MM-DD; today by default.", show_default=False),
]
ProviderOption = Annotated[
    str, typer.Option("--provider", help="Authority that decides and provides the record.")
]
CodeArgument = Annotated[str, typer.Argument(metavar="CREDIT_CODE", help="Unified social credit code.")]


def day(text: str | None, option: str = "--on") -> date:
    """Return a date, today's (China Standard Time) where none is given.

    Raises
    ------
    InputError
        If it is not a date.
    """
    if text is None:
        return datetime.now(ZoneInfo("Asia/Shanghai")).date()
    return required_day(text, option)


def required_day(text: str, option: str) -> date:
    """Return a date.

    Raises
    ------
    InputError
        If it is not a date.
    """
    from features.errors import InputError

    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InputError(f"{text!r} is not a date", field=option, fix="Write it as YYYY-MM-DD.") from None


def latest_records(home: Home) -> Snapshot:
    """Return the latest state of the record store."""
    from features.store import RecordStore

    return RecordStore(home.store).snapshot()


def show_decision(made: Recorded, *, as_json: bool) -> None:
    """Print what became of a decision."""
    told: dict[str, Any] = made.as_dict()
    if as_json:
        print_json(told)
        return
    record = told["record"]
    known = "recorded" if made.new else "was on record already"
    typer.echo(f"{record['record_id']}: {known}, visible from {record['recorded_at']}")
    typer.echo(f"document: {told['document']}")


def as_rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a table as plain data: dates as text, missing values as none."""
    told = frame.copy()
    for column in told.select_dtypes("datetime"):
        told[column] = told[column].dt.strftime("%Y-%m-%d")
    return [
        {str(k): None if v != v else v for k, v in row.items()}  # noqa: PLR0124 - only NaN differs from itself
        for row in told.to_dict("records")
    ]


def write_csv(frame: pd.DataFrame, out: Path) -> None:
    """Write a table for spreadsheets: marked as UTF-8, and with nothing in it that is computed."""
    from supervision.packages import safe_in_spreadsheets
    from supervision.writing import write_whole

    told = frame.copy()
    for column in told.columns:
        if told[column].dtype.kind not in "biufM":
            told[column] = told[column].map(lambda v: safe_in_spreadsheets(v) if isinstance(v, str) else v)
    write_whole(out, "\ufeff" + told.to_csv(index=False, date_format="%Y-%m-%d"))
