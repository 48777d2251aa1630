"""What changed between two classifications of an enterprise: by its records and by the model, exactly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from math import fsum
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.definitions import LIBRARY, Feature
from features.errors import InputError
from features.records import TABLES
from features.runners.threads import RecordReader
from risk_model.explanation.values import value_in_words
from risk_model.model import RiskModel
from risk_model.publication import Publication
from risk_model.scale import TierPolicy

#: Loads a registered model by name and version.
LoadModel = Callable[[str, str], RiskModel]
NEVER = date(9999, 12, 31)


@dataclass(frozen=True)
class FeatureChange:
    """What a feature's contribution changed by.

    Attributes
    ----------
    before, after
        Its value at either date.
    by_records
        Change under the later model, because the value changed.
    by_model
        Change at the earlier value, because the model did.
    """

    feature: Feature
    before: float
    after: float
    by_records: float
    by_model: float

    @property
    def total(self) -> float:
        """The whole change, in log-odds."""
        return self.by_records + self.by_model


@dataclass(frozen=True)
class RecordChange:
    """A record that came into sight or went out of it between the two dates."""

    table: str
    record_id: str
    event_date: date
    on: date
    what: str  # "new", "repaired", "withdrawn", "expired" or "superseded"


@dataclass(frozen=True)
class Changes:
    """The difference of two classifications of one enterprise by one model.

    Attributes
    ----------
    base_by_model
        Change of the base value; 0 if the model is the same.
    features
        The strongest change first; what did not change is left out.
    records
        What came and went, by date.
    """

    credit_code: str
    model: str
    earlier: str
    later: str
    margin_before: float
    margin_after: float
    score_before: float
    score_after: float
    tier_before: str
    tier_after: str
    base_by_model: float
    features: tuple[FeatureChange, ...]
    records: tuple[RecordChange, ...]
    points_a_unit: float

    @property
    def by_records(self) -> float:
        """The part of the change that records and the passing of time made, in log-odds."""
        return fsum(change.by_records for change in self.features)

    @property
    def by_model(self) -> float:
        """The part of the change that a new version of the model made, in log-odds."""
        return fsum([self.base_by_model, *(change.by_model for change in self.features)])

    @property
    def residual(self) -> float:
        """Change of the margin less both parts; 0 but for rounding."""
        return self.margin_after - self.margin_before - self.by_records - self.by_model

    def as_dict(self) -> dict[str, Any]:
        """Return the changes as plain data."""
        unit = self.points_a_unit
        return {
            "credit_code": self.credit_code,
            "model": self.model,
            "earlier": self.earlier,
            "later": self.later,
            "score": [self.score_before, self.score_after],
            "tier": [self.tier_before, self.tier_after],
            "margin": [self.margin_before, self.margin_after],
            "points_by_records": self.by_records * unit,
            "points_by_model": self.by_model * unit,
            "residual": self.residual,
            "features": [
                {
                    "feature": change.feature.name,
                    "label": {"zh": change.feature.label.zh, "en": change.feature.label.en},
                    "before": {
                        lang: value_in_words(change.feature, change.before)[lang] for lang in ("zh", "en")
                    },
                    "after": {
                        lang: value_in_words(change.feature, change.after)[lang] for lang in ("zh", "en")
                    },
                    "points_by_records": change.by_records * unit,
                    "points_by_model": change.by_model * unit,
                }
                for change in self.features
            ],
            "records": [dict(change.__dict__) for change in self.records],
        }


def changes_since(
    earlier: Publication,
    later: Publication,
    credit_code: str,
    model: str | None = None,
    *,
    records: RecordReader | None = None,
    load: LoadModel | None = None,
) -> Changes:
    """Say what moved an enterprise's score between two published classifications.

    Parameters
    ----------
    earlier, later
        The classifications.
    credit_code, model
        The enterprise, and the model; by default the one that :meth:`Publication.find` gives.
    records
        Where its records are read; without it none is named.
    load
        Loads the later version of the model, where the two classifications used different ones.

    Raises
    ------
    InputError
        If it is not in both classifications, or the versions differ and ``load`` is not given.

    Notes
    -----
    With contributions :math:`\\phi^m(x)` of model version m to the margin,
    ``by_records`` is :math:`\\phi^{new}(x_{new}) - \\phi^{new}(x_{old})` and ``by_model``
    :math:`\\phi^{new}(x_{old}) - \\phi^{old}(x_{old})`; both sum, with the change of the base value, to the
    change of the margin. A feature that the earlier classification did not keep is taken as missing then.
    """
    new = later.find(credit_code, model)
    name = new["model"]
    old = earlier.find(credit_code, name)
    after, before = later.contributions(credit_code, name), earlier.contributions(credit_code, name)
    if old["version"] == new["version"]:
        between, base = dict(zip(before.names, before.contributions, strict=True)), before.base_value
        past = dict(zip(before.names, before.values, strict=True))
    else:
        if load is None:
            raise InputError(
                f"the classifications used versions {old['version']} and {new['version']} of {name!r}",
                field="model",
                fix="Give a way to load the later version.",
            )
        past = _values(earlier, credit_code)
        row = np.array([[past.get(feature, np.nan) for feature in after.names]])
        found = load(name, new["version"]).contributions(row)
        between, base = dict(zip(found.names, found.values[0], strict=True)), found.base
    first = dict(zip(before.names, before.contributions, strict=True))
    last = dict(zip(after.names, after.contributions, strict=True))
    current = dict(zip(after.names, after.values, strict=True))
    changes = [
        FeatureChange(
            LIBRARY[feature],
            float(past.get(feature, np.nan)),
            float(current.get(feature, np.nan)),
            float(last.get(feature, 0.0) - between.get(feature, 0.0)),
            float(between.get(feature, 0.0) - first.get(feature, 0.0)),
        )
        for feature in dict.fromkeys([*after.names, *before.names])
        if feature in LIBRARY.by_name
    ]
    moved = [change for change in changes if change.by_records or change.by_model]
    policy = TierPolicy.model_validate(later.document["models"][name]["policy"])
    return Changes(
        credit_code,
        name,
        earlier.name,
        later.name,
        old["margin"],
        new["margin"],
        old["score"],
        new["score"],
        old["tier"],
        new["tier"],
        base - before.base_value,
        tuple(sorted(moved, key=lambda change: -abs(change.total))),
        () if records is None else record_changes(records, credit_code, earlier.as_of, later.as_of),
        policy.score.factor,
    )


def _values(publication: Publication, credit_code: str) -> dict[str, float]:
    row = publication.values(credit_code)
    return {name: np.nan if value is None else float(value) for name, value in row.items()}


def record_changes(
    records: RecordReader, credit_code: str, since: date, until: date
) -> tuple[RecordChange, ...]:
    """Return the records of an enterprise that came into sight or went out of it in ``(since, until]``.

    Parameters
    ----------
    records
        Where they are read.
    credit_code
        The enterprise.
    since, until
        The dates.
    """
    found = []
    columns = ["record_id", "event_date", "withdrawn_at", "repaired_at", "expires_at"]
    for name in TABLES:
        if not records.exists(name):
            continue
        for row in records.read(name, columns=columns, codes=(credit_code, credit_code)).to_pylist():
            seen_from = max(row["visible_from"], row["event_date"])
            if since < seen_from <= until < row["visible_to"]:
                found.append(RecordChange(name, row["record_id"], row["event_date"], seen_from, "new"))
            ended = row["visible_to"]
            if seen_from <= since < ended <= until:
                found.append(RecordChange(name, row["record_id"], row["event_date"], ended, _why(row)))
    return tuple(sorted(found, key=lambda change: (change.on, change.table, change.record_id)))


def _why(row: dict[str, Any]) -> str:
    """Return why a record went out of sight: a date of its own, a repair decision, or a newer version."""
    for column, word in (
        ("withdrawn_at", "withdrawn"),
        ("repaired_at", "repaired"),
        ("expires_at", "expired"),
    ):
        if row[column] == row["visible_to"]:
            return word
    return "superseded"


def differences(
    earlier: Publication, later: Publication, model: str, *, load: LoadModel | None = None
) -> pa.Table:
    """Return what changed for every enterprise that both classifications hold, feature by feature.

    Parameters
    ----------
    earlier, later
        The classifications.
    model
        Name of the model.
    load
        Loads the later version of the model, where the two classifications used different ones.

    Returns
    -------
    pyarrow.Table
        ``credit_code``, ``margin`` (its change), ``by_model`` (the part that a new version made, 0 if it
        is the same) and one column a feature: what its records and the passing of time changed. The
        features of a row and ``by_model`` sum to its margin; see :func:`changes_since`.

    Raises
    ------
    InputError
        If the versions differ and ``load`` is not given.
    """
    versions = [p.document["models"][model]["version"] for p in (earlier, later)]
    if versions[0] != versions[1] and load is None:
        raise InputError(
            f"the classifications used versions {versions[0]} and {versions[1]} of {model!r}",
            field="model",
            fix="Give a way to load the later version.",
        )
    tables = [p.contributions_table(model) for p in (earlier, later)]
    margins = [p.rows(model=model, columns=["credit_code", "margin"]) for p in (earlier, later)]
    codes = tables[1]["credit_code"].filter(
        pc.is_in(tables[1]["credit_code"], value_set=tables[0]["credit_code"].combine_chunks())
    )
    places = [pc.index_in(codes, value_set=table["credit_code"].combine_chunks()) for table in tables]
    before, after = (table.take(place) for table, place in zip(tables, places, strict=True))
    was, now = (table["margin"].take(place) for table, place in zip(margins, places, strict=True))
    names = [name for name in after.column_names if name not in {"credit_code", "base_value"}]
    by_model = pa.array(np.zeros(len(codes)))
    if versions[0] != versions[1]:
        assert load is not None
        between, base = _explained_anew(earlier, load(model, versions[1]), codes)
        known = [name for name in before.column_names if name not in {"credit_code", "base_value"}]
        old = _sum([before["base_value"], *(before[name] for name in known)])
        by_model = pa.array(base + _sum([between[name] for name in names]) - old)
        before = between
    columns = [pc.subtract(after[name], before[name]) for name in names]
    change = pc.subtract(now, was)
    return pa.table([codes, change, by_model, *columns], names=["credit_code", "margin", "by_model", *names])


def _explained_anew(
    publication: Publication, model: RiskModel, codes: pa.ChunkedArray
) -> tuple[pa.Table, float]:
    """Return the contributions that a version gives to the values of a classification, and its base."""
    kept = [name for name in model.feature_names if name in publication.document["features"]]
    table = publication.features_table(kept)
    table = table.take(pc.index_in(codes, value_set=table["credit_code"].combine_chunks()))
    matrix = np.full((len(codes), len(model.feature_names)), np.nan)
    for column, name in enumerate(model.feature_names):
        if name in kept:
            matrix[:, column] = table[name].to_numpy()
    found = model.contributions(matrix)
    return pa.table([pa.array(column) for column in found.values.T], names=list(found.names)), found.base


def _sum(columns: list[pa.ChunkedArray]) -> np.ndarray:
    return np.asarray(np.sum([column.to_numpy() for column in columns], axis=0))
