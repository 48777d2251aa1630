"""Ways to plan inspections, each in its own copy of one simulated province, month by month."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

# Threads that wait would keep the cores from those that work, where others use the machine, too.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import lightgbm as lgb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.plan_records import OwnRecords, ProvinceRecords, new_rows
from features.cohort import registered
from features.definitions import LIBRARY
from features.kernel import Plan as FeaturePlan
from features.runners import compute
from features.simulation.handover import HandedOver, InspectedProvince, Visits
from features.simulation.risk import DOMAINS
from risk_model.coverage import COVERAGE, records_known
from risk_model.model import RiskModel
from risk_model.registration import registration_at
from risk_model.scale import TIERS, decide
from risk_model.scorecard import load_points_card
from risk_model.specification import ModelSpecification, load_specification
from risk_model.training import train
from supervision.candidates import candidates_from
from supervision.plan_rules import Objective, PlanRules, load_plan_rules
from supervision.records import as_frame
from supervision.sampling import plan_inspections
from supervision.sampling.calendar import month_bounds
from supervision.sampling.planning import Plan
from supervision.sampling.reasons import RANDOM

INSPECTION_COLUMNS = ["credit_code", "event_date", "domain", "kind", "full_item"]
LICENCE_COLUMNS = ["credit_code", "event_date", "kind", "category", "status", "valid_from", "valid_to"]
#: Months of earlier plans that may not be on file yet.
SLOW_MONTHS = 3


@dataclass(frozen=True)
class Way:
    """A way to plan.

    Attributes
    ----------
    scores
        ``model``: the product's model, trained on the records of its own world; ``first model``: the one
        of the handover, never retrained; ``points card``; ``truth``: a regression on the true risk.
    design
        ``objective``: the rules as they ship; ``tiers``: weights of tiers alone; ``uniform``: equal
        chances; ``riskiest first``: whoever scores highest.
    """

    name: str
    scores: str
    design: str


OURS = Way("our plan", "model", "objective")
QUOTAS = Way("tier quotas", "model", "tiers")
CARD = Way("points card", "points card", "riskiest first")
UNIFORM = Way("uniform random", "first model", "uniform")
BEST = Way("best attainable", "truth", "riskiest first")
GREEDY = Way("riskiest first by our model", "model", "riskiest first")


@dataclass(frozen=True)
class Setting:
    """What all ways to plan of one province have in common.

    Attributes
    ----------
    capacity
        Share of a sector's candidates at the handover that can be inspected in a month.
    retrain
        Months between trainings.
    """

    province: HandedOver
    records: ProvinceRecords
    capacity: Mapping[str, float]
    retrain: int
    seed: int

    @property
    def sectors(self) -> tuple[str, ...]:
        """Sectors that are planned, the general one first."""
        return tuple(self.capacity)


def specification(name: str) -> ModelSpecification:
    """Return a model as it ships, but for the parts held out: one date each, so that new findings count."""
    shipped = load_specification(name)
    windows = shipped.windows.model_copy(update={"test_dates": 1, "calibration_dates": 1})
    return shipped.model_copy(update={"windows": windows})


def train_all(records: OwnRecords, sectors: Sequence[str]) -> dict[str, RiskModel]:
    """Train the models of the sectors on what is on file."""
    models: dict[str, RiskModel] = {}
    for name in sectors:
        wanted = specification(name)
        base = models["general"] if wanted.increment_over else None
        models[name] = train(records, wanted, base=base).model
    return models


@dataclass
class Attainable:
    """A regression on the models' features, fitted to the true risk of everybody before the handover.

    In two folds by enterprise: whoever is scored was not learned from at any date.
    """

    names: dict[str, list[str]]
    folds: dict[str, list[lgb.Booster]]

    @classmethod
    def fit(cls, setting: Setting, models: Mapping[str, RiskModel], dates: Sequence[str]) -> Attainable:
        """Learn from the truth at some dates."""
        truth = pq.read_table(setting.province.report.out / "truth.parquet").to_pandas(date_as_object=False)
        truth = truth[pd.to_datetime(truth["as_of"]).isin(pd.to_datetime(list(dates)))]
        truth = truth.sort_values(["credit_code", "as_of"], kind="stable").reset_index(drop=True)
        needed = dict.fromkeys(name for model in models.values() for name in model.feature_names)
        pairs = pa.Table.from_pandas(truth[["credit_code", "as_of"]], preserve_index=False)
        table = compute(OwnRecords(setting.records), FeaturePlan([LIBRARY[n] for n in needed]), pairs)
        names, folds = {}, {}
        for sector, model in models.items():
            rows = truth[f"p_{sector}"].notna().to_numpy()
            matrix = model.matrix(table.filter(pa.array(rows))).astype(np.float32)
            chance = truth[f"p_{sector}"].to_numpy()[rows]
            fold = fold_of(truth["credit_code"][rows])
            names[sector] = list(model.feature_names)
            categories = [i for i, f in enumerate(model.features) if f.categories is not None]
            folds[sector] = [_regression(matrix[fold != k], chance[fold != k], categories) for k in (0, 1)]
        return cls(names, folds)

    def predict(self, sector: str, codes: pd.Series, matrix: np.ndarray) -> np.ndarray:
        """Return the expected true probability of enterprises, each by the fold that has not seen it."""
        first, second = (booster.predict(matrix) for booster in self.folds[sector])
        return np.where(fold_of(codes) == 0, first, second)


def fold_of(codes: pd.Series) -> np.ndarray:
    """Return the fold of each enterprise."""
    return pd.util.hash_array(np.asarray(codes, dtype=object)) % 2


def _regression(matrix: np.ndarray, chance: np.ndarray, categories: list[int]) -> lgb.Booster:
    parameters: dict[str, Any] = {
        "objective": "cross_entropy", "learning_rate": 0.1, "num_leaves": 24,
        "min_data_in_leaf": min(300, max(20, len(chance) // 200)), "lambda_l2": 10.0, "feature_fraction": 0.3,
        "max_bin": 127, "cat_smooth": 50, "deterministic": True, "force_row_wise": True, "num_threads": 2,
        "seed": 1, "verbosity": -1,
    }  # fmt: skip
    data = lgb.Dataset(matrix, chance, categorical_feature=categories)
    return lgb.train(parameters, data, num_boost_round=160)


@dataclass
class Tally:
    """What came of a plan of one month and sector.

    Attributes
    ----------
    found, expected
        Problems that the inspections found, and the sum of the true probabilities.
    drawable, chance, drawn, problem
        Of those who took part in the draw: inclusion probability, whether drawn, and whether an
        inspection finds a problem in that month, whoever holds it.
    """

    month: str
    sector: str
    planned: int
    mandatory: int
    shortfall: int
    found: int
    expected: float
    overdue: int
    breaches: dict[str, int]
    chance: np.ndarray
    drawn: np.ndarray
    problem: np.ndarray


@dataclass
class WorldOfOne:
    """One way to plan in its own world."""

    way: Way
    setting: Setting
    models: dict[str, RiskModel]
    attainable: Attainable
    records: OwnRecords = field(init=False)
    tallies: list[Tally] = field(default_factory=list)
    _tiers: dict[str, dict[str, str]] = field(default_factory=dict)
    _planned: list[pd.DataFrame] = field(default_factory=list)
    _capacity: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.records = OwnRecords(self.setting.records)
        self._inspected = InspectedProvince(self.setting.province)
        count = self.setting.province.population.count
        #: Own visits: by year and enterprise; last day by sector and enterprise.
        self._visits = {year: np.zeros(count, dtype=np.int64) for year in range(2000, 2100)}
        self._days: dict[int, set[tuple[int, int]]] = {}
        self._last = {s: np.full(count, np.iinfo(np.int64).min) for s in self.setting.sectors}

    def month(self, number: int) -> None:
        """Classify, plan, inspect and record one month."""
        state = self.setting.province.months[number]
        as_of = state.first - timedelta(days=1)
        if self.way.scores == "model" and number and number % self.setting.retrain == 0:
            self.models = train_all(self.records.as_known(as_of), self.setting.sectors)
        classified = self._classify(as_of)
        inspections = as_frame(self.records.read("inspection", INSPECTION_COLUMNS))
        licences = as_frame(self.records.read("licence", LICENCE_COLUMNS))
        visits = []
        for sector in self.setting.sectors:
            rules = load_plan_rules(sector, state.first)
            candidates = candidates_from(
                classified[sector],
                inspections,
                licences,
                sector=sector,
                month=f"{state.first:%Y-%m}",
                as_of=as_of,
                rules=rules,
                pending=pd.concat(self._planned[-SLOW_MONTHS * len(self.setting.sectors) :])
                if self._planned
                else None,
            )
            capacity = self._capacity.setdefault(sector, int(self.setting.capacity[sector] * len(candidates)))
            plan = plan_inspections(
                candidates,
                sector=sector,
                month=f"{state.first:%Y-%m}",
                capacity=capacity,
                seed=f"benchmark {self.setting.seed}",
                rules=self.rules(rules),
            )
            visits.append(self._visit(number, sector, plan, inspections, as_of))
        self.records.add(new_rows(self._inspected.hold(number, visits)))

    def rules(self, shipped: PlanRules) -> PlanRules:
        """Return the rules of the month with this way's design in place of the shipped one."""
        if self.way.design == "objective":
            return shipped
        if self.way.design == "tiers":
            return shipped.model_copy(update={"objective": None})
        if self.way.design == "uniform":
            equal = shipped.weights.model_copy(update=dict.fromkeys(shipped.weights.by_tier(), 1.0))
            return shipped.model_copy(update={"objective": None, "weights": equal})
        riskiest = Objective(floor=1e-6, precision=0, ceiling=1, source="benchmark", trust="parameter")
        return shipped.model_copy(update={"objective": riskiest})

    def _classify(self, as_of: date) -> dict[str, pd.DataFrame]:
        """Return the classification of each sector, as a plan reads it."""
        pairs = registered(self.records, [as_of])
        wanted = {name for model in self.models.values() for name in model.cohort_features}
        if self.way.scores == "points card":
            wanted |= set(load_points_card().features)
        else:
            wanted |= {name for model in self.models.values() for name in model.needed}
        kept = [feature for feature in LIBRARY if feature.name in wanted]
        table = compute(self.records, FeaturePlan((*kept, *COVERAGE)), pairs)
        who = registration_at(self.records, as_of, table["credit_code"].combine_chunks())
        return {
            sector: self._rows(sector, model, table, who).assign(model=sector)
            for sector, model in self.models.items()
        }

    def _rows(self, sector: str, model: RiskModel, table: pa.Table, who: pa.Table) -> pd.DataFrame:
        # Records with a wrong code make enterprises that nobody can visit.
        real = self.setting.province.places(table["credit_code"].combine_chunks()) >= 0
        member = pa.array(model.applies(table) & real)
        own = table.filter(member)
        kept = ["credit_code", "name", "district", "industry"]
        rows: pd.DataFrame = who.filter(member).select(kept).to_pandas()
        if self.way.scores == "points card":
            points = load_points_card().score(own.to_pandas())
            return rows.assign(probability=points / (1 + points.max()), tier=by_shares(model, points))
        matrix = model.matrix(own)
        if self.way.scores == "truth":
            chance = self.attainable.predict(sector, rows["credit_code"], matrix)
            return rows.assign(probability=chance, tier=by_shares(model, chance))
        assert model.cuts is not None
        before = self._tiers.get(sector, {})
        tier, _, _ = decide(
            model.policy,
            model.cuts,
            model.score(model.margin(matrix)),
            records=records_known(own),
            floor_values={f.feature: own[f.feature].to_numpy() for f in model.policy.floors},
            previous=np.array([before.get(c, "") for c in rows["credit_code"]], dtype=object),
        )
        self._tiers[sector] = dict(zip(rows["credit_code"], tier, strict=True))
        return rows.assign(probability=model.probability(matrix), tier=tier)

    def _visit(self, number: int, sector: str, plan: Plan, inspections: pd.DataFrame, as_of: date) -> Visits:
        """Keep account of a plan, and return it as the inspections to be held."""
        province, state = self.setting.province, self.setting.province.months[number]
        domain = DOMAINS.index(sector)
        frame = plan.frame
        place = province.places(pa.array(frame["credit_code"]))
        selected = frame["selected"].to_numpy()
        random = ((frame["part"] == RANDOM) | (frame["reason"] == "deferred")).to_numpy()
        who = place[selected]
        problem = state.problem(domain) & state.alive
        first, last = month_bounds(plan.month)
        breaches = self._breaches(sector, plan, place, first)
        overdue = 0
        if plan.rules.statutory_minimum is not None:
            # In business, period runs out by the end of the month, and not visited.
            statutory = (frame["part"] == "statutory").to_numpy()
            overdue = int((statutory & ~selected & state.alive[place]).sum())
        pool = random & (frame["inclusion_probability"] > 0).to_numpy()
        self.tallies.append(
            Tally(
                month=plan.month,
                sector=sector,
                planned=int(selected.sum()),
                mandatory=plan.summary.mandatory,
                shortfall=plan.summary.shortfall,
                found=int(problem[who].sum()),
                expected=float((state.probability(domain) * state.alive)[who].sum()),
                overdue=overdue,
                breaches=breaches,
                chance=frame["inclusion_probability"].to_numpy()[pool],
                drawn=selected[pool],
                problem=problem[place[pool]],
            )
        )
        drawn = random[selected]
        selection = np.where(drawn, "random", "full_coverage")
        if self.way.design == "riskiest first":
            selection = np.where(drawn, "targeted", selection)
        chance = np.where(
            selection == "targeted", np.nan, frame["inclusion_probability"].to_numpy()[selected]
        )
        # As in the rules, inspections of one day are one visit.
        days = self._days.setdefault(first.year, set())
        for one, day in zip(who.tolist(), state.day[domain, who].tolist(), strict=True):
            if (one, day) not in days:
                days.add((one, day))
                self._visits[first.year][one] += 1
        self._last[sector][who] = state.day[domain, who]
        self._planned.append(
            pd.DataFrame(
                {
                    "credit_code": frame["credit_code"].to_numpy()[selected],
                    "domain": sector,
                    "kind": "routine",
                    "plan": f"{sector}-{plan.month}",
                    "planned_from": np.datetime64(first, "s"),
                    "planned_until": np.datetime64(last, "s"),
                    "full_item": ~drawn,
                }
            )
        )
        return Visits(who, domain, selection, chance)

    def _breaches(self, sector: str, plan: Plan, place: np.ndarray, first: date) -> dict[str, int]:
        """Count, apart from the planner, who of the selected may not be inspected by its restrictions.

        Counted from this world's own visits, on the days on which they were held. Visits that a
        statutory minimum asks for go before the restrictions, and are counted apart.
        """
        rules, frame = plan.rules, plan.frame
        chosen = frame["selected"].to_numpy()
        statutory = (frame["part"] == "statutory").to_numpy()
        counted = {"annual cap": 0, "no repeat": 0, "statutory before the cap": 0}
        if rules.annual_cap is not None:
            cap = frame["tier"].map(rules.annual_cap.inspections).to_numpy()
            beyond = chosen & (self._visits[first.year][place] >= cap)
            counted["annual cap"] = int((beyond & ~statutory).sum())
            counted["statutory before the cap"] = int((beyond & statutory).sum())
        if rules.no_repeat is not None:
            months = np.datetime64(first, "M") - np.timedelta64(rules.no_repeat.months, "M")
            since = months.astype("datetime64[D]").astype(np.int64)
            soon = chosen & (self._last[sector][place] > since)
            counted["no repeat"] = int((soon & ~statutory).sum())
        return counted


def by_shares(model: RiskModel, score: np.ndarray) -> np.ndarray:
    """Return tiers of the shares that the tier policy gives."""
    shares = model.policy.cuts.shares
    cuts = np.quantile(score, np.cumsum([shares[tier] for tier in TIERS[:-1]]))
    return np.array(TIERS, dtype=object)[np.searchsorted(cuts, score, side="left")]


def run_ways(
    setting: Setting, ways: Sequence[Way], months: int, dates: Sequence[str], say: Callable[[str], None]
) -> dict[str, list[Tally]]:
    """Let each way plan so many months, and return what came of it."""
    handover = setting.province.months[0].first - timedelta(days=1)
    models = train_all(OwnRecords(setting.records).as_known(handover), setting.sectors)
    say(f"province {setting.seed}: models of the handover trained")
    attainable = Attainable.fit(setting, models, dates)
    say(f"province {setting.seed}: best attainable regression fitted")
    tallies = {}
    for way in ways:
        world = WorldOfOne(way, setting, dict(models), attainable)
        for number in range(months):
            world.month(number)
        tallies[way.name] = world.tallies
        found = sum(t.found for t in world.tallies)
        say(f"province {setting.seed}: {way.name} found {found}")
    return tallies
