"""Figures of model cards and monitoring, as inline SVG."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from features.plotting import figure_and_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GREY, RED = "#2563eb", "#d97706", "#9aa3b2", "#b42318"
TIER_COLOURS = ("#15803d", "#65a30d", "#d97706", "#b42318", "#9aa3b2")


@contextmanager
def drawing(name: str, title: str, width: float, height: float) -> Iterator[tuple[Figure, Axes, list[str]]]:
    """Yield a figure, its axes, and a list that holds the SVG afterwards."""
    import matplotlib as mpl

    out: list[str] = []
    # The salt makes identifiers that no other figure of the page has, and the same ones every time.
    with mpl.rc_context({"svg.hashsalt": name, "font.size": 9}):
        figure, axes = figure_and_axes(width, height)
        axes.spines[["top", "right"]].set_visible(False)
        yield figure, axes, out
        figure.tight_layout()
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    svg = text.getvalue()
    svg = svg[svg.index("<svg") :].replace("<svg ", f'<svg role="img" aria-label="{title}" ', 1)
    out.append(svg)


def reliability(bins: Sequence[Mapping[str, float]]) -> str:
    """Draw observed against predicted rates of equally filled bins."""
    with drawing("reliability", "Reliability", 4.6, 3.6) as (_, axes, out):
        predicted = [b["predicted"] for b in bins]
        observed = [b["observed"] for b in bins]
        top = max([*predicted, *observed, 0.01]) * 1.1
        axes.plot([0, top], [0, top], color=GREY, linewidth=1)
        axes.plot(predicted, observed, marker="o", markersize=4, color=BLUE)
        axes.set(xlim=(0, top), ylim=(0, top), xlabel="predicted probability", ylabel="observed rate")
    return out[0]


def gain(curves: Mapping[str, Sequence[float]]) -> str:
    """Draw the ROC and the cumulative gain curve."""
    with drawing("gain", "ROC and cumulative gain", 4.6, 3.6) as (_, axes, out):
        axes.plot([0, 1], [0, 1], color=GREY, linewidth=1)
        axes.plot(curves["share"], curves["gain"], color=BLUE, label="gain: share of enterprises visited")
        axes.plot(
            curves["false_positive_rate"], curves["gain"], color=ORANGE, label="ROC: false-positive rate"
        )
        axes.set(xlim=(0, 1), ylim=(0, 1.01), xlabel="share", ylabel="share of problems found")
        axes.legend(frameon=False, loc="lower right")
    return out[0]


def tiers(shares: Mapping[str, Mapping[str, float]]) -> str:
    """Draw shares of the tiers, a bar each of what is compared."""
    names = list(next(iter(shares.values())))
    with drawing("tiers", "Shares of the tiers", 6.6, 1.0 + 0.4 * len(shares)) as (_, axes, out):
        places = list(range(len(shares)))[::-1]
        left = [0.0] * len(shares)
        for name, colour in zip(names, TIER_COLOURS, strict=False):
            own = [100 * row[name] for row in shares.values()]
            axes.barh(places, own, left=left, color=colour, height=0.7, label=name.replace("_", " "))
            left = [a + b for a, b in zip(left, own, strict=True)]
        axes.set_yticks(places, list(shares))
        axes.set_xlabel("% of the enterprises classified")
        axes.legend(frameon=False, ncols=len(names), loc="lower left", bbox_to_anchor=(0, 1))
    return out[0]


def slices(
    groups: Mapping[str, Mapping[str, Any]], overall: float, measure: str, unit: str, name: str
) -> str:
    """Draw a measure of every kind of enterprise with its interval, beside that of all."""
    shown = {
        key: g["metrics"][measure]
        for key, g in groups.items()
        if g["metrics"][measure]["value"] == g["metrics"][measure]["value"]
    }
    title = f"{measure} by {name}"
    with drawing(f"slice-{name}", title, 6.6, 0.8 + 0.24 * len(shown)) as (_, axes, out):
        places = list(range(len(shown)))[::-1]
        for place, figure in zip(places, shown.values(), strict=True):
            axes.plot([figure["low"], figure["high"]], [place, place], color=GREY)
            axes.plot(figure["value"], place, marker="o", markersize=4, color=BLUE)
        axes.axvline(overall, color=ORANGE, linewidth=1)
        axes.set_yticks(places, list(shown))
        axes.set_xlabel(unit)
    return out[0]


def histogram(name: str, title: str, groups: Mapping[str, Sequence[float]], labels: Sequence[str]) -> str:
    """Draw shares of bins of several samples side by side."""
    with drawing(name, title, 6.6, 2.8) as (_, axes, out):
        width = 0.8 / len(groups)
        for i, (key, shares) in enumerate(groups.items()):
            places = [j + i * width for j in range(len(shares))]
            axes.bar(places, [100 * s for s in shares], width=width, label=key, color=(GREY, BLUE)[i % 2])
        axes.set_xticks(
            [j + width * (len(groups) - 1) / 2 for j in range(len(labels))], list(labels), rotation=45
        )
        axes.tick_params(axis="x", labelsize=7)
        axes.set_ylabel("% of enterprises")
        axes.legend(frameon=False)
    return out[0]


def drift(labels: Sequence[str], sizes: Sequence[float], alarms: Sequence[bool], limit: float) -> str:
    """Draw the stability index of features, alarms in red, and the size from which one counts."""
    with drawing("drift", "Stability index of features", 6.6, 0.8 + 0.24 * len(labels)) as (_, axes, out):
        places = list(range(len(labels)))[::-1]
        axes.barh(places, list(sizes), color=[RED if alarm else BLUE for alarm in alarms], height=0.7)
        axes.axvline(limit, color=GREY, linewidth=1)
        axes.set_yticks(places, list(labels))
        axes.set_xlabel("PSI")
    return out[0]
