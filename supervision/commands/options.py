"""Options and answers that the commands of this room share."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from features.terminal import print_json, required_day

if TYPE_CHECKING:
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
