"""``risk-model warnings``: early warnings with their reasons."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from features.terminal import HomeOption, JsonOption, print_json, print_table
from supervision.commands.options import OnOption, day, latest_records
from supervision.writing import csv_of, rows_of, write_whole


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("warnings")(warn)


def warn(
    *,
    on: OnOption = None,
    kind: Annotated[
        str | None, typer.Option(help="Only this kind, such as licence_expired.", show_default=False)
    ] = None,
    district: Annotated[
        str | None, typer.Option(help="First digits of the district code.", show_default=False)
    ] = None,
    measure: Annotated[
        int | None,
        typer.Option(
            metavar="DAYS",
            min=1,
            help="Say how often a problem followed within so many days.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write all warnings as CSV.", show_default=False)
    ] = None,
    limit: Annotated[int, typer.Option(min=0, help="Warnings to show.")] = 20,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Warn early: rising risk, licences and equipment that fall due, clusters; each with its reasons."""
    from features.home import Home
    from supervision.early_warning.warning import Warnings, early_warnings
    from supervision.early_warning.warning import measure as measured

    place = Home.locate(home)
    found = early_warnings(place, day(on), district=district)
    if kind:
        found = Warnings(
            found.on,
            found.records,
            found.rows[found.rows["kind"] == kind].reset_index(drop=True),
            found.compared,
        )
    followed = measured(found, latest_records(place), measure) if measure else None
    if out is not None:
        write_whole(out, csv_of(found.rows))
    if as_json:
        told: dict[str, Any] = {
            "on": found.on,
            "records": found.records,
            "compared": found.compared,
            "counts": found.counts(),
            "warnings": None if out else rows_of(found.rows),
            "out": out,
            "followed": followed,
        }
        print_json(told)
        return
    print_table(
        f"Warnings on {found.on}",
        ("kind", "urgency", "warnings", "enterprises"),
        [(r["kind"], r["urgency"], f"{r['warnings']:,}", f"{r['enterprises']:,}") for r in found.counts()],
        left=(0, 1),
    )
    for row in rows_of(found.rows.head(limit)):
        typer.echo(f"{row['urgency']}: {row['credit_code']} {row['name'] or ''}")
        typer.echo(f"  {row['reason_zh']} / {row['reason_en']} ({row['source']}) [{row['trust']}]")
    if followed is not None:
        print_table(
            f"Followed by a problem within {measure} days",
            ("kind", "enterprises", "followed", "precision", "95 %", "base", "lift", "median lead, days"),
            [
                (
                    r["kind"],
                    f"{r['enterprises']:,}",
                    f"{r['followed']:,}",
                    f"{r['precision']:.3f}",
                    f"{r['interval'][0]:.3f}–{r['interval'][1]:.3f}",
                    f"{r['base']:.3f}",
                    f"{r['lift']:.2f}",
                    f"{r['lead_days']:.0f}",
                )
                for r in followed
            ],
        )
    if found.compared is None:
        typer.echo("Rising risk needs two published classifications; there are not two far enough apart.")
    if out is not None:
        typer.echo(f"all warnings: {out}")
