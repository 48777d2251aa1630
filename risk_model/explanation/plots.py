"""An explanation drawn: a waterfall of indicators, from the base to the score's margin."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from features.errors import InputError
from features.plotting import figure_and_axes, has_chinese
from risk_model.scale import TIER_WORDS

if TYPE_CHECKING:
    from risk_model.explanation.explanation import Explanation

RAISES, LOWERS, NEUTRAL = "#b3261e", "#1f6f43", "#5f6368"
MOST_BARS = 10


def waterfall(explanation: Explanation, path: Path, *, lang: str = "zh") -> Path:
    """Draw what each second-level indicator adds to the score, and write it.

    Parameters
    ----------
    explanation
        What is drawn.
    path
        ``.png`` or ``.svg``.
    lang
        ``zh`` or ``en``; without a Chinese font the drawing is in English.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    InputError
        If the file has another ending or its folder does not exist.
    """
    if path.suffix.lower() not in {".png", ".svg"}:
        raise InputError(
            f"{path.name} is neither PNG nor SVG", field="--plot", fix="End it in .png, .svg or .html."
        )
    if not path.resolve().parent.is_dir():
        raise InputError(f"there is no folder {path.resolve().parent}", field="--plot")
    if lang == "zh" and not has_chinese():
        lang = "en"
    bars = _bars(explanation, lang)
    figure, axes = figure_and_axes(width=8.5, height=1.6 + 0.42 * (len(bars) + 2))
    start = explanation.points(explanation.base_value)
    position = start
    base = explanation.score - explanation.points(explanation.margin - explanation.base_value)
    texts = [f"{('基准值', 'base')[lang == 'en']} {base:.0f}"]
    axes.barh(0, 0.0)
    for row, (label, points) in enumerate(bars, start=1):
        axes.barh(row, points, left=position, color=RAISES if points > 0 else LOWERS, height=0.62)
        axes.plot([position, position], [row - 1, row], color=NEUTRAL, lw=0.7, zorder=0)
        edge = max(position, position + points)
        axes.annotate(f"{points:+.0f}", (edge, row), xytext=(4, 0), textcoords="offset points", va="center")
        position += points
        texts.append(label)
    total = len(bars) + 1
    axes.plot([position, position], [total - 1, total + 0.3], color=NEUTRAL, lw=0.7, zorder=0)
    axes.axvline(start, color=NEUTRAL, lw=0.7, ls=":")
    texts.append(f"{('分值', 'score')[lang == 'en']} {explanation.score:.0f}")
    axes.plot([position], [total], marker="D", color="black")
    axes.plot([start], [0], marker="D", color=NEUTRAL)
    axes.set_yticks(range(len(texts)), texts)
    axes.invert_yaxis()
    axes.margins(x=0.12)
    axes.set_xticks([])
    for side in ("top", "right", "bottom"):
        axes.spines[side].set_visible(False)
    tier = TIER_WORDS[explanation.tier]
    who = (explanation.name if has_chinese() else None) or explanation.credit_code
    told = tier.zh if lang == "zh" else tier.en
    head = explanation.tier if explanation.tier in "ABCD" else ""
    axes.set_title(f"{who}\n{explanation.model_title[lang]}: {head} {told}", loc="left", fontsize=11)
    figure.text(
        0.01,
        0.01,
        ("单位：分（对数几率按比例换算，各项之和恰为分值）", "points; all bars sum exactly to the score")[
            lang == "en"
        ],
        fontsize=8,
        color=NEUTRAL,
    )
    figure.tight_layout(rect=(0, 0.04, 1, 1))
    figure.savefig(path, dpi=150)
    return path


def _bars(explanation: Explanation, lang: str) -> list[tuple[str, float]]:
    """Return the strongest indicators, and the rest as one bar, so that nothing is left out."""
    groups = explanation.indicators
    shown = [(g.label[lang], explanation.points(g.contribution)) for g in groups[:MOST_BARS]]
    rest = sum(explanation.points(g.contribution) for g in groups[MOST_BARS:])
    if len(groups) > MOST_BARS:
        shown.append((("其他指标", "other indicators")[lang == "en"], rest))
    return shown
