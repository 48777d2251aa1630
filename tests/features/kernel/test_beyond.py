"""Features across enterprises against a plain reading of their definition."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.definitions import LIBRARY, Feature
from features.definitions.across import Level, Measure, Neighbourhood, Related, Tie
from features.definitions.expressions import col
from features.definitions.kinds import OfRelated, Rate, Sum
from features.definitions.terms import Operation, Term
from features.errors import InputError
from features.kernel import Context, Plan
from features.kernel.few import FewRecords
from features.kernel.many import ManyRecords
from features.records import TABLES, Label
from features.runners import compute
from features.runners.single import compute_many, compute_one
from features.runners.threads import context_of
from tests.features.records_at_random import DAYS, GRID, ORDER, Tables, day, pairs_of, random_records

CODES = [f"E{number}" for number in range(9)]
NAMES = ("enterprise", "relation", "inspection", "penalty", "abnormal_list", "serious_violation_list")
TABLES_USED = (*NAMES, "complaint", "sampling_test")
ACROSS = [feature for feature in LIBRARY if feature.across is not None]
PLAN = Plan(ACROSS)
Row = dict[str, Any]


class Plainly:
    """The definition, read without haste: every value from all records anew."""

    def __init__(self, reader: Tables, today: date) -> None:
        self.today = today
        self.rows: dict[str, list[Row]] = {}
        for name in TABLES_USED:
            rows = [
                row
                for row in reader.read(name).to_pylist()
                if row["visible_from"] <= today < row["visible_to"] and row["event_date"] <= today
            ]
            self.rows[name] = sorted(rows, key=lambda row: tuple(row[key] for key in ORDER))

    def newest(self, code: str, column: str) -> Any:
        found = [
            r[column] for r in self.rows["enterprise"] if r["credit_code"] == code and r[column] is not None
        ]
        return found[-1] if found else None

    def term(self, code: str, term: Term, producer: str | None = None) -> int:
        held = [
            row
            for row in self.rows[term.table]
            if row["credit_code"] == code and (producer is None or row["producer"] == producer)
        ]
        if not held:
            return 0
        schema = TABLES[term.table].arrow_schema
        mask = term.where.mask(pa.Table.from_pylist(held, schema))
        count = 0
        for row, holds in zip(held, mask, strict=True):
            inside = self.today - row["event_date"] < timedelta(days=term.window.days)
            lasts = term.operation is not Operation.IN_FORCE or not (
                row[term.column] is not None and row[term.column] <= self.today  # type: ignore[index]
            )
            count += bool(holds and inside and lasts)
        return count

    def rate(self, code: str, feature: Feature, hood: Neighbourhood) -> float:
        top, bottom = feature.terms

        def place(other: str) -> list[str | None]:
            values = [self.newest(other, level.column) for level in hood.levels]
            return [
                value if value is None or level.characters is None else value[: level.characters]
                for value, level in zip(values, hood.levels, strict=True)
            ]

        own, value = place(code), math.nan
        for depth in range(len(own) + 1):
            if None in own[:depth]:
                break
            others = [c for c in CODES if c != code and place(c)[:depth] == own[:depth]]
            n, d = (sum(self.term(other, term) for other in others) for term in (top, bottom))
            if depth == 0:
                value = n / d if d else math.nan
            else:
                value = (n + hood.pseudo_count * value) / (d + hood.pseudo_count)
        return value

    def hubs(self, tie: Tie) -> dict[str, set[str]]:
        hubs: dict[str, set[str]] = {}
        if tie is Tie.ADDRESS:
            for code in CODES:
                address = self.newest(code, "address")
                if address is not None:
                    hubs.setdefault(address, set()).add(code)
            return hubs
        if tie is Tie.PRODUCER:
            for row in self.rows["sampling_test"]:
                if row["producer"] is not None:
                    hubs.setdefault(row["producer"], set()).add(row["credit_code"])
            return hubs
        for row in self.rows["relation"]:
            if row["ended_on"] is not None and row["ended_on"] <= self.today:
                continue
            code, other, kind = row["credit_code"], row["related_code"], row["kind"]
            if tie is Tie.PERSON:
                if row["person_key"] is not None and kind in ("legal_representative", "shareholder"):
                    hubs.setdefault(row["person_key"], set()).add(code)
            elif other is not None and kind in ("branch", "investment", "shareholder"):
                hubs.setdefault(other if kind == "shareholder" else code, set()).update((code, other))
        return hubs

    def measure(self, code: str, feature: Feature, related: Related) -> float:
        if related.tie is Tie.PRODUCER:
            return sum(
                self.term(other, feature.terms[0], producer=producer)
                for producer, members in self.hubs(related.tie).items()
                if code in members and len(members) <= related.at_most
                for other in members - {code}
            )
        others: set[str] = set()
        for members in self.hubs(related.tie).values():
            if code in members and len(members) <= related.at_most:
                others |= members - {code}
        if related.measure is Measure.NUMBER:
            return len(others)
        counts = [self.term(other, feature.terms[0]) for other in others]
        if related.measure is Measure.TOTAL:
            return sum(counts)
        return sum(count > 0 for count in counts) / len(counts) if counts else math.nan

    def value(self, code: str, feature: Feature) -> float:
        if isinstance(feature.across, Neighbourhood):
            return self.rate(code, feature, feature.across)
        assert isinstance(feature.across, Related)
        return self.measure(code, feature, feature.across)


def compare(reader: Tables, plan: Plan, dates: list[date]) -> None:
    """Assert that the two phases give what the definition says."""
    table = compute(reader, plan, pairs_of(CODES, dates), size=4, threads=2)
    plainly = {today: Plainly(reader, today) for today in dates}
    keys = zip(table["credit_code"].to_pylist(), table["as_of"].to_pylist(), strict=True)
    expected = [[plainly[today].value(code, feature) for feature in plan.features] for code, today in keys]
    for i, feature in enumerate(plan.features):
        np.testing.assert_allclose(
            table[feature.name].to_numpy(), [row[i] for row in expected], rtol=1e-12, err_msg=feature.name
        )


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.integers(0, 2**32),
    st.integers(5, 40),
    st.lists(st.integers(0, DAYS // GRID + 4), min_size=1, max_size=3, unique=True),
)
def test_the_library_across_enterprises(seed: int, rows: int, dates: list[int]) -> None:
    records = random_records(np.random.default_rng(seed), CODES, rows, TABLES_USED)
    compare(Tables(records), PLAN, [day(number * GRID) for number in sorted(dates)])


COMMON: dict[str, Any] = {"label": Label("标签", "label"), "indicator": "relations.enterprises"}


@pytest.mark.parametrize("at_most", [2, 3, 200])
def test_hubs_that_tie_too_many(at_most: int) -> None:
    records = random_records(np.random.default_rng(3), CODES, 40, TABLES_USED)
    features = [
        feature
        for tie in Tie
        for feature in OfRelated(
            name=f"by_{tie}",
            table="sampling_test" if tie is Tie.PRODUCER else "penalty",
            tie=tie,
            measure=Measure.TOTAL,
            at_most=at_most,
            **COMMON,
        ).features()
    ]
    compare(Tables(records), Plan(features), [day(11 * GRID), day(21 * GRID)])


@pytest.mark.parametrize(
    "within", [(Level("district"),), (Level("industry", 1), Level("industry", 3), Level("district", 4))]
)
def test_other_neighbourhoods(within: tuple[Level, ...]) -> None:
    records = random_records(np.random.default_rng(4), CODES, 60, TABLES_USED)
    rate = Rate(
        name="rate",
        table="inspection",
        where=col("outcome") == "problem",
        windows=("5y",),
        within=within,
        pseudo_count=2,
        **COMMON,
    )
    compare(Tables(records), Plan(rate.features()), [day(12 * GRID), day(23 * GRID)])


def test_what_is_asked_does_not_matter() -> None:
    """Nor the other enterprises asked for, nor the other dates, nor the size of ranges."""
    reader = Tables(random_records(np.random.default_rng(5), CODES, 40, TABLES_USED))
    dates = [day(700), day(1400), day(2100)]
    whole = compute(reader, PLAN, pairs_of(CODES, dates), threads=1)
    for code, today in [("E3", dates[1]), ("E0", dates[0]), ("E8", dates[2])]:
        alone = compute(reader, PLAN, pairs_of([code], [today]), size=1)
        row = CODES.index(code) * 3 + dates.index(today)
        for name in PLAN.names:
            np.testing.assert_array_equal(alone[name].to_numpy(), whole[name].to_numpy()[row : row + 1])


def test_one_enterprise_with_the_saved_context(tmp_path: Path) -> None:
    reader = Tables(random_records(np.random.default_rng(6), CODES, 40, TABLES_USED))
    dates = [day(1000), day(1600)]
    pairs = pairs_of(CODES, dates)
    context = context_of(reader, PLAN, pairs)
    assert context is not None
    for today in dates:
        number = int(np.datetime64(today, "D").astype(np.int64))
        context.at(number).save(tmp_path / str(today))
        loaded = Context.load(tmp_path / str(today))
        expected = compute(reader, PLAN, pairs_of(CODES, [today]))
        asked = []
        for row, code in enumerate(CODES):
            own = {}
            for name in TABLES_USED:
                visible = [
                    line
                    for line in reader.read(name).to_pylist()
                    if line["credit_code"] == code and line["visible_from"] <= today < line["visible_to"]
                ]
                own[name] = pa.Table.from_pylist(visible, TABLES[name].arrow_schema)
            found = compute_one(PLAN, own, code, today, known_tables=TABLES_USED, context=loaded)
            for i, name in enumerate(PLAN.names):
                np.testing.assert_array_equal(found[:, i], expected[name].to_numpy()[row : row + 1], name)
            few = {name: FewRecords(table.schema, table.to_pylist()) for name, table in own.items()}
            again = compute_one(PLAN, few, code, today, known_tables=TABLES_USED, context=loaded)
            np.testing.assert_array_equal(again, found)
            asked.append((few if row % 2 else own, code, today))
        many = compute_many(PLAN, ManyRecords.of(asked), known_tables=TABLES_USED, context=loaded)
        for i, name in enumerate(PLAN.names):
            np.testing.assert_array_equal(many[:, i], expected[name].to_numpy(), name)


def test_one_enterprise_at_a_later_date_than_the_context() -> None:
    """What the context counts of the enterprise itself is what it was at the context's date."""
    reader = Tables(random_records(np.random.default_rng(8), CODES, 40, TABLES_USED))
    then, now = day(1000), day(1700)
    context = context_of(reader, PLAN, pairs_of(CODES, [then]))
    expected = compute(reader, PLAN, pairs_of(CODES, [then]))
    asked = []
    for row, code in enumerate(CODES):
        own = {}
        for name in TABLES_USED:
            lines = [
                line
                for line in reader.read(name).to_pylist()
                if line["credit_code"] == code and line["visible_from"] <= then < line["visible_to"]
            ]
            own[name] = pa.Table.from_pylist(lines, TABLES[name].arrow_schema)
        found = compute_one(PLAN, own, code, now, known_tables=TABLES_USED, context=context)
        for i, name in enumerate(PLAN.names):
            np.testing.assert_array_equal(found[:, i], expected[name].to_numpy()[row : row + 1], name)
        before = compute_one(PLAN, own, code, day(900), known_tables=TABLES_USED, context=context)
        assert np.isnan(before).all()
        asked += [(own, code, now), (own, code, day(900)), (own, code, then)]
    many = compute_many(PLAN, ManyRecords.of(asked), known_tables=TABLES_USED, context=context)
    for i, name in enumerate(PLAN.names):
        np.testing.assert_array_equal(many[0::3, i], expected[name].to_numpy(), name)
        np.testing.assert_array_equal(many[2::3, i], expected[name].to_numpy(), name)
    assert np.isnan(many[1::3]).all()


