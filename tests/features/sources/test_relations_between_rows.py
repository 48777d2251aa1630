"""What a row alone does not tell: joins, one record of several rows, names without codes."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pyarrow.compute as pc
import pytest

from features.errors import InputError
from features.sources import ingest, reading
from features.store import RecordStore
from tests.features.sources.accounting import assert_accounted

MAPPING = """
source: jiaxian
title: {zh: 甲县, en: Jia county}
parameters: {list_date: "2023-12-31"}
x-shared:
  base: &base
    provider: {constant: 甲县}
    event_date: date
    recorded_at: {lag_days: 0}
files:
  visits:
    match: visits*
    joins:
      - file: items
        keys: {who: firm, date: day}
        columns:
          bad: {count: {column: level, among: [high]}}
          points: {total: points}
          last: {highest: level}
    records:
      - table: inspection
        columns:
          <<: *base
          credit_code: {column: who, prefix: "JIA:"}
          record_id: {template: "JIA:{who}:{date}"}
          kind: {constant: routine}
          domain: {constant: food}
          selection: {constant: unknown}
          outcome:
            case:
              - {when: {column: bad, above: 0}, value: {constant: problem}}
              - {when: {column: bad, missing: false}, value: {constant: no_problem}}
          critical_items: bad
          points: points
          result_codes: last
  items:
    match: items*
    records:
      - table: finding
        once: {per: [firm, day, item], first_by: [level]}
        when: {none_of: [{column: level, missing: true}]}
        columns:
          provider: {constant: 甲县}
          event_date: day
          recorded_at: {lag_days: 0}
          credit_code: {column: firm, prefix: "JIA:"}
          record_id: {digest: [firm, day, item]}
          item: item
          severity: {column: level, codes: {high: critical, low: minor}}
          domain: {constant: food}
  firms:
    match: firms*
    names: {name: name, code: code}
    records:
      - table: enterprise
        columns:
          <<: *base
          credit_code: code
          record_id: {template: "JIA:{code}"}
          name: name
          status: {constant: "1"}
  listed:
    match: listed*
    records:
      - table: abnormal_list
        columns:
          provider: {constant: 甲县}
          event_date: {parameter: list_date}
          recorded_at: {parameter: list_date}
          credit_code: {column: code, name: name}
          record_id: {digest: [name, code]}
          reason: {constant: unknown}
"""


@pytest.fixture
def mapping(tmp_path: Path) -> Path:
    path = tmp_path / "m.yaml"
    path.write_text(MAPPING, encoding="utf-8")
    return path


def _file(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(textwrap.dedent(text).lstrip(), encoding="utf-8")
    return path


VISITS = """
    who,date
    a,2020-01-01
    a,2020-01-02
    b,2020-01-01
    """
ITEMS = """
    firm,day,item,level,points
    a,2020-01-01,x,low,1.5
    a,2020-01-01,y,high,2
    a,2020-01-01,x,high,
    a,2020-01-02,x,low,
    a,2020-01-02,z,,4
    c,2020-01-01,x,high,1
    """


@pytest.mark.parametrize("block", [32 << 20, 40])
def test_counts_of_another_file(
    store: RecordStore, mapping: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(reading, "BLOCK", block)
    files = [_file(tmp_path, "visits.csv", VISITS), _file(tmp_path, "items.csv", ITEMS)]
    report = ingest(store, mapping, files)
    assert_accounted(report)
    rows = {row["record_id"]: row for row in store.snapshot().read("inspection").to_pylist()}
    assert [(r["critical_items"], r["points"], r["result_codes"], r["outcome"]) for r in rows.values()] == [
        (2, 3.5, "low", "problem"),
        (0, 4.0, "low", "no_problem"),
        (0, None, None, "no_problem"),
    ]
    # Of the two rows with item x of a's first day, the one that comes first by level holds the record.
    findings = store.snapshot().read("finding")
    first = findings.filter(
        pc.and_(pc.equal(findings["item"], "x"), pc.equal(findings["credit_code"], "JIA:a"))
    )
    assert sorted(first["severity"].to_pylist()) == ["critical", "minor"]
    counts = report.files[1].tables["finding"]
    assert (counts.rows_in, counts.accepted, counts.not_applicable) == (6, 4, 2)


def test_a_join_needs_its_file(store: RecordStore, mapping: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="only be read together with those of 'items'") as caught:
        ingest(store, mapping, [_file(tmp_path, "visits.csv", VISITS)])
    assert caught.value.fix == "Also give items*."


A, B, C = "91350100M000100Y43", "91310115MA1G4L1WX7", "110108001234567"
FIRMS = f"""
    name,code,date
    甲公司,{A},2020-01-01
    乙（北京）公司,{C},2020-01-01
    丙公司,{A[:-1]}4,2020-01-01
    """
LISTED = f"""
    name,code
    甲公司,
    乙(北京) 公司,
    丙公司,
    丁公司,
    戊公司,{B}
    己公司,x
    """


def _reasons(store: RecordStore) -> dict[str, str]:
    kept = store.quarantine().to_pylist()
    return {row["detail"]: row["reason"] for row in kept if row["table"] == "abnormal_list"}


def test_names_are_linked_to_the_one_code_they_have(
    store: RecordStore, mapping: Path, tmp_path: Path
) -> None:
    files = [_file(tmp_path, "firms.csv", FIRMS), _file(tmp_path, "listed.csv", LISTED)]
    report = ingest(store, mapping, files)
    assert_accounted(report)
    stored = store.snapshot().read("abnormal_list")["credit_code"].to_pylist()
    assert sorted(stored) == sorted([A, C, B])
    counts = report.totals()["abnormal_list"]
    assert counts.legacy_codes == 1
    # A code that identifies nobody links no name, and a wrong code is not mended by a name.
    assert counts.reasons == {"name_without_code": 2, "code_malformed": 1}
    assert "no credit code, and no enterprise of the name '丁公司' is known" in _reasons(store)


def test_a_name_of_two_enterprises_is_linked_to_neither(
    store: RecordStore, mapping: Path, tmp_path: Path
) -> None:
    firms = _file(tmp_path, "firms.csv", FIRMS + f"    甲 公司,{B},2020-01-01\n")
    report = ingest(store, mapping, [firms, _file(tmp_path, "listed.csv", LISTED)])
    assert report.totals()["abnormal_list"].reasons["name_ambiguous"] == 1
    assert (
        _reasons(store)["no credit code, and several enterprises have the name '甲公司'"] == "name_ambiguous"
    )


def test_names_of_stored_enterprises_count_too(store: RecordStore, mapping: Path, tmp_path: Path) -> None:
    ingest(store, mapping, [_file(tmp_path, "firms.csv", FIRMS)])
    report = ingest(store, mapping, [_file(tmp_path, "listed.csv", LISTED)])
    assert report.totals()["abnormal_list"].accepted == 3
    # What is ambiguous with the store is so, even if the file given alone would not make it so.
    other = _file(tmp_path, "firms2.csv", f"name,code,date\n甲公司,{B},2020-01-01\n")
    later = ingest(store, mapping, [other, _file(tmp_path, "listed2.csv", "name,code\n甲公司,\n")])
    assert later.totals()["abnormal_list"].reasons == {"name_ambiguous": 1}
