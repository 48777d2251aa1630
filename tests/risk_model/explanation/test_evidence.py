"""The records behind a published score: the very ones that made each feature, and nobody's name."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from features.definitions.terms import ON_A_STRETCH, Combination
from features.kernel import Plan, evaluate
from features.records import TABLES
from risk_model.explanation.evidence import Evidence, FeatureEvidence, evidence_of
from risk_model.explanation.evidence.words import NUMBER, TELLING
from risk_model.explanation.explanation import Explanation, explain_published
from risk_model.publication import Publication


@pytest.fixture(scope="module")
def explained(publication: Publication, trainings: Any) -> list[tuple[Explanation, Evidence]]:
    rows = publication.rows(model="food").to_pandas()
    codes = [*rows.nlargest(12, "records")["credit_code"], *rows.sample(12, random_state=1)["credit_code"]]
    found = [explain_published(publication, code, "food") for code in codes]
    return [(one, evidence_of(trainings.snapshot, one)) for one in found]


def linked(evidence: FeatureEvidence, snapshot: Any, code: str, tables: set[str]) -> dict[str, pa.Table]:
    """Return the linked records alone, as the store reads them, in the state that is visible."""
    found = {}
    for name in tables:
        rows = snapshot.read(name, codes=(code, code))
        wanted = [record.record_id for record in evidence.records if record.table == name]
        found[name] = rows.filter(pc.is_in(rows["record_id"], value_set=pa.array(wanted, pa.string())))
    return found


def test_linked_records_alone_give_every_published_value_back(
    explained: list[tuple[Explanation, Evidence]], trainings: Any
) -> None:
    checked = 0
    for explanation, evidence in explained:
        code = explanation.credit_code
        today = np.array([np.datetime64(explanation.as_of, "D").astype(np.int64)])
        for reason in explanation.reasons:
            feature, own = reason.feature, evidence.features[reason.feature.name]
            if feature.across is not None:
                assert own.elsewhere
                assert not any(record.counts for record in own.records)
                continue
            tables = {term.table for term in feature.terms if trainings.snapshot.exists(term.table)}
            alone = linked(own, trainings.snapshot, code, tables)
            value = evaluate(Plan([feature]), alone, pa.array([code]), np.zeros(1, np.int64), today)[0, 0]
            assert value == reason.value or (math.isnan(value) and math.isnan(reason.value)), feature.name
            if feature.combination is Combination.VALUE and feature.terms[0].operation in ON_A_STRETCH:
                assert sum(record.counts for record in own.records) == reason.value
                checked += bool(reason.value)
    assert checked > 100


def test_a_reason_links_what_its_features_link_each_once(
    explained: list[tuple[Explanation, Evidence]],
) -> None:
    several = 0
    for explanation, evidence in explained:
        for group in explanation.declarations:
            own = evidence.of(group)
            expected = {
                (record.table, record.record_id)
                for reason in group.features
                if reason.contribution
                for record in evidence.features[reason.feature.name].records
            }
            keys = [(record.table, record.record_id) for record in own.records]
            assert len(keys) == len(set(keys))
            assert set(keys) == expected
            several += len(group.features) > 1 and len(keys) > 1
    assert several


def test_sentences_name_numbers_dates_and_what_it_was_in_both_languages(
    explained: list[tuple[Explanation, Evidence]],
) -> None:
    named = 0
    for explanation, evidence in explained:
        for group in explanation.told:
            own = evidence.of(group)
            for lang in ("zh", "en"):
                said = own.sentence(lang)
                assert said == evidence.of(group).sentence(lang)
                assert bool(said) == bool(own.records or own.elsewhere)
                for record in own.records[:5]:
                    assert record.number in said
                    assert record.event_date.isoformat() in said
                    assert TABLES[record.table].label[lang] in said
                    named += 1
    assert named > 50


def test_a_penalty_goes_by_the_number_of_its_decision(
    explained: list[tuple[Explanation, Evidence]], trainings: Any
) -> None:
    found = 0
    for explanation, evidence in explained:
        code = explanation.credit_code
        known = {
            row["record_id"]: row
            for row in trainings.snapshot.read("penalty", codes=(code, code)).to_pylist()
        }
        for own in evidence.features.values():
            for record in own.records:
                if record.table == "penalty":
                    assert record.number == known[record.record_id]["document_no"]
                    found += 1
    assert found


def test_nobody_is_told_who_a_person_is(
    explained: list[tuple[Explanation, Evidence]], trainings: Any
) -> None:
    personal = [c.name for table in TABLES.values() for c in table.all_columns if c.personal]
    assert personal == ["person_key"]
    relations = 0
    for explanation, evidence in explained:
        code = explanation.credit_code
        keys = {
            row["person_key"]
            for row in trainings.snapshot.read("relation", codes=(code, code)).to_pylist()
            if row["person_key"]
        }
        whole = json.dumps([one.as_dict() for one in evidence.features.values()], ensure_ascii=False)
        whole += json.dumps(explanation.as_dict(evidence=evidence), ensure_ascii=False)
        assert not any(key in whole for key in keys)
        relations += sum(r.table == "relation" for one in evidence.features.values() for r in one.records)
    assert relations


def test_every_table_has_words_and_none_is_personal() -> None:
    assert set(TELLING) == set(TABLES)
    for name, table in TABLES.items():
        columns: Mapping[str, Any] = {column.name: column for column in table.all_columns}
        for column in (*TELLING[name], NUMBER.get(name, "record_id")):
            assert not columns[column].personal
