"""A province that the product does not ship: one YAML file, no code."""

from __future__ import annotations

import json
from collections import Counter
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.errors import InputError
from features.sources import ingest
from features.store import RecordStore
from tests.features.sources.accounting import assert_accounted, assert_nothing_new
from tests.features.sources.conftest import PROVINCE

HEADER = "信用代码,决定日期,文号,种类,情节,金额万元,类别"
GOOD = "91350100M000100Y43"


def _file(folder: Path, *rows: str, header: str = HEADER, name: str = "处罚2021.csv") -> Path:
    path = folder / name
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def test_a_new_province_is_a_yaml_file(store: RecordStore, province_mapping: Path, tmp_path: Path) -> None:
    path = _file(
        tmp_path,
        f"{GOOD},2021年3月9日,甲罚1,罚,中,0.29,处罚",
        f"{GOOD},2021/3/10,甲罚2,警,轻,无,处罚",
        f"{GOOD},44561,甲罚3,没,重,1.5,处罚",
        f"{GOOD},2021-03-11,甲罚4,罚,中,1,许可",
        "110108001234567,2021-03-11,甲罚5,罚,中,1,处罚",
    )
    report = ingest(store, province_mapping, [path])
    assert_accounted(report)
    counts = report.files[0].tables["penalty"]
    assert (counts.rows_in, counts.accepted, counts.not_applicable, counts.legacy_codes) == (5, 4, 1, 1)
    rows = {row["document_no"]: row for row in store.snapshot().read("penalty").to_pylist()}
    first = rows["甲罚1"]
    assert first["record_id"] == "JIA:penalty:甲罚1"
    assert (first["event_date"], first["recorded_at"]) == (date(2021, 3, 9), date(2021, 3, 16))
    assert (first["amount"], first["kind"], first["severity"]) == (290_000, "fine", "general")
    assert rows["甲罚2"]["amount"] is None
    assert (rows["甲罚3"]["event_date"], rows["甲罚3"]["kind"]) == (date(2021, 12, 31), "other")
    loads = store.loads().to_pylist()
    assert [(row["table"], row["rows_in"], row["provider"], row["file"]) for row in loads] == [
        ("penalty", 5, "甲县市场监督管理局", "处罚2021.csv")
    ]
    assert loads[0]["sha256"] == report.files[0].sha256
    assert_nothing_new(ingest(store, province_mapping, [path]), report)


REFUSED = {
    f"{GOOD},2021-02-30,a,罚,中,1,处罚": ("unreadable_date", "event_date", "'2021-02-30' is no date"),
    f"{GOOD},,a,罚,中,1,处罚": ("missing_required", "event_date", "is missing"),
    f"{GOOD},2021-03-09,,罚,中,1,处罚": ("missing_required", "record_id", "is missing"),
    f"{GOOD},2021-03-09,a,罚,特重,1,处罚": ("unknown_code", "severity", "'特重'"),
    f"{GOOD},2021-03-09,a,罚,中,壹万,处罚": (
        "unreadable_number",
        "amount",
        "'壹万' is no whole number of fen",
    ),
    f"{GOOD},2021-03-09,a,罚,中,-1,处罚": ("out_of_range", "amount", "-1000000 is out of range"),
    f"{GOOD},2121-03-09,a,罚,中,1,处罚": ("date_out_of_range", "event_date", "in the future"),
    f"{GOOD},1821-03-09,a,罚,中,1,处罚": ("date_out_of_range", "event_date", "before 1900"),
    "91350100M000100Y44,2021-03-09,a,罚,中,1,处罚": (
        "code_wrong_check",
        "credit_code",
        "check character '4' is wrong, expected '3'",
    ),
    "91350100,2021-03-09,a,罚,中,1,处罚": ("code_malformed", "credit_code", "8 characters"),
    ",2021-03-09,a,罚,中,1,处罚": ("code_missing", "credit_code", "no credit code"),
    f"{GOOD},2021-03-09,a": ("unreadable_row", "", "3 fields where the file has 7 columns"),
}


