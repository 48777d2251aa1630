"""``risk-model dossier``: all that is known of an enterprise, on one page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from features.terminal import HomeOption, JsonOption, print_json, required_language
from risk_model.commands.options import ModelOfEnterpriseOption


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("dossier")(dossier)


def dossier(
    *,
    credit_code: Annotated[str, typer.Argument(help="Unified social credit code.")],
    output: Annotated[
        Path, typer.Option(metavar="FILE", help=".html, which opens to everything, or .pdf, one A4 page.")
    ],
    model: ModelOfEnterpriseOption = None,
    lang: Annotated[str, typer.Option(help="zh or en.")] = "zh",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the dossier of an enterprise: tier, reasons and their records, what would lower it, measures."""
    from features.home import Home
    from serving.sheet.files import write_sheet

    required_language(lang)
    code = credit_code.strip()
    written = write_sheet(Home.locate(home), code, output, model, lang)
    if as_json:
        print_json({"credit_code": code, "file": str(written)})
    else:
        typer.echo(f"dossier: {written}")
