"""Rates of the neighbourhood as they were published: late records move nobody but whom they tell of."""

from __future__ import annotations

import json
import shutil
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from features.errors import InputError
from features.home import Home
from features.kernel.reconnected import AGAIN
from features.kernel.survey import hashed
from risk_model import classification
from risk_model.classification import classify
from risk_model.pinned_rates import INPUT, named
from risk_model.publication import Publication, layout
from risk_model.scoring import Scorer
from tests.risk_model.late_records import AS_OF, SHARD, Province, late_complaint, same
from tests.risk_model.test_classification import visible_records

LATE_TABLES = (
    "relation",
    "sampling_test",
    "enterprise",
    "penalty",
    "inspection",
    "complaint",
    "licence",
)


class Renewed(NamedTuple):
    """Classifications of a province: before late records, after them, and the latter made anew."""

    province: Province
    base: Publication
    renewed: Publication
    whole: Publication
    late: pa.Array


@pytest.fixture(scope="module")
def base(late_province: Province, tmp_path_factory: pytest.TempPathFactory) -> Publication:
    folder = tmp_path_factory.mktemp("base")
    return classify(late_province.store.snapshot(), late_province.models, AS_OF, folder, shard=SHARD)


@pytest.fixture(scope="module")
def after_late_records(
    late_province: Province, base: Publication, tmp_path_factory: pytest.TempPathFactory
) -> Renewed:
    folder = tmp_path_factory.mktemp("after")
    province = late_province.copied(folder)
    earlier = province.store.snapshot()
    province.store.load(province.late[0], load_id="late", source="test")
    late = province.store.snapshot().added_since(earlier)
    assert late is not None
    mine = moved(base, folder / "published")
    found = [classified(province, mine, before) for before in ([mine], [])]
    return Renewed(province, mine, *found, late)


def moved(publication: Publication, folder: Path) -> Publication:
    """Return a copy of a classification elsewhere."""
    return Publication(Path(shutil.copytree(publication.folder, folder / publication.name)))


def classified(province: Province, mine: Publication, earlier: list[Publication], **more: Any) -> Publication:
    """Classify the records that there are now with the rates of a classification, beside it."""
    return classify(
        province.store.snapshot(),
        province.models,
        AS_OF,
        mine.folder.parent,
        shard=SHARD,
        rates_of=mine,
        earlier=earlier,
        **more,
    )


def test_a_renewed_classification_is_what_a_whole_run_gives(after_late_records: Renewed) -> None:
    found = after_late_records
    assert found.renewed.document["inputs"][INPUT] == found.base.name
    same(found.renewed, found.whole)
    contexts = [one.context() for one in (found.base, found.renewed)]
    assert contexts[0].survey.rates.equals(contexts[1].survey.rates)
    assert not contexts[0].survey.ties.equals(contexts[1].survey.ties)
    found.renewed.check()


def test_nobody_is_moved_by_records_of_others_nearby(after_late_records: Renewed) -> None:
    """Only those with late records, and whoever is tied to one of them, may have another margin."""
    found = after_late_records
    before, after = (one.rows().to_pandas() for one in (found.base, found.renewed))
    both = before.merge(after, on=["credit_code", "model"], how="outer", suffixes=("", "_after"))
    others = set(both[both["margin"] != both["margin_after"]]["credit_code"]) - set(found.late.to_pylist())
    tied: set[int] = set()
    late = pa.array(hashed(found.late))
    for one in (found.base, found.renewed):
        ties = one.context().survey.ties
        hubs = pc.unique(ties.filter(pc.is_in(ties["code"], value_set=late))["hub"])
        tied |= set(ties.filter(pc.is_in(ties["hub"], value_set=hubs))["code"].to_pylist())
    assert set(hashed(pa.array(sorted(others), pa.string())).tolist()) <= tied
    changed = both["margin"] != both["margin_after"]
    assert 0 < changed.sum() < len(both) / 4
    near = list(found.base.document["neighbourhood"])
    rates = [
        one.features_table(near).to_pandas().set_index("credit_code") for one in (found.base, found.renewed)
    ]
    staying = rates[0].index.intersection(rates[1].index).difference(found.late.to_pylist())
    pd.testing.assert_frame_equal(*(one.loc[staying] for one in rates), check_exact=True)


def test_a_renewal_upon_a_renewal_keeps_the_rates_of_the_first(
    after_late_records: Renewed, tmp_path: Path
) -> None:
    """Whoever takes the rates of one that took them takes those of their origin."""
    found = after_late_records
    store = found.province.copied(tmp_path).store
    store.load(found.province.late[1], load_id="later", source="test")
    first, renewed = (moved(one, tmp_path / "published") for one in (found.base, found.renewed))
    again = classify(
        store.snapshot(),
        found.province.models,
        AS_OF,
        tmp_path / "published",
        shard=SHARD,
        rates_of=renewed,
        earlier=[first, renewed],
    )
    whole = classify(
        store.snapshot(), found.province.models, AS_OF, tmp_path / "whole", shard=SHARD, rates_of=first
    )
    same(again, whole)
    assert again.document["inputs"][INPUT] == first.name
    # The same bytes, and what two renewals told again beside them.
    for kept in (layout.CONTEXT, layout.SURVEY):
        inodes = [(one.folder / kept / "ties.parquet").stat().st_ino for one in (renewed, again)]
        assert len(set(inodes)) == 1
    assert (again.folder / layout.CONTEXT / f"{AGAIN}hubs.parquet").is_file()


