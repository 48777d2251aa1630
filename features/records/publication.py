"""Until when a record stays published, by the rules in force, where its source does not say."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from features.records.calendar import add_months

RULES = Path(__file__).resolve().parent / "publication.yaml"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Period(_Part):
    """How long records with some values are published.

    Attributes
    ----------
    where
        Column → values, all of which must match; none takes every record.
    amount_up_to_fen
        Only records whose amount is known and at most this.
    months
        From the day of the event.
    source, trust
        The text, and whether it was read or the figure is a parameter.
    """

    where: Mapping[str, tuple[str, ...]] = {}
    amount_up_to_fen: int | None = Field(default=None, ge=0)
    months: int = Field(ge=1)
    source: str
    trust: Literal["law", "parameter"]


class Periods(_Part):
    """The periods of one version of the rules."""

    in_force_from: date
    penalty: tuple[Period, ...]

    @model_validator(mode="after")
    def _ends_with_all(self) -> Periods:
        last = self.penalty[-1]
        if last.where or last.amount_up_to_fen is not None:
            raise ValueError("the last rule must take all records that are left")
        return self


class _Rules(_Part):
    versions: tuple[Periods, ...] = Field(min_length=1)


@cache
def periods() -> tuple[Periods, ...]:
    """Return the versions of the rules, the oldest first."""
    content = yaml.safe_load(RULES.read_text(encoding="utf-8"))
    return tuple(sorted(_Rules.model_validate(content).versions, key=lambda version: version.in_force_from))


#: Tables whose publication ends by rule.
TABLES = frozenset(Periods.model_fields) - {"in_force_from"}


def publication_ends(table: str, rows: Mapping[str, pa.Array]) -> pa.Array:
    """Return the day on which the publication of each record ends.

    Parameters
    ----------
    table
        One of :data:`TABLES`.
    rows
        Columns of the records; ``event_date`` may be missing, and the end then is too.

    Returns
    -------
    pyarrow.Array
        date32, shape (n,).
    """
    event = rows["event_date"].cast(pa.int32()).fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    months = np.zeros(len(event), dtype=np.int64)
    versions = periods()
    starts = [int(np.datetime64(version.in_force_from, "D").astype(np.int64)) for version in versions]
    # Decisions before the first rules fall under them.
    which = np.maximum(np.searchsorted(starts, event, side="right") - 1, 0)
    for number, version in enumerate(versions):
        left = which == number
        for period in getattr(version, table):
            chosen = left & _holds(period, rows, len(event))
            months[chosen] = period.months
            left &= ~chosen
    ends = pa.array(add_months(event, months).astype(np.int32)).cast(pa.date32())
    return pc.if_else(pc.is_valid(rows["event_date"]), ends, pa.scalar(None, pa.date32()))


def _holds(period: Period, rows: Mapping[str, pa.Array], count: int) -> np.ndarray:
    holds = np.ones(count, dtype=bool)
    for name, values in period.where.items():
        holds &= pc.is_in(rows[name], value_set=pa.array(values)).to_numpy(zero_copy_only=False)
    if period.amount_up_to_fen is not None:
        small = pc.less_equal(rows["amount"], period.amount_up_to_fen)
        holds &= pc.fill_null(small, False).to_numpy(zero_copy_only=False)
    return holds
