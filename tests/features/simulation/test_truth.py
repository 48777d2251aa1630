"""The truth of the simulated province: probabilities that come true, draws that are what they say."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

Canonical = Any
Frames = Mapping[str, pd.DataFrame]

DOMAINS = ("general", "food", "special_equipment")
LOOKED = ("no_problem", "corrected", "problem", "severe")
#: Inspections of the last month may not be on record yet.
LAST_FULL_MONTH = pd.Period("2025-10")


@pytest.fixture(scope="module")
def frames(canonical: Mapping[str, Canonical]) -> Frames:
    """Return the valid records, each once, of registered enterprises only, with dates as such."""
    registered = set(canonical["enterprise"].rows["credit_code"].to_pylist())
    result = {}
    for name, table in canonical.items():
        frame = table.rows.drop_columns(["source_line"]).to_pandas().drop_duplicates()
        frame = frame[frame["credit_code"].isin(registered)].copy()
        for column in ("event_date", "recorded_at"):
            frame[column] = pd.to_datetime(frame[column])
        frame["month"] = frame["event_date"].dt.to_period("M")
        result[name] = frame
    return result


@pytest.fixture(scope="module")
def truth(province: Path) -> pd.DataFrame:
    frame = pd.read_parquet(province / "truth.parquet")
    frame["as_of"] = pd.to_datetime(frame["as_of"])
    return frame


@pytest.fixture(scope="module")
def inspections(frames: Frames, truth: pd.DataFrame) -> pd.DataFrame:
    """Return inspections that looked, with the true probability of their half-year."""
    held = frames["inspection"].sort_values("event_date")
    held = held[held["outcome"].isin(LOOKED)].copy()
    held["event_date"] = held["event_date"].astype(truth["as_of"].dtype)
    joined = pd.merge_asof(
        held,
        truth.sort_values("as_of"),
        left_on="event_date",
        right_on="as_of",
        by="credit_code",
        tolerance=pd.Timedelta(days=184),
    )
    p = joined[[f"p_{domain}" for domain in DOMAINS]].to_numpy()
    place = joined["domain"].map({domain: k for k, domain in enumerate(DOMAINS)})
    inside = place.notna().to_numpy()
    joined = joined[inside].copy()
    joined["p"] = p[inside][np.arange(inside.sum()), place[inside].astype(int)]
    joined["found"] = joined["outcome"].isin(["problem", "severe"])
    return joined.dropna(subset="p")


def drawn(inspections: pd.DataFrame, domain: str) -> pd.DataFrame:
    return inspections[(inspections["selection"] == "random") & (inspections["domain"] == domain)]


@pytest.fixture(scope="module")
def register(frames: Frames) -> pd.DataFrame:
    """Return the enterprises and months in which they can be drawn: registered before, not ended within."""
    versions = frames["enterprise"].sort_values(["credit_code", "event_date", "recorded_at"])
    first = versions.groupby("credit_code").agg(begin=("month", "min"), district=("district", "first"))
    first["end"] = versions[versions["status"] != "1"].groupby("credit_code")["month"].min()
    parts = [
        first.loc[
            (first["begin"] < month) & (first["end"].isna() | (first["end"] > month)), ["district"]
        ].assign(month=month)
        for month in pd.period_range("2016-01", LAST_FULL_MONTH, freq="M")
    ]
    return pd.concat(parts).reset_index()


def test_the_truth_covers_every_enterprise_in_business_and_only_its_sectors(
    truth: pd.DataFrame, frames: Frames, register: pd.DataFrame
) -> None:
    dates = truth["as_of"].drop_duplicates()
    assert dates.min() == pd.Timestamp("2016-07-01")
    assert dates.max() == pd.Timestamp("2026-01-01")
    assert len(dates) == 20
    assert truth["p_general"].between(0, 1).all()
    licences = frames["licence"]
    food = set(
        licences.loc[licences["kind"].isin(["food_production", "food_trade", "catering"]), "credit_code"]
    )
    has = truth[truth["p_food"].notna()]["credit_code"].drop_duplicates()
    assert has.isin(food).mean() > 0.97
    assert truth.loc[~truth["credit_code"].isin(has), "p_food"].isna().all()
    july = truth.loc[truth["as_of"] == "2020-07-01", "credit_code"]
    assert set(register.loc[register["month"] == "2020-07", "credit_code"]) <= set(july)


@pytest.mark.parametrize("domain", DOMAINS)
def test_findings_of_random_inspections_match_the_true_probabilities(
    inspections: pd.DataFrame, domain: str
) -> None:
    sample = drawn(inspections, domain).sort_values("p")
    assert len(sample) > 250
    observed, expected, variance = (
        np.array([part.sum() for part in np.array_split(values.to_numpy(), 10)])
        for values in (sample["found"], sample["p"], sample["p"] * (1 - sample["p"]))
    )
    assert abs(observed.sum() - expected.sum()) < 4 * np.sqrt(variance.sum())
    # Ten groups from low to high probability: a chi-square of ten degrees of freedom.
    assert ((observed - expected) ** 2 / variance).sum() < stats.chi2(10).ppf(0.999)


@pytest.mark.parametrize("domain", DOMAINS)
def test_the_truth_tells_more_from_less_risky_ones_but_not_perfectly(
    inspections: pd.DataFrame, domain: str
) -> None:
    sample = drawn(inspections, domain)
    assert 0.74 < roc_auc_score(sample["found"], sample["p"]) < 0.88


def test_stated_inclusion_probabilities_are_the_frequencies_of_the_draw(
    frames: Frames, register: pd.DataFrame
) -> None:
    held = frames["inspection"]
    draw = held[(held["selection"] == "random") & (held["domain"] == "general")]
    assert draw["inclusion_probability"].between(0, 1, inclusive="right").all()
    # Until classes guide the draw, all of a district and year share one probability a month.
    draw = draw[draw["month"] < "2022-01"].copy()
    draw["year"] = draw["event_date"].dt.year
    before = register[register["month"] < "2022-01"]
    at_risk = before.groupby(["district", before["month"].dt.year.rename("year")]).size()
    home = register.drop_duplicates("credit_code").set_index("credit_code")["district"]
    stratum = draw.groupby([draw["credit_code"].map(home), "year"])["inclusion_probability"]
    stated, counted = stratum.first(), stratum.size()
    assert stratum.max().equals(stratum.min())
    n = at_risk.reindex(stated.index)
    surprise = (counted - n * stated) / np.sqrt(n * stated * (1 - stated))
    assert len(surprise) > 70
    assert abs(surprise.mean()) < 4 / np.sqrt(len(surprise))
    assert (surprise**2).sum() < stats.chi2(len(surprise)).ppf(0.9999)


@pytest.mark.parametrize("domain", DOMAINS)
def test_weighting_by_inverse_probability_recovers_the_population(
    frames: Frames, truth: pd.DataFrame, register: pd.DataFrame, domain: str
) -> None:
    """Horvitz and Thompson: every enterprise counts once a month in expectation, also under classes."""
    held = frames["inspection"]
    draw = held[(held["selection"] == "random") & (held["domain"] == domain)]
    draw = draw[(draw["month"] >= "2022-01") & (draw["month"] <= LAST_FULL_MONTH)]
    members = truth.loc[truth[f"p_{domain}"].notna(), "credit_code"].unique()
    at_risk = register[register["credit_code"].isin(members) & (register["month"] >= "2022-01")]
    weight = 1 / draw["inclusion_probability"]
    variance = ((1 - draw["inclusion_probability"]) * weight**2).sum()
    assert abs(weight.sum() - len(at_risk)) < 4 * np.sqrt(variance)


def test_classes_guide_the_draw_and_weights_undo_it(inspections: pd.DataFrame, truth: pd.DataFrame) -> None:
    sample = drawn(inspections, "general")
    sample = sample[sample["event_date"] >= "2022-01-01"]
    whole = truth.loc[truth["as_of"].between("2022-01-01", "2025-07-01"), "p_general"]
    weight = 1 / sample["inclusion_probability"]
    plain, weighted = sample["p"].mean(), np.average(sample["p"], weights=weight)
    spread = np.sqrt((weight**2 * (sample["p"] - weighted) ** 2).sum()) / weight.sum()
    assert plain > whole.mean() + 0.004
    assert abs(weighted - whole.mean()) < 4 * spread
    assert abs(weighted - whole.mean()) < plain - whole.mean()


def surplus(one: pd.Series, other: pd.Series) -> float:
    """Return how much greater the first mean is, in standard errors."""
    error = np.sqrt(one.var() / len(one) + other.var() / len(other))
    return float((one.mean() - other.mean()) / error)


@pytest.mark.parametrize("domain", DOMAINS)
def test_targeting_meets_the_riskier(inspections: pd.DataFrame, domain: str) -> None:
    mine = inspections[inspections["domain"] == domain]
    targeted = mine.loc[mine["selection"] == "targeted", "p"]
    assert len(targeted) > 60
    assert surplus(targeted, drawn(inspections, domain)["p"]) > 2


def test_labels_are_biased_as_in_life(inspections: pd.DataFrame) -> None:
    found = {name: part["found"].astype(float) for name, part in inspections.groupby("selection")}
    assert surplus(found["targeted"], found["random"]) > 2
    assert surplus(found["complaint"], found["targeted"]) > 3
    # The probability of a finding does not depend on having been targeted: the truth holds there too.
    targeted = inspections[inspections["selection"] == "targeted"]
    error = np.sqrt((targeted["p"] * (1 - targeted["p"])).sum())
    assert abs(targeted["found"].sum() - targeted["p"].sum()) < 4 * error


def test_rates_are_within_published_bands(frames: Frames, register: pd.DataFrame) -> None:
    alive = register.groupby("month").size()
    december = pd.Timestamp("2024-12-31")
    population = alive["2024-12"]

    def on_list(table: str) -> float:
        entries = frames[table]
        entries = entries[entries["recorded_at"] <= december].sort_values("recorded_at")
        latest = entries.drop_duplicates("record_id", keep="last")
        removed = pd.to_datetime(latest["removed_on"])
        return latest.loc[removed.isna() | (removed > december), "credit_code"].nunique() / population

    # Bands: some percent of enterprises are on the abnormal list, of the order of one in a thousand on the
    # list of serious violations; about 2-4 % of food samples fail; C and D together are 4.5 to 12 %
    # (published distributions of four places), and what puts an enterprise there is a penalty.
    assert 0.03 < on_list("abnormal_list") < 0.15
    assert 0.0002 < on_list("serious_violation_list") < 0.01
    tests = frames["sampling_test"]
    assert 0.015 < (tests["result"] == "fail").mean() < 0.05
    penalties = frames["penalty"]
    recent = penalties[(penalties["event_date"] > "2023-12-31") & (penalties["event_date"] <= december)]
    assert 0.02 < recent["credit_code"].nunique() / population < 0.08
    serious = penalties[(penalties["severity"] == "serious") & (penalties["event_date"] > "2021-12-31")]
    assert 0.003 < serious["credit_code"].nunique() / population < 0.035
    in_three_years = penalties[penalties["event_date"] > "2021-12-31"]["credit_code"].nunique()
    assert 0.40 < 1 - in_three_years / population - on_list("abnormal_list") < 0.90


def test_growth_and_ends_are_steady(frames: Frames, register: pd.DataFrame) -> None:
    alive = register.groupby("month").size()
    yearly = alive[alive.index.month == 6].pct_change().dropna()
    assert yearly.between(-0.03, 0.06).all()
    ended = frames["enterprise"]
    ended = ended[(ended["status"] != "1") & (ended["event_date"] >= pd.Timestamp(date(2020, 1, 1)))]
    share = ended["credit_code"].nunique() / alive["2020-01"] / 6
    assert 0.02 < share < 0.07


def test_food_enterprises_are_covered_in_two_years(
    frames: Frames, truth: pd.DataFrame, register: pd.DataFrame
) -> None:
    # 食品生产经营监督检查管理办法 art. 22: all of them at least once in two years; a few are missed.
    food = truth.loc[truth["p_food"].notna(), "credit_code"].unique()
    years = register[(register["month"] >= "2018-01") & (register["month"] <= "2019-12")]
    throughout = years[years["credit_code"].isin(food)].groupby("credit_code").size()
    members = throughout[throughout == 24].index
    held = frames["inspection"]
    held = held[(held["domain"] == "food") & held["event_date"].between("2018-01-01", "2019-12-31")]
    covered = members.isin(held.loc[held["full_item"].astype(bool), "credit_code"])
    assert len(members) > 300
    assert 0.92 < covered.mean() < 1
