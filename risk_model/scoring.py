"""Scoring one enterprise from records at hand: the service's way, through the same kernel and model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
import pyarrow as pa

from features.definitions import LIBRARY
from features.kernel import Context, Plan
from features.kernel.few import FewRecords
from features.runners.single import compute_many, compute_one
from risk_model.classification import ModelVersion
from risk_model.coverage import COVERAGE
from risk_model.explanation.explanation import Decision, Explained, Explanation, explain_rows
from risk_model.model import RiskModel
from risk_model.registration import registration_in
from risk_model.scale import decide
from risk_model.tiers.overrides import Overrides

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
        values = compute_many(self.plan, asked, known_tables=self._tables, context=self._context)
        return self._explained(values, asked)

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
        return {name: found[0] for name, (_, _, _, found) in self._decide(values, [overridden or {}]).items()}

    def _values(self, records: Records, credit_code: str, as_of: date) -> np.ndarray:
        """Return the features of :attr:`plan`, shape (1, features)."""
        return compute_one(
            self.plan, records, credit_code, as_of, known_tables=self._tables, context=self._context
        )

    def _explained(
        self, values: np.ndarray, asked: Sequence[tuple[Records, str, date]]
    ) -> list[dict[str, Explanation]]:
        wished: list[Mapping[str, str]] = [
            {} if self._overrides is None else self._overrides.of(code, as_of) for _, code, as_of in asked
        ]
        names = [registration_in(records, as_of)["name"] for records, _, as_of in asked]
        found: list[dict[str, Explanation]] = [{} for _ in asked]
        for model_name, (places, rows, margins, decisions) in self._decide(values, wished).items():
            entry = self.models[model_name]
            whose = [
                Explained(asked[place][1], names[place], asked[place][2], decision, margin)
                for place, decision, margin in zip(places, decisions, margins, strict=True)
            ]
            explanations = explain_rows(entry.model, entry.version, rows, whose)
            for place, explanation in zip(places, explanations, strict=True):
                found[place][model_name] = explanation
        return found

    def _decide(
        self, values: np.ndarray, overridden: Sequence[Mapping[str, str]]
    ) -> dict[str, tuple[list[int], np.ndarray, list[float], list[Decision]]]:
        """Return by model whom it speaks of, their features (as rows), margins and decisions."""
        known = values[:, self._coverage]
        known[np.isnan(known)] = 0
        known = known.astype(np.int64).sum(axis=1)
        found = {}
        for model_name, entry in self.models.items():
            model = entry.model
            places = [] if model.cuts is None else np.flatnonzero(self._applies(model, values)).tolist()
            if model.cuts is None or not places:
                continue
            rows = (values if len(places) == len(values) else values[places])[:, self._columns[model_name]]
            # Once: asking the trees costs more than all else here.
            margins = model.margin(rows)
            score = model.score(margins)
            wishes = [overridden[place].get(model_name, "") for place in places]
            tier, by_score, decided_by = decide(
                model.policy,
                model.cuts,
                score,
                records=known[places],
                floor_values={f.feature: values[places, self._place[f.feature]] for f in model.policy.floors},
                overridden=np.array(wishes, dtype=object) if any(wishes) else None,
            )
            decisions = [
                Decision(float(score[row]), tier[row], by_score[row], decided_by[row], int(known[place]))
                for row, place in enumerate(places)
            ]
            found[model_name] = places, rows, margins.tolist(), decisions
        return found

    def _applies(self, model: RiskModel, values: np.ndarray) -> np.ndarray:
        """Return whether a model speaks of each row, as :meth:`RiskModel.applies` does of a table."""
        of_cohort = model.cohort_features
        if not of_cohort:
            return np.ones(len(values), dtype=bool)
        # What is missing is not above 0.
        columns = [values[:, self._place[name]] > 0 for name in of_cohort]
        return np.asarray(np.logical_or.reduce(columns), dtype=bool)
