"""``risk-model key-areas``: the enterprise list, the item list, who owes which records."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from features.terminal import HomeOption, JsonOption, print_json, print_table
from supervision.commands.options import OnOption, day, latest_records
from supervision.writing import csv_of, rows_of, write_whole

TypesOption = Annotated[
    Path | None, typer.Option("--types", help="The province's additional types (YAML).", show_default=False)
]
ItemsOption = Annotated[
    Path | None, typer.Option("--items", help="The province's additional items (YAML).", show_default=False)
]
ProvinceOption = Annotated[
    str | None,
    typer.Option("--province", help="First digits of the district code, such as 51.", show_default=False),
]
OutOption = Annotated[
    Path | None, typer.Option("--out", metavar="FILE", help="Write all rows as CSV.", show_default=False)
]


def register(app: typer.Typer) -> None:
    """Add the command group ``key-areas``."""
    group = typer.Typer(no_args_is_help=True)
    group.command("list")(list_enterprises)
    group.command("items")(items)
    group.command("owed")(owed)
    app.add_typer(group, name="key-areas", help="Key-area enterprises, items, and who owes which records.")


def list_enterprises(
    *,
    on: OnOption = None,
    type_: Annotated[
        str | None, typer.Option("--type", help="Only this type, such as F1.", show_default=False)
    ] = None,
    state: Annotated[
        str | None,
        typer.Option(help="Only current, lapsing or left.", show_default=False),
    ] = None,
    province: ProvinceOption = None,
    types: TypesOption = None,
    out: OutOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """List key-area enterprises with type, entry and end, from licences as they come and go."""
    from features.errors import InputError
    from features.home import Home
    from supervision.key_areas.enterprises import CURRENT, LAPSING, LEFT, key_enterprises
    from supervision.key_areas.rules import load_key_areas

    when = day(on)
    rules = load_key_areas(when, types)
    for given, known, option in (
        (type_, tuple(rules.types), "--type"),
        (state, (CURRENT, LAPSING, LEFT), "--state"),
    ):
        if given is not None and given not in known:
            raise InputError(f"there is no {given!r}", field=option, fix=f"Use one of {', '.join(known)}.")
    found = key_enterprises(latest_records(Home.locate(home)), when, rules, province=province)
    if type_:
        found = found[found["type"] == type_]
    if state:
        found = found[found["state"] == state]
    if out is not None:
        write_whole(out, csv_of(found))
    counted = found.groupby(["type", "label", "state"])["credit_code"].nunique()
    counts = counted.rename("enterprises").reset_index().to_dict("records")
    if as_json:
        print_json(
            {
                "on": when,
                "in_force_from": rules.in_force_from,
                "counts": counts,
                "enterprises": None if out else rows_of(found),
                "out": out,
            }
        )
        return
    print_table(
        f"Key-area enterprises on {when}",
        ("type", "", "state", "enterprises"),
        [(r["type"], r["label"], r["state"], f"{r['enterprises']:,}") for r in counts],
        left=(0, 1, 2),
    )
    typer.echo(f"all rows: {out}" if out else "--out FILE writes all rows.")


def items(*, on: OnOption = None, items: ItemsOption = None, as_json: JsonOption = False) -> None:
    """Show the items that are collected, with the fields and time limits of each."""
    from supervision.key_areas.rules import load_items

    rules = load_items(day(on), items)
    if as_json:
        print_json(rules.model_dump(mode="json"))
        return
    print_table(
        f"Items from {rules.in_force_from}",
        ("item", "", "fields", "working days", "source", "trust"),
        [
            (name, f"{i.label.zh} / {i.label.en}", ", ".join(i.fields), i.within, i.source, i.trust)
            for name, i in rules.items.items()
        ],
        left=(0, 1, 2, 4, 5),
    )


def owed(
    *,
    on: OnOption = None,
    since: Annotated[
        str | None,
        typer.Option(
            metavar="DATE", help="Records of events from here; a year by default.", show_default=False
        ),
    ] = None,
    province: ProvinceOption = None,
    types: TypesOption = None,
    items: ItemsOption = None,
    out: OutOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Report who owes which records: fields missing, records late, records absent."""
    from features.home import Home
    from features.terminal import required_day
    from supervision.key_areas.completeness import completeness
    from supervision.key_areas.enterprises import key_enterprises
    from supervision.key_areas.rules import load_items, load_key_areas

    when = day(on)
    records = latest_records(Home.locate(home))
    enterprises = key_enterprises(records, when, load_key_areas(when, types), province=province)
    report = completeness(
        records,
        when,
        load_items(when, items),
        enterprises,
        since=required_day(since, "--since") if since else None,
    )
    if out is not None:
        write_whole(out, csv_of(report.absent))
    if as_json:
        print_json(
            {
                "on": when,
                "enterprises": report.enterprises,
                "providers": report.providers.to_dict("records"),
                "absent_by_district": report.by_district().to_dict("records"),
                "absent": len(report.absent),
                "out": out,
            }
        )
        return
    print_table(
        f"Records about {report.enterprises:,} key-area enterprises on {when}",
        ("item", "provider", "records", "incomplete", "late", "fields missing"),
        [
            (
                r["item"],
                r["provider"],
                f"{r['records']:,}",
                f"{r['incomplete']:,}",
                f"{r['late']:,}",
                r["missing"],
            )
            for r in report.providers.to_dict("records")
        ],
        left=(0, 1, 5),
    )
    print_table(
        "Absent records",
        ("item", "district", "enterprises"),
        [(r["item"], r["district"], f"{r['absent']:,}") for r in report.by_district().to_dict("records")],
        left=(0, 1),
    )
    typer.echo(f"absent records: {out}" if out else "--out FILE writes every absent record.")