def test_without_a_context_they_are_missing() -> None:
    found = compute_one(PLAN, {}, "E1", day(10), known_tables=TABLES_USED)
    assert np.isnan(found).all()


def test_errors_say_what_to_do(tmp_path: Path) -> None:
    reader = Tables(random_records(np.random.default_rng(6), CODES, 5, TABLES_USED))
    context = context_of(reader, PLAN, pairs_of(CODES, [day(100)]))
    assert context is not None
    with pytest.raises(InputError, match=r"holds no context of other enterprises.*--context DIR"):
        Context.load(tmp_path)
    with pytest.raises(InputError, match="holds no date 2024-01-01"):
        context.at(int(np.datetime64("2024-01-01", "D").astype(np.int64)))
    other = Plan(ACROSS[:3])
    with pytest.raises(InputError, match="does not hold all as-of dates"):
        compute(reader, PLAN, pairs_of(CODES, [day(101)]), context=context)
    with pytest.raises(InputError, match="made for other features"):
        compute(reader, other, pairs_of(CODES, [day(100)]), context=context)
    context.save(tmp_path)
    text = (tmp_path / "context.json").read_text().replace('"format": 2', '"format": 9')
    (tmp_path / "context.json").write_text(text)
    with pytest.raises(InputError, match="format 9 is unknown"):
        Context.load(tmp_path)


