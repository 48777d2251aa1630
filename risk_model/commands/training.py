"""``risk-model train``, ``evaluate`` and ``promote``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from features.terminal import AddressOption, HomeOption, JsonOption, print_json, print_table, progress

ProfileOption = Annotated[
    str | None,
    typer.Option(help="Settings of a province: a shipped name or a YAML file.", show_default=False),
]
SnapshotOption = Annotated[
    int | None, typer.Option(help="Snapshot of the records; the latest by default.", show_default=False)
]
METRICS = (
    ("roc_auc", "ROC AUC"),
    ("average_precision", "average precision"),
    ("precision_at_10pct", "precision @10%"),
    ("recall_at_10pct", "recall @10%"),
    ("lift_at_10pct", "lift @10%"),
    ("ece", "ECE"),
    ("brier", "Brier"),
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("train")(train)
    app.command("evaluate")(evaluate)
    app.command("promote")(promote)


def train(
    *,
    model: Annotated[str, typer.Argument(help="general, food, special_equipment or all.")],
    profile: ProfileOption = None,
    snapshot: SnapshotOption = None,
    out_of_core: Annotated[
        bool,
        typer.Option("--out-of-core", help="Keep the training rows on disk: little memory, the same model."),
    ] = False,
    runner: Annotated[
        str, typer.Option(help="threads; or dask: a cluster computes the features and grows the trees.")
    ] = "threads",
    address: AddressOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train models on the records and register them; the first of a name becomes champion."""
    from contextlib import ExitStack

    from features.home import Home
    from risk_model.pipeline import train_models, trainable

    with ExitStack() as bars:
        done = train_models(
            Home.locate(home),
            trainable(model, profile),
            profile=profile,
            snapshot=snapshot,
            progress=lambda name: bars.enter_context(progress(f"train {name}")),
            out_of_core=out_of_core,
            runner=runner,
            address=address,
        )
    if as_json:
        print_json(
            [
                {
                    "model": t.model.name,
                    "version": t.version.version,
                    "aliases": t.version.aliases,
                    "run_id": t.version.run_id,
                    "evaluation": t.evaluation,
                }
                for t in done
            ]
        )
        return
    print_table(
        "Trained",
        ("model", "version", "alias", "train rows", "test rows", "base rate", "ROC AUC out of time"),
        [
            (
                t.model.name,
                t.version.version,
                ", ".join(t.version.aliases),
                f"{t.evaluation['windows']['train']['rows']:,}",
                f"{t.evaluation['rows']:,}",
                f"{t.evaluation['base_rate']:.3f}",
                interval(t.evaluation["metrics"]["roc_auc"]),
            )
            for t in done
        ],
        left=(0, 1, 2),
    )


def evaluate(
    *,
    model: Annotated[str | None, typer.Argument(help="By default every model that has a champion.")] = None,
    version: Annotated[
        str | None, typer.Option(help="Version or alias; the champion by default.", show_default=False)
    ] = None,
    beside: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=FILE:KEY:SCORE[:FLAG]",
            help="Published scores of another model for the same records.",
            show_default=False,
        ),
    ] = None,
    comparators: Annotated[
        str, typer.Option(help="basic; or all: also a WOE scorecard and an additive model (minutes).")
    ] = "basic",
    repetitions: Annotated[int, typer.Option(min=20, help="Repetitions of the bootstrap.")] = 300,
    population_dates: Annotated[
        int, typer.Option(min=0, help="Test dates, newest first, at which the whole population is looked at.")
    ] = 1,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Evaluate out of time, beside comparators, each figure with a 95 % interval."""
    from features.home import Home
    from risk_model.evaluation.comparators import PublishedScores, chosen
    from risk_model.pipeline import evaluate_model
    from risk_model.registry import Registry

    chosen(comparators)  # what is misspelt is told before the work begins
    place = Home.locate(home)
    published = [PublishedScores.parse(text) for text in beside or []]
    results = []
    for name in [model] if model else Registry(place).champions():
        with progress(f"evaluate {name}") as advance:
            results.append(
                evaluate_model(
                    place,
                    name,
                    version,
                    beside=published,
                    repetitions=repetitions,
                    comparators=comparators,
                    population_dates=population_dates,
                    progress=advance,
                )
            )
    if as_json:
        print_json(results)
        return
    for result in results:
        show_evaluation(result)


def promote(
    *,
    model: Annotated[str, typer.Argument(help="Name of the model.")],
    version: Annotated[str, typer.Argument(help="Version or alias that becomes champion.")],
    force: Annotated[bool, typer.Option("--force", help="Overrule the gate.")] = False,
    rollback: Annotated[
        bool, typer.Option("--rollback", help="Back to an earlier champion, at once and without the gate.")
    ] = False,
    reason: Annotated[
        str, typer.Option(help="Why the gate is overruled, or why back; kept with the version.")
    ] = "",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a version the champion, if the gate of models/promotion.yaml passes."""
    from features.errors import InputError
    from features.home import Home
    from risk_model.lifecycle import promote_version, roll_back

    if rollback:
        if force:
            raise InputError("--rollback and --force exclude each other", field="rollback", fix="Give one.")
        back = roll_back(Home.locate(home), model, version, reason=reason)
        if as_json:
            print_json({"model": back.name, "version": back.version, "aliases": back.aliases})
        else:
            typer.echo(f"{back.name} version {back.version} is champion again.")
        return
    with progress(f"compare {model}") as advance:
        found, comparison = promote_version(
            Home.locate(home), model, version, force=force, reason=reason, progress=advance
        )
    if as_json:
        print_json(
            {
                "model": found.name,
                "version": found.version,
                "aliases": found.aliases,
                "comparison": comparison,
            }
        )
    else:
        if comparison is not None:
            typer.echo(comparison["recommendation"]["en"])
        typer.echo(f"{found.name} version {found.version} is champion.")


