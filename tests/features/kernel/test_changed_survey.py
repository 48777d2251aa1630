"""A survey in which some enterprises tell something else is that of the records as they are."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from features.definitions import LIBRARY
from features.kernel import ChangedContext, ChangedSurvey, Context, Neighbours, Plan, reconnected
from features.kernel.survey import TIES, changed_rows, hashed, rows_with, shared
from features.runners.ranges import cut
from features.runners.threads import Threads
from features.runners.work import compute_range, dates_of, known, survey_all, survey_range
from tests.features.records_at_random import Tables, day, pairs_of, random_records

CODES = [f"E{number:02d}" for number in range(40)]
DATES = [day(900)]
PLAN = Plan(feature for feature in LIBRARY if feature.across is not None)


def province(seed: int) -> dict[str, pa.Table]:
    return random_records(np.random.default_rng(seed), CODES, 400)


def of(tables: dict[str, pa.Table], codes: list[str]) -> dict[str, pa.Table]:
    chosen = pa.array(codes)
    return {n: t.filter(pc.is_in(t["credit_code"], value_set=chosen)) for n, t in tables.items()}


def mixed(
    old: dict[str, pa.Table], new: dict[str, pa.Table], changed: list[str], mark: str = "other"
) -> dict[str, pa.Table]:
    """Return records of which those of some enterprises are others."""
    rest = of(old, [code for code in CODES if code not in changed])
    order = [(name, "ascending") for name in ("credit_code", "event_date", "recorded_at", "record_id")]
    others = {name: renamed(table, mark) for name, table in of(new, changed).items()}
    return {name: pa.concat_tables([table, others[name]]).sort_by(order) for name, table in rest.items()}


def renamed(table: pa.Table, mark: str) -> pa.Table:
    """Return records under numbers of their own: one record is of one enterprise."""
    for name in ("record_id", "target_record_id"):
        if name in table.column_names:
            place = table.schema.get_field_index(name)
            apart = pc.binary_join_element_wise(mark, table[name], ":")
            table = table.set_column(place, table.schema.field(place), apart)
    return table


@pytest.mark.parametrize("seed", range(6))
def test_some_tell_something_else(seed: int, tmp_path: Path) -> None:
    """In three steps, each upon what the step before has written."""
    dates = dates_of(pairs_of(CODES, DATES))
    assert PLAN.beyond is not None
    records = province(10 * seed)
    at_first = survey_all(Threads(Tables(records)), pa.array(CODES), PLAN.beyond, dates)
    at_first.save(tmp_path / "0")
    untouched = (tmp_path / "0" / "ties.parquet").read_bytes()
    for step in (1, 2, 3):
        rng = np.random.default_rng(100 * seed + step)
        changed = sorted(rng.choice(CODES, 1 if step < 3 else 15, replace=False).tolist())
        now = mixed(records, province(10 * seed + step), changed, f"step {step}")
        before, after = (
            survey_range(Tables(of(one, changed)), (PLAN.beyond, dates), pa.array(changed))
            for one in (records, now)
        )
        told = ChangedSurvey.load(tmp_path / str(step - 1)).changed(before, after)
        told.save(tmp_path / str(step))
        again = ChangedSurvey.load(tmp_path / str(step))
        expected = survey_all(Threads(Tables(now)), pa.array(CODES), PLAN.beyond, dates)
        for one in (told, again):
            found = known(Context(expected.fingerprint, dates, one.whole()))
            for name in ("rates", "ties", "events"):
                assert getattr(found.survey, name).equals(getattr(known(expected).survey, name)), name
        for name, column in (("ties", "hub"), ("events", "code")):
            rows = getattr(expected.survey, name)
            some = pc.unique(rows[column]).slice(3, 20)
            theirs = getattr(again, f"{name}_of")(some)
            assert changed_rows(theirs, rows_with(rows, column, some)).num_rows == 0
            assert theirs.num_rows
        records = now
    assert (tmp_path / "0" / "ties.parquet").read_bytes() == untouched
    inodes = [(tmp_path / step / "ties.parquet").stat().st_ino for step in "0123"]
    assert inodes[0] == inodes[1]
    # With a third of them changed a file is written anew.
    assert inodes[3] != inodes[0]
    assert changed_rows(before.events, after.events).num_rows > 0
    assert changed_rows(before.ties, before.ties).num_rows == 0


def test_what_was_never_told_cannot_be_taken_back(tmp_path: Path) -> None:
    dates = dates_of(pairs_of(CODES, DATES))
    assert PLAN.beyond is not None
    some = survey_all(Threads(Tables(of(province(1), CODES[:20]))), pa.array(CODES), PLAN.beyond, dates)
    others = survey_range(Tables(of(province(1), CODES[20:])), (PLAN.beyond, dates), pa.array(CODES[20:]))
    some.save(tmp_path)
    told = ChangedSurvey.load(tmp_path).changed(others, replace(others, ties=TIES.empty_table()))
    with pytest.raises(ValueError, match="the survey of all lacks"):
        told.whole()


@pytest.mark.parametrize("seed", range(20))
def test_who_is_tied_to_whom_is_put_right_where_something_changed(seed: int, tmp_path: Path) -> None:
    """Without sorting everybody: row for row what connecting all of them gives, on disk, too."""
    changed = sorted(np.random.default_rng(seed).choice(CODES, 1 + seed % 7, replace=False).tolist())
    old = province(2 * seed)
    # Few others, so that hubs lose their last tie and get their first.
    old = of(old, CODES[: 12 + seed]) if seed % 2 else old
    new = mixed(old, province(2 * seed + 1), changed)
    dates = dates_of(pairs_of(CODES, DATES))
    assert PLAN.beyond is not None
    whole, after = (
        survey_all(Threads(Tables(one)), pa.array(CODES), PLAN.beyond, dates) for one in (old, new)
    )
    before = known(whole)
    ties, events = (
        changed_rows(getattr(whole.survey, name), getattr(after.survey, name)) for name in ("ties", "events")
    )
    assert ties.num_rows
    expected = known(after).survey
    of_hubs = shared(rows_with(after.survey.ties, "hub", pc.unique(ties["hub"])))
    reached = np.unique(np.concatenate([one["code"].to_numpy() for one in (ties, events, of_hubs)]))
    near = before.around(before.near(reached))
    for known_of in (before, near):
        again = reconnected(
            known_of.survey, of_hubs, ties, events, partial(rows_with, after.survey.events, "code")
        )
        found = again.of(before.survey, after.survey.rates, after.survey.tables)
        for name in ("rates", "ties", "events"):
            assert getattr(found, name).equals(getattr(expected, name)), name
    before.save(tmp_path / "before")
    ChangedContext.upon(tmp_path / "before", after.survey.rates, after.survey.tables, again).save(
        tmp_path / "after"
    )
    loaded = Context.load(tmp_path / "after")
    for name in ("rates", "ties", "events"):
        assert getattr(loaded.survey, name).equals(getattr(expected, name)), name
    nothing = reconnected(
        before.survey,
        *(one.slice(0, 0) for one in (ties, ties, events)),
        partial(rows_with, whole.survey.events, "code"),
    )
    unchanged = nothing.of(before.survey, whole.survey.rates, whole.survey.tables)
    for name in ("rates", "ties", "events"):
        assert getattr(unchanged, name).equals(getattr(before.survey, name)), name
    # Told again to no end it is the same files, byte for byte.
    survey, same = whole.survey, tmp_path / "same"
    ChangedContext.upon(tmp_path / "before", survey.rates, survey.tables, nothing).save(same)
    written = [
        {file.name: file.read_bytes() for file in one.iterdir()} for one in (same, tmp_path / "before")
    ]
    assert written[0] == written[1]


@pytest.mark.parametrize("seed", range(4))
def test_ties_and_events_of_some_tables_are_those_of_all(seed: int) -> None:
    dates = dates_of(pairs_of(CODES, DATES))
    assert PLAN.beyond is not None
    tables = province(seed)
    whole = survey_range(Tables(tables), (PLAN.beyond, dates), pa.array(CODES))
    apart = [
        survey_range(Tables(tables), (PLAN.beyond, dates), pa.array(CODES), frozenset([name]))
        for name in tables
    ]
    for name in ("ties", "events"):
        together = pa.concat_tables([getattr(one, name) for one in apart])
        assert changed_rows(together, getattr(whole, name)).num_rows == 0, name
        assert together.num_rows > 0, name
    assert not sum(one.rates.num_rows for one in apart)


@pytest.mark.parametrize("seed", range(4))
def test_what_is_known_around_some_is_enough_for_them(seed: int) -> None:
    tables, dates = province(seed), dates_of(pairs_of(CODES, DATES))
    assert PLAN.beyond is not None
    context = known(survey_all(Threads(Tables(tables)), pa.array(CODES), PLAN.beyond, dates))
    some = CODES[seed::9]
    around = context.around(hashed(pa.array(some)))
    assert around.survey.ties.num_rows < context.survey.ties.num_rows
    (part,) = cut(pairs_of(some, DATES))
    found, expected = (compute_range(Tables(tables), (PLAN, one), part) for one in (around, context))
    for name in PLAN.names:
        np.testing.assert_array_equal(found[name].to_numpy(), expected[name].to_numpy())


def test_ties_are_looked_through_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    dates = dates_of(pairs_of(CODES, DATES))
    assert PLAN.beyond is not None
    whole = survey_all(Threads(Tables(province(3))), pa.array(CODES), PLAN.beyond, dates)
    at_once = known(whole)
    surveys = import_module("features.kernel.survey")
    monkeypatch.setattr(surveys, "_TIES_AT_ONCE", 7)
    monkeypatch.setattr(surveys, "_MERGED_AT_ONCE", 2)
    in_parts = known(survey_all(Threads(Tables(province(3))), pa.array(CODES), PLAN.beyond, dates, 5))
    assert whole.survey.ties.num_rows > 50
    for name in ("rates", "ties", "events"):
        assert getattr(in_parts.survey, name).equals(getattr(at_once.survey, name)), name


def test_rates_are_computed_again_without_the_records() -> None:
    """From what is kept of an enterprise, and another context, come the rates that its records give there."""
    old, new = province(8), province(9)
    dates = dates_of(pairs_of(CODES, DATES))
    assert PLAN.beyond is not None
    kept, contexts = [], []
    for one in (old, new):
        contexts.append(known(survey_all(Threads(Tables(one)), pa.array(CODES), PLAN.beyond, dates)))
    (part,) = cut(pairs_of(CODES, DATES))
    seen: list[Neighbours] = []
    for context in contexts:
        kept.append(compute_range(Tables(old), (PLAN, context), part, seen))
    table = pa.table(seen[0].columns(PLAN.beyond))
    halves = [Neighbours.from_columns(PLAN.beyond, half) for half in (table.slice(0, 11), table.slice(11))]
    again = Neighbours.together(halves).rates(PLAN.beyond, contexts[1], np.zeros(len(CODES), dtype=np.int64))
    for number, rate in enumerate(PLAN.beyond.rates):
        expected: Any = kept[1][rate.feature].to_numpy()
        np.testing.assert_array_equal(again[number], expected)
    assert any(not kept[0][rate.feature].equals(kept[1][rate.feature]) for rate in PLAN.beyond.rates)


def test_rows_are_found_in_stretches_and_keep_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(5)
    table = pa.table({"code": pa.array(rng.integers(0, 9, 1000), pa.uint64()), "place": np.arange(1000)})
    values = pa.array([2, 7, 99], pa.uint64())
    whole = rows_with(table, "code", values)
    assert 0 < whole.num_rows < 1000
    for stretch in (1, 7, 250, 999):
        monkeypatch.setattr(import_module("features.kernel.survey"), "_ROWS_A_STRETCH", stretch)
        assert rows_with(table, "code", values).equals(whole)
        assert rows_with(table, "code", values.slice(2)).num_rows == 0