@pytest.mark.parametrize("table", LATE_TABLES)
def test_late_records_of_one_table_alone(
    province_told_late: Province, base: Publication, table: str, tmp_path: Path
) -> None:
    """What is not told of late is not read again, and the result is the same."""
    province = province_told_late
    assert table in province.late[0]
    province.store.load({table: province.late[0][table]}, load_id="late", source="test")
    mine = moved(base, tmp_path / "published")
    renewed, whole = (classified(province, mine, before) for before in ([mine], []))
    same(renewed, whole)


def test_late_repairs_alone(
    province_told_late: Province, base: Publication, rows: Any, tmp_path: Path
) -> None:
    """A repair is told of in a table of its own and ends records of another: those are read again."""
    province = province_told_late
    entries = province.store.snapshot().read("abnormal_list", columns=["credit_code", "record_id"])
    day = pa.scalar(AS_OF, pa.date32())
    seen = pc.and_(pc.less_equal(entries["visible_from"], day), pc.greater(entries["visible_to"], day))
    ties = base.context().survey.ties
    tied = pc.is_in(pa.array(hashed(entries["credit_code"])), value_set=pc.unique(ties["code"]))
    chosen = entries.filter(pc.and_(seen, tied)).slice(0, 400)
    late = [
        {
            "credit_code": code,
            "event_date": date(2025, 11, 3),
            "recorded_at": date(2025, 11, 20),
            "record_id": f"late:{number}",
            "target_table": "abnormal_list",
            "target_record_id": record,
            "decision": "granted",
        }
        for number, (code, record) in enumerate(
            zip(chosen["credit_code"].to_pylist(), chosen["record_id"].to_pylist(), strict=True)
        )
    ]
    province.store.load({"credit_repair": rows("credit_repair", late)}, load_id="late", source="test")
    mine = moved(base, tmp_path / "published")
    renewed, whole = (classified(province, mine, before) for before in ([mine], []))
    same(renewed, whole)
    assert not renewed.context().survey.events.equals(base.context().survey.events)


def test_a_shard_in_which_nothing_changed_is_taken_over(
    province_told_late: Province, base: Publication, rows: Any, tmp_path: Path
) -> None:
    province = province_told_late
    mine = moved(base, tmp_path / "published")
    code = mine.rows(model="general", columns=["credit_code"])["credit_code"][5].as_py()
    province.store.load(
        {"complaint": rows("complaint", [late_complaint(code)])}, load_id="one", source="test"
    )
    renewed = classified(province, mine, [mine])
    inodes = [
        {path.relative_to(one.folder).as_posix(): path.stat().st_ino for path in one.folder.glob("[0-9]*/*")}
        for one in (mine, renewed)
    ]
    ours = {name.partition("/")[0] for name in inodes[1] if inodes[1][name] != inodes[0].get(name)}
    assert ours == {"00000"}
    assert len(mine.document["shards"]) > 3
    linked = [name for name in inodes[1] if inodes[1][name] == inodes[0].get(name)]
    assert any(name.startswith("00000/") for name in linked)
    assert renewed.find(code)["records"] == mine.find(code)["records"] + 1


def test_of_whoever_is_tied_only_what_is_counted_of_others_is_written(
    province_told_late: Province, base: Publication, rows: Any, tmp_path: Path
) -> None:
    """In a file for all shards; the shards of those of whom no score changes are taken over whole."""
    province = province_told_late
    mine = moved(base, tmp_path / "published")
    codes = mine.rows(model="general", columns=["credit_code"])["credit_code"].to_pylist()
    ties = base.context().survey.ties
    by_hash = dict(zip(hashed(pa.array(codes)).tolist(), codes, strict=True))
    hubs: dict[int, set[str]] = {}
    for hub, member in zip(ties["hub"].to_pylist(), ties["code"].to_pylist(), strict=True):
        if member in by_hash:
            hubs.setdefault(hub, set()).add(by_hash[member])
    members = max(hubs.values(), key=lambda found: (len(found), sorted(found)))
    code = min(members)
    penalty = {
        "credit_code": code,
        "event_date": date(2025, 11, 3),
        "recorded_at": date(2025, 11, 20),
        "record_id": "late:penalty",
        "domain": "general",
    }
    province.store.load({"penalty": rows("penalty", [penalty])}, load_id="one", source="test")
    renewed, whole = (classified(province, mine, before) for before in ([mine], []))
    same(renewed, whole)
    assert renewed.tied is not None
    tied = renewed.tied.codes.to_pylist()
    assert code not in tied
    assert members & set(tied)
    for one in tied:
        assert renewed.values(one) == pytest.approx(whole.values(one), abs=0, nan_ok=True)
        assert renewed.values(one) != pytest.approx(mine.values(one), abs=0, nan_ok=True)
    before, after = (
        publication.rows().to_pandas().set_index("credit_code") for publication in (mine, renewed)
    )
    stands = 0
    for shard, told in enumerate(mine.document["shards"]):
        own = slice(told["first"], told["last"])
        if not told["first"] <= code <= told["last"] and before.loc[own].equals(after.loc[own]):
            names = [path.name for path in mine.shard_folder(shard).iterdir()]
            assert all(
                (mine.shard_folder(shard) / n).samefile(renewed.shard_folder(shard) / n) for n in names
            )
            stands += any(told["first"] <= one <= told["last"] for one in tied)
    assert stands
    # Of whom the shard says all that is now, the file says nothing any more.
    late = late_complaint(tied[0])
    province.store.load({"complaint": rows("complaint", [late])}, load_id="two", source="test")
    again = classified(province, mine, [renewed])
    same(again, classified(province, mine, []))
    assert again.tied is not None
    assert again.tied.codes.to_pylist() == tied[1:]
    (again.folder / layout.TIED).write_bytes(b"")
    with pytest.raises(InputError, match=r"tied\.parquet .* is missing or damaged"):
        Publication(again.folder).check()


