"""Candidates and rules that the tests of plans share."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from supervision.plan_rules import PlanRules, load_plan_rules
from tests.supervision.office import MakeRows, Office

MakeCandidates = Callable[..., pd.DataFrame]


def make_candidates(count: int = 200, seed: int = 1, **columns: object) -> pd.DataFrame:
    """Return candidates of whom none is mandatory or excluded in 2025-09, but for the columns given."""
    rng = np.random.default_rng(seed)
    tier = rng.choice(["A", "B", "C", "D", "insufficient_record"], size=count, p=[0.6, 0.2, 0.08, 0.04, 0.08])
    base = {"A": 0.03, "B": 0.08, "C": 0.2, "D": 0.45, "insufficient_record": 0.08}
    return pd.DataFrame(
        {
            "credit_code": [f"91510100MA{i:08d}" for i in range(count)],
            "name": [f"企业{i}" for i in range(count)],
            "district": rng.choice(["510104", "510105", "510703"], size=count),
            "tier": tier,
            "probability": [base[t] for t in tier] * rng.uniform(0.7, 1.3, count),
            "last_inspected": pd.Timestamp("2025-02-01"),
            "last_full_inspection": pd.Timestamp("2025-02-01"),
            "inspections_this_year": 0,
            "key_item": False,
            "key_reason": "",
        }
    ).assign(**columns)


@pytest.fixture(scope="session")
def candidates() -> MakeCandidates:
    return make_candidates


@pytest.fixture(scope="session")
def food_rules() -> PlanRules:
    return load_plan_rules("food", date(2025, 9, 1))


@pytest.fixture
def office(tmp_path: Path, rows: MakeRows) -> Office:
    return Office(tmp_path / "home", rows)