def interval(figure: dict[str, float]) -> str:
    """Return a figure with its interval."""
    return f"{figure['value']:.3f} [{figure['low']:.3f}, {figure['high']:.3f}]"


def show_evaluation(result: dict[str, Any]) -> None:
    """Print one evaluation."""
    test = result["windows"]["test"]
    typer.echo(
        f"\n{result['model']} version {result.get('version', '-')}: {result['target']['en']}\n"
        f"out of time, as of {test['first']} to {test['last']}: {result['rows']:,} rows, "
        f"{result['positives']:,} positive ({100 * result['base_rate']:.1f} %); "
        f"population: {result['population']}"
    )
    if not result["learned"]:
        typer.echo("Too few labels to learn from: the model falls back to what it starts from.")
    shown = [(key, title) for key, title in METRICS if key in result["metrics"]]
    rows = [_line("model", result["metrics"], shown)]
    if "random_draws_only" in result:
        only = result["random_draws_only"]
        rows.append(_line(f"model, random draws only ({only['rows']:,} rows)", only["metrics"], shown))
    for name, figures in result["comparators"].items():
        if name in result.get("beside", {}):
            same = result["beside"][name]
            rows.append(
                _line(f"model, on the {same['rows']:,} rows of {name}", same["model_on_the_same_rows"], shown)
            )
        rows.append(_line(name.replace("_", " "), figures, shown))
    if "gain_over_general" in result:
        rows.append(_line("gain over the general model", result["gain_over_general"], shown))
    print_table("", ("", *(title for _, title in shown)), rows)
    show_population(result["whole_population"])
    if "sooner" in result:
        told = result["sooner"]
        typer.echo(
            f"Days sooner a problem is found: {told['days_gained']['value']:.1f} "
            f"[{told['days_gained']['low']:.1f}, {told['days_gained']['high']:.1f}]; "
            f"in the first half of the visits {interval(told['found_in_first_half'])}, as they were held "
            f"{interval(told['found_in_first_half_as_held'])}"
        )
    for kind, one in result["slices"].items():
        for warning in one["warnings"]:
            typer.echo(f"Ill-served by {kind.replace('_', ' ')}: {warning['en']} / {warning['zh']}")


def show_population(found: dict[str, Any]) -> None:
    """Print figures of the whole population, each with whom it speaks of."""
    if "refused" in found:
        typer.echo(f"The whole population: {found['refused']['en']}.")
        return
    keys = ("precision_at_10pct", "recall_at_10pct", "lift_at_10pct", "base_rate")
    rows: list[tuple[str, ...]] = []
    for name, one in found["estimates"].items():
        if "refused" in one:
            rows.append((name.replace("_", " "), f"refused: {one['refused']['en']}", "", "", "", "", ""))
            continue
        told = one.get("weights", one)
        size = told.get("effective_sample_size", told["rows"])
        figures = (interval(one["metrics"][key]) for key in keys)
        rows.append((name.replace("_", " "), one["speaks_of"]["en"], f"{size:,.0f}", *figures))
    if "truth" in found:
        true = found["truth"]
        known = ("truth", "all enterprises at risk", f"{true['rows']:,}")
        rows.append((*known, *(f"{true[key]:.3f}" for key in keys)))
    print_table(
        f"At a capacity of 10 %, {found['rows']:,} enterprises at risk as of {', '.join(found['as_of'])}",
        ("estimate", "speaks of", "effective rows", *(key.replace("_", " ") for key in keys)),
        rows,
        left=(0, 1),
    )


def _line(name: str, figures: dict[str, Any], shown: list[tuple[str, str]]) -> tuple[str, ...]:
    return (name, *(interval(figures[key]) if key in figures else "" for key, _ in shown))
