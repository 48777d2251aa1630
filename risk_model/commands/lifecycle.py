"""``risk-model compare``, ``monitor`` and ``override``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from features.terminal import HomeOption, JsonOption, print_json, print_table, progress

HtmlOption = Annotated[
    Path | None, typer.Option("--html", metavar="FILE", help="Write a page.", show_default=False)
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("compare")(compare)
    app.command("monitor")(monitor)
    app.command("override")(override)


def compare(
    *,
    model: Annotated[str, typer.Argument(help="Name of the model.")],
    champion: Annotated[str, typer.Option(help="Version or alias.")] = "champion",
    challenger: Annotated[str, typer.Option(help="Version or alias.")] = "challenger",
    publications: Annotated[
        tuple[str, str] | None,
        typer.Option(
            metavar="EARLIER LATER", help="Compare two published classifications.", show_default=False
        ),
    ] = None,
    repetitions: Annotated[int, typer.Option(min=100, help="Repetitions of the bootstrap.")] = 500,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare champion and challenger on the same enterprises, and say whether to promote."""
    from features.home import Home

    place = Home.locate(home)
    if publications is not None:
        from risk_model.comparison import compare_publications
        from risk_model.publication import Publication

        earlier, later = (Publication(place.published / Path(name).name) for name in publications)
        moved = compare_publications(earlier, later, model)
        if as_json:
            print_json(moved)
        else:
            show_publications(moved)
        return
    from risk_model.lifecycle import compare_versions

    with progress(f"compare {model}") as advance:
        found = compare_versions(
            place, model, champion=champion, challenger=challenger, repetitions=repetitions, progress=advance
        )
    if as_json:
        print_json(found)
    else:
        show_comparison(found)


