"""Figures that show Chinese where a Chinese font is there, and no window ever."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Families with Chinese characters, the best first.
CHINESE_FONTS = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Noto Sans SC",
    "Source Han Sans SC",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "Microsoft YaHei",
    "PingFang SC",
    "SimHei",
)


@cache
def chinese_font() -> str | None:
    """Return the first installed family with Chinese characters, or None."""
    from matplotlib.font_manager import fontManager

    installed = {font.name for font in fontManager.ttflist}
    return next((name for name in CHINESE_FONTS if name in installed), None)


def has_chinese() -> bool:
    """Return whether Chinese can be drawn."""
    return chinese_font() is not None


def figure_and_axes(width: float, height: float) -> tuple[Figure, Axes]:
    """Return an empty figure that belongs to no window, and its axes.

    Parameters
    ----------
    width, height
        In inches.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    families = [name for name in (chinese_font(), "DejaVu Sans") if name]
    mpl.rcParams["font.family"] = families
    mpl.rcParams["axes.unicode_minus"] = False
    mpl.rcParams["svg.fonttype"] = "path"
    figure = Figure(figsize=(width, height))
    return figure, figure.subplots()
