"""Which result is shown of an enterprise that several models speak of."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from risk_model.publication import Publication
from risk_model.scale import INSUFFICIENT, TIERS
from risk_model.tiers.headline import decisive, decisive_last


def row(model: str, tier: str, score: float = 500.0) -> dict[str, Any]:
    return {"model": model, "tier": tier, "score": score}


@pytest.mark.parametrize(
    ("rows", "speaks"),
    [
        ([row("general", "D")], "general"),
        ([row("general", "D", 800), row("food", "A", 300)], "food"),
        ([row("general", "A"), row("food", "C", 520), row("special_equipment", "A", 430)], "food"),
        ([row("food", "B", 460), row("special_equipment", "B", 470)], "special_equipment"),
        ([row("general", "A"), row("food", "A", 300), row("special_equipment", INSUFFICIENT, 600)], "food"),
        # A floor lifts a tier above a higher score.
        ([row("general", "D"), row("food", "D", 420), row("special_equipment", "C", 540)], "food"),
    ],
)
def test_the_riskiest_tier_of_the_sectors_speaks(rows: list[dict[str, Any]], speaks: str) -> None:
    for order in permutations(rows):
        assert decisive_last(order)[-1]["model"] == speaks


def test_a_published_enterprise_of_both_sectors_is_shown_by_its_riskier_tier(
    publication: Publication,
) -> None:
    table = publication.rows().to_pandas()
    sectors = table[table["model"] != "general"]
    both = sectors[sectors.duplicated("credit_code", keep=False)].groupby("credit_code")
    seen = 0
    for code, own in both:
        rank = own["tier"].map(lambda tier: TIERS.index(tier) if tier in TIERS else -1)
        if rank.nunique() == 2:
            seen += 1
            assert publication.find(str(code))["model"] == own.loc[rank.idxmax(), "model"]
    assert seen


@given(
    results=st.lists(
        st.tuples(
            st.integers(0, 4),
            st.sampled_from(["general", "food", "special_equipment"]),
            st.sampled_from([*TIERS, INSUFFICIENT]),
            st.sampled_from([0.0, 410.0, 530.0]),
        ),
        max_size=12,
        unique_by=lambda one: one[:2],
    )
)
def test_in_columns_the_same_one_decides(results: list[tuple[int, str, str, float]]) -> None:
    whose, model, tier, score = ([one[place] for one in results] for place in range(4))
    found = decisive(
        np.array(whose, dtype=np.int64),
        pa.array(model, pa.string()),
        pa.array(tier, pa.string()),
        np.array(score, dtype=np.float64),
    )
    for place in set(whose):
        own = [
            {**row(*one[1:]), "decides": decides}
            for one, decides in zip(results, found.tolist(), strict=True)
            if one[0] == place
        ]
        assert [one["decides"] for one in decisive_last(own)] == [False] * (len(own) - 1) + [True]
