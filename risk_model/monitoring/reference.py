"""What training saw of everybody, kept with the run: fixed bins and their counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from features.errors import InputError
from risk_model.monitoring.stability import Bins

FORMAT = 1
DOCUMENT = "monitoring-reference.json"
#: The score before the scale: log-odds.
MARGIN = "margin"


@dataclass(frozen=True)
class Reference:
    """Bins and counts of the features and the margin of a population.

    Attributes
    ----------
    as_of
        Its date.
    rows
        Enterprises.
    bins, counts
        By feature, and by :data:`MARGIN`.
    districts
        Counts of the margin's bins by district.
    tiers
        Share of each tier, by score alone.
    """

    as_of: str
    rows: int
    bins: dict[str, Bins]
    counts: dict[str, np.ndarray]
    districts: dict[str, np.ndarray]
    tiers: dict[str, float]

    @classmethod
    def of(
        cls,
        as_of: str,
        names: tuple[str, ...],
        matrix: np.ndarray,
        margin: np.ndarray,
        district: np.ndarray,
        tiers: dict[str, float],
    ) -> Reference:
        """Choose bins on a population and count it.

        Parameters
        ----------
        as_of
            Its date.
        names, matrix
            Features, shape (n, features).
        margin, district
            Shape (n,); a district that is not known is None.
        tiers
            Shares of the tiers.
        """
        columns = {**{name: matrix[:, i] for i, name in enumerate(names)}, MARGIN: margin}
        bins = {name: Bins.of(values) for name, values in columns.items()}
        own = bins[MARGIN]
        known = sorted({d for d in district.tolist() if isinstance(d, str)})
        return cls(
            as_of=as_of,
            rows=len(margin),
            bins=bins,
            counts={name: bins[name].count(values) for name, values in columns.items()},
            districts={d: own.count(margin[district == d]) for d in known},
            tiers=tiers,
        )

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "format": FORMAT,
            "as_of": self.as_of,
            "rows": self.rows,
            "variables": {
                name: {"edges": list(bins.edges), "counts": self.counts[name].tolist()}
                for name, bins in self.bins.items()
            },
            "districts": {name: counts.tolist() for name, counts in self.districts.items()},
            "tiers": self.tiers,
        }

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> Reference:
        """Read plain data.

        Raises
        ------
        InputError
            If the format is unknown.
        """
        if content.get("format") != FORMAT:
            raise InputError(
                f"monitoring reference has format {content.get('format')!r}; this version reads {FORMAT}",
                field="format",
                fix="Train the model again.",
            )
        variables = content["variables"]
        return cls(
            as_of=content["as_of"],
            rows=content["rows"],
            bins={name: Bins(tuple(v["edges"])) for name, v in variables.items()},
            counts={name: np.array(v["counts"], dtype=np.int64) for name, v in variables.items()},
            districts={name: np.array(c, dtype=np.int64) for name, c in content["districts"].items()},
            tiers=content["tiers"],
        )
