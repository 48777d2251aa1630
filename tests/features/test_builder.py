"""The scikit-learn face."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from features.builder import FeatureBuilder
from features.definitions import LIBRARY
from features.errors import InputError
from features.runners import compute
from features.store import RecordStore
from tests.features.records_at_random import day, pairs_of, random_records

CODES = [f"A{number:02d}" for number in range(12)]
NAMES = ["penalties_3y", "days_since_inspection", "related_enterprises"]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> RecordStore:
    store = RecordStore(tmp_path_factory.mktemp("store"))
    tables = ["enterprise", "penalty", "inspection", "relation"]
    records = random_records(np.random.default_rng(1), CODES, 40, tables)
    sourced = {n: t.append_column("source_line", pa.array(np.arange(t.num_rows))) for n, t in records.items()}
    store.load(sourced, load_id="load", source="test")
    return store


@pytest.fixture(scope="module")
def pairs() -> pd.DataFrame:
    frame = pairs_of(CODES, [day(900), day(1800)]).to_pandas()
    frame = frame.sample(frac=1, random_state=3)
    return frame.assign(as_of=pd.to_datetime(frame["as_of"]))


def test_rows_keep_their_order_and_index(store: RecordStore, pairs: pd.DataFrame) -> None:
    found = FeatureBuilder(store.root, features=NAMES).fit_transform(pairs)
    assert list(found.columns) == NAMES
    pd.testing.assert_index_equal(found.index, pairs.index)
    plan = FeatureBuilder(store.root, features=NAMES).fit(pairs).plan_
    expected = compute(store.snapshot(), plan, pairs_of(CODES, [day(900), day(1800)])).to_pandas()
    expected = expected.loc[pairs.index, NAMES]
    pd.testing.assert_frame_equal(found, expected, check_exact=True)
    twice = pd.concat([pairs, pairs]).reset_index(drop=True)
    again = FeatureBuilder(store.root, features=NAMES).fit_transform(twice)
    np.testing.assert_array_equal(again.to_numpy()[: len(pairs)], found.to_numpy())
    np.testing.assert_array_equal(again.to_numpy()[len(pairs) :], found.to_numpy())


def test_arrow_in_and_out(store: RecordStore) -> None:
    table = pairs_of(CODES, [day(900)])
    builder = FeatureBuilder(store.root, features=NAMES).fit(table)
    found = builder.transform_arrow(table)
    assert found.column_names == NAMES
    np.testing.assert_array_equal(builder.transform(table).to_numpy(), found.to_pandas().to_numpy())


def test_names_parameters_clones_and_copies(store: RecordStore, pairs: pd.DataFrame) -> None:
    builder = FeatureBuilder(store.root, sectors=("food",))
    with pytest.raises(NotFittedError):
        builder.get_feature_names_out()
    builder.fit(pairs)
    assert list(builder.get_feature_names_out()) == [f.name for f in LIBRARY.of_sector("food")]
    copy = clone(builder)
    assert copy.get_params() == builder.get_params()
    assert not hasattr(copy, "plan_")
    # What joblib does to send it to another process.
    sent: Any = pickle.loads(pickle.dumps(builder))
    pd.testing.assert_frame_equal(sent.transform(pairs), builder.transform(pairs), check_exact=True)


def test_it_reads_the_snapshot_of_its_fit(tmp_path: Any, pairs: pd.DataFrame) -> None:
    store = RecordStore(tmp_path)
    rng = np.random.default_rng(5)
    for load in range(2):
        table = random_records(rng, CODES, 60, ["penalty"])["penalty"]
        identifiers = pa.array([f"{load}-{i}" for i in range(table.num_rows)])
        table = table.set_column(table.column_names.index("record_id"), "record_id", identifiers)
        table = table.append_column("source_line", pa.array(np.arange(table.num_rows)))
        store.load({"penalty": table}, load_id=str(load), source="test")
        if load == 0:
            builder = FeatureBuilder(store.root, features=["penalties_3y"]).fit(pairs)
            before = builder.transform(pairs)
    pd.testing.assert_frame_equal(builder.transform(pairs), before)
    assert not FeatureBuilder(store.root, features=["penalties_3y"]).fit_transform(pairs).equals(before)


def test_in_a_pipeline(store: RecordStore, pairs: pd.DataFrame) -> None:
    label = np.arange(len(pairs)) % 2
    pipeline = make_pipeline(
        FeatureBuilder(store.root, features=NAMES),
        FunctionTransformer(feature_names_out="one-to-one"),
        HistGradientBoostingClassifier(max_iter=3, min_samples_leaf=1),
    )
    pipeline.fit(pairs, label)
    assert pipeline.predict_proba(pairs).shape == (len(pairs), 2)
    assert list(pipeline[:-1].get_feature_names_out()) == NAMES
    polars = FeatureBuilder(store.root, features=NAMES).set_output(transform="polars").fit_transform(pairs)
    assert polars.columns == NAMES


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"features": ["no_such"]}, "there is no feature 'no_such'"),
        ({"sectors": ("drugs",)}, "there is no sector 'drugs'"),
        ({"snapshot": 99}, "99"),
    ],
)
def test_errors_at_fit(store: RecordStore, pairs: pd.DataFrame, change: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        FeatureBuilder(store.root, **change).fit(pairs)


def test_pairs_that_are_none(store: RecordStore, pairs: pd.DataFrame) -> None:
    builder = FeatureBuilder(store.root, features=NAMES)
    with pytest.raises(InputError, match="no column 'as_of'"):
        builder.fit(pairs.drop(columns="as_of"))
    with pytest.raises(InputError, match="no enterprise or no date"):
        builder.fit(pairs.assign(as_of=pd.NaT))
