"""``risk-model publish``: the public site and data package; single records withheld, objections."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from features.terminal import HomeOption, JsonOption, print_json, print_table
from supervision.commands.options import CodeArgument, OnOption, ProviderOption, day

if TYPE_CHECKING:
    from supervision.publicity.review import Reviewed

RecordOption = Annotated[str, typer.Option("--record", help="The record (record_id).")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why, in words.")]


def register(app: typer.Typer) -> None:
    """Add the command group ``publish``."""
    group = typer.Typer(invoke_without_command=True)
    group.callback()(publish)
    for command in (withhold, release, object_to, answer):
        group.command("object" if command is object_to else command.__name__)(command)
    app.add_typer(group, name="publish", help="Write the public site and data package; withhold, object.")


def publish(
    *,
    context: typer.Context,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder to write; replaced as a whole.", show_default=False),
    ] = None,
    on: OnOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write what may be published: a site in Chinese and English, and a data package."""
    if context.invoked_subcommand is not None:
        return
    from features.errors import InputError
    from features.home import Home
    from supervision.publicity.site import publish_site

    if out is None:
        msg = "it is missing"
        raise InputError(msg, field="--out", fix="Give the folder to write.")
    report = publish_site(Home.locate(home), out, day(on))
    if as_json:
        print_json(report.as_dict())
        return
    print_table(
        f"Published on {report.on}",
        ("table", "records", "not published"),
        [
            (
                name,
                f"{rows:,}",
                ", ".join(f"{reason} {n:,}" for reason, n in report.withheld.get(name, {}).items()),
            )
            for name, rows in report.rows.items()
        ],
        left=(0, 2),
    )
    typer.echo(f"repeated violations: {report.repeat_offenders:,} enterprises")
    if report.withdrawn_late:
        typer.echo(f"withdrawn later than the rules allow: {len(report.withdrawn_late):,} records")
    if report.objections_open:
        typer.echo(
            f"objections open: {report.objections_open:,}, overdue: {len(report.objections_overdue):,}"
        )
    typer.echo(f"site: {report.folder / 'index.html'}")


def withhold(
    *,
    credit_code: CodeArgument,
    record: RecordOption,
    ground: Annotated[str, typer.Option("--ground", help="state_secret, trade_secret, privacy, …")],
    provider: ProviderOption,
    reason: ReasonOption,
    on: OnOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Decide that a record is not published."""
    from features.home import Home
    from supervision.publicity import review

    _show(
        review.withhold(
            Home.locate(home), credit_code, record, ground, on=day(on), provider=provider, reason=reason
        ),
        as_json=as_json,
    )


def release(
    *,
    credit_code: CodeArgument,
    record: RecordOption,
    provider: ProviderOption,
    reason: ReasonOption,
    on: OnOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Decide that a withheld record is published again."""
    from features.home import Home
    from supervision.publicity import review

    _show(
        review.release(Home.locate(home), credit_code, record, on=day(on), provider=provider, reason=reason),
        as_json=as_json,
    )


def object_to(
    *,
    credit_code: CodeArgument,
    record: RecordOption,
    reason: ReasonOption,
    on: OnOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Register an objection to a published record."""
    from features.home import Home
    from supervision.publicity import review

    _show(
        review.object_to(Home.locate(home), credit_code, record, on=day(on), reason=reason), as_json=as_json
    )


def answer(
    *,
    credit_code: CodeArgument,
    record: RecordOption,
    provider: ProviderOption,
    reason: ReasonOption,
    upheld: Annotated[bool, typer.Option("--upheld/--dismissed", help="Whether the objection is right.")],
    on: OnOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Answer an objection; one that is upheld withholds the record until it is corrected."""
    from features.home import Home
    from supervision.publicity import review

    _show(
        review.answer(
            Home.locate(home),
            credit_code,
            record,
            upheld=upheld,
            on=day(on),
            provider=provider,
            reason=reason,
        ),
        as_json=as_json,
    )


def _show(kept: Reviewed, *, as_json: bool) -> None:
    told: dict[str, Any] = kept.as_dict()
    if as_json:
        print_json(told)
        return
    by = f", to be answered by {told['answer_by']}" if "answer_by" in told else ""
    typer.echo(f"{told['kind']} of {told['record_id']} from {told['on']}{by}")
    typer.echo(f"kept: {told['file']}")
