"""``risk-model tune`` and ``select``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from features.terminal import HomeOption, JsonOption, print_json, print_table, progress
from risk_model.commands.training import ProfileOption, SnapshotOption

ProfileFileOption = Annotated[
    Path | None,
    typer.Option(help="YAML file to write, to be used as a profile.", metavar="FILE", show_default=False),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("tune")(tune)
    app.command("select")(select)


def tune(
    *,
    model: Annotated[str, typer.Argument(help="general, food or special_equipment.")],
    profile: ProfileOption = None,
    trials: Annotated[int, typer.Option(min=2, help="Settings to try, the present one included.")] = 40,
    budget: Annotated[
        int, typer.Option(min=100, help="Trees times leaves at most: the cost of an explanation.")
    ] = 3200,
    out: ProfileFileOption = None,
    snapshot: SnapshotOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Search settings of the learner on cut-offs before the calibration and test periods."""
    from features.home import Home
    from risk_model.search.bounds import Bounds
    from risk_model.search.searching import as_record
    from risk_model.search.tuning import as_profile, write_profile
    from risk_model.search.tuning import tune as search_settings

    with progress(f"tune {model}") as advance:
        found = search_settings(
            Home.locate(home),
            model,
            profile=profile,
            snapshot=snapshot,
            trials=trials,
            bounds=Bounds(leaves_in_all=budget),
            progress=advance,
        )
    text = as_profile(model, profile, found)
    if out is not None:
        write_profile(out, text)
    if as_json:
        print_json(
            {
                "model": model,
                "cutoffs": found.cutoffs,
                "present": as_record(found.present),
                "best": as_record(found.best),
                "gain": found.gain,
                "trials": len(found.trials),
                "profile": text,
            }
        )
        return
    print_table(
        f"{model}: {len(found.trials)} settings on the cut-offs {', '.join(found.cutoffs)}",
        ("", "mean ROC AUC", "by cut-off", "slope", "trees x leaves"),
        [
            (
                title,
                f"{trial.mean:.4f}",
                " ".join(f"{auc:.4f}" for auc in trial.roc_auc),
                f"{trial.slope:.2f}",
                f"{trial.learner.trees} x {trial.learner.leaves}",
            )
            for title, trial in (("present", found.present), ("best", found.best))
        ],
    )
    if found.best is found.present:
        typer.echo("No other setting is better at more than half of the cut-offs: keep the present one.")
    typer.echo(text)


def select(
    *,
    model: Annotated[str, typer.Argument(help="general, food or special_equipment.")],
    profile: ProfileOption = None,
    halves: Annotated[int, typer.Option(min=2, help="Halves of the enterprises at each cut-off.")] = 20,
    threshold: Annotated[
        float, typer.Option(min=0.5, max=1.0, help="Share of the halves in which a feature must beat noise.")
    ] = 0.6,
    out: ProfileFileOption = None,
    snapshot: SnapshotOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find the features that beat noise on every half of the enterprises, before calibration and test."""
    from features.home import Home
    from risk_model.search.stability import as_profile
    from risk_model.search.tuning import select_features, write_profile

    with progress(f"select {model}") as advance:
        found = select_features(
            Home.locate(home),
            model,
            profile=profile,
            snapshot=snapshot,
            halves=halves,
            threshold=threshold,
            progress=advance,
        )
    text = as_profile(model, profile, found)
    if out is not None:
        write_profile(out, text)
    if as_json:
        print_json({"model": model, **found.as_dict(), "profile": text})
        return
    print_table(
        f"{model}: {len(found.kept)} of {len(found.features)} features are stable over {found.halves} halves "
        f"of the enterprises at each of {', '.join(found.cutoffs)}",
        ("feature", "kept", "beats noise", "by cut-off", "any window", "share of gain"),
        [
            (
                one.feature,
                "yes" if one.kept else "",
                f"{one.frequency:.2f}",
                " ".join(f"{share:.2f}" for share in one.by_cutoff),
                f"{one.group_frequency:.2f}",
                f"{100 * one.gain:.1f} %",
            )
            for one in found.features
        ],
        left=(0, 1),
    )
    typer.echo(
        "ROC AUC after the cut-offs: all features "
        + " ".join(f"{auc:.4f}" for auc in found.roc_auc_all)
        + "; stable ones alone "
        + " ".join(f"{auc:.4f}" for auc in found.roc_auc_kept)
    )
    if found.loses:
        typer.echo(
            "The others tell something together: keep all features, unless a short model is worth that."
        )
    if out is not None:
        typer.echo(f"written: {out} (risk-model train {model} --profile {out})")
