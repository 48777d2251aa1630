"""The draw has the probabilities that it states: by counting all starts, and by simulation."""

from __future__ import annotations

import hashlib
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2, kstest

from features.errors import InputError
from supervision.plan_rules import Objective
from supervision.sampling import (
    GRID,
    Randomness,
    hajek_standard_error,
    horvitz_thompson_error,
    horvitz_thompson_mean,
    horvitz_thompson_total,
    inclusion_shares,
    optimal_allocation,
    seed_commitment,
    systematic_draw,
)

PINNED = (411340369773, 1204079534910473297, 6953754136573252996)

weights_and_size = st.lists(st.floats(0.01, 100), min_size=1, max_size=60).flatmap(
    lambda weights: st.tuples(st.just(np.array(weights)), st.integers(0, len(weights) + 3))
)


@given(weights_and_size)
def test_shares_add_up_exactly_and_follow_the_weights(case: tuple[np.ndarray, int]) -> None:
    weights, size = case
    shares = inclusion_shares(weights, size)
    assert int(shares.sum()) == min(size, len(weights)) * GRID
    assert shares.max() <= GRID
    if size:
        assert shares.min() >= 1
    order = np.argsort(weights, kind="stable")
    same = np.diff(weights[order]) == 0
    steps = np.diff(shares[order])
    assert (steps[~same] >= 0).all()
    # What rounding leaves over is the only difference between equal weights.
    assert (np.abs(steps[same]) <= 1).all()


@given(weights_and_size)
def test_shares_are_proportional_up_to_certainty(case: tuple[np.ndarray, int]) -> None:
    weights, size = case
    if not 0 < size < len(weights):
        return
    # Independent route: clip and rescale until nothing exceeds 1.
    certain = np.zeros(len(weights), dtype=bool)
    while True:
        scale = (size - certain.sum()) / weights[~certain].sum()
        over = ~certain & (weights * scale >= 1 - 1e-12)
        if not over.any():
            break
        certain |= over
    expected = np.where(certain, 1.0, weights * scale)
    np.testing.assert_allclose(inclusion_shares(weights, size) / GRID, expected, rtol=1e-9, atol=1e-11)


@given(weights_and_size, st.randoms(use_true_random=False))
def test_every_start_draws_the_size_and_each_unit_as_often_as_it_should(
    case: tuple[np.ndarray, int], random: object
) -> None:
    weights, size = case
    grid = 1 << 20
    shares = inclusion_shares(weights, size, grid)
    keys = np.array([random.getrandbits(64) for _ in weights], dtype=np.uint64)  # type: ignore[attr-defined]
    # The draw changes only where a point passes the end of a unit: integrate between those starts.
    ends = np.cumsum(shares[np.argsort(keys, kind="stable")]) % grid
    edges = np.unique(np.concatenate([[0], ends, [grid]]))
    length = np.zeros(len(weights), dtype=np.int64)
    for low, high in itertools.pairwise(edges):
        drawn = systematic_draw(shares, keys, int(low), grid)
        assert drawn.sum() == min(size, len(weights))
        np.testing.assert_array_equal(drawn, systematic_draw(shares, keys, int(high) - 1, grid))
        length[drawn] += high - low
    np.testing.assert_array_equal(length, shares)


def test_on_a_coarse_grid_all_starts_can_be_counted() -> None:
    shares = np.array([30, 60, 100, 10, 45, 55])
    keys = np.array([5, 3, 9, 1, 7, 2], dtype=np.uint64)
    counts = np.sum([systematic_draw(shares, keys, start, 100) for start in range(100)], axis=0)
    np.testing.assert_array_equal(counts, shares)


def test_frequencies_over_seeds_are_the_probabilities() -> None:
    weights = np.repeat([1.0, 2.0, 4.0, 40.0], [30, 15, 8, 2])
    shares = inclusion_shares(weights, 12)
    draws = 4000
    counts = np.zeros(len(weights))
    for i in range(draws):
        randomness = Randomness(f"seed {i}", "food", "2025-09")
        start = randomness.start()
        counts += systematic_draw(shares, randomness.keys(len(weights)), start)
    probability = shares / GRID
    error = np.sqrt(probability * (1 - probability) / draws)
    assert (np.abs(counts / draws - probability) <= 4.5 * error + 1e-12).all()