@pytest.mark.parametrize("row", REFUSED)
def test_each_fault_has_its_reason(
    store: RecordStore, province_mapping: Path, tmp_path: Path, row: str
) -> None:
    path = _file(tmp_path, f"{GOOD},2021-03-09,good,罚,中,1,处罚", row)
    report = ingest(store, province_mapping, [path])
    assert_accounted(report)
    reason, field, detail = REFUSED[row]
    assert report.totals()["penalty"].reasons == {reason: 1}
    (kept,) = store.quarantine().to_pylist()
    assert (kept["reason"], kept["field"]) == (reason, field)
    assert detail in kept["detail"]
    assert (kept["file"], kept["source_line"], kept["table"]) == ("处罚2021.csv", 3, "penalty")
    given = json.loads(kept["raw"])
    if reason == "unreadable_row":
        assert given == {"#text": row}
    else:
        assert list(given.values()) == [value or None for value in row.split(",")]


def test_a_row_with_several_faults_is_one_row_with_all_of_them(
    store: RecordStore, province_mapping: Path, tmp_path: Path
) -> None:
    path = _file(tmp_path, "1,2021-02-30,a,罚,特重,壹万,处罚")
    report = ingest(store, province_mapping, [path])
    assert report.totals()["penalty"].quarantined == 1
    (kept,) = store.quarantine().to_pylist()
    for part in ("'2021-02-30'", "'特重'", "'壹万'", "1 characters"):
        assert part in kept["detail"]
    # What could not be read is not also said to be missing.
    assert "is missing" not in kept["detail"]


def test_contradiction_under_one_number_is_refused(
    store: RecordStore, province_mapping: Path, tmp_path: Path
) -> None:
    path = _file(
        tmp_path,
        f"{GOOD},2021-03-09,a,罚,中,1,处罚",
        f"{GOOD},2021-03-09,a,罚,重,1,处罚",
        f"{GOOD},2021-03-09,a,罚,中,1,处罚",
    )
    report = ingest(store, province_mapping, [path])
    assert_accounted(report)
    counts = report.totals()["penalty"]
    assert (counts.accepted, counts.duplicate, counts.quarantined) == (1, 1, 1)
    assert store.quarantine().num_rows == counts.quarantined_new == 1


def test_columns_that_differ_are_shown_side_by_side(
    store: RecordStore, province_mapping: Path, tmp_path: Path
) -> None:
    path = _file(tmp_path, header=HEADER.replace("决定日期", "处罚决定日期").replace("类别", "甲"))
    with pytest.raises(InputError) as caught:
        ingest(store, province_mapping, [path])
    error = caught.value
    assert error.field == "files"
    assert "- 决定日期   (the file has '处罚决定日期')" in error.message
    assert "- 类别\n" in error.message  # 种类 is like it, but is needed for something else
    assert store.snapshots() == []


def test_a_file_is_recognised_by_its_columns_where_the_name_says_nothing(
    store: RecordStore, province_mapping: Path, tmp_path: Path
) -> None:
    row = f"{GOOD},2021-03-09,a,罚,中,1,处罚"
    assert (
        ingest(store, province_mapping, [_file(tmp_path, row, name="export.csv")]).files[0].kind
        == "penalties"
    )
    other = _file(tmp_path, header="a,b", name="other.csv")
    with pytest.raises(InputError, match=r"no file of the mapping 'jiaxian'.*处罚\*\.csv"):
        ingest(store, province_mapping, [other])


def test_files_that_cannot_be_taken(store: RecordStore, province_mapping: Path, tmp_path: Path) -> None:
    path = _file(tmp_path, f"{GOOD},2021-03-09,a,罚,中,1,处罚")
    with pytest.raises(InputError, match="no file was given"):
        ingest(store, province_mapping, [])
    with pytest.raises(InputError, match="there is no file"):
        ingest(store, province_mapping, [tmp_path / "处罚2020.csv"])
    (tmp_path / "处罚copy.csv").write_bytes(path.read_bytes())
    with pytest.raises(InputError, match="same content"):
        ingest(store, province_mapping, [path, tmp_path / "处罚copy.csv"])


def test_files_of_one_name_are_told_apart(store: RecordStore, province_mapping: Path, tmp_path: Path) -> None:
    paths = []
    for year in ("2020", "2021"):
        (tmp_path / year).mkdir()
        paths.append(
            _file(tmp_path / year, f"{GOOD},{year}-03-09,{year},罚,中,1,处罚", "x,,,,,,处罚", name="处罚.csv")
        )
    report = ingest(store, province_mapping, paths)
    assert [file.file for file in report.files] == ["2020/处罚.csv", "2021/处罚.csv"]
    assert [file.tables["penalty"].quarantined_new for file in report.files] == [1, 1]


