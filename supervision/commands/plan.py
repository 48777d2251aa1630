"""``risk-model plan``: makes and verifies inspection plans."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from features.terminal import HomeOption, JsonOption

if TYPE_CHECKING:
    from supervision.sampling.planning import Plan
    from supervision.verification import VerifyReport

T = TypeVar("T")


def register(app: typer.Typer) -> None:
    """Add the command group ``plan``."""
    group = typer.Typer(invoke_without_command=True)
    group.callback()(plan)
    group.command("verify")(verify)
    app.add_typer(group, name="plan", help="Plan a month's inspections; verify a plan.")


def plan(
    *,
    context: typer.Context,
    sector: Annotated[
        str | None, typer.Option(help="general, food or special_equipment.", show_default=False)
    ] = None,
    month: Annotated[str | None, typer.Option(help="Month to plan, YYYY-MM.", show_default=False)] = None,
    capacity: Annotated[
        int | None, typer.Option(help="Inspections that can be made.", show_default=False)
    ] = None,
    seed: Annotated[
        str | None,
        typer.Option(help="Text of the draw; publish its SHA-256 before.", show_default=False),
    ] = None,
    district: Annotated[
        str | None, typer.Option(help="GB/T 2260 code; 510100 stands for all of 5101.", show_default=False)
    ] = None,
    rules: Annotated[
        Path | None, typer.Option(help="The province's own plan rules (YAML).", show_default=False)
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Plan a month's inspections: what is mandatory, then a random draw weighted by tier."""
    if context.invoked_subcommand is not None:
        return
    from features.home import Home
    from supervision.workflow import plan_month

    saved = plan_month(
        Home.locate(home),
        sector=_required(sector, "--sector"),
        month=_required(month, "--month"),
        capacity=_required(capacity, "--capacity"),
        seed=_required(seed, "--seed"),
        district=district,
        rules_file=rules,
    )
    if as_json:
        typer.echo(
            json.dumps(_as_dict(saved.plan, saved.folder, saved.snapshot), ensure_ascii=False, indent=2)
        )
    else:
        _show(saved.plan, saved.folder)


def verify(
    *,
    context: typer.Context,
    path: Annotated[str, typer.Argument(metavar="PLAN", help="Folder of a plan, or its name.")],
    commitment: Annotated[
        str | None, typer.Option(help="SHA-256 of the seed as published before the draw.", show_default=False)
    ] = None,
    fingerprint: Annotated[
        str | None, typer.Option(help="Fingerprint as published with the plan.", show_default=False)
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Repeat a plan's draw from its published inputs; exit with 1 if anything differs."""
    from features.home import Home
    from supervision.verification import verify_plan

    above: dict[str, Any] = context.parent.params if context.parent else {}
    folder = Path(path)
    if not folder.is_dir():
        folder = Home.locate(home or above.get("home")).plans / path
    report = verify_plan(folder, commitment=commitment, fingerprint=fingerprint)
    if as_json or above.get("as_json"):
        typer.echo(json.dumps(report.as_dict(), ensure_ascii=False, indent=2))
    else:
        _show_report(report)
    if not report.passed:
        raise typer.Exit(1)


def _required(value: T | None, option: str) -> T:
    """Return a value that only the group's subcommands can do without."""
    if value is None:
        from features.errors import InputError

        msg = "it is missing"
        raise InputError(msg, field=option, fix="See risk-model plan --help.")
    return value


def _as_dict(made: Plan, folder: Path, snapshot: str) -> dict[str, Any]:
    from supervision.plans import DOCUMENT, FRAME, SELECTED

    return {
        "plan": folder.name,
        "sector": made.sector,
        "month": made.month,
        "snapshot": snapshot,
        "seed_commitment": made.commitment,
        "fingerprint": made.fingerprint,
        "summary": made.summary.as_dict(),
        "files": {name: str(folder / name) for name in (DOCUMENT, FRAME, SELECTED)},
    }


def _show(made: Plan, folder: Path) -> None:
    from rich.console import Console
    from rich.table import Table

    from risk_model.scale import TIER_WORDS
    from supervision.plans import SELECTED
    from supervision.sampling.reasons import PART_WORDS

    console = Console()
    summary = made.summary
    table = Table(title=f"{folder.name}: {summary.selected} of {summary.candidates} enterprises")
    for heading in ("tier", "part"):
        table.add_column(heading)
    for heading in ("candidates", "selected", "mean probability of selection", "expected findings"):
        table.add_column(heading, justify="right")
    for row in summary.by_tier:
        table.add_row(
            f"{row['tier']} {TIER_WORDS[row['tier']].zh}",
            f"{row['part']} {PART_WORDS[row['part']].zh}",
            f"{row['candidates']:,}",
            f"{row['selected']:,}",
            f"{row['mean_inclusion_probability']:.4f}",
            f"{row['expected_findings']:.1f}",
        )
    console.print(table)
    console.print(
        f"Expected findings {summary.expected_findings:.1f}; "
        f"as many inspections drawn uniformly: {summary.expected_findings_uniform:.1f}."
    )
    if summary.shortfall:
        console.print(
            f"[bold red]Shortfall: {summary.shortfall:,} of {summary.mandatory:,} mandatory enterprises "
            f"are not in this plan; the capacity is {summary.capacity:,}.[/bold red]"
        )
    if summary.reserved:
        console.print(f"{summary.reserved:,} inspections were kept for the random draw (random_reserve).")
    if summary.unused:
        console.print(f"{summary.unused:,} inspections are left: nobody else can be inspected this month.")
    if summary.despite_restriction:
        console.print(
            f"{summary.despite_restriction:,} statutory inspections go before the annual cap, the no-repeat "
            "rule or an exemption."
        )
    console.print(f"Commitment of the seed: {made.commitment}", soft_wrap=True)
    console.print(f"Fingerprint of the plan: {made.fingerprint}", soft_wrap=True)
    console.print(f"List for inspectors: {folder / SELECTED}", soft_wrap=True)


def _show_report(report: VerifyReport) -> None:
    from rich.console import Console
    from rich.markup import escape

    console = Console()
    for check in report.checks:
        word = "[green]agrees[/green]" if check.passed else "[bold red]DIFFERS[/bold red]"
        console.print(f"{check.name}: {word} {escape(check.detail)}", soft_wrap=True)
    console.print(f"{report.plan}: {'verified' if report.passed else 'NOT verified'}", soft_wrap=True)
