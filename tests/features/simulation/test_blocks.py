"""A large province is simulated block by block, and is one province."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from features.records import TABLES
from features.simulation import Parameters, blocks, simulate

PERIOD = {"start": date(2021, 1, 1), "end": date(2023, 12, 31)}
BLOCK, ENTERPRISES = 2_000, 5_200


@pytest.fixture(scope="module")
def provinces(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return a province of three blocks, and one that is the first of them."""
    folder = tmp_path_factory.mktemp("blocks")
    # Districts that differ much, so that few enterprises show it.
    parameters = Parameters(districts=6)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "ENTERPRISES", BLOCK)
        simulate(enterprises=ENTERPRISES, seed=3, out=folder / "large", parameters=parameters, **PERIOD)
        simulate(enterprises=BLOCK, seed=3, out=folder / "small", parameters=parameters, **PERIOD)
    return folder / "large", folder / "small"


def table(folder: Path, name: str) -> pa.Table:
    return pq.read_table(folder / "records" / f"{name}.parquet")


@pytest.mark.parametrize("name", [*TABLES, "truth"])
def test_the_first_block_is_the_province_of_its_size(provinces: tuple[Path, Path], name: str) -> None:
    large, small = (
        pq.read_table(folder / "truth.parquet") if name == "truth" else table(folder, name)
        for folder in provinces
    )
    assert large.num_rows > small.num_rows > 0
    assert large.slice(0, small.num_rows).equals(small)


def test_no_number_is_given_out_twice(provinces: tuple[Path, Path]) -> None:
    large, _ = provinces
    truth = pq.read_table(large / "truth.parquet", columns=["credit_code", "as_of"])
    assert truth.group_by(truth.column_names).aggregate([]).num_rows == truth.num_rows
    registered = table(large, "enterprise")
    assert pc.count_distinct(registered["credit_code"]).as_py() >= ENTERPRISES
    for name in TABLES:
        rows = table(large, name).select(["record_id", "credit_code"]).drop_null()
        owners = rows.group_by("record_id").aggregate([("credit_code", "count_distinct")])
        # A record belongs to one enterprise; versions and exact duplicates have its number again.
        assert pc.max(owners["credit_code_count_distinct"]).as_py() == 1, name
    units = table(large, "equipment").select(["equipment_id", "credit_code", "record_id"]).drop_null()
    lifts = units.filter(pc.equal(pc.binary_length(units["credit_code"]), 18))
    records = lifts.group_by("equipment_id").aggregate([("record_id", "count_distinct")])
    # A spoilt copy of a row has a number of its own.
    assert np.quantile(records["record_id_count_distinct"].to_numpy(), 0.95) == 1


def test_relations_hold_within_the_province(provinces: tuple[Path, Path]) -> None:
    large, _ = provinces
    relations, registered = table(large, "relation"), table(large, "enterprise")
    known = pc.unique(registered["credit_code"])
    targets = relations["related_code"].drop_null()
    assert len(targets) > 100
    assert pc.all(pc.is_in(targets, value_set=known)).as_py()
    block = dict(zip(registered["credit_code"].to_pylist(), _blocks(large), strict=True))
    persons = relations.select(["person_key", "credit_code"]).drop_null().to_pylist()
    of_person: dict[str, set[int]] = {}
    for row in persons:
        of_person.setdefault(row["person_key"], set()).add(block.get(row["credit_code"], -1))
    shared = [found - {-1} for found in of_person.values()]
    assert max(map(len, shared)) == 1


def _blocks(folder: Path) -> list[int]:
    """Return the block of each registration: row groups are of one block."""
    metadata = pq.read_metadata(folder / "records" / "enterprise.parquet")
    groups = [metadata.row_group(place).num_rows for place in range(metadata.num_row_groups)]
    assert len(groups) == 3
    return np.repeat(np.arange(3), groups).tolist()


def test_districts_are_those_of_the_whole_province(provinces: tuple[Path, Path]) -> None:
    large, small = provinces
    truth = pq.read_table(large / "truth.parquet", columns=["credit_code", "p_general"])
    count = pq.read_metadata(small / "truth.parquet").num_rows
    frame = truth.to_pandas().assign(district=lambda rows: rows["credit_code"].str[2:8])
    first, others = (
        part.groupby("district")["p_general"].mean() for part in (frame.iloc[:count], frame.iloc[count:])
    )
    assert np.corrcoef(first, others)[0, 1] > 0.6
    assert abs(first.mean() - others.mean()) < 0.01


def test_the_report_adds_up_what_all_blocks_wrote(provinces: tuple[Path, Path]) -> None:
    large, _ = provinces
    told = json.loads((large / "simulation.json").read_text())
    assert told["enterprises"] == ENTERPRISES
    assert told["rows"] == {name: table(large, name).num_rows for name in TABLES}
    assert told["truth_rows"] == pq.read_metadata(large / "truth.parquet").num_rows


def test_a_small_rest_is_no_block_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "ENTERPRISES", 10_000)
    assert blocks.sizes(30_500) == [10_000, 10_000, 10_500]
    assert blocks.sizes(31_000) == [10_000, 10_000, 10_000, 1_000]
    assert blocks.sizes(100) == [100]
