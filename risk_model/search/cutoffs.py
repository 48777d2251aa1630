"""Cut-offs within the training part: what calibrates and tests a model is never looked at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from features.errors import InputError

#: Shares of the training rows, by as-of date, before each cut-off.
SHARES = (0.55, 0.70, 0.85)
FEWEST_POSITIVES = 20


@dataclass(frozen=True)
class Fold:
    """One cut-off.

    Attributes
    ----------
    cutoff
        Rows whose label was known by then are learned from.
    learns, judged
        Positions of rows: known by the cut-off; seen after it and before the next.
    """

    cutoff: pd.Timestamp
    learns: np.ndarray
    judged: np.ndarray


def inner_folds(rows: pd.DataFrame, shares: tuple[float, ...] = SHARES) -> tuple[Fold, ...]:
    """Divide the training part of a model by time, several times.

    Parameters
    ----------
    rows
        The training part: ``as_of``, ``label_known``, ``label``.
    shares
        Shares of the rows before each cut-off, ascending.

    Raises
    ------
    InputError
        If no cut-off leaves both classes before it and enough problems after it.
    """
    as_of = rows["as_of"].reset_index(drop=True)
    known = rows["label_known"].reset_index(drop=True)
    label = rows["label"].to_numpy()
    days = as_of.sort_values().to_numpy()
    cuts = sorted({pd.Timestamp(days[int(share * (len(days) - 1))]) for share in shares})
    folds = []
    for cut, until in zip(cuts, [*cuts[1:], pd.Timestamp.max], strict=True):
        learns = np.flatnonzero((known <= cut) & (as_of < cut))
        judged = np.flatnonzero((as_of > cut) & (as_of <= until))
        both = len(learns) and 0 < label[learns].sum() < len(learns)
        if both and FEWEST_POSITIVES <= label[judged].sum() < len(judged):
            folds.append(Fold(cut, learns, judged))
    if not folds:
        raise InputError(
            "the training part is too short to be divided by time: "
            f"no cut-off has {FEWEST_POSITIVES} problems after it",
            field="windows",
            fix="Load a longer history, or keep the settings as they are.",
        )
    return tuple(folds)
