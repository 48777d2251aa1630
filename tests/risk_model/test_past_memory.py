"""Training on rows that lie on disk gives the same model; on several workers one as good."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from features.errors import InputError
from features.home import Home
from features.runners.dask import local_cluster
from risk_model import dataset as datasets
from risk_model.evaluation.metrics import rank_auc
from risk_model.pipeline import train_models
from risk_model.stored_rows import RowsWriter, StoredRows
from risk_model.training import Training, train


@pytest.fixture
def stored(tmp_path: Path) -> StoredRows:
    """Return 25 rows of 3 features, written in two parts."""
    frame = pd.DataFrame(np.arange(75.0).reshape(25, 3), columns=["a", "b", "c"])
    frame.loc[4, "b"] = np.nan
    frame = frame.assign(label=np.arange(25) % 2, code=[f"E{n}" for n in range(25)])
    with RowsWriter(tmp_path / "rows", ("a", "b", "c")) as writer:
        writer.add(frame.iloc[:10])
        writer.add(frame.iloc[10:])
    return writer.stored()


def test_rows_are_read_as_they_were_written(stored: StoredRows) -> None:
    whole = stored.take(np.arange(25))
    assert whole["code"].tolist() == [f"E{n}" for n in range(25)]
    assert np.isnan(whole.loc[4, "b"])
    chosen = stored.take(np.array([3, 4, 20]))
    pd.testing.assert_frame_equal(chosen, whole.iloc[[3, 4, 20]].reset_index(drop=True))
    assert [len(part) for part in stored.chunks(10)] == [10, 10, 5]


def test_some_columns_of_some_rows(stored: StoredRows) -> None:
    matrix = stored.matrix(["c", "a"])
    odd = matrix[np.arange(25) % 2 == 1]
    again = odd[np.arange(12) >= 6]
    whole = np.vstack([*matrix.chunks(7)])
    assert whole.shape == (25, 2)
    np.testing.assert_array_equal(np.vstack([*odd.chunks(5)]), whole[1::2])
    np.testing.assert_array_equal(again.read(0, len(again)), whole[13::2])
    assert matrix.read(3, 3).shape == (0, 2)


def test_lightgbm_reads_batches(stored: StoredRows) -> None:
    matrix = stored.matrix(["b", "c"])[np.arange(25) >= 5]
    expected = np.arange(75.0).reshape(25, 3)[5:, 1:]
    with matrix.batches() as batches:
        assert len(batches) == 20
        np.testing.assert_array_equal(batches[2:5], expected[2:5])
        np.testing.assert_array_equal(batches[7], expected[7])
        np.testing.assert_array_equal(batches[[1, 19]], expected[[1, 19]])


def same_model(found: Training, expected: Training) -> None:
    mine, theirs = found.model, expected.model
    assert mine.booster is not None
    assert theirs.booster is not None
    assert mine.booster.model_to_string() == theirs.booster.model_to_string()
    assert mine.entry == theirs.entry
    assert mine.calibration == theirs.calibration
    assert mine.cuts == theirs.cuts
    assert found.dataset.windows == expected.dataset.windows


@pytest.mark.parametrize("name", ["general", "food"])
def test_out_of_core_is_the_same_model_bit_for_bit(
    trainings: Any, small: Any, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datasets, "AT_HAND", 200)
    base = None if name == "general" else trainings.general.model
    found = train(trainings.snapshot, small(name), base=base, stored=tmp_path / "rows")
    expected = getattr(trainings, name)
    same_model(found, expected)
    # What is at hand is a choice of the rows that were learned from, with what was found of them unseen.
    mine, whole = found.dataset.part("train"), expected.dataset.part("train")
    assert len(mine) == len(found.unseen) == 200 < len(whole)
    keys = ["credit_code", "as_of"]
    beside = whole.assign(unseen=expected.unseen).merge(
        mine.assign(mine=found.unseen)[[*keys, "mine"]], on=keys, validate="one_to_one"
    )
    assert len(beside) == 200
    np.testing.assert_array_equal(beside["unseen"], beside["mine"])


@pytest.mark.dask
@pytest.mark.filterwarnings("ignore")
def test_two_workers_train_a_model_as_good(trainings: Any, small: Any, tmp_path: Path) -> None:
    from dask.distributed import Client

    from features.runners.dask import Dask
    from features.runners.processes import StoredSnapshot
    from risk_model.distributed import Cluster

    with (
        local_cluster(2) as cluster,
        Client(cluster) as client,
    ):
        for name, base in (("general", None), ("food", trainings.general.model)):
            found = train(
                trainings.snapshot,
                small(name),
                base=base,
                stored=tmp_path / name,
                scheduler=Dask(client, StoredSnapshot.of(trainings.snapshot)),
                cluster=Cluster(client),
            )
            expected = getattr(trainings, name)
            assert found.model.booster is not None
            assert found.model.booster.num_trees() == expected.model.booster.num_trees()
            assert found.model.booster.feature_name() == expected.model.booster.feature_name()
            assert_as_good(found, expected)


def assert_as_good(found: Training, expected: Training) -> None:
    """Assert that the difference of the AUCs out of time is within the interval of a paired bootstrap."""
    test = expected.dataset.part("test")
    pd.testing.assert_frame_equal(
        found.dataset.part("test").reset_index(drop=True), test.reset_index(drop=True)
    )
    label = test["label"].to_numpy()
    mine, theirs = (one.model.margin(one.model.matrix(test)) for one in (found, expected))
    assert np.corrcoef(mine, theirs)[0, 1] > 0.9
    rng = np.random.default_rng(1)
    gains = []
    for _ in range(200):
        rows = rng.integers(0, len(label), len(label))
        gains.append(rank_auc(label[rows], mine[rows]) - rank_auc(label[rows], theirs[rows]))
    low, high = np.quantile(gains, [0.005, 0.995])
    assert low <= 0 <= high or abs(np.mean(gains)) < 0.005


def test_spark_does_not_train(home: Home) -> None:
    with pytest.raises(InputError, match="models cannot be trained by the runner 'spark'"):
        train_models(home, ["general"], runner="spark")


@pytest.mark.dask
@pytest.mark.long
@pytest.mark.filterwarnings("ignore")
def test_the_command_line_trains_past_memory(
    records: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    from typer.testing import CliRunner

    from risk_model.cli import build

    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "store").symlink_to(records.root)
    few = tmp_path / "few.yaml"
    few.write_text("general: {learner: {trees: 30}}")
    answers = []
    for options in ([], ["--out-of-core"], ["--runner", "dask"]):
        asked = ["train", "general", *options, "--profile", str(few)]
        asked += ["--home", str(tmp_path / "home"), "--json"]
        done = CliRunner().invoke(build(), asked)
        assert done.exit_code == 0, done.output
        # Nor do the workers, whose output is this process's.
        assert "LightGBM" not in capfd.readouterr().out
        answers.append(json.loads(done.stdout)[0])
    plain, out_of_core, dask = (one["evaluation"]["metrics"]["roc_auc"] for one in answers)
    assert out_of_core == plain
    assert plain["low"] <= dask["value"] <= plain["high"]
    assert not list((tmp_path / "home" / "runs").glob(".training-*"))
