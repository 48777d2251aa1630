"""``risk-model ingest``: loads one source's files into the record store."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from features.home import Home
    from features.sources.report import IngestReport

HomeOption = Annotated[
    Path | None,
    typer.Option(
        "--home", help="Folder of all state; by default RISK_MODEL_HOME, else ./var.", metavar="DIR"
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


def register(app: typer.Typer) -> None:
    """Add the command ``ingest``."""
    app.command("ingest")(ingest_files)


def ingest_files(
    *,
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="Name of a shipped mapping, or path of a YAML mapping.")
    ],
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE…", help="CSV (also .gz), Parquet or JSON lines; one load, one snapshot."
        ),
    ],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Load files of one source: every row is stored, known already, quarantined or not applicable."""
    from features.home import Home

    report = _ingest(Home.locate(home), source, files)
    if as_json:
        typer.echo(json.dumps(report.as_dict(), ensure_ascii=False, indent=2))
    else:
        _show(report)


def _ingest(place: Home, source: str, files: list[Path]) -> IngestReport:
    from rich.console import Console
    from rich.progress import Progress, TextColumn, TimeElapsedColumn

    from features.sources import ingest
    from features.store import RecordStore

    columns = (
        TextColumn("{task.description}"),
        TextColumn("{task.completed:,.0f} rows"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        tasks: dict[str, int] = {}

        def progress(file: str, rows: int) -> None:
            if file not in tasks:
                tasks[file] = int(shown.add_task(file, total=None))
            shown.update(shown.task_ids[tasks[file]], completed=rows)

        return ingest(RecordStore(place.store), source, files, progress)


def _show(report: IngestReport) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console()
    state = "" if report.changed else " (nothing new, the store is unchanged)"
    console.print(f"{report.source}: snapshot {report.snapshot_id}{state}", soft_wrap=True)
    for file in report.files:
        table = Table(
            title=f"{file.file}, {file.rows:,} rows",
            title_justify="left",
            box=box.SIMPLE,
            padding=(0, 1, 0, 0),
        )
        table.add_column("table")
        for heading in ("rows in", "accepted", "duplicate", "quarantined", "not applicable"):
            table.add_column(heading, justify="right")
        for name, counts in file.tables.items():
            numbers = (
                counts.rows_in,
                counts.accepted,
                counts.duplicate,
                counts.quarantined,
                counts.not_applicable,
            )
            table.add_row(name, *(f"{number:,}" for number in numbers))
        console.print(table)
    for name, counts in report.totals().items():
        if counts.quarantined:
            told = ", ".join(f"{reason} {rows:,}" for reason, rows in counts.reasons.most_common())
            console.print(
                f"Quarantined of {name}: {counts.quarantined:,} ({told}); new: {counts.quarantined_new:,}",
                soft_wrap=True,
            )
        if counts.legacy_codes:
            console.print(
                f"Codes from before 2015 in {name}: {counts.legacy_codes:,} rows, accepted", soft_wrap=True
            )
