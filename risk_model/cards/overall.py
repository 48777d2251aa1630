"""What moves the scores, as sections of a card or of a page: importance, dependence, stability."""

from __future__ import annotations

import math

import numpy as np

from features.definitions import Direction
from risk_model.cards.document import Document, Section, Table, with_interval
from risk_model.cards.figures import BLUE, GREY, ORANGE, RED, drawing
from risk_model.explanation.overall import OverallExplanation
from risk_model.explanation.overall.dependence import Dependence
from risk_model.explanation.overall.importance import Importance
from risk_model.model import RiskModel

MOST_IMPORTANT = 15
#: Panels of dependence in a row.
_ACROSS = 3
_WORDS = {Direction.RAISES: "raises", Direction.LOWERS: "lowers", Direction.NONE: "none"}


def explanation_sections(overall: OverallExplanation, points_a_unit: float) -> list[Section]:
    """Return the sections on what moves the scores.

    Parameters
    ----------
    overall
        What was worked out.
    points_a_unit
        Score points per unit of margin.
    """
    return [
        _importance(overall, points_a_unit),
        *([_dependence(overall, points_a_unit)] if overall.dependence else []),
        _stability(overall),
    ]


def page(model: RiskModel, version: str, overall: OverallExplanation) -> Document:
    """Return a page on what moves the scores of a model."""
    return Document(
        title=f"What moves the score: {model.title['zh']} / {model.title['en']}",
        subtitle=f"{model.name} version {version}, on {overall.rows:,} enterprises that it speaks of.",
        sections=explanation_sections(overall, model.policy.score.factor),
    )


def _importance(overall: OverallExplanation, unit: float) -> Section:
    shown = overall.importance[:MOST_IMPORTANT]
    return Section(
        "What moves the score",
        paragraphs=[
            f"Mean absolute contribution of each fact, all its windows together, on {overall.rows:,} "
            "enterprises; intervals: 95 %, bootstrap over enterprises."
        ],
        figure=_bars(shown, unit) if shown else "",
        caption="Exact contributions in score points, with 95 % intervals",
        tables=[
            Table(
                ("fact", "指标", "mean absolute contribution (points)"),
                [
                    (one.name, one.label.zh, with_interval(one.mean_absolute.as_floats(unit), 2))
                    for one in shown
                ],
                left=2,
            )
        ],
    )


def _bars(shown: tuple[Importance, ...], unit: float) -> str:
    labels = [one.name.replace("_", " ") for one in shown]
    with drawing("importance", "Mean absolute contribution", 6.6, 0.8 + 0.24 * len(shown)) as (_, axes, out):
        places = list(range(len(shown)))[::-1]
        told = [one.mean_absolute.as_floats(unit) for one in shown]
        values = [one["value"] for one in told]
        ends = np.array([[one["value"] - one["low"], one["high"] - one["value"]] for one in told]).T
        axes.barh(places, values, color=BLUE, height=0.7)
        # A percentile interval may lie beside the figure; a drawn one begins at it.
        axes.errorbar(values, places, xerr=np.maximum(ends, 0.0), fmt="none", ecolor=GREY, capsize=2, lw=1)
        axes.set_yticks(places, labels)
        axes.set_xlabel("mean absolute contribution (points)")
    return out[0]


