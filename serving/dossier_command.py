"""``risk-model dossier``: all that is known of an enterprise, on one page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from features.terminal import HomeOption, JsonOption, print_json


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("dossier")(dossier)


def dossier(
    *,
    credit_code: Annotated[str, typer.Argument(help="Unified social credit code.")],
    output: Annotated[
        Path, typer.Option(metavar="FILE", help=".html, which opens to everything, or .pdf, one A4 page.")
    ],
    model: Annotated[
        str | None,
        typer.Option(
            help="By default the sector model that speaks of it, else the general one.", show_default=False
        ),
    ] = None,
    lang: Annotated[str, typer.Option(help="zh or en.")] = "zh",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the dossier of an enterprise: tier, reasons and their records, what would lower it, measures."""
    from features.errors import InputError
    from features.home import Home
    from serving.sheet.files import write_sheet

    if lang not in ("zh", "en"):
        raise InputError(f"there is no language {lang!r}", field="--lang", fix="Use zh or en.")
    code = credit_code.strip()
    written = write_sheet(Home.locate(home), code, output, model, lang)
    if as_json:
        print_json({"credit_code": code, "file": str(written)})
    else:
        typer.echo(f"dossier: {written}")
