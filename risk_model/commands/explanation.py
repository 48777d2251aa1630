"""``risk-model explain-model``: what moves the scores of a model as a whole."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from features.terminal import HomeOption, JsonOption, print_json, print_table, required_day

if TYPE_CHECKING:
    from risk_model.explanation.overall import OverallExplanation

#: Facts and features that the terminal shows; the page and the document have more.
SHOWN = 15


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("explain-model")(explain_model)


def explain_model(
    *,
    model: Annotated[str, typer.Argument(help="Name of the model.")],
    version: Annotated[str, typer.Option(help="Version or alias.")] = "champion",
    against: Annotated[
        str | None,
        typer.Option(
            metavar="VERSION", help="Say whether reasons are those of this version too.", show_default=False
        ),
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option(
            "--as-of",
            metavar="DATE",
            help="Enterprises as of this date; of the classification in force by default.",
            show_default=False,
        ),
    ] = None,
    rows: Annotated[int, typer.Option(min=100, help="Enterprises that are looked at, at most.")] = 5_000,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write a page.", show_default=False)
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what moves a model's scores: importance, dependence on values, whether reasons last."""
    from features.home import Home
    from risk_model.explanation.versions import explain_version

    day = required_day(as_of, "--as-of") if as_of is not None else None
    found = explain_version(Home.locate(home), model, version, against=against, as_of=day, rows=rows)
    if html is not None:
        from risk_model.cards.overall import page

        html.write_text(page(found.model, found.version, found.overall).html(), encoding="utf-8")
    if as_json:
        told = {"version": found.version, "as_of": found.as_of.isoformat(), **found.overall.as_dict()}
        print_json(told | ({"html": str(html)} if html else {}))
        return
    _show(found.overall, found.model.policy.score.factor, f"{found.version}, {found.as_of}")
    if html is not None:
        typer.echo(f"page: {html}")


def _show(overall: OverallExplanation, unit: float, which: str) -> None:
    from risk_model.cards.document import with_interval

    print_table(
        f"{overall.model} {which}: mean absolute contribution in points, {overall.rows:,} enterprises",
        ("fact", "指标", "points [95 %]"),
        [
            (one.name, one.label.zh, with_interval(one.mean_absolute.as_floats(unit), 1))
            for one in overall.importance[:SHOWN]
        ],
        left=(0, 1),
    )
    print_table(
        "features",
        ("feature", "declared", "rank correlation", "follows"),
        [
            (
                one.feature.name,
                f"{int(one.feature.direction):+d}" if one.feature.direction else "none",
                "" if one.correlation != one.correlation else f"{one.correlation:+.2f}",
                _words(one.follows),
            )
            for one in overall.dependence
        ],
        left=(0, 3),
    )
    if overall.stability is None:
        return
    found = overall.stability
    print_table(
        f"reasons beside those of version {overall.against}",
        ("measure", "value [95 %]"),
        [
            ("rank correlation of importance", f"{found.importance_correlation:.3f}"),
            ("rank correlation of contributions", with_interval(found.contribution_correlation.as_floats())),
            ("overlap of reasons that raise", with_interval(found.raised_overlap.as_floats())),
            ("overlap of reasons that lower", with_interval(found.lowered_overlap.as_floats())),
            ("same strongest reason", with_interval(found.same_first.as_floats())),
        ],
        left=(0,),
    )


def _words(follows: bool | None) -> str:
    return {None: "", True: "yes", False: "NO"}[follows]
