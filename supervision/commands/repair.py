"""``risk-model repair``: credit repair."""

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

RecordOption = Annotated[str, typer.Option("--record", help="The record (record_id).")]
PerformedOption = Annotated[
    bool, typer.Option("--performed", help="Shown: what the decision ordered has been done.")
]
HarmOption = Annotated[
    bool, typer.Option("--harm-removed", help="Shown: harm and ill effects have been removed.")
]


def register(app: typer.Typer) -> None:
    """Add the command group ``repair``."""
    group = typer.Typer(no_args_is_help=True)
    for command in (check, grant, refuse, revoke):
        group.command(command.__name__)(command)
    app.add_typer(group, name="repair", help="Credit repair: check, grant, refuse, revoke.")


def check(
    *,
    credit_code: CodeArgument,
    record: Annotated[
        str | None,
        typer.Option("--record", help="The record; by default all that can be.", show_default=False),
    ] = None,
    performed: PerformedOption = False,
    harm_removed: HarmOption = False,
    on: OnOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say whether a record can be repaired, from when, and what is missing."""
    from features.home import Home
    from supervision.records import enterprise_records
    from supervision.repair.check import Shown, check_repair, repairable_records

    records = enterprise_records(latest_records(Home.locate(home)), credit_code, day(on))
    if record is None:
        found = repairable_records(records)
        if as_json:
            print_json([one.as_dict() for one in found])
            return
        print_table(
            f"Records of {records.credit_code} on {records.on}",
            ("table", "record", "class", "published", "earliest repair"),
            [
                (
                    one.table,
                    one.record["record_id"],
                    one.record_class.label.en if one.record_class else "",
                    one.published,
                    one.earliest or "never early",
                )
                for one in found
            ],
            left=(0, 1, 2),
        )
        return
    checked = check_repair(records, record, Shown(performed, harm_removed))
    if as_json:
        print_json(checked.as_dict())
        return
    typer.echo(
        f"{checked.table} {record} (regime {checked.regime}): "
        f"{'can be repaired' if checked.eligible else 'cannot be repaired'} on {checked.on}"
    )
    for condition in checked.conditions:
        word = "met" if condition.met else "NOT met"
        typer.echo(f"  {word}: {condition.label['zh']} / {condition.label['en']} {condition.detail}".rstrip())
        typer.echo(f"    {condition.source} [{condition.trust}]")
    typer.echo(f"  an application of {checked.on} is decided by {checked.decide_by}")


def grant(
    *,
    credit_code: CodeArgument,
    record: RecordOption,
    provider: ProviderOption,
    performed: PerformedOption = False,
    harm_removed: HarmOption = False,
    on: OnOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Grant a repair: from that day the record is no longer published, shared or used."""
    from features.home import Home
    from supervision.repair.check import Shown
    from supervision.repair.decide import grant_repair

    made = grant_repair(
        Home.locate(home),
        credit_code,
        record,
        on=day(on),
        provider=provider,
        shown=Shown(performed, harm_removed),
    )
    show_decision(made, as_json=as_json)


def refuse(
    *,
    credit_code: CodeArgument,
    record: RecordOption,
    provider: ProviderOption,
    reason: Annotated[str, typer.Option("--reason", help="Why, in words.")],
    on: OnOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Refuse a repair; the record stays as it is."""
    from features.home import Home
    from supervision.repair.decide import refuse_repair

    made = refuse_repair(Home.locate(home), credit_code, record, on=day(on), provider=provider, reason=reason)
    show_decision(made, as_json=as_json)


def revoke(
    *,
    credit_code: CodeArgument,
    record: RecordOption,
    provider: ProviderOption,
    ground: Annotated[
        str, typer.Option("--ground", help="false_materials, commitment_broken or decision_wrong.")
    ],
    reason: Annotated[str, typer.Option("--reason", help="What was found, in words.")],
    on: OnOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take a granted repair back: from that day the record is published, shared and used again."""
    from features.home import Home
    from supervision.repair.decide import revoke_repair

    made = revoke_repair(
        Home.locate(home), credit_code, record, on=day(on), provider=provider, ground=ground, reason=reason
    )
    show_decision(made, as_json=as_json)