def _dependence(overall: OverallExplanation, unit: float) -> Section:
    declared = [one for one in overall.dependence if one.follows is not None]
    against = [one for one in declared if not one.follows]
    return Section(
        "What the values do",
        paragraphs=[
            "Mean contribution by value of the features that move the scores most, with the range of the "
            "middle four fifths of the enterprises. Enterprises of one value differ in everything else, so "
            "a mean may bend where the score itself never does, as the certificate of the model card shows."
        ],
        points=[
            f"{len(declared) - len(against)} of {len(declared)} features with a declared direction follow it "
            "by rank correlation",
            *(
                f"{one.feature.name}: declared to {_WORDS[one.feature.direction].rstrip('s')} the score, "
                f"rank correlation {one.correlation:+.2f}"
                for one in against
            ),
        ],
        figure=_panels(overall.dependence, unit),
        caption="Contribution in points by value; a triangle shows the declared direction",
        tables=[
            Table(
                ("feature", "指标", "declared", "rank correlation", "smallest mean", "largest mean"),
                [
                    (
                        one.feature.name,
                        one.feature.label.zh,
                        _WORDS[one.feature.direction],
                        "" if math.isnan(one.correlation) else f"{one.correlation:+.2f}",
                        f"{unit * min((b.mean for b in one.bins), default=float('nan')):+.1f}",
                        f"{unit * max((b.mean for b in one.bins), default=float('nan')):+.1f}",
                    )
                    for one in overall.dependence
                ],
                left=3,
            )
        ],
        alert=bool(against),
    )


def _panels(found: tuple[Dependence, ...], unit: float) -> str:
    down = -(-len(found) // _ACROSS)
    with drawing("dependence", "Contribution by value", 9.6, 2.3 * down) as (figure, axes, out):
        axes.remove()
        for place, one in enumerate(found):
            panel = figure.add_subplot(down, _ACROSS, place + 1)
            _panel(panel, one, unit)
    return out[0]


def _panel(axes, one: Dependence, unit: float) -> None:  # type: ignore[no-untyped-def]
    axes.spines[["top", "right"]].set_visible(False)
    axes.axhline(0, color=GREY, lw=0.7)
    sign = {Direction.RAISES: "▲ ", Direction.LOWERS: "▼ ", Direction.NONE: ""}[one.feature.direction]
    axes.set_title(f"{sign}{one.feature.name.replace('_', ' ')}", fontsize=8, loc="left")
    known = [b for b in one.bins if not math.isnan(b.value)]
    missing = [b for b in one.bins if math.isnan(b.value)]
    places = [float(place) for place in range(len(known))]
    style = "o" if one.feature.codes is not None else "o-"
    colour = RED if one.follows is False else BLUE
    axes.plot(places, [unit * b.mean for b in known], style, color=colour, markersize=3, lw=1.2)
    for place, each in zip(places, known, strict=True):
        axes.plot([place, place], [unit * each.low, unit * each.high], color=GREY, lw=1, zorder=0)
    labels = [b.label.en for b in known]
    if missing:
        gap = len(known) + 0.5
        axes.plot([gap], [unit * missing[0].mean], "s", color=ORANGE, markersize=3)
        axes.plot([gap, gap], [unit * missing[0].low, unit * missing[0].high], color=GREY, lw=1, zorder=0)
        places, labels = [*places, gap], [*labels, "none"]
    step = max(1, len(labels) // 5)
    kept = [i for i in range(len(labels)) if i % step == 0 or labels[i] == "none"]
    axes.set_xticks(
        [places[i] for i in kept], [labels[i][:14] for i in kept], fontsize=6, rotation=25, ha="right"
    )
    axes.tick_params(axis="y", labelsize=7)


def _stability(overall: OverallExplanation) -> Section:
    title = "Whether reasons last"
    found = overall.stability
    if found is None:
        return Section(title, paragraphs=["Not compared: there is no other version of this model."])
    rows = [
        ("rank correlation of the importance of facts", f"{found.importance_correlation:.3f}"),
        (
            "rank correlation of the contributions of one enterprise",
            with_interval(found.contribution_correlation.as_floats()),
        ),
        ("the three strongest reasons that raise: overlap", with_interval(found.raised_overlap.as_floats())),
        ("the three strongest reasons that lower: overlap", with_interval(found.lowered_overlap.as_floats())),
        ("the strongest reason that raises is the same", with_interval(found.same_first.as_floats())),
    ]
    return Section(
        title,
        paragraphs=[
            f"The same {found.enterprises:,} enterprises explained by this version and by version "
            f"{overall.against}. Overlap: reasons that both name, as a share of those that either names. "
            "Intervals: 95 %, bootstrap over enterprises."
        ],
        tables=[Table(("measure", "value"), rows)],
    )
