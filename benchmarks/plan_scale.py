"""Plans for a large province, and how often enterprises are drawn against what the plan states."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from risk_model.scale import TIERS
from supervision.plan_rules import load_plan_rules
from supervision.plans import save_plan
from supervision.sampling import Randomness, normalise, optimal_allocation, plan_inspections, systematic_draw
from supervision.sampling.calendar import month_bounds
from supervision.sampling.division import divide

MONTH, SECTOR = "2025-09", "food"
#: Share of the candidates that can be inspected in the month.
CAPACITY = 0.05
#: Into which enterprises are put for the test of standardised deviations.
GROUPS = 50


def frame(count: int, seed: int = 1) -> pd.DataFrame:
    """Return candidates of a made-up province: tiers follow probabilities, inspections lie behind."""
    rng = np.random.default_rng(seed)
    margin = -2.6 + 1.1 * rng.normal(size=count)
    noisy = margin + 0.2 * rng.normal(size=count)
    place = np.searchsorted(np.quantile(noisy, [0.62, 0.9, 0.97]), noisy)
    days = rng.integers(20, 745, count)
    number = np.arange(count)
    return pd.DataFrame(
        {
            "credit_code": np.char.add("91510100", np.char.zfill((number + 10**9).astype(str), 10)).astype(
                object
            ),
            "name": np.char.add("企业", number.astype(str)).astype(object),
            "district": rng.choice(["510104", "510105", "510703"], count).astype(object),
            "tier": np.array(TIERS, dtype=object)[place],
            "probability": 1 / (1 + np.exp(-margin)),
            "last_inspected": pd.Timestamp("2025-08-31") - pd.to_timedelta(days, unit="D"),
            "last_full_inspection": pd.Timestamp("2025-08-31") - pd.to_timedelta(days, unit="D"),
            "inspections_this_year": (days < 243).astype(np.int64),
            "key_item": (place == 3) & (rng.random(count) < 0.2),
            "key_reason": "",
        }
    )


def timed(count: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Plan a month for so many enterprises, and say how long each stage takes, in seconds."""
    candidates = frame(count)
    rules = load_plan_rules(SECTOR, date(2025, 9, 1))
    objective = rules.objective
    assert objective is not None
    seconds: dict[str, float] = {}

    def clock(name: str, work: Callable[[], Any]) -> Any:
        start = time.perf_counter()
        made = work()
        seconds[name] = round(time.perf_counter() - start, 3)
        return made

    checked = clock("candidates checked and sorted", lambda: normalise(candidates))
    first, last = month_bounds(MONTH)
    division = clock("mandatory, drawable, excluded", lambda: divide(checked, first, last, rules))
    size = int(CAPACITY * count)
    weights = checked["tier"].map(rules.weights.by_tier()).to_numpy(dtype=np.float64)
    tier = checked["tier"].map({t: i for i, t in enumerate(TIERS)}).to_numpy(dtype=np.int64)
    chance = checked["probability"].to_numpy(dtype=np.float64)
    made = clock(
        "inclusion probabilities", lambda: optimal_allocation(chance, weights, tier, size, objective)
    )
    randomness = Randomness("benchmark", SECTOR, MONTH)
    start = randomness.start()
    clock("draw", lambda: systematic_draw(made.shares, randomness.keys(count), start))
    arguments: dict[str, Any] = {"sector": SECTOR, "month": MONTH, "capacity": size, "seed": "benchmark"}
    plan = clock("whole plan", lambda: plan_inspections(candidates, **arguments, rules=rules))
    clock("fingerprint of all inputs", lambda: plan.fingerprint)
    with tempfile.TemporaryDirectory(prefix="benchmark-plan-") as folder:
        clock("kept on disk", lambda: save_plan(plan, Path(folder)))
    total = seconds["whole plan"] + seconds["fingerprint of all inputs"] + seconds["kept on disk"]
    say(f"a plan for {count:,} enterprises: {total:.1f} s, {seconds}")
    return {
        "enterprises": count,
        "selected": plan.summary.selected,
        "mandatory": len(division.urgency),
        "seconds by stage": seconds,
        "seconds in all": round(total, 2),
    }