def test_without_late_records_it_says_the_same(
    province_told_late: Province, base: Publication, tmp_path: Path
) -> None:
    mine = moved(base, tmp_path / "published")
    found = classified(province_told_late, mine, [mine])
    assert found.rows().equals(mine.rows())
    assert found.folder != mine.folder


def test_one_enterprise_alone_scores_as_in_the_batch(after_late_records: Renewed) -> None:
    """The context that is published with it has the rates that it took."""
    found = after_late_records
    scorer = Scorer(found.province.models, found.renewed.context())
    rows = found.renewed.rows(model="general").to_pandas().set_index("credit_code")
    late = [code for code in found.late.to_pylist() if code in rows.index]
    snapshot = found.province.store.snapshot()
    for code in [*late[:15], *rows.index[::400]]:
        scored = scorer.score(visible_records(snapshot, code), code, AS_OF)
        assert scored["general"].margin == rows.loc[code, "margin"]


@pytest.mark.dask
@pytest.mark.filterwarnings("ignore")
def test_dask_renews_to_the_same(after_late_records: Renewed, tmp_path: Path) -> None:
    from dask.distributed import Client

    from features.runners.dask import Dask, local_cluster
    from features.runners.processes import StoredSnapshot

    found = after_late_records
    snapshot = found.province.store.snapshot()
    mine = moved(found.base, tmp_path)
    with local_cluster(2) as cluster, Client(cluster) as client:
        scheduler = Dask(client, StoredSnapshot.of(snapshot))
        renewed = classified(found.province, mine, [mine], scheduler=scheduler)
    same(renewed, found.whole)


def test_a_classification_with_rates_of_its_own_does_not_build_upon_one_without(
    after_late_records: Renewed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: Any) -> Any:
        raise AssertionError

    monkeypatch.setattr(classification, "renewal", never)
    found = after_late_records
    own = classify(
        found.province.store.snapshot(),
        found.province.models,
        AS_OF,
        tmp_path,
        shard=SHARD,
        earlier=[found.renewed],
    )
    assert INPUT not in own.document["inputs"]
    assert not own.context().survey.rates.equals(found.renewed.context().survey.rates)


def test_rates_that_cannot_be_taken_are_refused(
    after_late_records: Renewed, late_province: Province, tmp_path: Path
) -> None:
    found, models = after_late_records, late_province.models

    def refused(said: str, rates_of: Publication, snapshot: Any, day: date = AS_OF) -> None:
        with pytest.raises(InputError, match=said) as caught:
            classify(snapshot, models, day, tmp_path, shard=SHARD, rates_of=rates_of)
        assert caught.value.field == "--rates-of"
        assert caught.value.fix

    later = found.province.store.snapshot()
    refused("speaks of 2025-12-31, not of 2025-11-30", found.base, later, date(2025, 11, 30))
    refused("saw later records", found.renewed, late_province.store.snapshot())
    other = moved(found.base, tmp_path / "other")
    for path in (other.folder / layout.CONTEXT).glob("*"):
        path.unlink()
    (other.folder / layout.CONTEXT).rmdir()
    refused("holds no rates of the neighbourhood", other, later)
    other = moved(found.base, tmp_path / "features")
    path = other.folder / layout.CONTEXT / "context.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "fingerprint": "others"}))
    refused("are of other features than the models have now", other, later)
    assert not (tmp_path / layout.CURRENT).exists()


@pytest.mark.parametrize("name", ["2024-01-31-1", "../2025-12-31-1", "", ".", "a/b"])
def test_a_classification_that_is_not_there_is_named(name: str, base: Publication, tmp_path: Path) -> None:
    home = Home(tmp_path)
    moved(base, home.published)
    assert named(home, base.name).name == base.name
    with pytest.raises(InputError, match="there is no published classification") as caught:
        named(home, name)
    assert base.name in str(caught.value.fix)
