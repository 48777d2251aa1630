"""Scores that somebody else published for the same records."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from features.errors import InputError


@dataclass(frozen=True)
class PublishedScores:
    """Scores of somebody else's model, by record.

    Given on the command line as ``NAME=FILE:KEY:SCORE[:FLAG]``: the columns that hold the identifier
    of the labelled record, its score and, if given, whether the row belongs to their test period.
    """

    name: str
    scores: pd.Series

    @classmethod
    def parse(cls, text: str) -> PublishedScores:
        """Read ``NAME=FILE:KEY:SCORE[:FLAG]``.

        Raises
        ------
        InputError
            If the form, the file or a column is not there.
        """
        name, _, rest = text.partition("=")
        parts = rest.split(":")
        if not name or len(parts) not in (3, 4):
            raise InputError(f"{text!r} is not NAME=FILE:KEY:SCORE[:FLAG]", field="beside")
        path, key, score = parts[:3]
        if not Path(path).exists():
            raise InputError(f"there is no file {path}", field="beside")
        frame = pd.read_csv(path)
        for column in parts[1:]:
            if column not in frame:
                raise InputError(
                    f"{Path(path).name} has no column {column!r}; it has {', '.join(frame.columns)}",
                    field="beside",
                )
        if len(parts) == 4:
            frame = frame[frame[parts[3]].astype(bool)]
        keys = frame[key].astype(str).str.removesuffix(".0")
        return cls(name, pd.Series(frame[score].to_numpy(np.float64), index=keys).dropna())

    def of(self, rows: pd.DataFrame) -> np.ndarray:
        """Return the score of each row, NaN where there is none; matched on the record's last part."""
        keys = rows["label_record"].astype(str).str.rpartition(":")[2]
        unique = self.scores[~self.scores.index.duplicated()]
        return unique.reindex(keys).to_numpy()
