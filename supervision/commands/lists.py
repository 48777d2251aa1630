"""``risk-model lists``: the abnormal-operation list and the serious-violation list."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from features.terminal import HomeOption, JsonOption, print_json, print_table, required_day
from supervision.commands.options import (
    CodeArgument,
    OnOption,
    ProviderOption,
    day,
    latest_records,
    show_decision,
)

ListOption = Annotated[str, typer.Option("--list", help="abnormal or serious.")]
GroundOption = Annotated[str, typer.Option("--ground", help="Code of the ground; see lists grounds.")]


def register(app: typer.Typer) -> None:
    """Add the command group ``lists``."""
    group = typer.Typer(no_args_is_help=True)
    for command in (check, enter, remove, show, grounds, push):
        group.command(command.__name__)(command)
    app.add_typer(
        group, name="lists", help="Abnormal-operation and serious-violation list: decide, ask, push."
    )


def check(
    *,
    credit_code: CodeArgument,
    action: Annotated[
        str, typer.Option("--action", help="What it wants to do, such as simplified_cancellation.")
    ],
    on: OnOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say whether an enterprise may do something, with reasons and articles."""
    from features.home import Home
    from supervision.inputs import tier_on
    from supervision.lists.restrictions import may
    from supervision.records import enterprise_records

    place, when = Home.locate(home), day(on)
    records = enterprise_records(latest_records(place), credit_code, when)
    answer = may(records, action, tier=tier_on(place, records.credit_code, when))
    if as_json:
        print_json(answer.as_dict())
        return
    typer.echo(
        f"{answer.credit_code} {answer.name or '(no registration on record)'}: may it "
        f"{answer.action_label.en} ({answer.action_label.zh}) on {answer.on}? {answer.verdict}"
    )
    for reason in answer.reasons:
        typer.echo(f"  {reason.outcome}: {reason.label.zh} / {reason.label.en}")
        if reason.condition:
            typer.echo(f"    condition: {reason.condition.zh} / {reason.condition.en}")
        typer.echo(f"    {reason.source} [{reason.trust}]")
        for evidence in reason.evidence:
            typer.echo(f"    {evidence.day} {evidence.table} {evidence.record_id}: {evidence.what}")


def enter(
    *,
    credit_code: CodeArgument,
    name: ListOption,
    ground: GroundOption,
    provider: ProviderOption,
    on: OnOption = None,
    found: Annotated[
        str | None,
        typer.Option(metavar="DATE", help="Day on which the ground was found.", show_default=False),
    ] = None,
    penalty: Annotated[
        str | None,
        typer.Option(help="Serious list: record of the heavier penalty behind it.", show_default=False),
    ] = None,
    reason: Annotated[str, typer.Option(help="Serious list: why it is grave, in words.")] = "",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Decide that an enterprise enters a list; features and tiers see it from that day."""
    from features.home import Home
    from supervision.lists.entries import enter_list

    made = enter_list(
        Home.locate(home),
        credit_code,
        name,
        ground,
        on=day(on),
        provider=provider,
        found=required_day(found, "--found") if found else None,
        penalty=penalty,
        reason=reason,
    )
    show_decision(made, as_json=as_json)


def remove(
    *,
    credit_code: CodeArgument,
    name: ListOption,
    ground: GroundOption,
    condition: Annotated[
        str, typer.Option("--condition", help="Code of the reason of removal; see lists grounds.")
    ],
    provider: ProviderOption,
    on: OnOption = None,
    applied: Annotated[
        str | None,
        typer.Option(metavar="DATE", help="Day on which the enterprise asked for it.", show_default=False),
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Decide that an enterprise is removed from a list."""
    from features.home import Home
    from supervision.lists.entries import remove_from_list

    made = remove_from_list(
        Home.locate(home),
        credit_code,
        name,
        ground,
        on=day(on),
        provider=provider,
        condition=condition,
        applied=required_day(applied, "--applied") if applied else None,
    )
    show_decision(made, as_json=as_json)


def show(
    *,
    credit_code: Annotated[
        str | None,
        typer.Argument(metavar="[CREDIT_CODE]", help="One enterprise; else both lists.", show_default=False),
    ] = None,
    on: OnOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show who is on the lists, or one enterprise's entries and what they lead to."""
    from features.home import Home
    from supervision.lists.overview import both_lists, of_enterprise
    from supervision.records import enterprise_records

    records = latest_records(Home.locate(home))
    if credit_code is None:
        listed = both_lists(records, day(on))
        if as_json:
            print_json(listed)
            return
        rows = [
            (part["list"], f"{g['ground']} {g['label']['zh']} / {g['label']['en']}", f"{g['open']:,}")
            for part in listed["lists"]
            for g in part["grounds"]
        ]
        print_table(f"On the lists on {listed['on']}", ("list", "ground", "open entries"), rows, left=(0, 1))
        for part in listed["lists"]:
            typer.echo(
                f"{part['list']}: {part['enterprises']:,} enterprises; terms over: {len(part['over']):,}"
            )
        return
    found = of_enterprise(enterprise_records(records, credit_code, day(on)))
    if as_json:
        print_json(found)
        return
    typer.echo(f"{found['credit_code']} {found['name'] or ''} on {found['on']}")
    for entry in found["entries"]:
        until = f" – {entry['removed_on']}" if entry["removed_on"] else " – open"
        typer.echo(f"  {entry['list']} {entry['ground']}: {entry['event_date']}{until} ({entry['provider']})")
    for due in found["due"]:
        typer.echo(f"  {due['date']}: {due['label']['zh']} / {due['label']['en']} ({due['source']})")
    if not found["entries"]:
        typer.echo("  on neither list")


def grounds(*, on: OnOption = None, as_json: JsonOption = False) -> None:
    """Show the grounds, reasons of removal, steps and time limits in force."""
    from supervision.lists.overview import rules_in_force

    lists = rules_in_force(day(on))
    if as_json:
        print_json(lists)
        return
    for one in lists:
        print_table(
            f"{one['list']}: {one['label']['zh']} / {one['label']['en']} (from {one['in_force_from']})",
            ("ground", "", "removal", "source", "trust"),
            [
                (
                    code,
                    f"{g['label']['zh']} / {g['label']['en']}",
                    ", ".join(r["code"] for r in g["removal"]),
                    g["source"],
                    g["trust"],
                )
                for code, g in one["grounds"].items()
            ],
            left=(0, 1, 2, 3, 4),
        )
        for step in one["steps"]:
            typer.echo(
                f"  {step['name']}: within {step['working_days']} working days after {step['from']} "
                f"({step['source']}) [{step['trust']}]"
            )


def push(
    *,
    receiver: Annotated[str, typer.Option("--to", help="Name of the department.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder that it collects its batches from.")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the changes since a department's last batch; a message may come twice, never not at all."""
    from features.home import Home
    from supervision.lists import outbox

    sent = outbox.push(Home.locate(home), receiver, out)
    if as_json:
        print_json(sent.as_dict())
    else:
        typer.echo(
            f"{sent.messages:,} messages, snapshots {sent.first} to {sent.last}: {sent.file or 'nothing'}"
        )
