"""Figures of a quality report, as SVG; they draw what was computed and compute nothing."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from features.quality.words import AXES
from features.records import TABLES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from features.quality.assessment import QualityReport

Lang = Literal["zh", "en"]

#: Fonts with Chinese glyphs, in the order of preference; any other with CJK in its name will do.
CHINESE_FONTS = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Source Han Sans SC",
    "WenQuanYi Micro Hei",
    "Microsoft YaHei",
    "PingFang SC",
    "SimHei",
)
BLUE, ORANGE, RED, GREY = "#2b6cb0", "#dd8a2e", "#b83232", "#8a8f98"


@cache
def chinese_font() -> str | None:
    """Return a font family with Chinese glyphs that this machine has, or None."""
    from matplotlib import font_manager

    families = {font.name for font in font_manager.fontManager.ttflist}
    wanted = [*CHINESE_FONTS, *sorted(name for name in families if "CJK" in name and "Mono" not in name)]
    return next((name for name in wanted if name in families), None)


def language(wanted: Lang) -> Lang:
    """Return the language in which figures can be labelled: English where no font has the glyphs."""
    return wanted if wanted == "en" or chinese_font() else "en"


def figures(report: QualityReport, lang: Lang = "zh") -> Mapping[str, str]:
    """Return the SVG of every figure that the report has data for, by measure.

    Parameters
    ----------
    report
        What was computed.
    lang
        Language of the labels, if :func:`language` grants it.
    """
    lang = language(lang)
    drawings = {
        "timeliness": _timeliness(report.timeliness, lang),
        "completeness": _completeness(report.completeness, lang),
        "quarantine": _quarantine(report.quarantine, lang),
        "volumes": _volumes(report.volumes, lang),
    }
    return {name: svg for name, svg in drawings.items() if svg}


@contextmanager
def _style() -> Iterator[None]:
    import matplotlib as mpl

    font = chinese_font()
    settings: Any = {
        "font.family": [font, "DejaVu Sans"] if font else ["DejaVu Sans"],
        "font.size": 9,
        "axes.unicode_minus": False,
        "axes.spines.top": False,
        "axes.spines.right": False,
        # Glyphs are drawn as paths, so that the page looks the same where the font is missing.
        "svg.fonttype": "path",
        "svg.hashsalt": "quality",
    }
    with mpl.rc_context(settings):
        yield


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure as NewFigure

    figure = NewFigure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()


def _svg(figure: Figure) -> str:
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    # Inside a page there is neither a declaration nor a document type.
    return text.getvalue()[text.getvalue().index("<svg") :]


def _names(tables: Sequence[str], lang: Lang) -> list[str]:
    return [TABLES[table].label[lang] for table in tables]


def _timeliness(frame: pd.DataFrame, lang: Lang) -> str:
    if frame.empty:
        return ""
    # Providers together, each weighing as many records as it has.
    shown = ("median", "p90", "p99")
    weighted = frame[list(shown)].clip(lower=0).mul(frame["records"], axis=0)
    by_table = weighted.groupby(frame["table"], sort=False).sum()
    by_table = by_table.div(frame.groupby("table", sort=False)["records"].sum(), axis=0)[::-1]
    with _style():
        figure, axes = _figure(8, 0.8 + 0.28 * len(by_table))
        places = range(len(by_table))
        for name, colour, size in zip(shown, (BLUE, ORANGE, RED), (28, 22, 22), strict=True):
            axes.scatter(by_table[name], places, color=colour, s=size, label=AXES[name][lang], zorder=3)
        axes.hlines(places, by_table["median"], by_table["p99"], color=GREY, linewidth=1, zorder=2)
        axes.set_xscale("symlog", linthresh=10)
        axes.set_yticks(places, _names(list(by_table.index), lang))
        axes.set_xlabel(AXES["days"][lang])
        axes.legend(frameon=False, ncols=3, loc="lower right", bbox_to_anchor=(1, 1))
        return _svg(figure)


def _completeness(frame: pd.DataFrame, lang: Lang) -> str:
    counted = frame[frame["counts"].astype(bool)]
    if counted.empty:
        return ""
    by_column = counted.groupby(["table", "column"], sort=False)[["filled", "rows"]].sum()
    share = (by_column["filled"] / by_column["rows"])[::-1]
    labels = [
        f"{TABLES[table].label[lang]} · {TABLES[table].column(column).label[lang]}"
        for table, column in share.index
    ]
    with _style():
        figure, axes = _figure(8, 0.8 + 0.2 * len(share))
        colours = [RED if value < 0.5 else ORANGE if value < 0.9 else BLUE for value in share]
        axes.barh(range(len(share)), share, color=colours, height=0.7)
        axes.set_yticks(range(len(share)), labels, fontsize=8)
        axes.set_xlim(0, 1)
        axes.margins(y=0.01)
        axes.set_xlabel(AXES["share"][lang])
        return _svg(figure)


def _quarantine(frame: pd.DataFrame, lang: Lang) -> str:
    if frame.empty:
        return ""
    wide = frame.pivot_table(index="table", columns="reason", values="rows", aggfunc="sum", fill_value=0)
    # Tables of the schema first to last; a source may also refuse rows of a table that it misnames.
    order = [name for name in TABLES if name in wide.index]
    wide = wide.loc[[*order, *sorted(set(wide.index) - set(order))]][::-1]
    labels = [TABLES[name].label[lang] if name in TABLES else name for name in wide.index]
    with _style():
        from matplotlib import colormaps

        figure, axes = _figure(8, 1.2 + 0.28 * len(wide))
        left = pd.Series(0, index=wide.index)
        for number, reason in enumerate(wide.columns):
            colour = colormaps["tab10"](number % 10)
            axes.barh(labels, wide[reason], left=left, color=colour, label=reason, height=0.7)
            left = left + wide[reason]
        axes.set_xlabel(AXES["rows"][lang])
        axes.legend(frameon=False, fontsize=8, loc="lower left", bbox_to_anchor=(0, 1))
        return _svg(figure)


def _volumes(frame: pd.DataFrame, lang: Lang) -> str:
    if frame.empty:
        return ""
    from matplotlib.figure import Figure as NewFigure
    from matplotlib.ticker import MaxNLocator

    tables = list(dict.fromkeys(frame["table"]))
    tables = [name for name in TABLES if name in tables]
    rows = -(-len(tables) // 3)
    with _style():
        figure = NewFigure(figsize=(10, 1.5 * rows + 0.3), layout="constrained")
        grid = figure.subplots(rows, 3, squeeze=False)
        for place, axes in enumerate(grid.flat):
            if place >= len(tables):
                axes.set_axis_off()
                continue
            mine = frame[frame["table"] == tables[place]]
            monthly = mine.groupby("month")["records"].sum()
            flagged = monthly[monthly.index.isin(mine.loc[mine["flag"] != "", "month"])]
            axes.plot(_years(monthly.index), monthly.to_numpy(), color=BLUE, linewidth=0.9)
            axes.scatter(_years(flagged.index), flagged.to_numpy(), color=RED, s=14, zorder=3)
            axes.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
            axes.set_title(TABLES[tables[place]].label[lang], fontsize=9)
            axes.set_ylim(bottom=0)
            axes.tick_params(labelsize=7)
        return _svg(figure)


def _years(months: pd.Index) -> list[float]:
    """Return months ("2024-03") as years: an axis of dates takes ten times as long to draw."""
    return [int(month[:4]) + (int(month[5:]) - 1) / 12 for month in months]
