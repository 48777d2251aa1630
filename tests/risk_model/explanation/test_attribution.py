"""The records behind a feature are the very ones that made it: from them alone its value comes back."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.definitions import LIBRARY
from features.definitions.across import Related, Tie
from features.definitions.declaration import Declaration
from features.definitions.kinds import Count, InForce, Overdue, Streak
from features.kernel import Plan, evaluate
from features.records import TABLES
from features.runners.threads import compute, context_of
from risk_model.explanation.evidence.attribution import Made, attribute
from tests.features.declarations_at_random import declarations
from tests.features.records_at_random import DAYS, Tables, day, on_grid, pairs_of, random_records

CODE = "SIM:1"
AT_LENGTH = settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])


def tables_of(rng: np.random.Generator, rows: int = 12) -> dict[str, pa.Table]:
    """Return random records of one enterprise, with their visibility."""
    reader = Tables(random_records(rng, [CODE], rows))
    return {name: reader.read(name) for name in TABLES}


def value_of(plan: Plan, tables: dict[str, pa.Table], as_of: int) -> np.ndarray:
    return evaluate(plan, tables, pa.array([CODE]), np.zeros(1, dtype=np.int64), np.array([as_of]))[0]


def only(made: tuple[Made, ...], tables: dict[str, pa.Table]) -> dict[str, pa.Table]:
    """Return the linked records alone."""
    kept = {part.table: sorted({*part.counted, *part.beside}) for part in made}
    return {name: table.take(pa.array(kept.get(name, []), pa.int64())) for name, table in tables.items()}


@AT_LENGTH
@given(declaration=declarations(), seed=st.integers(0, 2**32 - 1))
def test_the_linked_records_alone_give_the_value_back(declaration: Declaration, seed: int) -> None:
    rng = np.random.default_rng(seed)
    tables = tables_of(rng)
    as_of = on_grid(rng, 300, DAYS + 300)
    today = int(np.datetime64(day(as_of), "D").astype(np.int64))
    for feature in declaration.features():
        plan = Plan([feature])
        made = attribute([feature], tables, CODE, day(as_of))[feature.name]
        expected = value_of(plan, tables, today)
        np.testing.assert_array_equal(value_of(plan, only(made, tables), today), expected)
        counted = sum(len(part.counted) for part in made)
        if isinstance(declaration, (Count, Overdue, Streak)) or type(declaration) is InForce:
            assert counted == expected[0]
        for part in made:
            assert not set(part.counted) & set(part.beside)
            for row in (*part.counted, *part.beside):
                line = tables[part.table].slice(row, 1).to_pylist()[0]
                assert max(line["event_date"], line["recorded_at"]) <= day(as_of) < line["visible_to"]


def test_no_linked_record_of_a_count_can_be_left_out() -> None:
    """A set that is too large would give the value back, too: so each record must matter."""
    rng = np.random.default_rng(5)
    tables = tables_of(rng, rows=30)
    today = int(np.datetime64(day(1800), "D").astype(np.int64))
    tried = 0
    for feature in LIBRARY:
        if feature.across is not None or feature.combination != "value":
            continue
        plan = Plan([feature])
        made = attribute([feature], tables, CODE, day(1800))[feature.name]
        if feature.terms[0].operation not in ("count", "in_force", "overdue", "sum", "decayed"):
            continue
        value = value_of(plan, tables, today)[0]
        for part in made:
            for row in part.counted:
                fewer = tuple(r for r in part.counted if r != row)
                left = value_of(plan, only((Made(part.table, fewer, ()),), tables), today)[0]
                assert left != value, feature.name
                tried += 1
    assert tried > 200


@pytest.mark.parametrize("seed", range(3))
def test_the_whole_library_at_once_and_one_by_one(seed: int) -> None:
    rng = np.random.default_rng(seed)
    tables = tables_of(rng, rows=20)
    together = attribute(LIBRARY, tables, CODE, day(1700))
    today = int(np.datetime64(day(1700), "D").astype(np.int64))
    linked = 0
    for feature in LIBRARY:
        if feature.across is not None:
            continue
        plan = Plan([feature])
        assert together[feature.name] == attribute([feature], tables, CODE, day(1700))[feature.name]
        np.testing.assert_array_equal(
            value_of(plan, only(together[feature.name], tables), today), value_of(plan, tables, today)
        )
        linked += bool(together[feature.name])
    assert linked > len(LIBRARY) / 2


def test_a_table_that_was_never_loaded_links_nothing() -> None:
    tables = tables_of(np.random.default_rng(1))
    del tables["penalty"]
    found = attribute(LIBRARY, tables, CODE, day(1700))
    for feature in LIBRARY:
        assert all(part.table != "penalty" for part in found[feature.name])


@pytest.mark.parametrize("seed", range(4))
def test_ties_are_the_own_records_without_which_nobody_is_tied(seed: int) -> None:
    """Of features across enterprises only the own records are linked: without them the tie is gone."""
    codes = [f"SIM:{number}" for number in range(6)]
    records = random_records(np.random.default_rng(seed), codes, 90, ("enterprise", "relation", "inspection"))
    reader = Tables(records)
    number = next(f for f in LIBRARY if isinstance(f.across, Related) and f.name == "related_enterprises")
    assert number.across is not None
    plan = Plan([number])
    as_of = day(1500)
    pairs = pairs_of(codes, [as_of])
    before = compute(reader, plan, pairs, context=context_of(reader, plan, pairs))[number.name].to_pylist()
    tied = 0
    for place, code in enumerate(codes):
        own = {name: reader.read(name, codes=(code, code)) for name in records}
        made = attribute([number], own, code, as_of)[number.name]
        assert all(not part.counted for part in made)
        rows = {part.table: part.beside for part in made}.get("relation", ())
        assert bool(rows) or before[place] == 0
        tied += bool(rows)
        lines = [own["relation"].slice(row, 1).to_pylist()[0] for row in rows]
        gone = {line["record_id"] for line in lines}
        kept = [line for line in records["relation"].to_pylist() if line["record_id"] not in gone]
        fewer = Tables({**records, "relation": pa.Table.from_pylist(kept, records["relation"].schema)})
        after = compute(fewer, plan, pairs, context=context_of(fewer, plan, pairs))[number.name].to_pylist()
        assert after[place] == 0
        for line in lines:
            assert line["person_key"]
            assert line["kind"] in ("legal_representative", "shareholder")
    assert tied
    assert number.across.tie is Tie.PERSON
