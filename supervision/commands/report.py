"""``risk-model report``: the yearly report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from features.terminal import HomeOption, JsonOption, print_json
from supervision.commands.options import OnOption, day


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("report")(report)


def report(
    *,
    year: Annotated[int, typer.Option(min=2000, max=2100, help="Calendar year.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the report.")],
    on: OnOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the yearly report: figures by sector and district, plots, typical cases."""
    from features.home import Home
    from supervision.reports.figures import yearly_report
    from supervision.reports.writing import as_dict, write_report

    made = yearly_report(Home.locate(home), year, day(on))
    folder = write_report(made, out)
    if as_json:
        print_json({**as_dict(made), "folder": str(folder)})
        return
    for name, figure in made.figures.items():
        typer.echo(f"{name}: {len(figure.rows):,} rows ({figure.label.zh} / {figure.label.en})")
    typer.echo(f"typical cases: {len(made.cases):,}")
    typer.echo(f"report: {folder / 'zh.html'}")
