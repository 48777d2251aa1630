"""A classification that was killed goes on, and gives what an uninterrupted one gives; so do clusters."""

from __future__ import annotations

import pickle
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from filelock import FileLock

from features.errors import InputError
from features.runners import scheduler_of
from features.runners.dask import local_cluster
from risk_model.classification import ModelVersion, classify
from risk_model.publication import Publication, PublicationWriter, layout
from risk_model.shipping import Fleet

AS_OF = date(2025, 12, 31)
SHARD = 300


@pytest.fixture(scope="module")
def models(trainings: Any) -> dict[str, ModelVersion]:
    return {name: ModelVersion(trainings.models[name], "1") for name in ("general", "food")}


@pytest.fixture(scope="module")
def whole(
    trainings: Any, models: dict[str, ModelVersion], tmp_path_factory: pytest.TempPathFactory
) -> Publication:
    return classify(
        trainings.snapshot, models, AS_OF, tmp_path_factory.mktemp("whole") / "published", shard=SHARD
    )


def same(found: Publication, expected: Publication) -> None:
    """Assert that two classifications say the same, whenever they were made."""
    told, wanted = (dict(p.document) for p in (found, expected))
    for varies in ("created_at", "previous"):
        del told[varies], wanted[varies]
    assert told == wanted
    assert found.rows().equals(expected.rows())
    pd.testing.assert_frame_equal(found.features_table().to_pandas(), expected.features_table().to_pandas())
    for model in found.models:
        assert found.contributions_table(model).equals(expected.contributions_table(model))


def test_the_size_of_the_shards_changes_nothing_but_the_shards(
    whole: Publication, trainings: Any, models: dict[str, ModelVersion], tmp_path: Path
) -> None:
    other = classify(trainings.snapshot, models, AS_OF, tmp_path, shard=170)
    assert len(other.document["shards"]) > len(whole.document["shards"]) > 3
    assert other.rows().equals(whole.rows())
    for model in whole.models:
        assert other.contributions_table(model).equals(whole.contributions_table(model))


def test_what_was_stopped_goes_on(
    whole: Publication,
    trainings: Any,
    models: dict[str, ModelVersion],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    earlier = classify(trainings.snapshot, models, date(2025, 11, 30), tmp_path, shard=1000)
    written: list[str] = []
    kept = PublicationWriter.take

    def counting(self: Any, one: Any) -> None:
        if len(written) == 2:
            raise KeyboardInterrupt
        written.append(one.facts["first"])
        kept(self, one)

    with monkeypatch.context() as patch:
        patch.setattr(PublicationWriter, "take", counting)
        with pytest.raises(KeyboardInterrupt):
            classify(trainings.snapshot, models, AS_OF, tmp_path, shard=SHARD)
    # What was in force is still in force.
    assert (tmp_path / layout.CURRENT).read_text().strip() == earlier.name
    again: list[str] = []
    seen: list[int] = []

    def noting(self: Any, one: Any) -> None:
        again.append(one.facts["first"])
        kept(self, one)

    monkeypatch.setattr(PublicationWriter, "take", noting)
    found = classify(
        trainings.snapshot, models, AS_OF, tmp_path, shard=SHARD, progress=lambda done, of: seen.append(done)
    )
    same(found, whole)
    assert written + again == [shard["first"] for shard in whole.document["shards"]]
    assert len(seen) == len(again)
    assert seen[-1] == whole.document["enterprises"]


def test_something_else_begins_anew(
    trainings: Any, models: dict[str, ModelVersion], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(self: Any, one: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(PublicationWriter, "take", stopped)
        with pytest.raises(KeyboardInterrupt):
            classify(trainings.snapshot, models, AS_OF, tmp_path)
    assert list(tmp_path.glob(".making-*"))
    classify(trainings.snapshot, {"general": models["general"]}, AS_OF, tmp_path)
    assert not list(tmp_path.glob(".making-*"))


def test_one_at_a_time(trainings: Any, models: dict[str, ModelVersion], tmp_path: Path) -> None:
    tmp_path.mkdir(exist_ok=True)
    with (
        FileLock(tmp_path / ".making.lock"),
        pytest.raises(InputError, match="another classification is being made"),
    ):
        classify(trainings.snapshot, models, AS_OF, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("shards", [0, 2])
def test_a_killed_process_is_gone_on_with(
    whole: Publication, trainings: Any, models: dict[str, ModelVersion], tmp_path: Path, shards: int
) -> None:
    for name, entry in models.items():
        # Read in the order of names, and the general model must come first.
        entry.model.save(tmp_path / "models" / {"general": "0", "food": "1"}[name])
    named = {
        path.name: models[name]
        for path, name in zip(sorted((tmp_path / "models").iterdir()), ("general", "food"), strict=True)
    }
    published = tmp_path / "published"
    script = Path(__file__).parent / "classifying.py"
    arguments = [str(trainings.snapshot.root), str(tmp_path / "models"), str(published), str(shards)]
    done = subprocess.run([sys.executable, str(script), *arguments], check=False, capture_output=True)
    assert done.returncode == -9, done.stderr
    (work,) = published.glob(".making-*/")
    assert len(list(work.glob("*/shard.json"))) >= shards
    assert not (published / layout.CURRENT).exists()
    found = classify(trainings.snapshot, named, AS_OF, published, shard=SHARD)
    assert found.rows().drop(["model"]).equals(whole.rows().drop(["model"]))
    for mine, theirs in zip(named, models, strict=True):
        assert found.contributions_table(mine).equals(whole.contributions_table(theirs))
    assert not list(published.glob(".making-*/"))


def test_models_travel_as_their_files(models: dict[str, ModelVersion]) -> None:
    fleet = Fleet(models)
    arrived = pickle.loads(pickle.dumps(fleet))
    assert arrived.digest == fleet.digest
    assert list(arrived.models) == ["general", "food"]
    assert b"booster.txt" in pickle.dumps(fleet)


@pytest.mark.dask
@pytest.mark.filterwarnings("ignore")
def test_dask_on_two_workers(
    whole: Publication, trainings: Any, models: dict[str, ModelVersion], tmp_path: Path
) -> None:
    from dask.distributed import Client

    from features.runners.dask import Dask
    from features.runners.processes import StoredSnapshot

    with (
        local_cluster(2) as cluster,
        Client(cluster) as client,
    ):
        scheduler = Dask(client, StoredSnapshot.of(trainings.snapshot))
        found = classify(trainings.snapshot, models, AS_OF, tmp_path, shard=SHARD, scheduler=scheduler)
    same(found, whole)


@pytest.mark.spark
@pytest.mark.filterwarnings("ignore")
def test_spark_on_two_executors(
    whole: Publication, trainings: Any, models: dict[str, ModelVersion], tmp_path: Path
) -> None:
    with scheduler_of("spark", trainings.snapshot, "local-cluster[2,1,1024]") as scheduler:
        found = classify(trainings.snapshot, models, AS_OF, tmp_path, shard=SHARD, scheduler=scheduler)
    same(found, whole)
