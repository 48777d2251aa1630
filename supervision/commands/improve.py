"""``risk-model improve``: what an enterprise can do to come into a lower tier."""

from __future__ import annotations

from typing import Annotated

import typer

from features.terminal import HomeOption, JsonOption, print_json, print_table, required_language
from risk_model.commands.options import ModelOfEnterpriseOption
from supervision.commands.options import CodeArgument


def register(app: typer.Typer) -> None:
    """Add the command ``improve``."""
    app.command("improve")(improve)


def improve(
    *,
    credit_code: CodeArgument,
    model: ModelOfEnterpriseOption = None,
    lang: Annotated[str, typer.Option(help="zh or en.")] = "zh",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find the fewest lawful steps that bring an enterprise into a lower tier, checked by re-scoring."""
    from features.home import Home
    from supervision.improvement.search import Improver

    required_language(lang)
    found = Improver(Home.locate(home)).find(credit_code.strip(), model)
    if as_json:
        print_json(found.as_dict())
        return
    typer.echo(
        f"{found.credit_code} ({found.model}): tier {found.now.tier}, score {found.now.score:.0f}"
        f" -> tier {found.then.tier}, score {found.then.score:.0f}"
    )
    if not found.open:
        typer.echo("There is nothing that it can do on this day; records run out by themselves.")
        return
    if not found.reaches:
        typer.echo("No lawful step that is open on this day brings it into a lower tier.")
    print_table(
        "",
        ("step", "record", "source"),
        [
            (action.rule.label.model_dump()[lang], action.record, action.rule.source)
            for action in found.actions
        ],
        left=(0, 1, 2),
    )
