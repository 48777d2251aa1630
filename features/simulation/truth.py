"""What is known of the true risk, and never shown to a model."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from features.simulation.months import Bools, Floats, Ints, to_date
from features.simulation.population import Population
from features.simulation.risk import EQUIPMENT, FOOD, GENERAL

#: Months over which a true probability is taken: the 180 days after the date.
HORIZON_MONTHS = 6

SCHEMA = pa.schema(
    [
        ("credit_code", pa.string()),
        ("as_of", pa.date32()),
        ("p_general", pa.float64()),
        ("p_food", pa.float64()),
        ("p_special_equipment", pa.float64()),
    ]
)


@dataclass
class _Window:
    month: int
    day: int
    members: Ints
    total: Floats
    seen: int = 0


@dataclass
class Truth:
    """Averages the monthly probabilities of a finding over the half-year after each date.

    Notes
    -----
    ``p_general`` at ``as_of`` is the mean, over the six calendar months that begin at ``as_of``, of the
    probability that an inspection of the domain *general* held in that month finds a problem (outcome
    ``problem`` or ``severe``; ``corrected`` is mild and not counted), given that the inspection looked
    (its outcome is neither ``neutral`` nor ``censored``), that it was not prompted by a complaint, and
    given all latent risk of that month. ``p_food`` and ``p_special_equipment`` are the same of
    inspections of those domains; missing for enterprises outside the sector. The latent risk goes on
    for six months after the last record. Rows: enterprises that are registered and in business at
    ``as_of``; what becomes of them later does not matter.
    """

    population: Population
    _open: list[_Window] = field(default_factory=list)
    _closed: list[pa.RecordBatch] = field(default_factory=list)

    def begin(self, month: int, day: int, alive: Bools) -> None:
        """Open the window of a date."""
        members = np.flatnonzero(alive)
        self._open.append(_Window(month, day, members, np.zeros((3, len(members)))))

    def add(self, probabilities: Floats) -> None:
        """Take in a month's probabilities; close the windows that are full."""
        for window in self._open:
            window.total += probabilities[:, window.members]
            window.seen += 1
        for window in [w for w in self._open if w.seen == HORIZON_MONTHS]:
            self._closed.append(self._batch(window))
            self._open.remove(window)

    @property
    def waiting(self) -> bool:
        """Whether a window is still open."""
        return bool(self._open)

    def _batch(self, window: _Window) -> pa.RecordBatch:
        mean = window.total / HORIZON_MONTHS
        members, population = window.members, self.population
        day = pa.repeat(pa.scalar(to_date(window.day), type=pa.date32()), len(members))
        return pa.record_batch(
            [
                population.codes.take(pa.array(members)),
                day,
                pa.array(mean[GENERAL]),
                pa.array(mean[FOOD], mask=~population.is_food[members]),
                pa.array(mean[EQUIPMENT], mask=~population.has_equipment[members]),
            ],
            schema=SCHEMA,
        )

    def table(self) -> pa.Table:
        """Return all closed windows."""
        return pa.Table.from_batches(self._closed, schema=SCHEMA)
