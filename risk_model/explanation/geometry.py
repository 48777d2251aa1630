"""Geometry of a waterfall, in per cent of its width; templates draw it as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True)
class Step:
    """A bar of a waterfall, in per cent of its width.

    Attributes
    ----------
    x, width
        Where the bar begins and how wide it is.
    rises
        Whether it goes to the right.
    start, end
        Where the step begins and ends.
    """

    x: float
    width: float
    rises: bool
    start: float
    end: float


@dataclass(frozen=True)
class Waterfall:
    """Steps from a base to a total on one common scale, in per cent.

    Attributes
    ----------
    base, total
        Where both stand.
    steps
        In the order given.
    """

    base: float
    total: float
    steps: tuple[Step, ...]


def waterfall(base: float, moves: Sequence[float]) -> Waterfall:
    """Lay out a waterfall.

    Parameters
    ----------
    base
        Where it begins.
    moves
        The steps, in any unit that is also the base's.

    Examples
    --------
    >>> w = waterfall(0.0, [2.0, -1.0])
    >>> [(s.x, s.width, s.rises) for s in w.steps], w.total
    ([(2.0, 96.0, True), (50.0, 48.0, False)], 50.0)
    """
    places = [base]
    for move in moves:
        places.append(places[-1] + move)
    low, high = min(places), max(places)
    margin, room = 2.0, 96.0

    def at(value: float) -> float:
        return margin + (room * (value - low) / (high - low) if high > low else room / 2)

    steps = tuple(
        Step(min(at(a), at(b)), abs(at(b) - at(a)), b >= a, at(a), at(b)) for a, b in pairwise(places)
    )
    return Waterfall(at(base), at(places[-1]), steps)
