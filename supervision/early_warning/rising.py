"""Risk that rises between two published classifications."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd

from features.definitions import LIBRARY
from features.home import Home
from features.records.schema import Label
from risk_model.publication import Publication
from risk_model.scale import TIERS
from supervision.early_warning.dates import COLUMNS
from supervision.early_warning.rules import RisingRisk

KEYS = ["credit_code", "model"]


def pair_of_publications(
    home: Home, on: pd.Timestamp, rules: RisingRisk
) -> tuple[Publication, Publication] | None:
    """Return the newest classification of a day or before, and the newest that is older by enough days."""
    known = [p for p in Publication.all(home) if p.as_of <= on.date()]
    if not known:
        return None
    latest = known[-1]
    earlier = [p for p in known if p.as_of <= latest.as_of - timedelta(days=rules.days_apart)]
    return (latest, earlier[-1]) if earlier else None


def rising_risk(latest: Publication, earlier: Publication, rules: RisingRisk) -> pd.DataFrame:
    """Return warnings of enterprises whose tier is worse, or whose score rose by so many points.

    Returns
    -------
    pandas.DataFrame
        :data:`supervision.early_warning.dates.COLUMNS`; kind ``rising_risk``. The reasons are those that
        raise the score most, new ones first.

    Notes
    -----
    An enterprise or model that is in only one of the two is not compared, and neither is a tier
    "insufficient record", which says nothing of risk. Where the models' versions differ, the tier is
    compared and the score is not: scores of two models are not the same measure.
    """
    columns = [*KEYS, "version", "score", "tier", "top_reasons"]
    now = latest.rows(columns=columns).to_pandas()
    then = earlier.rows(columns=columns).to_pandas()
    both = now.merge(then, on=KEYS, suffixes=("", "_before"))
    place = {tier: i for i, tier in enumerate(TIERS)}
    rank, rank_before = both["tier"].map(place), both["tier_before"].map(place)
    worse = (rank > rank_before).to_numpy()
    same_model = (both["version"].fillna("") == both["version_before"].fillna("")).to_numpy()
    gained = (both["score"] - both["score_before"]).to_numpy(dtype=np.float64)
    rose = same_model & (gained >= rules.points)
    rows = both[worse | rose].reset_index(drop=True)
    gained = gained[worse | rose]
    steps = (rank - rank_before)[worse | rose].to_numpy(dtype=np.float64)
    pairs = zip(rows["top_reasons"], rows["top_reasons_before"], strict=True)
    told = [_reasons(a, b, rules.reasons) for a, b in pairs]
    change = rows["tier_before"] + " → " + rows["tier"]
    points = pd.Series([f"{g:+.0f}" for g in gained], dtype=object)
    zh = pd.Series([t.zh for t in told], dtype=object)
    en = pd.Series([t.en for t in told], dtype=object)
    return pd.DataFrame(
        {
            "credit_code": rows["credit_code"],
            "kind": "rising_risk",
            "urgency": np.where(
                rows["tier"].to_numpy() == "D", "high", np.where(steps >= 1, "medium", "low")
            ),
            "date": np.datetime64(latest.as_of, "s"),
            "reason_zh": "风险类别 " + change + "，分值变化 " + points + "：" + zh,
            "reason_en": "tier " + change + ", score " + points + ": " + en,
            "evidence": latest.name + " / " + earlier.name + " / " + rows["model"],
            "source": rules.source,
            "trust": rules.trust,
        },
        columns=list(COLUMNS),
    )


def _reasons(now: Any, before: Any, count: int) -> Label:
    labels = _labels()
    known = set(before)
    order = [group for group in now if group not in known] + [group for group in now if group in known]
    words = [labels.get(group, Label(group, group)) for group in order[:count]]
    return Label("、".join(w.zh for w in words), ", ".join(w.en for w in words))


def _labels() -> dict[str, Label]:
    return {declaration.name: declaration.label for declaration in LIBRARY.declarations}
