"""Scoring one enterprise from records at hand: the service's way, through the same kernel and model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa

from features.definitions import LIBRARY
from features.kernel import Context, Plan
from features.kernel.few import FewRecords
from features.kernel.many import ManyRecords
from features.runners.single import compute_many, compute_one
from risk_model.classification import ModelVersion
from risk_model.coverage import COVERAGE
from risk_model.explanation.explanation import Decision, Explained, Explanation, explain_rows
from risk_model.model import Contributions, RiskModel
from risk_model.registration import registration_in
from risk_model.scale import decide
from risk_model.tiers.overrides import Overrides

#: Enterprises from which on columns take less time than one after the other.
MANY = 32


@dataclass(frozen=True)
class Scored:
    """Scores and tiers by one model, of those of several enterprises that it speaks of.

    Attributes
    ----------
    model, version
        The model and its registered version.
    places
        Which of the enterprises these are, ascending, shape (n,).
    rows
        Their features, in the order of the model, shape (n, features).
    margin, score
        float64, shape (n,).
    tier, tier_by_score, decided_by
        As :func:`risk_model.scale.decide` returns them, shape (n,).
    records
        Records of supervision known of each, int64, shape (n,).
    """

    model: str
    version: str
    places: np.ndarray
    rows: np.ndarray
    margin: np.ndarray
    score: np.ndarray
    tier: np.ndarray
    tier_by_score: np.ndarray
    decided_by: np.ndarray
    records: np.ndarray

    def decisions(self) -> list[Decision]:
        """Return score and tier of each."""
        columns = (self.score, self.tier, self.tier_by_score, self.decided_by, self.records)
        return list(map(Decision, *(column.tolist() for column in columns)))


#: Table name → its records.
Records = Mapping[str, pa.Table | FewRecords]


class Scorer:
    """Scores and explains single enterprises.

    Parameters
    ----------
    models
        Name → model, the general one first.
    context
        What is known of other enterprises; without it, features across enterprises are missing.
    overrides
        Decisions of authorised persons; without them tiers are those of the rules alone.

    Attributes
    ----------
    models
        As given.
    plan
        The features that the models look at.
    """

    def __init__(
        self,
        models: Mapping[str, ModelVersion],
        context: Context | None = None,
        overrides: Overrides | None = None,
    ) -> None:
        self.models = dict(models)
        self._context = context
        self._overrides = overrides
        wanted = {name for entry in models.values() for name in entry.model.needed}
        self.plan = Plan((*(feature for feature in LIBRARY if feature.name in wanted), *COVERAGE))
        self._tables = tuple(dict.fromkeys(t for entry in models.values() for t in entry.model.known_tables))
        self._place = {name: place for place, name in enumerate(self.plan.names)}
        self._columns = {
            name: np.array([self._place[feature] for feature in entry.model.feature_names], dtype=np.int64)
            for name, entry in models.items()
        }
        self._coverage = np.array([self._place[feature.name] for feature in COVERAGE], dtype=np.int64)

    def features(self, records: Records, credit_code: str, as_of: date) -> pa.Table:
        """Return the features of one enterprise, one row.

        Parameters
        ----------
        records
            Table name → records in the canonical schema.
        credit_code, as_of
            The enterprise and the date.
        """
        values = self._values(records, credit_code, as_of)
        return pa.table([values[:, i] for i in range(values.shape[1])], names=list(self.plan.names))

    def score(self, records: Records, credit_code: str, as_of: date) -> dict[str, Explanation]:
        """Score an enterprise with every model that speaks of it, and explain each score.

        Parameters
        ----------
        records
            Table name → its records in the canonical schema, of this enterprise only.
        credit_code, as_of
            The enterprise and the date of the classification.

        Returns
        -------
        dict
            Model → explanation. There is no earlier tier, so hysteresis decides nothing; an override of the
            enterprise that is in force at the date does, as when everybody is classified.
        """
        values = self._values(records, credit_code, as_of)
        return self._explained(values, [(records, credit_code, as_of)])[0]

    def score_many(self, asked: Sequence[tuple[Records, str, date]]) -> list[dict[str, Explanation]]:
        """Score several enterprises, each as :meth:`score` does, at less cost.

        Parameters
        ----------
        asked
            Records, credit code and date of each; the same enterprise may be there more than once.
        """
        return self._explained(self._values_of_many(ManyRecords.of(asked)), asked)

    def score_columns(self, records: ManyRecords) -> list[tuple[Scored, Contributions]]:
        """Score several enterprises, each as :meth:`score` does, at the least cost: in columns.

        Parameters
        ----------
        records
            Whom to score, and what is known of each.

        Returns
        -------
        list
            One a model that speaks of any of them, with what each feature adds to the margins.
        """
        wished = self._wished(zip(records.codes.to_pylist(), records.days(), strict=True))
        found = self._decide(self._values_of_many(records), wished)
        return [(one, self.models[one.model].model.contributions(one.rows)) for one in found]

    def decide(self, table: pa.Table, overridden: Mapping[str, str] | None = None) -> dict[str, Decision]:
        """Return score and tier of one row of features, by every model that speaks of it.

        Parameters
        ----------
        table
            From :meth:`features`, one row.
        overridden
            Model → tier that an authorised person set.
        """
        values = np.column_stack([table[name].to_numpy() for name in self.plan.names]).astype(np.float64)
        return {one.model: one.decisions()[0] for one in self._decide(values, [overridden or {}])}

    def _values(self, records: Records, credit_code: str, as_of: date) -> np.ndarray:
        """Return the features of :attr:`plan`, shape (1, features)."""
        return compute_one(
            self.plan, records, credit_code, as_of, known_tables=self._tables, context=self._context
        )

    def _values_of_many(self, records: ManyRecords) -> np.ndarray:
        if 0 < len(records) < MANY:
            return np.concatenate([self._values(*one) for one in records.each()])
        return compute_many(self.plan, records, known_tables=self._tables, context=self._context)

    def _wished(self, asked: Iterable[tuple[str, date]]) -> list[Mapping[str, str]]:
        """Return model → tier that an authorised person set, of each enterprise at its date."""
        return [{} for _ in asked] if self._overrides is None else self._overrides.of_each(asked)

    def _explained(
        self, values: np.ndarray, asked: Sequence[tuple[Records, str, date]]
    ) -> list[dict[str, Explanation]]:
        wished = self._wished((code, as_of) for _, code, as_of in asked)
        names = [registration_in(records, as_of)["name"] for records, _, as_of in asked]
        found: list[dict[str, Explanation]] = [{} for _ in asked]
        for one in self._decide(values, wished):
            places = one.places.tolist()
            whose = [
                Explained(asked[place][1], names[place], asked[place][2], decision, margin)
                for place, decision, margin in zip(places, one.decisions(), one.margin.tolist(), strict=True)
            ]
            explanations = explain_rows(self.models[one.model].model, one.version, one.rows, whose)
            for place, explanation in zip(places, explanations, strict=True):
                found[place][one.model] = explanation
        return found

    def _decide(self, values: np.ndarray, overridden: Sequence[Mapping[str, str]]) -> list[Scored]:
        """Decide by every model about whom it speaks of; ``overridden`` is one an enterprise."""
        known = values[:, self._coverage]
        known[np.isnan(known)] = 0
        known = known.astype(np.int64).sum(axis=1)
        found = []
        for model_name, entry in self.models.items():
            model = entry.model
            if model.cuts is None:
                continue
            places = np.flatnonzero(self._applies(model, values))
            if not len(places):
                continue
            chosen = values if len(places) == len(values) else values[places]
            rows = chosen[:, self._columns[model_name]]
            # Once: asking the trees costs more than all else here.
            margin = model.margin(rows)
            score = model.score(margin)
            wishes = [overridden[place].get(model_name, "") for place in places.tolist()]
            tier, by_score, decided_by = decide(
                model.policy,
                model.cuts,
                score,
                records=known[places],
                floor_values={f.feature: chosen[:, self._place[f.feature]] for f in model.policy.floors},
                overridden=np.array(wishes, dtype=object) if any(wishes) else None,
            )
            found.append(
                Scored(
                    model=model_name,
                    version=entry.version,
                    places=places,
                    rows=rows,
                    margin=margin,
                    score=score,
                    tier=tier,
                    tier_by_score=by_score,
                    decided_by=decided_by,
                    records=known[places],
                )
            )
        return found

    def _applies(self, model: RiskModel, values: np.ndarray) -> np.ndarray:
        """Return whether a model speaks of each row, as :meth:`RiskModel.applies` does of a table."""
        of_cohort = model.cohort_features
        if not of_cohort:
            return np.ones(len(values), dtype=bool)
        # What is missing is not above 0.
        columns = [values[:, self._place[name]] > 0 for name in of_cohort]
        return np.asarray(np.logical_or.reduce(columns), dtype=bool)
