"""The data scientist's pages: drift since training, challenger against champion, quality of the records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.responses import Response

from features.errors import InputError
from features.quality import assess
from features.quality.references import CHECKS
from features.quality.words import MEASURE_LABELS
from features.store import RecordStore
from risk_model.comparison import NAMES, compare_publications
from risk_model.lifecycle import compare_versions
from risk_model.publication import Publication
from risk_model.registry import CHALLENGER
from risk_model.scale import INSUFFICIENT, TIERS
from serving.computed import Figures
from serving.drift import worked_out
from serving.endpoints import Call
from serving.evaluations import versions_of
from serving.pages.charts import interval, stacked
from serving.pages.rendering import pending, render

#: Features and providers that a page shows.
SHOWN = 25


def drift(call: Call) -> Response:
    """Show what has moved since training."""
    publication = call.context.current.publication()
    try:
        figures = worked_out(call.context.home, publication, call.context.computed)
    except InputError as error:
        return render(call, "drift.html", publication=publication, models=[], refused=str(error))
    if figures is None:
        return pending(call, "drift", "/models")
    shown = [
        _drift(name, told, publication, call)
        for name, told in figures.facts["models"].items()
        if call.principal.sees_sector(name)
    ]
    return render(call, "drift.html", publication=publication, models=shown, refused="")


def challenger(call: Call) -> Response:
    """Show each challenger beside its champion, and what the rule of promotion says."""
    publication = call.context.current.publication()
    champions = call.context.current.champions().versions
    shown = []
    for name in (name for name in publication.models if call.principal.sees_sector(name)):
        title = publication.document["models"][name]["title"][call.lang]
        versions = versions_of(call.context.home, name)
        rival = next((v.version for v in versions if CHALLENGER in v.aliases), None)
        champion = champions.get(name)
        one: dict[str, Any] = {
            "name": name,
            "title": title,
            "found": None,
            "refused": "",
            "moved": _moved(call, publication, name),
        }
        if rival is not None and champion is not None and rival != champion:
            try:
                found = _compared(call, name, champion, rival)
            except InputError as error:
                one["refused"] = str(error)
            else:
                if found is None:
                    return pending(call, "challenger", "/models")
                one["found"] = _comparison(found.facts, call.lang)
        shown.append(one)
    return render(
        call, "challenger.html", publication=publication, models=shown, tiers=(*TIERS, INSUFFICIENT)
    )


def quality(call: Call) -> Response:
    """Show how good the records are."""
    home = call.context.home
    store = RecordStore(home.store)
    snapshot = store.snapshot()
    figures = call.context.computed.get(
        f"quality {snapshot.id}", lambda: Figures(assess(store, snapshot).as_dict())
    )
    if figures is None:
        return pending(call, "quality", "/models")
    told = figures.facts
    return render(
        call,
        "quality.html",
        state=(told["snapshot"], str(told["created_at"])[:16].replace("T", " ")),
        attention=[_attention(row, call.lang) for row in told["attention"]],
        timeliness=told["timeliness"],
        longest=max([1, *(row["p99"] for row in told["timeliness"])]),
        acceptance=told["acceptance"],
        completeness=_filled(told["completeness"]),
        references=[{**row, "label": CHECKS[row["check"]][call.lang]} for row in told["references"]],
    )


def _compared(call: Call, name: str, champion: str, rival: str) -> Figures | None:
    home = call.context.home

    def make() -> Figures:
        return Figures(compare_versions(home, name, champion=champion, challenger=rival))

    return call.context.computed.get(f"challenger {name} {champion} {rival}", make)


def _comparison(found: Mapping[str, Any], lang: str) -> dict[str, Any]:
    metrics = found["metrics"]
    widest = max([0.01, *(max(abs(one["low"]), abs(one["high"])) for one in metrics.values())])
    return {
        **found,
        "rows_told": [
            {
                "label": NAMES[name][lang],
                **one,
                "bar": interval(
                    {"value": one["difference"], "low": one["low"], "high": one["high"]}, -widest, widest
                ),
            }
            for name, one in metrics.items()
        ],
        "reasons": [reason[lang] for reason in found["gate"]["reasons"]],
        "advice": found["recommendation"][lang],
        "minds": [caution[lang] for caution in found["cautions"]],
    }


def _moved(call: Call, publication: Publication, name: str) -> dict[str, Any] | None:
    """Return how the classification in force differs from the one before it; None without one."""
    before = [p for p in Publication.all(call.context.home) if p.as_of < publication.as_of]
    if not before or name not in before[-1].models:
        return None

    def make() -> Figures:
        return Figures(compare_publications(before[-1], publication, name))

    figures = call.context.computed.get(f"moved {before[-1].name} {publication.name} {name}", make)
    return None if figures is None else figures.facts


def _drift(name: str, told: Mapping[str, Any], publication: Publication, call: Call) -> dict[str, Any]:
    lang = call.lang
    features = sorted(told["features"].items(), key=lambda item: -item[1]["psi"])
    districts = {d: one for d, one in told["districts"].items() if call.principal.sees_district(d)}
    # What it says of a district that is out of scope is not told.
    hidden = set(told["districts"]) - set(districts)
    return {
        "name": name,
        "title": publication.document["models"][name]["title"][lang],
        "version": told["version"],
        "volumes": told["volumes"],
        "reference": told["reference"],
        "alarms": [
            _named(alarm[lang], told["features"], lang)
            for alarm in told["alarms"]
            if not any(district in alarm["en"] for district in hidden)
        ],
        "score": told["score"],
        "histogram": _histogram(told["score"]),
        "features": [
            {"name": feature, "label": one["label"][lang], **one} for feature, one in features[:SHOWN]
        ],
        "largest": max([0.05, *(one["psi"] for _, one in features)]),
        "more": max(len(features) - SHOWN, 0),
        "districts": sorted(districts.items()),
        "tiers": [
            ("at_training", stacked(told["tiers"]["at_training"])),
            ("at_present", stacked(told["tiers"]["now"])),
        ],
        "judged": [_judged(one) for one in told["calibration"]["classifications"]],
    }


def _named(alarm: str, features: Mapping[str, Any], lang: str) -> str:
    """Return an alarm with the label of the feature that it begins with instead of its name."""
    name, space, rest = alarm.partition(" ")
    return f"{features[name]['label'][lang]}{space}{rest}" if name in features else alarm


def _histogram(score: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the bins of the score: share at training and now, as heights of at most 100."""
    then, now = score["reference_counts"][:-1], score["counts"][:-1]
    shares = [[count / max(sum(side), 1) for count in side] for side in (then, now)]
    highest = max([1e-9, *shares[0], *shares[1]])
    return [
        {"label": label, "then": 100 * a / highest, "now": 100 * b / highest, "shares": (a, b)}
        for label, a, b in zip(score["bins"][:-1], *shares, strict=True)
    ]


def _judged(one: Mapping[str, Any]) -> dict[str, Any]:
    arm = next((arm for arm in ("random_draws", "inspected") if arm in one), None)
    return {"as_of": one["as_of"], "complete_on": one["complete_on"], "mature": one["mature"], "arm": arm,
            "told": one[arm] if arm else None, "rows": one["rows"]}  # fmt: skip


def _attention(row: Mapping[str, Any], lang: str) -> dict[str, Any]:
    return {
        **row,
        "measure": MEASURE_LABELS[row["measure"]][lang],
        "words": row["what_zh"] if lang == "zh" else row["what"],
    }


def _filled(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return by table and provider the share of optional columns' cells that are filled."""
    found: dict[tuple[str, str], list[int]] = {}
    for row in rows:
        if row["counts"]:
            sums = found.setdefault((row["table"], row["provider"]), [0, 0])
            sums[0] += row["filled"]
            sums[1] += row["rows"]
    return [
        {"table": table, "provider": provider, "share": filled / cells if cells else 0.0}
        for (table, provider), (filled, cells) in found.items()
    ]
