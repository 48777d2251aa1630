"""Where enterprises lie, and what each adds to its neighbourhoods: all that a rate of the others depends on.

A rate among neighbours changes whenever anybody near has a new record. With what is kept here it is computed
again without a look at the records of whom it is told of.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from features.definitions.terms import Term
from features.kernel.beyond import BeyondPlan, newest
from features.kernel.context import Context, rate_of_others
from features.kernel.survey import level_keys


@dataclass(frozen=True)
class Neighbours:
    """Neighbourhoods and own terms of enterprises at a date.

    Attributes
    ----------
    keys
        Of every rate, from the widest level to the finest: the neighbourhood of each enterprise, null where
        it is unknown; the widest is the whole province.
    top, bottom
        What each adds itself to both terms of every rate, float64, shape (rates, n).
    """

    keys: tuple[tuple[pa.Array, ...], ...]
    top: np.ndarray
    bottom: np.ndarray

    @classmethod
    def of(cls, plan: BeyondPlan, own: Callable[[Term], np.ndarray], registrations: pa.Table) -> Neighbours:
        """Find them.

        Parameters
        ----------
        plan
            The rates.
        own
            Gives the values of a term, shape (n,).
        registrations
            The rows of ``enterprise`` that the terms of the newest registration count.
        """
        keys = []
        for rate in plan.rates:
            rows = [own(newest(level.column)) for level in rate.neighbourhood.levels]
            place = np.column_stack([np.where(np.isnan(row), -1, row).astype(np.int64) for row in rows])
            keys.append(tuple(level_keys(rate, registrations, place)))
        top = np.array([own(rate.top) for rate in plan.rates])
        bottom = np.array([own(rate.bottom) for rate in plan.rates])
        return cls(tuple(keys), top, bottom)

    def rates(self, plan: BeyondPlan, context: Context, at: np.ndarray) -> np.ndarray:
        """Return every rate among the others, float64, shape (rates, n); NaN where nothing is known of it.

        Parameters
        ----------
        plan
            The rates.
        context
            What is known of all enterprises.
        at
            Places of dates in it, int64, shape (n,); -1 for a day before them all.
        """
        result = np.full((len(plan.rates), len(at)), np.nan)
        for number, rate in enumerate(plan.rates):
            if not context.survey.tables.issuperset({rate.top.table}):
                continue
            sums = []
            for level, key in enumerate(self.keys[number]):
                top, bottom = context.sums(number, level, key, at)
                sums.append(
                    (np.maximum(top - self.top[number], 0), np.maximum(bottom - self.bottom[number], 0))
                )
            known = [np.asarray(key.is_valid()) for key in self.keys[number]]
            value = rate_of_others(rate.neighbourhood.pseudo_count, sums, known)
            result[number] = np.where(at >= 0, value, np.nan)
        return result

    def columns(self, plan: BeyondPlan) -> dict[str, pa.Array]:
        """Return what :meth:`from_columns` needs, as columns of n rows."""
        found: dict[str, pa.Array] = {}
        for rate, keys in zip(plan.rates, self.keys, strict=True):
            for name, key in zip(_names(plan, rate.feature), keys[1:], strict=True):
                found[name] = key.cast(pa.string())
        for name, values in (("own_top", self.top), ("own_bottom", self.bottom)):
            flat = pa.array(np.ascontiguousarray(values.T).reshape(-1))
            found[name] = pa.FixedSizeListArray.from_arrays(flat, max(len(plan.rates), 1))
        return found

    @classmethod
    def from_columns(cls, plan: BeyondPlan, table: pa.Table) -> Neighbours:
        """Read what :meth:`columns` gave."""
        count = table.num_rows
        province = pa.array(np.full(count, "", dtype=object), pa.string())
        keys = tuple(
            (province, *(table[name].combine_chunks() for name in _names(plan, rate.feature)))
            for rate in plan.rates
        )
        top, bottom = (
            table[name].combine_chunks().flatten().to_numpy().reshape(count, len(plan.rates)).T
            for name in ("own_top", "own_bottom")
        )
        return cls(keys, top, bottom)

    @classmethod
    def together(cls, parts: Sequence[Neighbours]) -> Neighbours:
        """Return the enterprises of several, one after the other."""
        keys = tuple(
            tuple(
                pa.concat_arrays([part.keys[number][level] for part in parts]) for level in range(len(levels))
            )
            for number, levels in enumerate(parts[0].keys)
        )
        return cls(
            keys,
            np.concatenate([part.top for part in parts], axis=1),
            np.concatenate([part.bottom for part in parts], axis=1),
        )


def _names(plan: BeyondPlan, feature: str) -> list[str]:
    """Return the columns that hold the neighbourhoods of a rate; rates of one neighbourhood share them."""
    rate = next(one for one in plan.rates if one.feature == feature)
    first = next(
        n for n, one in enumerate(plan.rates) if one.neighbourhood.levels == rate.neighbourhood.levels
    )
    return [f"place_{first}_{level}" for level in range(1, len(rate.neighbourhood.levels) + 1)]