def frequencies(count: int, draws: int) -> dict[str, Any]:
    """Draw a plan again and again with other seeds, and test how often each enterprise is drawn.

    Returns
    -------
    dict
        ``chi square p``: of all enterprises, whose squared standardised deviations have the expectation 1
        each if the stated probabilities are true, against the normal law of their sum; ``KS p``: of the
        standardised deviations of groups of enterprises with like probability against the normal law.

    Notes
    -----
    A count is binomial. The square of its standardised deviation has mean 1 and variance
    ``2 + (1 - 6 p q) / (draws p q)``, whatever its probability *p*.
    """
    rules = load_plan_rules(SECTOR, date(2025, 9, 1))
    plan = plan_inspections(
        frame(count), sector=SECTOR, month=MONTH, capacity=int(CAPACITY * count), seed="stated", rules=rules
    )
    chance = plan.frame["inclusion_probability"].to_numpy()
    open_ = (chance > 0) & (chance < 1)
    counts = drawn_counts(chance[open_], draws)
    return {"enterprises": count, "draws": draws} | tested(chance[open_], counts, draws)


def drawn_counts(chance: np.ndarray, draws: int) -> np.ndarray:
    """Return how often each unit is drawn by so many seeds."""
    from supervision.sampling import GRID

    shares = (chance * GRID).astype(np.int64)
    total = np.zeros(len(chance), dtype=np.int64)
    for number in range(draws):
        randomness = Randomness(f"seed {number}", SECTOR, MONTH)
        start = randomness.start()
        total += systematic_draw(shares, randomness.keys(len(chance)), start)
    return total


def tested(chance: np.ndarray, counts: np.ndarray, draws: int) -> dict[str, Any]:
    """Test counts of draws against stated probabilities, all above 0 and below 1."""
    spread = draws * chance * (1 - chance)
    square = (counts - draws * chance) ** 2 / spread
    variance = 2 + (1 - 6 * chance * (1 - chance)) / spread
    z = float((square.sum() - len(square)) / np.sqrt(variance.sum()))
    order = np.argsort(chance, kind="stable")
    # Groups of like probability and equal variance: counts large enough to be nearly normal.
    reached = np.cumsum(spread[order])
    cuts = np.searchsorted(reached, reached[-1] * np.arange(1, GROUPS) / GROUPS)
    groups = [group for group in np.split(order, cuts) if len(group)]
    deviation = [(counts[g] - draws * chance[g]).sum() / np.sqrt(spread[g].sum()) for g in groups]
    return {
        "chi square z": round(z, 3),
        "chi square p": round(float(2 * stats.norm.sf(abs(z))), 4),
        "KS p": round(float(stats.kstest(deviation, "norm").pvalue), 4),
        "largest deviation": round(float(np.abs(deviation).max()), 2),
    }


def joint(count: int, size: int, draws: int) -> dict[str, Any]:
    """Draw a small plan many times, and count the pairs that are never drawn together."""
    candidates = frame(count, seed=2).assign(last_full_inspection=pd.Timestamp("2025-02-01"), key_item=False)
    candidates = candidates.assign(last_inspected=pd.Timestamp("2025-02-01"), inspections_this_year=0)
    rules = load_plan_rules(SECTOR, date(2025, 9, 1))
    assert rules.objective is not None
    broad = rules.objective.model_copy(update={"precision": 0.5})
    plan = plan_inspections(
        candidates, sector=SECTOR, month=MONTH, capacity=size, seed="stated",
        rules=rules.model_copy(update={"objective": broad}),
    )  # fmt: skip
    from supervision.sampling import GRID

    shares = (plan.frame["inclusion_probability"].to_numpy() * GRID).astype(np.int64)
    together = np.zeros((count, count), dtype=np.int64)
    for number in range(draws):
        randomness = Randomness(f"seed {number}", SECTOR, MONTH)
        start = randomness.start()
        drawn = np.flatnonzero(systematic_draw(shares, randomness.keys(count), start))
        together[np.ix_(drawn, drawn)] += 1
    pairs = together[np.triu_indices(count, 1)]
    return {
        "enterprises": count,
        "drawn": size,
        "draws": draws,
        "pairs": len(pairs),
        "pairs never drawn together": int((pairs == 0).sum()),
        "smallest share of draws of a pair": float(pairs.min() / draws),
    }
