"""``risk-model plan``: makes and verifies inspection plans."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from features.terminal import HomeOption, JsonOption, print_json
from supervision.commands.options import OnOption, day

if TYPE_CHECKING:
    from collections.abc import Iterator

    from supervision.assignment.assigning import Assignment
    from supervision.plan_rules import PlanRules
    from supervision.sampling.planning import Plan
    from supervision.verification import VerifyReport
    from supervision.workflow import SavedPlan

T = TypeVar("T")
#: Results of the random draw from which an estimate of the problem rate is shown in words.
FEWEST_DRAWN = 30


def register(app: typer.Typer) -> None:
    """Add the command group ``plan``."""
    group = typer.Typer(invoke_without_command=True)
    group.callback()(plan)
    group.command("verify")(verify)
    group.command("results")(results)
    group.command("rules")(rules_in_force)
    app.add_typer(
        group,
        name="plan",
        help="Plan a month's inspections; verify a plan; load its results; show the rules.",
    )


def plan(
    *,
    context: typer.Context,
    sector: Annotated[
        str | None,
        typer.Option(
            help="general, food or special_equipment; food+general for joint visits.", show_default=False
        ),
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
    inspectors: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Pool of inspectors (CSV): a team is drawn for every enterprise.",
            show_default=False,
        ),
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Plan a month's inspections: what is mandatory, then a random draw weighted by tier."""
    if context.invoked_subcommand is not None:
        return
    from features.home import Home
    from supervision.assignment.pool import read_pool
    from supervision.workflow import plan_month

    saved = plan_month(
        Home.locate(home),
        sector=_required(sector, "--sector"),
        month=_required(month, "--month"),
        capacity=_required(capacity, "--capacity"),
        seed=_required(seed, "--seed"),
        district=district,
        rules_file=rules,
        inspectors=read_pool(inspectors) if inspectors else None,
    )
    if as_json:
        typer.echo(json.dumps(_as_dict(saved), ensure_ascii=False, indent=2))
    else:
        _show(saved.plan, saved.folder)
        if saved.assignment is not None:
            _show_assignment(saved.assignment, saved.folder)


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


