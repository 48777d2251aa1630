"""Calibration over time: what is learned from all times, and what only the newest can say."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from risk_model.calibration import Platt, fit_over_time, fit_platt


def drawn(
    rng: np.random.Generator, levels: list[float], rows: int = 1_500, slope: float = 0.8
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw labels of some years, each with a level of its own."""
    year = np.repeat(np.arange(len(levels), dtype=float), rows)
    raw = rng.normal(-2.2, 0.7, len(year))
    label = (rng.random(len(year)) < expit(slope * raw + np.repeat(levels, rows))).astype(np.int8)
    return raw, label, year


def errors(levels: list[float], rows: int) -> tuple[float, float, float]:
    """Return the root mean squared error of the newest level: over time, newest year alone, all alike."""
    found = []
    for seed in range(30):
        raw, label, year = drawn(np.random.default_rng(seed), levels, rows)
        newest = year == year.max()
        fits = (
            fit_over_time(raw, label, year),
            fit_platt(raw[newest], label[newest]),
            fit_platt(raw, label),
        )
        found.append([fit.margin(np.array([-2.2]))[0] - (0.8 * -2.2 + levels[-1]) for fit in fits])
    first, second, third = np.sqrt(np.mean(np.square(found), axis=0))
    return float(first), float(second), float(third)


def test_without_drift_all_times_count() -> None:
    over_time, newest, alike = errors([0.0] * 8, 500)
    assert over_time < 0.6 * newest
    assert over_time < 1.5 * alike


def test_with_a_break_the_newest_years_count() -> None:
    over_time, newest, alike = errors([0.0] * 6 + [1.0, 1.0], 2_000)
    assert over_time < 0.2 * alike
    assert over_time < 1.3 * newest


def test_with_a_steady_drift_it_is_better_than_either() -> None:
    levels = [0.12 * t for t in range(8)]
    over_time, newest, alike = errors(levels, 600)
    assert over_time < alike
    assert over_time < newest


def test_the_slope_is_that_of_all_times() -> None:
    raw, label, year = drawn(np.random.default_rng(3), [0.0, 0.1, -0.1, 0.0], 8_000)
    assert fit_over_time(raw, label, year).slope == pytest.approx(0.8, abs=0.04)


def test_one_time_is_plain_platt() -> None:
    raw, label, _ = drawn(np.random.default_rng(4), [0.0], 2_000)
    assert fit_over_time(raw, label, np.zeros(len(raw))) == fit_platt(raw, label, np.ones(len(raw)))


def test_rows_that_share_a_label_count_once() -> None:
    raw, label, year = drawn(np.random.default_rng(5), [0.0, 0.3, 0.0], 1_000)
    twice = fit_over_time(*(np.repeat(x, 2) for x in (raw, label, year)), np.full(2 * len(raw), 0.5))
    once = fit_over_time(raw, label, year)
    assert (twice.slope, twice.intercept) == pytest.approx((once.slope, once.intercept), abs=1e-4)


def test_labels_of_one_class_and_years_without_findings_do_no_harm() -> None:
    raw, label, year = drawn(np.random.default_rng(6), [0.0] * 5, 400)
    assert fit_over_time(raw, np.zeros(len(raw), np.int8), year) == Platt()
    quiet = np.where(year == 2, 0, label).astype(np.int8)
    found = fit_over_time(raw, quiet, year)
    assert np.isfinite([found.slope, found.intercept]).all()
    last = np.where(year == 4, 0, label).astype(np.int8)
    assert np.isfinite(fit_over_time(raw, last, year).intercept)