def test_a_load_that_fails_leaves_nothing(
    store: RecordStore, province_mapping: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = _file(tmp_path, f"{GOOD},2021-03-09,a,罚,中,1,处罚", "x,,,,,,处罚")
    broken = tmp_path / "处罚broken.csv"
    broken.write_bytes(HEADER.encode() + b"\n\xff\xfe,,,,,,\n")
    with pytest.raises(InputError, match=r"处罚broken\.csv cannot be read"):
        ingest(store, province_mapping, [good, broken])
    assert store.snapshots() == []
    assert store.quarantine().num_rows == 0
    assert ingest(store, province_mapping, [good]).totals()["penalty"].accepted == 1


def test_rows_that_are_lost_stop_the_load(
    store: RecordStore, province_mapping: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from features.store import Counts, LoadTransaction

    monkeypatch.setattr(LoadTransaction, "add", lambda *_, **__: Counts(0, 0, 0, {}))
    path = _file(tmp_path, f"{GOOD},2021-03-09,a,罚,中,1,处罚")
    with pytest.raises(RuntimeError, match="1 rows in, 0 accounted for"):
        ingest(store, province_mapping, [path])
    assert store.snapshots() == []


# -- any dirt whatever ----------------------------------------------------------------------------

_CODES = st.sampled_from(
    [GOOD, "91310115MA1G4L1WX7", "91350100M000100Y44", "110108001234567", "JIA:1", "x", ""]
)
_DATES = st.sampled_from(
    ["2021-03-09", "2021年3月9日", "2021-02-30", "44561", "2121-01-01", "0001-01-01", ""]
)
_ROWS = st.tuples(
    _CODES,
    _DATES,
    st.sampled_from(["a", "b", "c", "d", ""]),
    st.sampled_from(["罚", "警", "?", ""]),
    st.sampled_from(["轻", "中", "重", "?", ""]),
    st.sampled_from(["1", "0.29", "-1", "1e400", "NaN", "x", "-", ""]),
    st.sampled_from(["处罚", "许可", ""]),
)
_BROKEN = st.sampled_from(["", "a", "a,b", "1,2,3,4,5,6,7,8", ",,,,,,"])


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.one_of(_ROWS.map(",".join), _ROWS.map(",".join), _BROKEN),
        max_size=40,
    )
)
def test_every_row_is_in_exactly_one_count(tmp_path_factory: pytest.TempPathFactory, rows: list[str]) -> None:
    folder = tmp_path_factory.mktemp("dirt")
    (folder / "m.yaml").write_text(PROVINCE, encoding="utf-8")
    path = _file(folder, *rows)
    store = RecordStore(folder / "store")
    report = ingest(store, folder / "m.yaml", [path])
    assert_accounted(report)
    counts = report.totals()["penalty"]
    assert counts.rows_in == sum(bool(row.strip(",")) for row in rows)
    assert counts.not_applicable == sum(
        row.count(",") == 6 and row[-2:] != "处罚" and bool(row.strip(",")) for row in rows
    )
    kept = store.quarantine().to_pylist()
    assert len(kept) == counts.quarantined == counts.quarantined_new
    assert Counter(row["reason"] for row in kept) == counts.reasons
    stored = store.snapshot().counts().get("penalty", 0) if store.snapshots() else 0
    assert stored == counts.accepted
    lines = path.read_text(encoding="utf-8").split("\n")
    for row in kept:
        if "#text" in row["raw"]:
            assert lines[row["source_line"] - 1] in row["raw"]
    assert_nothing_new(ingest(store, folder / "m.yaml", [path]), report)


def test_report_is_plain_data(store: RecordStore, province_mapping: Path, tmp_path: Path) -> None:
    report = ingest(
        store, province_mapping, [_file(tmp_path, "x,,,,,,处罚", f"{GOOD},2021-03-09,a,罚,中,1,处罚")]
    )
    told = json.loads(json.dumps(report.as_dict()))
    assert told["snapshot"] == report.snapshot_id == store.snapshot().id
    assert (
        told["tables"]["penalty"]["reasons"] == {"missing_required": 1}
        or told["tables"]["penalty"]["reasons"]
    )
    assert told["files"][0]["rows"] == 2
    assert told["files"][0]["tables"] == told["tables"]
