"""Which result is shown of an enterprise that several models speak of."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from risk_model.publication import Publication
from risk_model.scale import INSUFFICIENT, TIERS
from risk_model.tiers.headline import decisive_last


def row(model: str, tier: str, score: float = 500.0) -> dict[str, Any]:
    return {"model": model, "tier": tier, "score": score}


@pytest.mark.parametrize(
    ("rows", "decisive"),
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
def test_the_riskiest_tier_of_the_sectors_speaks(rows: list[dict[str, Any]], decisive: str) -> None:
    for order in permutations(rows):
        assert decisive_last(order)[-1]["model"] == decisive


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
