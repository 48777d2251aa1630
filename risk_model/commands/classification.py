"""``risk-model classify`` and ``explain``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from features.terminal import HomeOption, JsonOption, print_json, print_table, progress

if TYPE_CHECKING:
    from risk_model.publication import Publication


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("classify")(classify)
    app.command("explain")(explain)


def classify(
    *,
    as_of: Annotated[
        str | None,
        typer.Option(
            "--as-of",
            metavar="DATE",
            help="Date, YYYY-MM-DD; the last day of the records by default.",
            show_default=False,
        ),
    ] = None,
    model: Annotated[
        list[str] | None, typer.Option(help="Only these models; by default all.", show_default=False)
    ] = None,
    snapshot: Annotated[
        int | None, typer.Option(help="Snapshot of the records; the latest by default.", show_default=False)
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Classify every enterprise in business and publish score, tier and reasons."""
    from features.home import Home
    from risk_model.pipeline import classify_all

    with progress("classify") as advance:
        publication = classify_all(
            Home.locate(home), parse_day(as_of, "--as-of"), names=model, snapshot=snapshot, progress=advance
        )
    if as_json:
        print_json({**publication.document, "folder": str(publication.folder)})
    else:
        show_publication(publication)


def explain(
    *,
    credit_code: Annotated[str, typer.Argument(help="Unified social credit code.")],
    model: Annotated[
        str | None,
        typer.Option(
            help="By default the sector model that speaks of it, else the general one.", show_default=False
        ),
    ] = None,
    lang: Annotated[str, typer.Option(help="zh or en.")] = "zh",
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a plot, .png or .svg.", show_default=False)
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say why an enterprise has its score and tier, in words and numbers that add up."""
    from features.home import Home
    from risk_model.explanation.explanation import explain_published
    from risk_model.publication import Publication

    found = explain_published(Publication.current(Home.locate(home)), credit_code.strip(), model)
    if plot is not None:
        from risk_model.explanation.plots import waterfall

        waterfall(found, plot, lang=lang)
    if as_json:
        print_json(found.as_dict() | ({"plot": str(plot)} if plot else {}))
        return
    typer.echo(f"{found.credit_code}  {found.name or ''}  ({found.model_title[lang]}, {found.as_of})")
    for sentence in found.sentences(lang):
        typer.echo(f"  {sentence}")
    print_table(
        "",
        ("指标" if lang == "zh" else "indicator", "log-odds", "分" if lang == "zh" else "points"),
        [
            (
                f"{'' if level else '  '}{g.label[lang]}",
                f"{g.contribution:+.4f}",
                f"{found.points(g.contribution):+.1f}",
            )
            for level, g in _levels(found)
            if abs(found.points(g.contribution)) >= 0.05
        ],
    )
    typer.echo(
        f"base {found.base_value:+.6f} + contributions = {found.margin:+.6f} "
        f"(difference {found.residual:.1e})"
    )
    if plot is not None:
        typer.echo(f"plot: {plot}")


def _levels(found: Any) -> list[tuple[bool, Any]]:
    """Return first-level indicators, each followed by its second level."""
    lines: list[tuple[bool, Any]] = []
    for first in found.first_levels:
        lines.append((True, first))
        lines += [(False, g) for g in found.indicators if g.name.partition(".")[0] == first.name]
    return lines


def parse_day(text: str | None, option: str) -> Any:
    """Return a date, or None.

    Raises
    ------
    InputError
        If it is not a date.
    """
    from datetime import date

    from features.errors import InputError

    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InputError(f"{text!r} is not a date", field=option, fix="Write it as YYYY-MM-DD.") from None


def show_publication(publication: Publication) -> None:
    """Print what was published: tiers by model."""
    document = publication.document
    rows = []
    for name, told in document["models"].items():
        total = max(told["rows"], 1)
        shares = [f"{n:,} ({100 * n / total:.1f} %)" for n in told["tiers"].values()]
        rows.append((name, told["version"], f"{told['rows']:,}", *shares, f"{told['largest_residual']:.1e}"))
    tiers = next(iter(document["models"].values()))["tiers"]
    print_table(
        f"Classification {publication.name}: {document['enterprises']:,} enterprises in business",
        ("model", "version", "classified", *tiers, "largest residual"),
        rows,
    )
    typer.echo(f"published: {publication.folder}")
