"""The kernel against an oracle in SQL, on generated declarations and on the whole library."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.definitions import LIBRARY, Feature
from features.definitions.declaration import Declaration
from features.kernel import Plan, evaluate
from features.records import TABLES
from tests.features.declarations_at_random import declarations
from tests.features.records_at_random import DAYS, GRID, day, random_records, with_visibility
from tests.features.sql_oracle import Oracle

CODES = ["A1", "A2", "A3", "A4", "no-records"]
OWN = [feature for feature in LIBRARY if feature.across is None]


def values(features: list[Feature], records: dict[str, pa.Table], dates: list[int]) -> np.ndarray:
    """Return the kernel's values of every code at every date."""
    enterprise = np.repeat(np.arange(len(CODES)), len(dates))
    as_of = np.array([(day(number) - day(0)).days for number in dates])
    as_of = as_of + np.datetime64(day(0), "D").astype(np.int64)
    return evaluate(Plan(features), records, pa.array(sorted(CODES)), enterprise, np.tile(as_of, len(CODES)))


def compare(features: list[Feature], records: dict[str, pa.Table], dates: list[int]) -> None:
    """Assert that the kernel and the oracle agree."""
    found = values(features, records, dates)
    with Oracle(records, sorted(CODES), [day(number) for number in dates]) as oracle:
        for i, feature in enumerate(features):
            expected = np.array(oracle.feature(feature))
            np.testing.assert_allclose(found[:, i], expected, rtol=1e-12, atol=0, err_msg=feature.meaning)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(declarations(), min_size=1, max_size=4),
    st.integers(0, 2**32),
    st.lists(st.integers(1, DAYS // GRID + 4), min_size=1, max_size=3, unique=True),
)
def test_generated_declarations(found: list[Declaration], seed: int, dates: list[int]) -> None:
    features = [feature for declaration in found for feature in declaration.features()]
    needed = {table for feature in features for table in feature.tables} | {"credit_repair"}
    records = random_records(np.random.default_rng(seed), CODES[:-1], 25, sorted(needed))
    compare(features, with_visibility(records), [number * GRID for number in sorted(dates)])


@pytest.mark.parametrize("seed", range(3))
def test_the_library(seed: int) -> None:
    records = random_records(np.random.default_rng(seed), CODES[:-1], 60)
    compare(OWN, with_visibility(records), [4 * GRID, 12 * GRID, 20 * GRID + 1, 30 * GRID])


def test_no_feature_of_the_library_is_always_the_same() -> None:
    """Else the comparison above would say nothing of it."""
    dates = list(range(200, DAYS, 150))
    found = np.concatenate(
        [
            values(OWN, with_visibility(random_records(np.random.default_rng(0), CODES[:-1], rows)), dates)
            for rows in (20, 600)
        ]
    )
    for i, feature in enumerate(OWN):
        known = found[:, i][~np.isnan(found[:, i])]
        assert len(np.unique(known)) > 1, feature.name


def test_a_table_that_is_not_there_gives_missing_values_and_an_empty_one_zeros() -> None:
    empty = with_visibility({name: table.arrow_schema.empty_table() for name, table in TABLES.items()})
    counts = [feature for feature in OWN if feature.unit == "count"]
    assert not values(counts, empty, [1000]).any()
    del empty["inspection"]
    found = values(OWN, empty, [1000])
    for i, feature in enumerate(OWN):
        if "inspection" in feature.tables:
            assert np.isnan(found[:, i]).all(), feature.name
