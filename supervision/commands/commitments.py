"""``risk-model commitments``: templates, registration, verification."""

from __future__ import annotations

from typing import Annotated

import typer

from features.terminal import HomeOption, JsonOption, print_json, print_table
from supervision.commands.options import (
    CodeArgument,
    OnOption,
    ProviderOption,
    day,
    latest_records,
    show_decision,
)


def register(app: typer.Typer) -> None:
    """Add the command group ``commitments``."""
    group = typer.Typer(no_args_is_help=True)
    group.command("kinds")(kinds)
    group.command("register")(register_one)
    group.command("verify")(verify)
    group.command("due")(due)
    app.add_typer(group, name="commitments", help="Credit commitments: register, verify, consequences.")


def kinds(*, on: OnOption = None, as_json: JsonOption = False) -> None:
    """Show the kinds of commitments with text, verification and consequences."""
    from supervision.commitments.rules import load_commitments

    rules = load_commitments(day(on))
    if as_json:
        print_json(rules.model_dump(mode="json"))
        return
    for name, kind in rules.kinds.items():
        typer.echo(f"{name}: {kind.label.zh} / {kind.label.en}")
        typer.echo(f"  {kind.text.zh}")
        typer.echo(f"  {kind.text.en}")
        typer.echo(f"  verified within {kind.verify_within_months} months [{kind.trust}]")
        for consequence in kind.consequences:
            typer.echo(f"  broken: {consequence.label.zh} ({consequence.source}) [{consequence.trust}]")


def register_one(
    *,
    credit_code: CodeArgument,
    kind: Annotated[str, typer.Option("--kind", help="See commitments kinds.")],
    provider: ProviderOption,
    subject: Annotated[str, typer.Option(help="What it is for: number of a licence, a record.")] = "",
    on: OnOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Register a commitment; refused with reasons where the enterprise is barred."""
    from features.home import Home
    from supervision.commitments.decide import register_commitment

    made = register_commitment(
        Home.locate(home), credit_code, kind, on=day(on), provider=provider, subject=subject
    )
    show_decision(made, as_json=as_json)


def verify(
    *,
    credit_code: CodeArgument,
    record: Annotated[str, typer.Option("--record", help="The commitment (record_id).")],
    outcome: Annotated[str, typer.Option(help="kept or broken.")],
    provider: ProviderOption,
    finding: Annotated[str, typer.Option(help="What was found; required where it was broken.")] = "",
    on: OnOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Record whether a commitment was kept, and say what follows."""
    from features.home import Home
    from supervision.commitments.decide import verify_commitment

    made, follows = verify_commitment(
        Home.locate(home), credit_code, record, outcome, on=day(on), provider=provider, finding=finding
    )
    if as_json:
        print_json({**made.as_dict(), "consequences": follows})
        return
    show_decision(made, as_json=False)
    for consequence in follows:
        label = consequence["label"]
        typer.echo(f"  {label['zh']} / {label['en']} ({consequence['source']}) [{consequence['trust']}]")


def due(*, on: OnOption = None, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """List commitments whose verification is overdue."""
    from features.home import Home
    from supervision.commitments.decide import due_for_verification

    when = day(on)
    found = due_for_verification(latest_records(Home.locate(home)), when)
    if as_json:
        print_json(found)
        return
    print_table(
        f"Not verified in time on {when}: {len(found):,}",
        ("enterprise", "kind", "made on", "verify by", "days over", "authority"),
        [
            (r["credit_code"], r["kind"], r["event_date"], r["verify_by"], r["days_over"], r["provider"])
            for r in found
        ],
        left=(0, 1, 5),
    )
