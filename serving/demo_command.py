"""``risk-model demo``: all of it on a simulated province."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from features.terminal import HomeOption, JsonOption, print_json, print_table, progress

if TYPE_CHECKING:
    from serving.demonstration import Demonstration


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("demo")(demo)


def demo(
    *,
    enterprises: Annotated[int, typer.Option(min=2_000, help="Enterprises of the province.")] = 20_000,
    seed: Annotated[int, typer.Option(help="Of the province.")] = 28,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run all of it on a simulated province: records, models, tiers, reasons, an inspection plan."""
    from features.home import Home
    from serving.demonstration import demonstrate

    begun = time.monotonic()
    place = Home.locate(home)
    told = demonstrate(place, progress, enterprises=enterprises, seed=seed)
    seconds = time.monotonic() - begun
    if as_json:
        print_json(_as_dict(told, seconds))
    else:
        _show(told, seconds)


def _as_dict(told: Demonstration, seconds: float) -> dict[str, Any]:
    return {
        "home": str(told.home.root),
        "seconds": round(seconds, 1),
        "simulation": told.simulation.as_dict() if told.simulation else None,
        "ingest": told.ingest.as_dict() if told.ingest else None,
        "evaluations": told.evaluations,
        "classification": told.publication.document if told.publication else None,
        "explanation": told.explanation.as_dict() if told.explanation else None,
        "plot": str(told.plot),
        "plans": [{"folder": str(saved.folder), **saved.plan.summary.as_dict()} for saved in told.plans],
    }


def _show(told: Demonstration, seconds: float) -> None:
    from risk_model.commands.classification import show_publication
    from risk_model.commands.training import interval

    if told.publication is None or told.explanation is None:
        return
    rows = []
    for result in told.evaluations:
        beside = result["comparators"]
        rows.append(
            (
                result["model"],
                f"{result['rows']:,}",
                interval(result["metrics"]["roc_auc"]),
                *(
                    interval(beside[name]["roc_auc"]) if name in beside else "-"
                    for name in (
                        "general_model_alone",
                        "logistic_regression",
                        "points_card",
                        "true_probability",
                    )
                ),
                interval(result["metrics"]["lift_at_10pct"]),
                interval(result["metrics"]["ece"]),
            )
        )
    typer.echo("")
    print_table(
        "Out of time, with 95 % intervals",
        (
            "model",
            "test rows",
            "ROC AUC",
            "general alone",
            "logistic",
            "points card",
            "true probability",
            "lift @10%",
            "ECE",
        ),
        rows,
    )
    show_publication(told.publication)
    found = told.explanation
    typer.echo(f"\n{found.credit_code} {found.name} ({found.model_title.zh} / {found.model_title.en})")
    for zh, en in zip(found.sentences("zh"), found.sentences("en"), strict=True):
        typer.echo(f"  {zh}\n  {en}")
    plans = []
    for saved in told.plans:
        summary = saved.plan.summary
        plans.append(
            (
                saved.plan.sector,
                saved.plan.month,
                f"{summary.capacity:,}",
                f"{summary.mandatory:,}",
                f"{summary.selected:,}",
                saved.folder,
            )
        )
    typer.echo("")
    print_table("Inspection plans", ("sector", "month", "capacity", "mandatory", "selected", "folder"), plans)
    typer.echo(
        f"""
Done in {seconds:.0f} s. Where to look:
  records      {told.home.store}
  tiers        {told.publication.folder}
  explanation  {told.plot}
  models       mlflow ui --backend-store-uri {told.home.tracking_uri}
  pages        risk-model serve --home {told.home.root}   then http://127.0.0.1:3000/
  one more     risk-model explain {found.credit_code} --home {told.home.root} --lang en"""
    )
