"""The records behind a reason, in the interface and on the pages, as far as the reader may be told."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from features.home import Home
from features.records import TABLES
from features.store import RecordStore
from risk_model.explanation.evidence import Evidence, evidence_of
from risk_model.explanation.explanation import Explanation, explain_published
from risk_model.publication import Publication
from serving.disclosure import Published, Reader, disclosure_to
from supervision.publicity.rules import load_publicity
from tests.serving.conftest import Client


@pytest.fixture(scope="module")
def snapshot(home: Home, publication: Publication) -> Any:
    return RecordStore(home.store).snapshot(publication.document["data_snapshot"])


def both(
    home: Home, publication: Publication, snapshot: Any, most: int = 60
) -> Iterator[tuple[Explanation, Evidence, Evidence]]:
    """Yield explanations with what an officer is told and what anybody is."""
    rows = publication.rows(model="food").to_pandas().nlargest(most, "records")
    for code in rows["credit_code"]:
        found = explain_published(publication, code, "food")
        told = [
            evidence_of(snapshot, found, disclosure_to(reader, home, snapshot, code, publication.as_of))
            for reader in (Reader.OFFICER, Reader.PUBLIC)
        ]
        yield found, told[0], told[1]


def test_explain_links_the_records_of_each_reason(
    client: Client, publication: Publication, code_of: Callable[[str, str], str], snapshot: Any
) -> None:
    code = code_of("food", "D")
    answer = client.post("/explain", {"credit_code": code}).json()
    same = client.get(f"/v1/enterprises/{code}/explanation").json()
    assert same["reasons"] == answer["reasons"]
    found = explain_published(publication, code)
    evidence = evidence_of(snapshot, found)
    expected = [evidence.of(group).as_dict() for group in found.told]
    assert [one["evidence"] for one in answer["reasons"]] == expected
    assert [one["sentence"]["en"] for one in answer["reasons"]] == found.sentences("en")[1:]
    assert any(one["records"] for one in expected)
    for url in (f"/v1/enterprises/{code}/explanation?records=false",):
        assert {one["evidence"] for one in client.get(url).json()["reasons"]} == {None}
    short = client.post("/explain", {"credit_code": code, "records": False}).json()
    assert {one["evidence"] for one in short["reasons"]} == {None}


def test_each_reason_of_the_dossier_opens_to_its_records(
    client: Client, publication: Publication, code_of: Callable[[str, str], str], snapshot: Any
) -> None:
    code = code_of("food", "D")
    found = explain_published(publication, code)
    evidence = evidence_of(snapshot, found)
    text = client.get(f"/enterprise/{code}?lang=en").text
    opened = dict(
        re.findall(r"<details class=\"opens\"><summary>([^<]*\.)</summary>(.*?)</details>", text, re.DOTALL)
    )
    linked = 0
    for group, sentence in zip(found.told, found.sentences("en")[1:], strict=True):
        for record in evidence.of(group).records:
            inside = opened[sentence]
            assert f'<td class="code">{record.number}</td>' in inside
            assert f'datetime="{record.event_date}"' in inside
            linked += 1
    assert linked


def test_others_than_officers_are_told_only_what_is_published(
    home: Home, publication: Publication, snapshot: Any
) -> None:
    rules = load_publicity(publication.as_of)
    withheld = told = 0
    for found, officer, anybody in both(home, publication, snapshot):
        code = found.credit_code
        allowed = Published.on(home, snapshot, code, publication.as_of)
        for name, own in anybody.features.items():
            seen = {(one.table, one.record_id) for one in own.records}
            all_of_it = {(one.table, one.record_id) for one in officer.features[name].records}
            assert seen <= all_of_it
            assert own.withheld == len(all_of_it) - len(seen)
            assert officer.features[name].withheld == 0
            withheld += own.withheld
            for record in own.records:
                told += 1
                assert record.table in rules.published
                assert record.recorded_at is None
                assert set(record.details) <= set(rules.published[record.table].columns)
                rows = snapshot.read(record.table, codes=(code, code))
                assert allowed.tell(record.table, rows)[rows["record_id"].to_pylist().index(record.record_id)]
        for hidden in ("complaint", "relation", "finding", "change"):
            assert hidden in rules.withheld
            assert not any(one.table == hidden for own in anybody.features.values() for one in own.records)
    assert withheld > 50
    assert told > 50


def test_a_warning_is_linked_for_officers_and_withheld_from_others(
    home: Home, publication: Publication, snapshot: Any
) -> None:
    """Penalties that are only a warning are not published (Order 45 art. 4)."""
    warnings = {row["record_id"] for row in snapshot.read("penalty").to_pylist() if row["kind"] == "warning"}
    met = 0
    for _, officer, anybody in both(home, publication, snapshot, 150):
        for name, own in officer.features.items():
            mine = {one.record_id for one in own.records if one.table == "penalty"} & warnings
            met += len(mine)
            assert not mine & {one.record_id for one in anybody.features[name].records}
    assert met


def test_no_personal_column_reaches_a_page_of_records() -> None:
    assert [c.name for t in TABLES.values() for c in t.all_columns if c.personal] == ["person_key"]
