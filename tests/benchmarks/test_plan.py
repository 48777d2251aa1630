"""The benchmark of plans: its worlds read records as a store does, and its own figures are right."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from benchmarks.plan import FULL, QUICK, comparison, evaluation, kept
from benchmarks.plan_records import OwnRecords, ProvinceRecords, new_rows
from benchmarks.plan_scale import frame, joint, timed
from benchmarks.plan_scale import tested as compared
from benchmarks.plan_worlds import BEST, OURS, UNIFORM, Setting, Tally, run_ways
from features.records import TABLES
from features.simulation.handover import HandedOver, InspectedProvince, Visits, hand_over
from features.sources import ingest
from features.store import RecordStore
from supervision.sampling import GRID, Randomness, inclusion_shares, systematic_draw


@pytest.fixture(scope="module")
def province(tmp_path_factory: pytest.TempPathFactory) -> tuple[HandedOver, RecordStore]:
    folder = tmp_path_factory.mktemp("province")
    made = hand_over(
        enterprises=2_000, seed=5, out=folder / "simulated", start=date(2019, 7, 1), on=date(2025, 7, 1),
        end=date(2025, 10, 31),
    )  # fmt: skip
    store = RecordStore(folder / "store")
    ingest(store, "simulated", sorted((folder / "simulated" / "records").glob("*.parquet")))
    return made, store


def test_a_world_reads_its_records_as_a_store_would(
    province: tuple[HandedOver, RecordStore], tmp_path: Path
) -> None:
    handed, store = province
    who = np.flatnonzero(handed.months[0].alive)[:400]
    visits = Visits(who, 0, np.full(len(who), "random"), np.full(len(who), 0.1))
    rows = InspectedProvince(handed).hold(0, [visits])
    own = OwnRecords(ProvinceRecords(store))
    own.add(new_rows(rows))

    # The same rows, loaded into a store of their own beside those of the province.
    loaded = RecordStore(tmp_path / "store")
    names = ("inspection", "penalty", "abnormal_list", "serious_violation_list")
    for load, tables in (
        ("province", {n: store.snapshot().read(n) for n in (*names, "credit_repair")}),
        ("own", rows),
    ):
        loaded.load(
            {name: _to_load(name, table) for name, table in tables.items() if name != "finding"},
            load_id=load,
            source="test",
        )
    for name in names:
        expected = loaded.snapshot().read(name)
        found = own.read(name)
        assert found.select(expected.schema.names).equals(expected), name
        codes = expected["credit_code"].unique().to_pylist()
        low, high = codes[len(codes) // 3], codes[2 * len(codes) // 3]
        part = own.read(name, columns=["credit_code", "event_date"], codes=(low, high))
        assert part.equals(loaded.snapshot().read(name, ["credit_code", "event_date"], (low, high)))


def _to_load(name: str, rows: pa.Table) -> pa.Table:
    schema = TABLES[name].arrow_schema
    lines = pa.array(range(rows.num_rows), pa.int64())
    columns = {column: rows[column] for column in schema.names}
    return pa.table(
        {**columns, "source_line": lines}, schema=schema.append(pa.field("source_line", pa.int64()))
    )


def test_what_is_recorded_later_is_not_known(province: tuple[HandedOver, RecordStore]) -> None:
    handed, store = province
    own = OwnRecords(ProvinceRecords(store))
    who = np.flatnonzero(handed.months[0].alive)[:200]
    visits = Visits(who, 0, np.full(len(who), "random"), np.full(len(who), 0.1))
    own.add(new_rows(InspectedProvince(handed).hold(0, [visits])))
    until = date(2025, 7, 20)
    known = own.as_known(until).read("inspection")
    assert 0 < known.num_rows < own.read("inspection").num_rows
    assert max(known["recorded_at"].to_pylist()) <= until


@pytest.mark.long
def test_ways_plan_in_worlds_of_their_own(province: tuple[HandedOver, RecordStore]) -> None:
    handed, store = province
    setting = Setting(handed, ProvinceRecords(store), {"general": 0.03}, 2, 5)
    ways = (OURS, UNIFORM, BEST)
    dates = [f"{year}-{month}-01" for year in (2023, 2024) for month in ("01", "07")]
    found = run_ways(setting, ways, 4, dates, lambda _: None)
    assert set(found) == {way.name for way in ways}
    for tallies in found.values():
        assert [t.month for t in tallies] == ["2025-07", "2025-08", "2025-09", "2025-10"]
        assert len({t.planned for t in tallies}) == 1
        told = kept(tallies)
        assert told["annual cap"] == told["no repeat"] == told["statutory minima not kept"] == 0
    expected = {name: sum(t.expected for t in tallies) for name, tallies in found.items()}
    assert expected[UNIFORM.name] < expected[OURS.name]
    assert expected[UNIFORM.name] < expected[BEST.name]


def tally(month: str, seed: int, *, count: int = 400, size: int = 60) -> Tally:
    """Return a month of a plan that draws the risky more often, with truth at hand."""
    rng = np.random.default_rng(seed)
    chance = rng.beta(1, 6, count)
    shares = inclusion_shares(0.05 + chance, size)
    randomness = Randomness(month, "general", month)
    start = randomness.start()
    drawn = systematic_draw(shares, randomness.keys(count), start)
    problem = rng.random(count) < chance
    return Tally(
        month, "general", size, 0, 0, int(problem[drawn].sum()), float(chance[drawn].sum()), 0,
        {"annual cap": 0, "no repeat": 0, "statutory before the cap": 0}, shares / GRID, drawn, problem,
    )  # fmt: skip


def test_the_evaluation_sees_no_bias_where_there_is_none_and_one_where_there_is() -> None:
    months = [tally(f"2025-{m:02d}", m) for m in range(1, 13)]
    told = evaluation(months, 100)
    assert all(abs(told[name]["z"]) < 3.3 for name in ("findings", "prevalence", "redraws"))
    assert told["prevalence"]["among the drawn, unweighted"] > 1.2 * told["prevalence"]["true"]
    assert told["redraws"]["stated error over actual"] == pytest.approx(1, abs=0.2)
    rng = np.random.default_rng(1)
    for month in months:
        # Whoever has a problem is looked at more often than the chances say.
        first = np.argsort(-(month.problem + 2 * rng.random(len(month.problem))))[:60]
        month.drawn = np.isin(np.arange(len(month.problem)), first)
    assert evaluation(months, 2)["findings"]["z"] > 3.3


def test_gains_are_shares_of_the_best_gain() -> None:
    def found(numbers: list[int]) -> list[Tally]:
        made = [tally(f"2025-{m:02d}", m) for m in range(1, 1 + len(numbers))]
        for one, number in zip(made, numbers, strict=True):
            one.found, one.sector = number, "general"
        return made

    effort = QUICK.__class__(**{**QUICK.__dict__, "ways": (OURS, UNIFORM, BEST)})
    table = comparison(
        [{OURS.name: found([9, 10, 11]), UNIFORM.name: found([4, 5, 6]), BEST.name: found([14, 15, 16])}],
        "found",
        effort,
    )
    gain = table["general"][OURS.name]["of the best attainable gain"]
    assert gain["value"] == gain["low"] == gain["high"] == 0.5
    assert table["all sectors"][UNIFORM.name]["of the best attainable gain"]["value"] == 0


def test_a_plan_of_some_thousands_is_timed_by_stage() -> None:
    told = timed(3_000, lambda _: None)
    assert told["selected"] == 150
    assert set(told["seconds by stage"]) >= {"inclusion probabilities", "draw", "whole plan"}
    assert frame(100)["credit_code"].is_unique
    assert joint(30, 12, 5_000)["pairs never drawn together"] == 0


def test_wrong_probabilities_are_seen() -> None:
    rng = np.random.default_rng(3)
    chance = rng.uniform(0.01, 0.6, 2_000)
    draws = 150
    counts = rng.binomial(draws, chance)
    assert (
        min(compared(chance, counts, draws)["chi square p"], compared(chance, counts, draws)["KS p"]) > 0.001
    )
    wrong = compared(np.clip(chance * np.where(chance > 0.3, 1.08, 0.92), 0, 0.99), counts, draws)
    assert max(wrong["chi square p"], wrong["KS p"]) < 0.001


def test_the_full_run_counts_more_than_the_quick_one() -> None:
    assert FULL.enterprises > QUICK.enterprises
    assert FULL.scale == 1_000_000
    assert {OURS, UNIFORM, BEST} <= set(QUICK.ways) <= set(FULL.ways)
