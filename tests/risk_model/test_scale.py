"""From margin to score to tier: the scale, cuts, hysteresis, thin records, floors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from risk_model.scale import INSUFFICIENT, TIERS, Cuts, decide, find_cuts, load_policy

POLICY = load_policy()
CUTS = Cuts(400.0, 500.0, 600.0)


def decided(
    score: list[float], previous: list[str] | None = None, records: int = 5, **floors: float
) -> tuple[list[str], list[str]]:
    count = len(score)
    tier, _, by = decide(
        POLICY,
        CUTS,
        np.array(score),
        records=np.full(count, records),
        floor_values={name: np.full(count, value) for name, value in floors.items()},
        previous=None if previous is None else np.array(previous, dtype=object),
    )
    return tier.tolist(), by.tolist()


def test_doubling_the_odds_adds_the_stated_points() -> None:
    scale = POLICY.score
    odds = np.array([scale.reference_odds, 2 * scale.reference_odds, 4 * scale.reference_odds])
    assert scale.score(np.log(odds)).tolist() == [500.0, 560.0, 620.0]


def test_scores_stay_on_the_scale() -> None:
    assert POLICY.score.score(np.array([-99.0, 99.0])).tolist() == [0.0, 1000.0]


def test_cuts_give_the_shares_that_the_policy_asks_for() -> None:
    score = np.random.default_rng(0).normal(500, 80, 20_000)
    cuts = find_cuts(POLICY, score)
    shares = np.bincount(cuts.tier_index(score), minlength=4) / len(score)
    expected = [POLICY.cuts.shares[tier] for tier in TIERS]
    assert np.abs(shares - expected).max() < 0.001


def test_what_nothing_tells_apart_is_never_all_in_the_riskiest_tier() -> None:
    score = np.concatenate([np.full(900, 420.0), np.linspace(430, 800, 100)])
    cuts = find_cuts(POLICY, score)
    tiers = cuts.tier_index(score)
    assert set(tiers[:900]) == {0}
    assert (tiers == 3).mean() == pytest.approx(0.03)
    assert set(find_cuts(POLICY, np.full(50, 420.0)).tier_index(np.full(50, 420.0))) == {0}


@given(st.lists(st.integers(0, 12).map(lambda n: 400.0 + n), min_size=1, max_size=80))
def test_no_tier_holds_more_than_its_share(scores: list[float]) -> None:
    score = np.array(scores)
    tiers = find_cuts(POLICY, score).tier_index(score)
    for place in (1, 2, 3):
        allowed = sum(POLICY.cuts.shares[tier] for tier in TIERS[place:])
        assert (tiers >= place).mean() <= allowed + 1e-9


def test_the_score_decides() -> None:
    assert decided([399.9, 400.0, 500.0, 600.0]) == (["A", "B", "C", "D"], ["score"] * 4)


def test_noise_moves_nobody() -> None:
    band = POLICY.hysteresis.points
    tiers, by = decided([400 + band / 2, 400 + band, 400 - band / 2, 400 - band - 0.1], ["A", "A", "B", "B"])
    assert tiers == ["A", "B", "B", "A"]
    assert by == ["hysteresis", "score", "hysteresis", "score"]


@given(st.lists(st.floats(0, 1000), min_size=1, max_size=30))
def test_the_same_score_never_changes_a_tier(scores: list[float]) -> None:
    tiers, _ = decided(scores)
    assert decided(scores, tiers)[0] == tiers


def test_nothing_known_is_never_silently_a() -> None:
    assert decided([10.0], records=0) == ([INSUFFICIENT], [INSUFFICIENT])


def test_a_floor_raises_and_is_named_and_never_lowers() -> None:
    assert decided([10.0], serious_list_now=1.0) == (["D"], ["floor:on_serious_violation_list"])
    assert decided([10.0], abnormal_now=1.0) == (["C"], ["floor:on_abnormal_list"])
    assert decided([700.0], abnormal_now=1.0) == (["D"], ["score"])
    assert decided([10.0], abnormal_now=float("nan")) == (["A"], ["score"])


def test_a_floor_holds_however_little_is_known() -> None:
    assert decided([10.0], records=0, serious_list_now=1.0)[0] == ["D"]


def test_every_floor_names_its_basis_and_how_far_it_is_law() -> None:
    for floor in POLICY.floors:
        assert floor.basis
        assert floor.trust in {"law", "parameter"}


@pytest.mark.parametrize("tier", TIERS)
def test_tiers_have_words(tier: str) -> None:
    from risk_model.scale import TIER_WORDS

    assert TIER_WORDS[tier].zh
    assert TIER_WORDS[tier].en
