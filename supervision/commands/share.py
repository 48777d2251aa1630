"""``risk-model share``: data packages for departments, partners and the public."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from features.terminal import HomeOption, JsonOption, print_json, print_table
from supervision.commands.options import OnOption, day


def register(app: typer.Typer) -> None:
    """Add the command group ``share``."""
    group = typer.Typer(no_args_is_help=True)
    group.command("package")(package)
    group.command("partner")(partner)
    app.add_typer(
        group, name="share", help="Data packages by role; what a partner may know of an enterprise."
    )


def package(
    *,
    role: Annotated[str, typer.Option(help="public, partner or department.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the package.")],
    on: OnOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the data package that a role may have: Parquet, CSV, descriptor, data dictionary."""
    from features.home import Home
    from supervision.sharing.share import share

    report = share(Home.locate(home), role, out, day(on))
    if as_json:
        print_json(report.as_dict())
        return
    print_table(
        f"Package for {report.role} on {report.on}",
        ("table", "rows"),
        [(name, f"{rows:,}") for name, rows in report.rows.items()],
    )
    typer.echo(f"package: {report.folder}")


def partner(
    *,
    credit_code: Annotated[str, typer.Argument(metavar="CREDIT_CODE", help="Unified social credit code.")],
    on: OnOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what a partner may know of an enterprise: counts of publishable records."""
    from features.home import Home
    from supervision.sharing.partner_risk import LABELS
    from supervision.sharing.share import partner_view

    view = partner_view(Home.locate(home), credit_code.strip(), day(on))
    if as_json:
        print_json(view)
        return
    for name, value in view.items():
        typer.echo(f"{LABELS[name].zh} / {LABELS[name].en}: {value}")