def monitor(
    *,
    html: HtmlOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what has moved since training: features, scores, tiers, and whether probabilities came true."""
    from features.home import Home
    from risk_model.lifecycle import monitor as run

    found = run(Home.locate(home))
    if html is not None:
        from risk_model.monitoring.page import page

        html.write_text(page(found).html(), encoding="utf-8")
    if as_json:
        print_json(found | ({"html": str(html)} if html else {}))
        return
    show_monitoring(found)
    if html is not None:
        typer.echo(f"page: {html}")


def override(
    *,
    credit_code: Annotated[str, typer.Argument(help="Unified social credit code.")],
    tier: Annotated[str, typer.Option(help="A, B, C or D.")],
    reason: Annotated[str, typer.Option(help="Why, in a sentence.")],
    by: Annotated[str, typer.Option(help="Who decided.")],
    role: Annotated[str, typer.Option(help="In which capacity; see models/overrides.yaml.")],
    decided_on: Annotated[str, typer.Option("--from", metavar="DATE", help="First day that it holds.")],
    expires_on: Annotated[str, typer.Option("--until", metavar="DATE", help="Day on which it expires.")],
    model: Annotated[str, typer.Option(help="Model whose tier it sets.")] = "general",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Set the tier of an enterprise for a time, by an authorised person; applied when classifying."""
    from features.home import Home
    from risk_model.specification import validate
    from risk_model.tiers.overrides import Override, Overrides

    content = {
        "credit_code": credit_code.strip(),
        "model": model,
        "tier": tier,
        "by": by,
        "role": role,
        "reason": reason,
        "decided_on": decided_on,
        "expires_on": expires_on,
    }
    made = validate(Override, content, source="the command line")
    Overrides(Home.locate(home)).add(made)
    if as_json:
        print_json(made.model_dump(mode="json"))
    else:
        typer.echo(
            f"{made.credit_code}: tier {made.tier} by {made.model} from {made.decided_on} until "
            f"{made.expires_on}; applied with the next risk-model classify."
        )


def show_comparison(found: dict[str, Any]) -> None:
    """Print a comparison of two versions."""
    typer.echo(
        f"{found['model']}: version {found['challenger']} against version {found['champion']} on "
        f"{found['rows']:,} rows, {found['findings']:,} findings, as of {', '.join(found['as_of'])}"
    )
    print_table(
        "",
        ("", "champion", "challenger", "difference [95 %]", "p"),
        [
            (
                name.replace("_", " "),
                f"{one['champion']:.4f}",
                f"{one['challenger']:.4f}",
                f"{one['difference']:+.4f} [{one['low']:+.4f}, {one['high']:+.4f}]",
                f"{one['p_value']:.3f}",
            )
            for name, one in found["metrics"].items()
        ]
        + [("ECE", *(f"{found['calibration'][who]:.4f}" for who in ("champion", "challenger")), "", "")],
    )
    swap = found["swap_set"]
    typer.echo(
        f"Swapped at 10 %: only the champion visits {swap['only_champion']['rows']:.0f} "
        f"(hit rate {swap['only_champion']['hit_rate']:.3f}), only the challenger "
        f"{swap['only_challenger']['rows']:.0f} (hit rate {swap['only_challenger']['hit_rate']:.3f})"
    )
    told = found["population"]
    typer.echo(
        f"Population of {told['rows']:,}: Jaccard at 10 % {told['jaccard_at_10pct']:.3f}, rank correlation "
        f"{told['rank_correlation']:.3f}, tier changed for {100 * told['share_changed']:.1f} %"
    )
    _show_migration(told["migration"])
    for caution in found["cautions"]:
        typer.echo(f"Mind: {caution['en']} / {caution['zh']}")
    typer.echo(f"{found['recommendation']['en']}\n{found['recommendation']['zh']}")


def show_publications(found: dict[str, Any]) -> None:
    """Print a comparison of two classifications."""
    typer.echo(
        f"{found['model']}: {found['earlier']} (version {found['versions'][0]}) and "
        f"{found['later']} (version {found['versions'][1]}), {found['enterprises']:,} enterprises in both, "
        f"{found['only_earlier']:,} gone, {found['only_later']:,} new\n"
        f"Jaccard at 10 % {found['jaccard_at_10pct']:.3f}, rank correlation {found['rank_correlation']:.3f}, "
        f"tier changed for {100 * found['share_changed']:.2f} % "
        f"({100 * found['share_changed_without_new_records']:.2f} % of those without new records)"
    )
    _show_migration(found["migration"])


def _show_migration(matrix: dict[str, dict[str, int]]) -> None:
    tiers = list(matrix)
    print_table(
        "Tier before (down) and after (across)",
        ("", *tiers),
        [(tier, *(f"{matrix[tier][other]:,}" for other in tiers)) for tier in tiers],
    )


def show_monitoring(found: dict[str, Any]) -> None:
    """Print what monitoring found."""
    typer.echo(f"Classification {found['classification']}, as of {found['as_of']}")
    rows = []
    for name, told in found["models"].items():
        score = told["score"]
        worst = max(told["features"].items(), key=lambda item: item[1]["psi"], default=("", None))
        rows.append(
            (
                name,
                told["version"],
                f"{told['volumes']['rows']:,}",
                f"{score['psi']:.4f} ({score['expected']:.4f})",
                f"{score['p_value']:.2g}",
                f"{worst[0]} {worst[1]['psi']:.4f}" if worst[1] else "",
                sum(one["alarm"] for one in told["features"].values()),
                sum(one["alarm"] for one in told["districts"].values()),
            )
        )
    print_table(
        "",
        (
            "model",
            "version",
            "classified",
            "PSI of the score (without drift)",
            "p",
            "largest PSI of a feature",
            "features in alarm",
            "districts in alarm",
        ),
        rows,
    )
    for name, told in found["models"].items():
        for alarm in told["alarms"]:
            typer.echo(f"ALARM {name}: {alarm['en']} / {alarm['zh']}")
        for one in told["calibration"]["classifications"]:
            if not one["mature"]:
                typer.echo(
                    f"{name} as of {one['as_of']}: labels are complete on {one['complete_on']}, "
                    f"{one['rows']:,} so far; not judged before"
                )
