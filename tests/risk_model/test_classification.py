"""The published classification: complete, exact, explained, and the same as one enterprise alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from features.cohort import registered
from features.errors import InputError
from features.home import Home
from features.records import TABLES
from risk_model.classification import ModelVersion, classify
from risk_model.explanation.explanation import explain_published
from risk_model.publication import Publication
from risk_model.publication.reading import current_name
from risk_model.scale import TIERS
from risk_model.scoring import Scorer

AS_OF = date(2025, 12, 31)


def test_everybody_in_business_is_classified_once_a_model(publication: Publication, trainings: Any) -> None:
    expected = set(registered(trainings.snapshot, [AS_OF])["credit_code"].to_pylist())
    general = publication.rows(model="general")["credit_code"].to_pylist()
    assert len(general) == len(set(general))
    assert set(general) == expected
    for sector in ("food", "special_equipment"):
        own = publication.rows(model=sector)["credit_code"].to_pylist()
        assert own
        assert len(own) == len(set(own))
        assert set(own) < expected


def test_rows_are_sorted_and_the_general_model_comes_first(publication: Publication) -> None:
    rows = publication.rows().to_pandas()
    assert rows["credit_code"].is_monotonic_increasing
    order = rows["model"].map({"general": 0, "food": 1, "special_equipment": 2})
    keys = list(zip(rows["credit_code"], order, strict=True))
    assert keys == sorted(keys)


def test_the_published_contributions_sum_to_the_published_margins(publication: Publication) -> None:
    for model in publication.models:
        rows = publication.rows(model=model)
        table = publication.contributions_table(model)
        assert table["credit_code"].equals(rows["credit_code"])
        total = np.sum([table[name].to_numpy() for name in table.column_names[1:]], axis=0)
        assert np.abs(total - rows["margin"].to_numpy()).max() < 1e-6
        assert publication.document["models"][model]["largest_residual"] < 1e-9


def test_the_document_counts_what_the_table_holds(publication: Publication) -> None:
    for model, told in publication.document["models"].items():
        counts = publication.rows(model=model)["tier"].value_counts().to_pylist()
        found = {entry["values"]: entry["counts"] for entry in counts}
        assert {tier: n for tier, n in told["tiers"].items() if n} == found
        assert told["rows"] == sum(found.values())


def test_explanations_add_up_on_every_level(publication: Publication) -> None:
    rows = publication.rows().to_pandas().sample(40, random_state=1)
    for code, model in zip(rows["credit_code"], rows["model"], strict=True):
        found = explain_published(publication, code, model)
        assert abs(found.residual) < 1e-6
        features = sum(reason.contribution for reason in found.reasons)
        for level in (found.indicators, found.first_levels, found.declarations):
            assert sum(group.contribution for group in level) == pytest.approx(features, abs=1e-9)
        assert found.score == pytest.approx(
            np.clip(500 + found.points_a_unit * (found.margin - np.log(0.1)), 0, 1000), abs=0.051
        )


def test_sentences_name_the_facts_in_both_languages(publication: Publication) -> None:
    rows = publication.rows(model="food").to_pandas()
    worst = rows[rows["decided_by"] == "score"].sort_values("score").iloc[-1]
    found = explain_published(publication, worst["credit_code"], "food")
    zh, en = found.sentences("zh"), found.sentences("en")
    assert zh[0].startswith(f"{found.tier}级")
    assert en[0].startswith(f"Tier {found.tier}")
    raised = found.raised()[0]
    reason = max(raised.features, key=lambda r: abs(r.contribution))
    assert any(reason.feature.label.zh in text and reason.value_label.zh in text for text in zh[1:])
    assert found.sentences("zh") == explain_published(publication, worst["credit_code"], "food").sentences(
        "zh"
    )
    with pytest.raises(InputError, match="no language 'fr'"):
        found.sentences("fr")


def test_a_floor_is_said_with_its_basis(publication: Publication) -> None:
    rows = publication.rows().to_pandas()
    floored = rows[rows["decided_by"] == "floor:on_abnormal_list"].iloc[0]
    found = explain_published(publication, floored["credit_code"], floored["model"])
    assert "企业信息公示暂行条例第十七条" in found.decision("zh")
    assert f"tier {found.tier_by_score}" in found.decision("en")


def test_one_enterprise_alone_scores_to_the_last_bit_as_in_the_batch(
    publication: Publication, trainings: Any
) -> None:
    models = {name: ModelVersion(model, "1") for name, model in trainings.models.items()}
    scorer = Scorer(models, publication.context())
    rows = publication.rows().to_pandas()
    chosen = rows[rows["model"] != "general"]["credit_code"].drop_duplicates().sample(25, random_state=3)
    for code in chosen:
        found = scorer.score(visible_records(trainings.snapshot, code), code, AS_OF)
        own = rows[rows["credit_code"] == code].set_index("model")
        assert set(found) == set(own.index)
        for model, explanation in found.items():
            assert explanation.margin == own.loc[model, "margin"]
            assert explanation.tier_by_score == own.loc[model, "tier_by_score"]
            assert explanation.records == own.loc[model, "records"]
            published = explain_published(publication, code, model)
            assert [r.contribution for r in explanation.reasons] == [
                r.contribution for r in published.reasons
            ]


def visible_records(snapshot: Any, code: str) -> Mapping[str, pa.Table]:
    """Return the records of an enterprise that are visible at the date, as somebody would send them."""
    day = pa.scalar(AS_OF, pa.date32())
    found = {}
    for name, table in TABLES.items():
        rows = snapshot.read(name, codes=(code, code))
        seen = pc.and_(
            pc.and_(pc.less_equal(rows["visible_from"], day), pc.less(day, rows["visible_to"])),
            pc.less_equal(rows["event_date"], day),
        )
        rows = rows.filter(seen)
        if rows.num_rows:
            found[name] = rows.select(table.arrow_schema.names)
    return found


def test_hysteresis_reads_the_classification_before(trainings: Any, tmp_path: Path) -> None:
    models = {"general": ModelVersion(trainings.general.model, "1")}
    earlier = classify(trainings.snapshot, models, AS_OF - timedelta(days=30), tmp_path)
    later = classify(trainings.snapshot, models, AS_OF, tmp_path, previous=earlier)
    rows = later.rows().to_pandas()
    before = earlier.rows().to_pandas().set_index("credit_code")["tier"]
    known = rows["previous_tier"].notna()
    assert (
        rows.loc[known, "previous_tier"].to_numpy() == before[rows.loc[known, "credit_code"]].to_numpy()
    ).all()
    held = rows[rows["decided_by"] == "hysteresis"]
    assert (held["tier"] == held["previous_tier"]).all()
    assert (held["tier"] != held["tier_by_score"]).all()
    assert later.document["previous"] == earlier.name


def test_without_new_records_nobody_changes_tier(trainings: Any, tmp_path: Path) -> None:
    models = {"general": ModelVersion(trainings.general.model, "1")}
    first = classify(trainings.snapshot, models, AS_OF, tmp_path)
    again = classify(trainings.snapshot, models, AS_OF, tmp_path, previous=first)
    assert again.rows(columns=["credit_code", "tier"]).equals(first.rows(columns=["credit_code", "tier"]))
    assert (first.name, again.name) == (f"{AS_OF}-1", f"{AS_OF}-2")
    assert (tmp_path / "CURRENT").read_text().strip() == again.name


def test_a_failure_publishes_nothing(trainings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = trainings.general.model
    wrong = model.contributions

    def off(self: Any, matrix: np.ndarray) -> Any:
        found = wrong(matrix)
        return type(found)(found.names, found.base + 1e-5, found.values)

    monkeypatch.setattr(type(model), "contributions", off)
    with pytest.raises(RuntimeError, match="contributions differ from the margin by 1e-05"):
        classify(trainings.snapshot, {"general": ModelVersion(model, "1")}, AS_OF, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [".making.lock"]


def test_nobody_in_business_is_an_error_with_a_remedy(trainings: Any, tmp_path: Path) -> None:
    models = {"general": ModelVersion(trainings.general.model, "1")}
    with pytest.raises(InputError, match="Choose a date within the records"):
        classify(trainings.snapshot, models, date(1900, 1, 1), tmp_path)


def test_what_is_not_there_is_said(publication: Publication, home: Home, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not classified"):
        publication.find("91350100M000100Y43")
    code = publication.rows(model="general")["credit_code"][0].as_py()
    with pytest.raises(InputError, match="not classified by model 'shoes'"):
        publication.find(code, "shoes")
    with pytest.raises(InputError, match="risk-model classify first"):
        Publication.current(home)
    with pytest.raises(InputError, match="no published classification"):
        Publication(tmp_path / "nothing")


def test_current_is_a_name_and_never_a_path(home: Home) -> None:
    home.published.mkdir(parents=True)
    (home.published / "CURRENT").write_text("../elsewhere\n")
    assert current_name(home) is None


def test_an_explanation_is_plain_data_without_nan(publication: Publication) -> None:
    code = publication.rows(model="general")["credit_code"][5].as_py()
    text = json.dumps(explain_published(publication, code).as_dict(), allow_nan=False)
    content = json.loads(text)
    assert content["tier"] in {*TIERS, "insufficient_record"}
    assert {"zh", "en"} == set(content["sentences"])