def results(
    *,
    context: typer.Context,
    path: Annotated[str, typer.Argument(metavar="PLAN", help="Folder of a plan, or its name.")],
    file: Annotated[Path, typer.Argument(help="CSV: credit_code, date, outcome or result_codes, …")],
    findings: Annotated[
        Path | None,
        typer.Option(metavar="CSV", help="Single items: credit_code, item, severity, …", show_default=False),
    ] = None,
    provider: Annotated[str, typer.Option(help="Authority, where the file names none.")] = "",
    on: OnOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Load what the inspections of a plan found, each with its inclusion probability."""
    from features.home import Home
    from supervision.results import record_results

    above: dict[str, Any] = context.parent.params if context.parent else {}
    place = Home.locate(home or above.get("home"))
    folder = Path(path) if Path(path).is_dir() else place.plans / path
    report = record_results(place, folder, file, on=day(on), provider=provider, findings=findings)
    if as_json or above.get("as_json"):
        print_json(report.as_dict())
        return
    typer.echo(
        f"{report.plan}: {report.reported:,} of {report.planned:,} inspections reported; "
        f"{report.accepted:,} new, {report.duplicate:,} known"
    )
    typer.echo("  " + ", ".join(f"{name} {number:,}" for name, number in sorted(report.outcomes.items())))
    typer.echo(f"  problems {report.problems:,}; expected when planned {report.expected:.1f}")
    if report.estimated_rate is not None and report.drawn < FEWEST_DRAWN:
        typer.echo(f"  {report.drawn:,} results of the draw are too few to say anything of all others")
    elif report.estimated_rate is not None:
        typer.echo(
            f"  problem rate of all that could be drawn, estimated from {report.drawn:,} drawn: "
            f"{100 * report.estimated_rate:.1f} %"
            + (f" ± {100 * report.standard_error:.1f}" if report.standard_error is not None else "")
        )
    if report.late:
        typer.echo(f"  on file after more than 20 working days: {report.late:,}")


def rules_in_force(
    *,
    context: typer.Context,
    sector: Annotated[str, typer.Option(help="general, food or special_equipment.")] = "general",
    on: OnOption = None,
    rules: Annotated[
        Path | None, typer.Option(help="The province's own plan rules (YAML).", show_default=False)
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show whom a plan inspects, whom it spares and how it draws, each rule with its source."""
    from supervision.plan_rules import load_plan_rules

    found = load_plan_rules(sector, day(on), rules)
    above: dict[str, Any] = context.parent.params if context.parent else {}
    if as_json or above.get("as_json"):
        print_json(found.model_dump(mode="json"))
        return
    typer.echo(f"{sector}, in force from {found.in_force_from}")
    for line in _rule_lines(found):
        typer.echo(f"  {line}")


def _rule_lines(rules: PlanRules) -> Iterator[str]:
    if rules.statutory_minimum is not None:
        minimum = rules.statutory_minimum
        yield f"every one in full within {minimum.years} years ({minimum.source}) [{minimum.trust}]"
    for objects in rules.key_objects:
        every = ", ".join(f"{tier} every {months} months" for tier, months in objects.every_months.items())
        yield f"{objects.label.zh} / {objects.label.en} ({objects.source}) [{objects.trust}]"
        yield f"  {every} ({objects.frequency_source}) [{objects.frequency_trust}]"
    if rules.exempt_after is not None:
        exempt = rules.exempt_after
        yield f"spared for the year after {', '.join(exempt.kinds)} ({exempt.source}) [{exempt.trust}]"
    if rules.no_repeat is not None:
        repeat = rules.no_repeat
        yield f"not again within {repeat.months} months ({repeat.source}) [{repeat.trust}]"
    if rules.annual_cap is not None:
        caps = ", ".join(f"{tier} {most}" for tier, most in rules.annual_cap.inspections.items())
        yield f"at most a year: {caps} ({rules.annual_cap.source}) [{rules.annual_cap.trust}]"
    weights = ", ".join(f"{tier} {weight:g}" for tier, weight in rules.weights.by_tier().items())
    yield f"weights of the draw: {weights} ({rules.weights.source}) [{rules.weights.trust}]"
    if rules.objective is not None:
        aim = rules.objective
        yield (
            f"the draw finds the most problems; floor {aim.floor:g}, precision {aim.precision:g}, "
            f"ceiling {aim.ceiling:g} ({aim.source}) [{aim.trust}]"
        )


def _required(value: T | None, option: str) -> T:
    """Return a value that only the group's subcommands can do without."""
    if value is None:
        from features.errors import InputError

        msg = "it is missing"
        raise InputError(msg, field=option, fix="See risk-model plan --help.")
    return value


def _as_dict(saved: SavedPlan) -> dict[str, Any]:
    from supervision.plans import DOCUMENT, FRAME, POOL, SELECTED, TEAMS

    made, folder, snapshot = saved.plan, saved.folder, saved.snapshot
    files = (DOCUMENT, FRAME, SELECTED, *((POOL, TEAMS) if saved.assignment else ()))
    return {
        "plan": folder.name,
        "sector": made.sector,
        "month": made.month,
        "snapshot": snapshot,
        "seed_commitment": made.commitment,
        "fingerprint": made.fingerprint,
        "summary": made.summary.as_dict(),
        "assignment": saved.assignment.as_dict() if saved.assignment else None,
        "files": {name: str(folder / name) for name in files},
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
    if summary.precision is not None and summary.floor is not None:
        console.print(
            "The draw tells as much of everybody as a uniform draw of "
            f"{100 * summary.precision:.0f} % of its size; "
            f"everybody keeps at least {100 * summary.floor:.0f} % of the chance by tier."
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


def _show_assignment(assignment: Assignment, folder: Path) -> None:
    from supervision.plans import TEAMS

    told = assignment.summary
    typer.echo(
        f"Inspectors: {told.assigned:,} of {told.visits:,} enterprises have a team; "
        f"{told.inspectors:,} inspectors, at most {told.busiest:,} visits each."
    )
    if told.without_eligible or told.beyond_workload:
        typer.echo(
            f"Without a team: {told.without_eligible:,} (too few eligible), "
            f"{told.beyond_workload:,} (workload)."
        )
    typer.echo(f"Fingerprint of the assignment: {assignment.fingerprint}")
    typer.echo(f"Who inspects whom: {folder / TEAMS}")


def _show_report(report: VerifyReport) -> None:
    from rich.console import Console
    from rich.markup import escape

    console = Console()
    for check in report.checks:
        word = "[green]agrees[/green]" if check.passed else "[bold red]DIFFERS[/bold red]"
        console.print(f"{check.name}: {word} {escape(check.detail)}", soft_wrap=True)
    console.print(f"{report.plan}: {'verified' if report.passed else 'NOT verified'}", soft_wrap=True)
