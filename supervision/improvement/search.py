"""The smallest set of actions that brings an enterprise into a lower tier, found by scoring."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, islice
from typing import Any

import pyarrow as pa

from features.errors import InputError
from features.home import Home
from features.records import TABLES
from features.store import RecordStore
from risk_model.classification import ModelVersion
from risk_model.explanation.explanation import Decision
from risk_model.publication import Publication
from risk_model.registry import Registry
from risk_model.scale import TIERS
from risk_model.scoring import Scorer
from supervision.improvement.actions import Action, Records, open_actions
from supervision.records import EnterpriseRecords

#: Sets that are tried at most; a set costs some milliseconds.
MOST_SETS = 2_000


@dataclass(frozen=True)
class Improvement:
    """What an enterprise could do, and where that would bring it.

    Attributes
    ----------
    now
        Score and tier as they are, by the same computation (without hysteresis).
    actions
        The smallest set that reaches a lower tier; if none does, all that lower the score.
    then
        Score and tier after them.
    reaches
        Whether the tier is lower.
    open
        Everything that was tried.
    exhaustive
        Whether all sets of that size and smaller were tried.
    """

    credit_code: str
    model: str
    now: Decision
    actions: tuple[Action, ...]
    then: Decision
    reaches: bool
    open: tuple[Action, ...]
    exhaustive: bool

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "credit_code": self.credit_code,
            "model": self.model,
            "now": dict(self.now.__dict__),
            "then": dict(self.then.__dict__),
            "reaches_a_lower_tier": self.reaches,
            "actions": [action.as_dict() for action in self.actions],
            "open_actions": [action.as_dict() for action in self.open],
            "exhaustive": self.exhaustive,
        }


class Improver:
    """Finds improvements for the enterprises of a published classification.

    Parameters
    ----------
    home
        Records and models.
    publication
        The classification; the one in force by default.
    """

    def __init__(self, home: Home, publication: Publication | None = None) -> None:
        self.publication = publication or Publication.current(home)
        registry = Registry(home)
        models = {
            name: ModelVersion(registry.load(name, told["version"])[0], told["version"])
            for name, told in self.publication.document["models"].items()
        }
        self._scorer = Scorer(models, self.publication.context())
        self._snapshot = RecordStore(home.store).snapshot(self.publication.document["data_snapshot"])

    def find(self, credit_code: str, model: str | None = None) -> Improvement:
        """Return the smallest set of actions that brings an enterprise into a lower tier.

        Parameters
        ----------
        credit_code
            The enterprise.
        model
            By default the sector model of the riskiest tier that speaks of it, else the general one.

        Raises
        ------
        InputError
            If it is not classified.

        Notes
        -----
        Sets are tried by size, then all of one size are compared by the score that they reach. Each
        is scored on the records as they would be, by the same kernel and model as the classification.
        """
        name = self.publication.find(credit_code, model)["model"]
        known = EnterpriseRecords(self._snapshot, credit_code, self.publication.as_of)
        before: Records = {table: known.rows(table) for table in TABLES if self._snapshot.exists(table)}
        actions = open_actions(known)
        now = self._decide(before, (), name, known)
        if now is None:
            raise InputError(
                f"model {name!r} does not speak of {credit_code} on its visible records", field="credit_code"
            )
        useful = tuple(a for a in actions if self._helps(self._decide(before, (a,), name, known), now))
        # What does not help alone may do so together with another: all are tried, the useful first.
        ordered = (*useful, *(action for action in actions if action not in useful))
        best: tuple[tuple[Action, ...], Decision] | None = None
        tried = 0
        for size in range(1, len(ordered) + 1):
            reached = []
            for chosen in islice(combinations(ordered, size), MOST_SETS - tried):
                tried += 1
                then = self._decide(before, chosen, name, known)
                if then is not None and _lower(then, now):
                    reached.append((chosen, then))
            if reached:
                best = min(reached, key=lambda found: (_rank(found[1]), found[1].score))
                break
        exhaustive = best is not None or tried < MOST_SETS
        if best is None:
            best = (useful, self._decide(before, useful, name, known) or now)
        return Improvement(
            credit_code, name, now, best[0], best[1], _lower(best[1], now), tuple(actions), exhaustive
        )

    @staticmethod
    def _helps(then: Decision | None, now: Decision) -> bool:
        """Return whether an action lowers the score, or lifts a floor."""
        # An action after which the model no longer speaks of the enterprise is no way into a lower tier.
        return then is not None and (then.score < now.score or _rank(then) < _rank(now))

    def _decide(
        self, before: Records, actions: Sequence[Action], model: str, known: EnterpriseRecords
    ) -> Decision | None:
        records: Records = dict(before)
        for action in actions:
            action.change(records)
        tables = {
            name: pa.Table.from_pylist(
                [{column: row[column] for column in TABLES[name].arrow_schema.names} for row in rows],
                schema=TABLES[name].arrow_schema,
            )
            for name, rows in records.items()
        }
        decided = self._scorer.decide(self._scorer.features(tables, known.credit_code, known.on))
        return decided.get(model)


def _rank(decision: Decision) -> int:
    return TIERS.index(decision.tier) if decision.tier in TIERS else -1


def _lower(then: Decision, now: Decision) -> bool:
    return 0 <= _rank(then) < _rank(now)
