"""``risk-model classify`` and ``explain``."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from features.terminal import (
    AddressOption,
    HomeOption,
    JsonOption,
    RunnerOption,
    print_json,
    print_table,
    progress,
    required_day,
)
from risk_model.commands.options import ModelOfEnterpriseOption

if TYPE_CHECKING:
    from features.home import Home
    from risk_model.explanation.changes import Changes
    from risk_model.explanation.evidence import Evidence
    from risk_model.explanation.explanation import Explanation, Part
    from risk_model.explanation.roll_up import GroupReason
    from risk_model.model import RiskModel
    from risk_model.publication import Publication


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("classify")(classify)
    app.command("explain")(explain)


def classify(
    *,
    as_of: Annotated[
        str | None,
        typer.Option(
            "--as-of",
            metavar="DATE",
            help="Date, YYYY-MM-DD; the last day of the records by default.",
            show_default=False,
        ),
    ] = None,
    model: Annotated[
        list[str] | None, typer.Option(help="Only these models; by default all.", show_default=False)
    ] = None,
    snapshot: Annotated[
        int | None, typer.Option(help="Snapshot of the records; the latest by default.", show_default=False)
    ] = None,
    runner: RunnerOption = "threads",
    address: AddressOption = None,
    anew: Annotated[
        bool,
        typer.Option("--anew", help="Compute all from the records, not only what newer ones change."),
    ] = False,
    rates_of: Annotated[
        str | None,
        typer.Option(
            "--rates-of",
            metavar="SNAPSHOT",
            help="Take the rates of the neighbourhood as this classification of the date published them.",
            show_default=False,
        ),
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Classify every enterprise in business and publish score, tier and reasons.

    One that was killed goes on where it was when the same is asked for again. If the date is classified
    already by the same models, only what newer records change is done again; with --rates-of nobody's
    result moves by what happened to others in the neighbourhood, and that is much less.
    """
    from features.home import Home
    from risk_model.pipeline import classify_all

    with progress("classify") as advance:
        publication = classify_all(
            Home.locate(home),
            required_day(as_of, "--as-of") if as_of is not None else None,
            names=model,
            snapshot=snapshot,
            progress=advance,
            runner=runner,
            address=address,
            anew=anew,
            rates_of=rates_of,
        )
    if as_json:
        print_json({**publication.document, "folder": str(publication.folder)})
    else:
        show_publication(publication)


