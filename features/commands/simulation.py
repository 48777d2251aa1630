"""``risk-model simulate``: writes the records of a simulated province, and its truth apart from them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from features.terminal import HomeOption, JsonOption, print_json, progress, required_day

if TYPE_CHECKING:
    from features.simulation import SimulationReport


def register(app: typer.Typer) -> None:
    """Add the commands ``simulate`` and ``simulate-inspections``."""
    app.command("simulate")(simulate)
    app.command("simulate-inspections")(simulate_inspections)


def simulate(
    *,
    enterprises: Annotated[
        int, typer.Option(help="Enterprises that are ever registered.", metavar="N", show_default=False)
    ],
    seed: Annotated[int, typer.Option(help="The same seed gives the same files.", min=0, metavar="S")] = 1,
    start: Annotated[
        str, typer.Option(help="First day of the first month; the later, the fewer records.", metavar="DATE")
    ] = "2016-01-01",
    end: Annotated[str, typer.Option(help="Last day of the last month.", metavar="DATE")] = "2025-12-31",
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the files; by default `simulated` in the home.", metavar="DIR", show_default=False
        ),
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Simulate a province whose true risk is known: years of records, as its systems would export them.

    Writes records/TABLE.parquet, simulation.json, and truth.parquet, which only an evaluation may read.
    """
    from features.home import Home
    from features.simulation import simulate as run

    folder = out or Home.locate(home).simulated
    with progress("months simulated") as advance:
        report = run(
            enterprises=enterprises,
            seed=seed,
            out=folder,
            start=required_day(start, "--start"),
            end=required_day(end, "--end"),
            progress=advance,
        )
    if as_json:
        print_json({**report.as_dict(), "out": str(folder)})
    else:
        _show(report)


def simulate_inspections(
    *,
    file: Annotated[
        Path, typer.Argument(metavar="CSV", help="Enterprises to inspect: selected.csv of a plan.")
    ],
    domain: Annotated[str, typer.Option(help="general, food or special_equipment.")],
    month: Annotated[str, typer.Option(help="Month of the inspections, YYYY-MM.")],
    out: Annotated[Path, typer.Option(help="CSV to write, as risk-model plan results reads it.")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what a plan's inspections find in the simulated province of the home: the same whoever inspects."""
    import pandas as pd

    from features.errors import InputError
    from features.home import Home
    from features.simulation.visiting import visit

    first = required_day(f"{month}-01", "--month")
    try:
        table = pd.read_csv(file, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise InputError(f"{file} cannot be read: {error}", field="file") from None
    named = [column for column in table.columns if str(column).endswith("credit_code")]
    if not named:
        raise InputError(
            f"{file.name} has no column credit_code; it has {', '.join(map(str, table.columns))}",
            field="credit_code",
        )
    codes = [code.strip() for code in table[named[0]]]
    found = visit(Home.locate(home).simulated, codes, domain=domain, first=first)
    found.to_csv(out, index=False, encoding="utf-8")
    counts = {str(name): int(number) for name, number in found["outcome"].value_counts().items()}
    if as_json:
        print_json({"out": str(out), "inspections": len(found), "outcomes": counts})
    else:
        told = ", ".join(f"{name} {number:,}" for name, number in sorted(counts.items()))
        typer.echo(f"{len(found):,} inspections: {told}. Written to {out}")


def _show(report: SimulationReport) -> None:
    from rich.console import Console
    from rich.table import Table

    from features.records import TABLES

    console = Console()
    table = Table(
        title=f"{report.enterprises:,} enterprises, {report.start} to {report.end}, seed {report.seed}"
    )
    table.add_column("table")
    for heading in ("rows", "of them dirt", "to be quarantined"):
        table.add_column(heading, justify="right")
    for name, rows in report.rows.items():
        dirt, refused = sum(report.dirt[name].values()), report.quarantine[name]
        table.add_row(f"{name} {TABLES[name].label.zh}", f"{rows:,}", f"{dirt:,}", f"{refused:,}")
    table.add_section()
    total = sum(report.rows.values()), sum(sum(kinds.values()) for kinds in report.dirt.values())
    table.add_row("all", f"{total[0]:,}", f"{total[1]:,}", f"{sum(report.quarantine.values()):,}")
    console.print(table)
    console.print(f"Records: {report.out / 'records'}", soft_wrap=True)
    console.print(f"Truth, {report.truth_rows:,} rows: {report.out / 'truth.parquet'}", soft_wrap=True)
