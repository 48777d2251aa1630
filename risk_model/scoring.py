"""Scoring one enterprise from records at hand: the service's way, through the same kernel and model."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import numpy as np
import pyarrow as pa

from features.definitions import LIBRARY
from features.kernel import Context, Plan
from features.runners.single import compute_one
from risk_model.classification import ModelVersion
from risk_model.coverage import COVERAGE
from risk_model.explanation.explanation import Decision, Explanation, explain_one
from risk_model.model import RiskModel
from risk_model.registration import registration_in
from risk_model.scale import decide
from risk_model.tiers.overrides import Overrides


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

    def features(self, records: Mapping[str, pa.Table], credit_code: str, as_of: date) -> pa.Table:
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

    def score(self, records: Mapping[str, pa.Table], credit_code: str, as_of: date) -> dict[str, Explanation]:
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
        wished = {} if self._overrides is None else self._overrides.of(credit_code, as_of)
        name = registration_in(records, as_of)["name"]
        return {
            model_name: explain_one(
                self.models[model_name].model,
                self.models[model_name].version,
                row,
                decision,
                margin=margin,
                credit_code=credit_code,
                name=name,
                as_of=as_of,
            )
            for model_name, (row, margin, decision) in self._decide(values, wished).items()
        }

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
        return {name: found for name, (_, _, found) in self._decide(values, overridden or {}).items()}

    def _values(self, records: Mapping[str, pa.Table], credit_code: str, as_of: date) -> np.ndarray:
        """Return the features of :attr:`plan`, shape (1, features)."""
        return compute_one(
            self.plan, records, credit_code, as_of, known_tables=self._tables, context=self._context
        )

    def _decide(
        self, values: np.ndarray, overridden: Mapping[str, str]
    ) -> dict[str, tuple[np.ndarray, np.ndarray, Decision]]:
        """Return by model its row of features, shape (1, features), the margin of it, and the decision."""
        known = np.nan_to_num(values[:, self._coverage]).astype(np.int64).sum(axis=1)
        found = {}
        for model_name, entry in self.models.items():
            model = entry.model
            if model.cuts is None or not self._applies(model, values):
                continue
            row = values[:, self._columns[model_name]]
            # Once: asking the trees costs more than all else here.
            margin = model.margin(row)
            score = model.score(margin)
            tier, by_score, decided_by = decide(
                model.policy,
                model.cuts,
                score,
                records=known,
                floor_values={f.feature: values[:, self._place[f.feature]] for f in model.policy.floors},
                overridden=np.array([overridden.get(model_name, "")], dtype=object),
            )
            decision = Decision(float(score[0]), tier[0], by_score[0], decided_by[0], int(known[0]))
            found[model_name] = row, margin, decision
        return found

    def _applies(self, model: RiskModel, values: np.ndarray) -> bool:
        """Return whether a model speaks of the enterprise, as :meth:`RiskModel.applies` does of a table."""
        of_cohort = model.cohort_features
        return not of_cohort or any(np.nan_to_num(values[0, self._place[name]]) > 0 for name in of_cohort)