def test_only_counts_can_be_told_of_others() -> None:
    (rate,) = Rate(name="rate", table="penalty", within=(Level("district"),), **COMMON).features()
    (total,) = Sum(name="total", table="penalty", column="amount", **COMMON).features()
    object.__setattr__(rate, "terms", (total.terms[0], rate.terms[1]))
    with pytest.raises(ValueError, match="sum cannot be told of other enterprises"):
        Plan([rate])


def test_a_declaration_across_enterprises_says_what_is_wrong() -> None:
    make: Callable[..., Any] = lambda **change: OfRelated(  # noqa: E731
        name="x", table="penalty", tie=Tie.PERSON, measure=Measure.TOTAL, **COMMON, **change
    )
    with pytest.raises(ValueError, match="at_most is 1, expected at least 2"):
        make(at_most=1)
    for wrong in (
        {"tie": Tie.PRODUCER},
        {"tie": Tie.PRODUCER, "table": "sampling_test", "measure": Measure.SHARE},
    ):
        (feature,) = OfRelated(
            **{"name": "x", "table": "penalty", "measure": Measure.TOTAL, **COMMON, **wrong}  # type: ignore[arg-type]
        ).features()
        with pytest.raises(ValueError, match="of a producer's goods only sampling tests are totalled"):
            Plan([feature])
    with pytest.raises(ValueError, match="needs a level"):
        Rate(name="rate", table="penalty", within=(), **COMMON)
