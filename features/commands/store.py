"""``risk-model store``: lists, compacts and thins out the snapshots of the record store."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

HomeOption = Annotated[
    Path | None,
    typer.Option(
        "--home", help="Folder of all state; by default RISK_MODEL_HOME, else ./var.", metavar="DIR"
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


def register(app: typer.Typer) -> None:
    """Add the command group ``store``."""
    group = typer.Typer(no_args_is_help=True, help="Look after the record store.")
    group.command("snapshots")(snapshots)
    group.command("compact")(compact)
    group.command("retain")(retain)
    app.add_typer(group, name="store")


def snapshots(*, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """List the snapshots that can be read, the oldest first."""
    from rich.console import Console
    from rich.table import Table

    from features.home import Home
    from features.store import RecordStore

    found = RecordStore(Home.locate(home).store).snapshots()
    rows: list[dict[str, Any]] = [
        {
            "id": snapshot.id,
            "created_at": snapshot.created_at,
            "load": snapshot.load_id,
            "versions_of_records": sum(snapshot.counts().values()),
            "files": sum(len(snapshot.files(name)) for name in snapshot.tables),
        }
        for snapshot in found
    ]
    if as_json:
        typer.echo(json.dumps({"snapshots": rows}, ensure_ascii=False, indent=2))
        return
    table = Table("snapshot", "published", "load")
    for heading in ("versions of records", "files"):
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(
            str(row["id"]),
            row["created_at"],
            row["load"],
            f"{row['versions_of_records']:,}",
            f"{row['files']:,}",
        )
    Console().print(table)


def compact(*, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Put the files of many loads together; what can be read stays the same."""
    from features.home import Home
    from features.store import RecordStore

    result = RecordStore(Home.locate(home).store).compact()
    if as_json:
        files = {name: {"before": old, "after": new} for name, (old, new) in result.files.items()}
        typer.echo(json.dumps({"snapshot": result.snapshot_id, "files": files}, indent=2))
        return
    for name, (old, new) in result.files.items():
        typer.echo(f"{name}: {old:,} files became {new:,}")
    typer.echo(f"Snapshot {result.snapshot_id}." if result.files else "Nothing to put together.")


def retain(
    *,
    last: Annotated[
        int, typer.Option(help="How many of the newest snapshots to keep.", metavar="N", show_default=False)
    ],
    keep: Annotated[
        list[int] | None,
        typer.Option(help="An older snapshot to keep; may be given several times.", show_default=False),
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Drop older snapshots and delete the files that none of those left needs."""
    from features.home import Home
    from features.store import RecordStore

    result = RecordStore(Home.locate(home).store).retain(last, keep=keep or ())
    if as_json:
        document = {
            "dropped": list(result.dropped),
            "kept": list(result.kept),
            "files_deleted": result.files_deleted,
        }
        typer.echo(json.dumps(document, indent=2))
        return
    typer.echo(f"{len(result.dropped):,} snapshots dropped, {len(result.kept):,} kept.")
    typer.echo(f"{result.files_deleted:,} files deleted.")
