"""The data scientist's page: models in force, how they did out of time, and what the records came from."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from starlette.responses import Response

from features.errors import InputError
from features.home import Home
from features.records import Label
from features.store import RecordStore
from serving.endpoints import Call
from serving.evaluations import ModelVersionLine, versions_of
from serving.pages.charts import curve, interval
from serving.pages.rendering import render

METRICS: Mapping[str, Label] = {
    "roc_auc": Label("ROC AUC", "ROC AUC"),
    "average_precision": Label("平均精确率", "average precision"),
    "precision_at_10pct": Label("前10%精确率", "precision @10%"),
    "recall_at_10pct": Label("前10%召回率", "recall @10%"),
    "lift_at_10pct": Label("前10%提升度", "lift @10%"),
    "ece": Label("校准误差（ECE）", "calibration error (ECE)"),
    "brier": Label("Brier 分数", "Brier score"),
}
COMPARATORS: Mapping[str, Label] = {
    "points_card": Label("专家打分表", "expert points card"),
    "logistic_regression": Label("逻辑回归", "logistic regression"),
    "general_model_alone": Label("仅通用模型", "general model alone"),
    "true_probability": Label("真实概率（模拟）", "true probability (simulated)"),
}
LOADS = 20


def models(call: Call) -> Response:
    """Show the page."""
    publication = call.context.current.publication()
    champions = call.context.current.champions()
    shown = [
        {
            "name": name,
            "title": told["title"][call.lang],
            "target": told["target"][call.lang],
            "published": told,
            "champion": champions.versions.get(name),
            "versions": [_version(v) for v in versions_of(call.context.home, name)],
            **_evaluated(versions_of(call.context.home, name), champions.versions.get(name), call.lang),
        }
        for name, told in publication.document["models"].items()
        if call.principal.sees_sector(name)
    ]
    return render(call, "models.html", publication=publication, models=shown, loads=_loads(call.context.home))


def _version(line: ModelVersionLine) -> dict[str, Any]:
    made = datetime.fromtimestamp(line.created_at / 1000, UTC).strftime("%Y-%m-%d %H:%M")
    auc = (line.evaluation or {}).get("metrics", {}).get("roc_auc")
    return {"version": line.version, "aliases": line.aliases, "made": made, "auc": auc}


def _evaluated(versions: list[ModelVersionLine], champion: str | None, lang: str) -> dict[str, Any]:
    found = next((v.evaluation for v in versions if v.version == champion), None)
    if found is None:
        return {"evaluation": None}
    rows = [
        {"name": METRICS[key][lang], "figure": figure, "bar": interval(figure, 0.0, 1.0)}
        for key, figure in found["metrics"].items()
        if key in METRICS and math.isfinite(figure["value"])
    ]
    beside = [
        {
            "name": COMPARATORS[name][lang] if name in COMPARATORS else name,
            "figure": figures["roc_auc"],
            "bar": interval(figures["roc_auc"], 0.4, 1.0),
        }
        for name, figures in {"": found["metrics"], **found["comparators"]}.items()
        if "roc_auc" in figures and math.isfinite(figures["roc_auc"]["value"])
    ]
    bins = found.get("reliability", [])
    highest = max([0.05, *(b["predicted"] for b in bins), *(b["observed"] for b in bins)])
    curves = found.get("curves", {})
    return {
        "evaluation": found,
        "rows": rows,
        "beside": beside,
        "highest": highest,
        "reliability": [
            (100 * one["predicted"] / highest, 100 - 100 * one["observed"] / highest) for one in bins
        ],
        "gain": curve(curves.get("share", []), curves.get("gain", [])),
    }


def _loads(home: Home) -> list[dict[str, Any]]:
    try:
        rows = RecordStore(home.store).loads().to_pylist()
    except InputError:
        return []
    return sorted(rows, key=lambda row: row["finished_at"], reverse=True)[:LOADS]
