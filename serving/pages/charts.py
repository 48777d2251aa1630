"""Geometry of charts; the templates draw it as inline SVG without any style of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Segment:
    """A part of a stacked bar: place and width in per cent."""

    name: str
    count: int
    x: float
    width: float

    @property
    def middle(self) -> float:
        """Where a label stands."""
        return self.x + self.width / 2


def stacked(counts: Mapping[str, int]) -> list[Segment]:
    """Return the parts of a bar of 100 per cent; nothing for nothing.

    Examples
    --------
    >>> [(s.name, s.x, s.width) for s in stacked({"A": 3, "B": 1})]
    [('A', 0.0, 75.0), ('B', 75.0, 25.0)]
    """
    total = sum(counts.values())
    segments: list[Segment] = []
    x = 0.0
    for name, count in counts.items():
        width = 100 * count / total if total else 0.0
        segments.append(Segment(name, count, x, width))
        x += width
    return segments


@dataclass(frozen=True)
class Interval:
    """A figure with its interval on a scale, in per cent of its width."""

    value: float
    low: float
    width: float


def interval(figure: Mapping[str, float], first: float, last: float) -> Interval:
    """Return where a figure and its interval stand on a scale.

    Parameters
    ----------
    figure
        ``value``, ``low`` and ``high``.
    first, last
        Ends of the scale; what is beyond stands at the end.

    Examples
    --------
    >>> interval({"value": 0.7, "low": 0.6, "high": 0.9}, 0.5, 1.0)
    Interval(value=40.0, low=20.0, width=60.0)
    """

    def at(value: float) -> float:
        return round(100 * min(max((value - first) / (last - first), 0.0), 1.0), 2)

    low = at(figure["low"])
    return Interval(at(figure["value"]), low, round(at(figure["high"]) - low, 2))


def curve(x: Sequence[float], y: Sequence[float]) -> str:
    """Return the points of a curve in a square of 100, from the lower left.

    Examples
    --------
    >>> curve([0.0, 0.5, 1.0], [0.0, 0.9, 1.0])
    '0,100 50,10 100,0'
    """
    return " ".join(f"{100 * a:.4g},{100 - 100 * b:.4g}" for a, b in zip(x, y, strict=True))
