"""What a model is compared with, on the same rows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from features.errors import InputError
from risk_model.dataset import Dataset
from risk_model.model import RiskModel
from risk_model.scorecard import load_points_card


def logistic_regression(dataset: Dataset, features: tuple[str, ...]) -> np.ndarray:
    """Return test probabilities of a logistic regression on the same features and rows.

    Missing values are set to the median and flagged, amounts of money and counts are compressed by
    a signed logarithm, all columns are standardised.
    """
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, StandardScaler

    def compress(values: np.ndarray) -> np.ndarray:
        return np.asarray(np.sign(values) * np.log1p(np.abs(values)))

    known = [name for name in features if dataset.part("train")[name].notna().any()]
    pipeline = make_pipeline(
        SimpleImputer(strategy="median", add_indicator=True),
        FunctionTransformer(compress),
        StandardScaler(),
        LogisticRegression(C=0.1, max_iter=2000),
    )
    train, test = dataset.part("train"), dataset.part("test")
    pipeline.fit(train[known].to_numpy(np.float64), train["label"].to_numpy())
    return np.asarray(pipeline.predict_proba(test[known].to_numpy(np.float64))[:, 1])


def points(rows: pd.DataFrame) -> np.ndarray:
    """Return points of the expert card."""
    return load_points_card().score(rows)


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


def base_margin(model: RiskModel, rows: pd.DataFrame) -> np.ndarray:
    """Return the general margin of rows of a sector model."""
    if model.base is None:
        msg = f"model {model.name!r} has no base"
        raise ValueError(msg)
    return model.base.margin(model.base.matrix(rows))
