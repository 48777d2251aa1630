"""``risk-model measures``: what a tier means for supervision, of a sector or of one enterprise."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from features.terminal import HomeOption, JsonOption, print_json
from supervision.commands.options import OnOption, day

if TYPE_CHECKING:
    from supervision.measures import TierMeasures


def register(app: typer.Typer) -> None:
    """Add the command ``measures``."""
    app.command("measures")(measures)


def measures(
    *,
    credit_code: Annotated[
        str | None,
        typer.Argument(
            metavar="[CREDIT_CODE]", help="An enterprise: its published tier decides.", show_default=False
        ),
    ] = None,
    sector: Annotated[str, typer.Option(help="general, food or special_equipment.")] = "general",
    preset: Annotated[
        str | None, typer.Option(help="Published local rule whose ratios are used.", show_default=False)
    ] = None,
    rules: Annotated[
        Path | None, typer.Option(help="The province's own measures (YAML).", show_default=False)
    ] = None,
    on: OnOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what each tier means: ratio, frequency, kinds of inspection, and when it is left alone."""
    from features.errors import InputError
    from features.home import Home
    from supervision.inputs import tier_on
    from supervision.measures import load_measures

    today = day(on)
    found = load_measures(sector, today, preset=preset, path=rules)
    tiers = found.tiers
    if credit_code is not None:
        tier = tier_on(Home.locate(home), credit_code.strip(), today, sector)
        if tier is None:
            raise InputError(
                f"{credit_code} has no published tier of model {sector!r} on {today}",
                field="credit_code",
                fix="Run risk-model classify, or check code and sector.",
            )
        tiers = {tier: tiers[tier]}
    if as_json:
        print_json(
            {
                "sector": sector,
                "in_force_from": found.in_force_from,
                "on": today,
                "credit_code": credit_code,
                "tiers": {tier: told.model_dump(mode="json") for tier, told in tiers.items()},
            }
        )
        return
    for tier, told in tiers.items():
        for line in _lines(tier, told):
            typer.echo(line)


def _lines(tier: str, told: TierMeasures) -> list[str]:
    ratio, frequency = told.ratio, told.frequency
    share = "" if ratio.share is None else f", {100 * ratio.share[0]:g}-{100 * ratio.share[1]:g} % a year"
    often = "" if frequency.per_year is None else f", {frequency.per_year:g} a year"
    full = ", key items in full" if told.inspection.key_items_in_full else ""
    accepted = "accepted" if told.commitments.accepted else "not accepted"
    lines = [
        f"{tier} {told.label.zh} / {told.label.en}",
        f"  ratio: {ratio.direction}{share}{_of(ratio)}",
        f"  frequency: {frequency.direction}{often}{_of(frequency)}",
        f"  inspections: {', '.join(told.inspection.kinds)}{full}{_of(told.inspection)}",
        f"  commitments: {accepted}{_of(told.commitments)}",
    ]
    if told.left_alone_unless is not None:
        unless = ", ".join(told.left_alone_unless.reasons)
        lines.append(f"  left alone unless: {unless}{_of(told.left_alone_unless)}")
    return lines


def _of(rule: Any) -> str:
    return f"  ({rule.source}) [{rule.trust}]"