def explain(
    *,
    credit_code: Annotated[str, typer.Argument(help="Unified social credit code.")],
    model: ModelOfEnterpriseOption = None,
    lang: Annotated[str, typer.Option(help="zh or en.")] = "zh",
    since: Annotated[
        str | None,
        typer.Option(
            metavar="SNAPSHOT",
            help="Say what changed since this published classification; previous: the one before.",
            show_default=False,
        ),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write a plot: .png, .svg, or .html to click through.",
            show_default=False,
        ),
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say why an enterprise has its score and tier, in words and numbers that add up."""
    from features.home import Home
    from risk_model.explanation.evidence.published import published_evidence
    from risk_model.explanation.explanation import explain_published
    from risk_model.publication import Publication

    place = Home.locate(home)
    current = Publication.current(place)
    found = explain_published(current, credit_code.strip(), model, load=_loader(place, current))
    if since is not None:
        changed = _changes(place, current, since, found.credit_code, found.model)
        if as_json:
            print_json(changed.as_dict())
        else:
            _show_changes(changed, lang)
        return
    html = plot is not None and plot.suffix.lower() == ".html"
    evidence = published_evidence(place, current, found, whole=html)
    if plot is not None and html:
        from risk_model.explanation.interactive import write_interactive

        write_interactive(found, plot, evidence=evidence, lang=lang)
    elif plot is not None:
        from risk_model.explanation.plots import waterfall

        waterfall(found, plot, lang=lang)
    if as_json:
        print_json(found.as_dict(evidence=evidence) | ({"plot": str(plot)} if plot else {}))
        return
    typer.echo(f"{found.credit_code}  {found.name or ''}  ({found.model_title[lang]}, {found.as_of})")
    _show_reasons(found, evidence, lang)
    print_table(
        "",
        (
            "指标" if lang == "zh" else "indicator",
            "log-odds",
            "分" if lang == "zh" else "points",
            *(part.model for part in found.parts),
        ),
        [
            (
                f"{'' if level else '  '}{g.label[lang]}",
                f"{g.contribution:+.4f}",
                f"{found.points(g.contribution):+.1f}",
                *(f"{found.points(_of_part(part, g)):+.1f}" for part in found.parts),
            )
            for level, g in _levels(found)
            if abs(found.points(g.contribution)) >= 0.05
        ],
    )
    typer.echo(
        f"base {found.base_value:+.6f} + contributions = {found.margin:+.6f} "
        f"(difference {found.residual:.1e})"
    )
    if plot is not None:
        typer.echo(f"plot: {plot}")


def _loader(home: Home, publication: Publication) -> Callable[[str, str], RiskModel] | None:
    """Return what loads the models of a classification, None if the registry no longer has them."""
    from features.errors import InputError
    from risk_model.registry import Registry

    registry = Registry(home)
    try:
        for name, told in publication.document["models"].items():
            registry.find(name, told["version"])
    except InputError:
        return None
    return lambda name, version: registry.load(name, version)[0]


def _of_part(part: Part, group: GroupReason) -> float:
    """Return what a part adds to an indicator or first level."""
    return math.fsum(
        reason.contribution
        for reason in part.reasons
        if reason.feature.indicator == group.name or reason.feature.indicator.partition(".")[0] == group.name
    )


def _show_reasons(found: Explanation, evidence: Evidence | None, lang: str) -> None:
    """Print how the tier was decided and each reason with the records that made it."""
    from risk_model.explanation.explanation import reason_sentence

    typer.echo(f"  {found.decision(lang)}")
    for group in found.told:
        typer.echo(f"  {reason_sentence(found, group, lang)}")
        behind = "" if evidence is None else evidence.of(group).sentence(lang)
        if behind:
            typer.echo(f"      {behind}")
    if evidence is None:
        typer.echo(
            "  记录库中已没有该批次的记录。"
            if lang == "zh"
            else "  The record store no longer holds the records that this classification saw."
        )


def _changes(home: Home, current: Publication, since: str, credit_code: str, model: str) -> Changes:
    """Return what changed since an earlier classification, by name, or the one before."""
    from features.errors import InputError
    from features.store import RecordStore
    from risk_model.explanation.changes import changes_since
    from risk_model.publication import Publication
    from risk_model.registry import Registry

    if since == "previous":
        earlier = [p for p in Publication.all(home) if p.as_of < current.as_of]
        if not earlier:
            raise InputError(
                f"there is no classification before {current.name}",
                field="--since",
                fix="Name one, or classify an earlier date.",
            )
        before = earlier[-1]
    else:
        before = Publication(home.published / since)
    return changes_since(
        before,
        current,
        credit_code,
        model,
        records=RecordStore(home.store).snapshot(current.document["data_snapshot"]),
        load=lambda name, version: Registry(home).load(name, version)[0],
    )


def _show_changes(changed: Changes, lang: str) -> None:
    from risk_model.explanation.values import value_in_words

    unit = changed.points_a_unit
    typer.echo(
        f"{changed.credit_code} ({changed.model}) {changed.earlier} -> {changed.later}: "
        f"score {changed.score_before:.1f} -> {changed.score_after:.1f}, "
        f"tier {changed.tier_before} -> {changed.tier_after}"
    )
    typer.echo(
        f"by records and time {changed.by_records * unit:+.1f} points, "
        f"by the model {changed.by_model * unit:+.1f} points (difference {changed.residual:.1e} log-odds)"
    )
    print_table(
        "",
        ("feature", "before", "after", "by records", "by model"),
        [
            (
                change.feature.label[lang],
                value_in_words(change.feature, change.before)[lang],
                value_in_words(change.feature, change.after)[lang],
                f"{change.by_records * unit:+.1f}",
                f"{change.by_model * unit:+.1f}",
            )
            for change in changed.features
            if abs(change.total * unit) >= 0.05
        ],
    )
    if changed.records:
        print_table(
            "records",
            ("on", "what", "table", "record", "event"),
            [(r.on, r.what, r.table, r.record_id, r.event_date) for r in changed.records],
            left=(0, 1, 2, 3, 4),
        )


def _levels(found: Any) -> list[tuple[bool, Any]]:
    """Return first-level indicators, each followed by its second level."""
    lines: list[tuple[bool, Any]] = []
    for first in found.first_levels:
        lines.append((True, first))
        lines += [(False, g) for g in found.indicators if g.name.partition(".")[0] == first.name]
    return lines


def show_publication(publication: Publication) -> None:
    """Print what was published: tiers by model."""
    document = publication.document
    rows = []
    for name, told in document["models"].items():
        total = max(told["rows"], 1)
        shares = [f"{n:,} ({100 * n / total:.1f} %)" for n in told["tiers"].values()]
        rows.append((name, told["version"], f"{told['rows']:,}", *shares, f"{told['largest_residual']:.1e}"))
    tiers = next(iter(document["models"].values()))["tiers"]
    print_table(
        f"Classification {publication.name}: {document['enterprises']:,} enterprises in business",
        ("model", "version", "classified", *tiers, "largest residual"),
        rows,
    )
    typer.echo(f"published: {publication.folder}")