@pytest.fixture(scope="module")
def redrawn() -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Return stated probabilities of a plan, how often each unit and each pair was drawn, and the draws."""
    rng = np.random.default_rng(8)
    count, draws = 60, 6_000
    chance = rng.beta(1, 6, count)
    rule = Objective(floor=0.1, precision=0.75, ceiling=0.9, source="test", trust="parameter")
    tier = np.searchsorted(np.quantile(chance, [0.6, 0.85, 0.95]), chance)
    shares = optimal_allocation(chance, np.array([1.0, 2.0, 4.0, 8.0])[tier], tier, 15, rule).shares
    together = np.zeros((count, count), dtype=np.int64)
    for i in range(draws):
        randomness = Randomness(f"redraw {i}", "food", "2025-09")
        start = randomness.start()
        drawn = np.flatnonzero(systematic_draw(shares, randomness.keys(count), start))
        together[np.ix_(drawn, drawn)] += 1
    return shares / GRID, np.diag(together), together, draws


def test_inclusion_frequencies_pass_chi_square_and_kolmogorov_smirnov(
    redrawn: tuple[np.ndarray, np.ndarray, np.ndarray, int],
) -> None:
    stated, counts, _, draws = redrawn
    deviation = (counts - draws * stated) / np.sqrt(draws * stated * (1 - stated))
    # A draw of fixed size has one degree of freedom less than units.
    statistic = (deviation**2).sum() * (len(stated) - 1) / len(stated)
    assert 0.001 < chi2.sf(statistic, len(stated) - 1) < 0.999
    assert kstest(deviation, "norm").pvalue > 0.001
    # The test sees a probability that is wrong by a tenth.
    wrong = stated * np.where(np.arange(len(stated)) % 2, 1.1, 0.9)
    off = (counts - draws * wrong) / np.sqrt(draws * wrong * (1 - np.minimum(wrong, 0.999)))
    assert chi2.sf((off**2).sum(), len(stated) - 1) < 1e-6


def test_every_pair_is_drawn_together_at_times(
    redrawn: tuple[np.ndarray, np.ndarray, np.ndarray, int],
) -> None:
    stated, _, together, draws = redrawn
    pairs = np.triu_indices(len(stated), 1)
    assert (together[pairs] > 0).all()
    expected = np.outer(stated, stated)[pairs] * draws
    # Close to independent, as for designs near maximum entropy, and a little less: the size is fixed.
    assert together[pairs].sum() / expected.sum() == pytest.approx(1.0, abs=0.1)


def test_horvitz_thompson_is_unbiased_over_draws_and_the_plain_mean_is_not() -> None:
    rng = np.random.default_rng(3)
    weights = np.repeat([1.0, 2.0, 4.0, 6.0], [400, 150, 60, 30])
    problem = rng.random(len(weights)) < np.repeat([0.05, 0.1, 0.3, 0.6], [400, 150, 60, 30])
    probability = inclusion_shares(weights, 80) / GRID
    totals, ratios, plain, stated = [], [], [], []
    for i in range(1500):
        randomness = Randomness(str(i), "food", "2025-09")
        start = randomness.start()
        drawn = systematic_draw(inclusion_shares(weights, 80), randomness.keys(len(weights)), start)
        totals.append(horvitz_thompson_total(problem[drawn], probability[drawn]))
        ratios.append(horvitz_thompson_mean(problem[drawn], probability[drawn]))
        plain.append(problem[drawn].mean())
        stated.append(horvitz_thompson_error(problem[drawn], probability[drawn]))
    assert np.mean(stated) == pytest.approx(np.std(totals), rel=0.1)
    error = np.std(totals) / np.sqrt(len(totals))
    assert abs(np.mean(totals) - problem.sum()) < 4 * error
    # Hájek's mean is a ratio: its bias is of order 1/n.
    assert np.mean(ratios) == pytest.approx(problem.mean(), abs=0.005)
    assert np.mean(plain) > 1.5 * problem.mean()


def test_the_standard_error_is_that_of_many_draws() -> None:
    rng = np.random.default_rng(5)
    weights = np.repeat([1.0, 2.0, 4.0, 6.0], [400, 150, 60, 30])
    problem = (rng.random(len(weights)) < np.repeat([0.1, 0.2, 0.3, 0.6], [400, 150, 60, 30])).astype(float)
    shares = inclusion_shares(weights, 120)
    probability = shares / GRID
    estimates, errors, covered = [], [], 0
    for i in range(800):
        randomness = Randomness(f"e{i}", "food", "2025-09")
        start = randomness.start()
        drawn = systematic_draw(shares, randomness.keys(len(weights)), start)
        estimates.append(horvitz_thompson_mean(problem[drawn], probability[drawn]))
        errors.append(hajek_standard_error(problem[drawn], probability[drawn]))
        covered += abs(estimates[-1] - problem.mean()) <= 1.96 * errors[-1]
    assert np.mean(errors) == pytest.approx(np.std(estimates), rel=0.12)
    assert 0.9 <= covered / 800 <= 0.98
    with pytest.raises(InputError, match="at least 2"):
        hajek_standard_error(np.array([1.0]), np.array([0.5]))


def test_commitment_is_the_hash_of_the_seed_and_does_not_give_the_draw_away() -> None:
    assert seed_commitment("公开种子") == hashlib.sha256("公开种子".encode()).hexdigest()
    words = np.frombuffer(bytes.fromhex(seed_commitment("seed")), dtype="<u4")
    naive = np.random.PCG64(np.random.SeedSequence(words.tolist())).random_raw(3)
    assert not np.isin(Randomness("seed", "food", "2025-09").keys(3), naive).any()


def test_random_numbers_are_pinned() -> None:
    # A plan must be verifiable in years: if this fails, SCHEME needs a new name, not this test new numbers.
    randomness = Randomness("seed", "food", "2025-09")
    assert (randomness.start(), *map(int, randomness.keys(2))) == PINNED
    digest = hashlib.sha256(b"risk-model inspection draw v1\nfood\n2025-09\nseed").digest()
    generator = np.random.PCG64(np.random.SeedSequence(np.frombuffer(digest, dtype="<u4").tolist()))
    assert int(generator.random_raw()) >> 24 == PINNED[0]


def test_numbers_differ_by_sector_and_month() -> None:
    keys = {
        tuple(Randomness("s", sector, month).keys(2))
        for sector in ("food", "general")
        for month in ("2025-08", "2025-09")
    }
    assert len(keys) == 4


@pytest.mark.parametrize(
    ("weights", "size", "field"),
    [
        ([1.0, 0.0], 1, "weights"),
        ([1.0, np.nan], 1, "weights"),
        ([1.0], -1, "capacity"),
        ([1.0] * 3 + [1e-15], 1, "weights"),
        ([1.0], 1 << 30, "capacity"),
    ],
)
def test_bad_weights_are_named(weights: list[float], size: int, field: str) -> None:
    with pytest.raises(InputError) as error:
        inclusion_shares(np.array(weights), size)
    assert error.value.field == field


def test_bad_draws_are_named() -> None:
    keys = np.array([1, 2], dtype=np.uint64)
    with pytest.raises(InputError, match="multiple"):
        systematic_draw(np.array([30, 60]), keys, 0, 100)
    with pytest.raises(InputError, match="at least 0 and below 100"):
        systematic_draw(np.array([40, 60]), keys, 100, 100)
    with pytest.raises(InputError, match="0 to 100"):
        systematic_draw(np.array([140, 60]), keys, 0, 100)
    with pytest.raises(InputError, match="above 0"):
        horvitz_thompson_total(np.array([1.0]), np.array([0.0]))
    with pytest.raises(InputError, match="no unit"):
        horvitz_thompson_mean(np.array([]), np.array([]))
    with pytest.raises(InputError, match="seed is empty"):
        seed_commitment(" ")
