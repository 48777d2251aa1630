"""Credit repair: who asks that a penalty no longer be published, and what is decided."""

from __future__ import annotations

import numpy as np

from features.records import codes
from features.simulation.conduct import DOMAINS, NEVER_EARLY
from features.simulation.world import World

DECISIONS = tuple(codes.REPAIR_DECISION)
TARGETS = ("penalty", "serious_violation_list")


def repair(world: World) -> None:
    """Decide on requests for all long published penalties, after the minimum time published."""
    rng, p = world.rngs["repair"], world.parameters
    who, event, recorded, record, kind, domain, expires, withdrawn = (
        column.astype(np.int64)
        for column in world.recorder.peek(
            "penalty", "enterprise", "event_date", "recorded_at", "record_id", "kind", "domain", "expires_at",
            "withdrawn_at",
        )
    )  # fmt: skip
    count = len(who)
    if not count:
        return
    sector = np.isin(domain, [DOMAINS.index("food"), DOMAINS.index("special_equipment")])
    least = np.where(sector, p.repair_minimum_days_sector, p.repair_minimum_days)
    decided = np.maximum(event + least, recorded) + 10 + rng.exponential(150, size=count).astype(np.int64)
    asked = rng.random(count) < p.repair_asked * np.exp(-0.25 * world.latent.persistent[who])
    eligible = (expires - event > 200) & ~np.isin(kind, NEVER_EARLY) & (decided < expires)
    eligible &= withdrawn == np.iinfo(np.int64).min
    rows = np.flatnonzero(asked & eligible)
    granted = rng.random(len(rows)) < p.repair_granted
    day = decided[rows]
    world.recorder.add(
        "credit_repair",
        who[rows],
        day,
        day + rng.integers(0, 8, size=len(rows)),
        target_table=TARGETS.index("penalty"),
        target=record[rows],
        decision=np.where(granted, DECISIONS.index("granted"), DECISIONS.index("refused")),
    )
