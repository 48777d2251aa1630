"""A province whose inspections others decide: one world, whoever inspects it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from features.errors import InputError
from features.records import TABLES
from features.simulation import simulate
from features.simulation.handover import FOLLOWING, HandedOver, InspectedProvince, Visits, hand_over

START, ON, END = date(2022, 1, 1), date(2024, 1, 1), date(2024, 6, 30)
COUNT = 1_500


@pytest.fixture(scope="module")
def province(tmp_path_factory: pytest.TempPathFactory) -> HandedOver:
    return hand_over(
        enterprises=COUNT, seed=4, out=tmp_path_factory.mktemp("province"), start=START, on=ON, end=END
    )


def visits(who: np.ndarray, domain: int = 0, selection: str = "random") -> Visits:
    return Visits(who, domain, np.full(len(who), selection), np.full(len(who), 0.1))


def test_before_the_handover_it_is_the_same_province(province: HandedOver, tmp_path: Path) -> None:
    simulate(enterprises=COUNT, seed=4, out=tmp_path, start=START, end=END)
    for table in ("inspection", "penalty", "complaint"):
        ours = pq.read_table(province.report.out / "records" / f"{table}.parquet")
        theirs = pq.read_table(tmp_path / "records" / f"{table}.parquet")
        early = [t.filter(pc.less(t["event_date"], "2023-12-31")) for t in (ours, theirs)]
        columns = ["credit_code", "event_date"]
        # Dirt is laid over all months, so only its rows may differ.
        one, other = (set(zip(*(t[c].to_pylist() for c in columns), strict=True)) for t in early)
        assert len(one ^ other) <= 0.02 * len(one) + 20


def test_after_it_only_complaints_are_followed_up(province: HandedOver) -> None:
    rows = pq.read_table(province.report.out / "records" / "inspection.parquet").to_pandas()
    late = rows[rows["event_date"] >= "2024-02-20"]
    assert len(late)
    assert set(late["selection"].dropna()) <= {"complaint", "follow_up"}


def test_what_is_found_does_not_depend_on_who_inspects(province: HandedOver) -> None:
    alive = np.flatnonzero(province.months[0].alive)
    one, other = InspectedProvince(province), InspectedProvince(province)
    first = one.hold(0, [visits(alive[::2])])["inspection"].to_pandas()
    second = other.hold(0, [visits(alive[::3])])["inspection"].to_pandas()
    held = [t[t["kind"] != "recheck"] for t in (first, second)]
    both = held[0].merge(held[1], on="credit_code", suffixes=("", "_other"))
    assert len(both) == len(np.intersect1d(alive[::2], alive[::3]))
    assert (both["outcome"] == both["outcome_other"]).all()
    assert (both["event_date"] == both["event_date_other"]).all()
    problems = held[0]["outcome"].isin(["problem", "severe"])
    place = province.places(pa.array(held[0]["credit_code"].to_list()))
    expected = province.months[0].problem(0)[place]
    assert (problems.to_numpy() == expected).all()


def test_findings_happen_as_often_as_the_truth_says(province: HandedOver) -> None:
    for state in province.months:
        told = state.tells(0) & state.alive
        found, chance = state.problem(0)[told], state.probability(0)[told]
        spread = np.sqrt((chance * (1 - chance)).sum())
        assert abs(found.sum() - chance.sum()) < 4 * spread


def test_the_records_are_canonical_and_linked(province: HandedOver) -> None:
    world = InspectedProvince(province)
    state = province.months[1]
    everybody = np.flatnonzero(state.alive)
    food = np.flatnonzero(state.alive & province.members(1))
    made = world.hold(1, [visits(everybody), visits(food, 1, "full_coverage")])
    assert set(made) == set(FOLLOWING)
    for name, rows in made.items():
        assert rows.schema.equals(TABLES[name].arrow_schema)
    inspections, findings = made["inspection"].to_pandas(), made["finding"].to_pandas()
    assert inspections["record_id"].is_unique
    own = inspections.set_index("record_id")
    linked = own.loc[findings["inspection_id"]]
    assert (linked["credit_code"].to_numpy() == findings["credit_code"].to_numpy()).all()
    assert (linked["event_date"].to_numpy() == findings["event_date"].to_numpy()).all()
    full = inspections[inspections["selection"] == "full_coverage"]
    assert full["full_item"].all()
    assert len(made["penalty"]) > 0
    written = pq.read_table(province.report.out / "records" / "inspection.parquet")["record_id"].to_pylist()
    assert not set(written) & set(inspections["record_id"])


def test_the_gone_are_met_as_gone(province: HandedOver) -> None:
    gone = np.flatnonzero(~province.months[0].alive & (province.population.born < 0))
    rows = InspectedProvince(province).hold(0, [visits(gone)])["inspection"].to_pandas()
    assert set(rows["outcome"]) == {"censored"}


def test_what_cannot_be_inspected_is_refused(province: HandedOver) -> None:
    outside = np.flatnonzero(~province.members(1))[:3]
    with pytest.raises(InputError, match="outside food"):
        InspectedProvince(province).hold(0, [visits(outside, 1)])
    with pytest.raises(InputError, match="twice"):
        InspectedProvince(province).hold(0, [visits(np.array([1, 1]))])


def test_a_handover_within_a_month_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="first day"):
        hand_over(enterprises=200, seed=1, out=tmp_path, start=START, on=date(2024, 1, 2), end=END)
