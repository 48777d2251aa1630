"""Look-ups and explanations from the published classification."""

from __future__ import annotations

from collections.abc import Callable
from math import fsum

import pytest
from httpx import Response

from risk_model.explanation.explanation import explain_published
from risk_model.publication import Publication
from serving import lookup
from tests.serving.conftest import Client

NOBODY = "91350100M000100Y43"


def test_classification_is_the_published_row(client: Client, publication: Publication) -> None:
    rows = publication.rows().to_pylist()
    for row in rows[:: len(rows) // 25]:
        answer = client.post("/classify", {"credit_code": row["credit_code"], "model": row["model"]})
        assert answer.status_code == 200
        told = answer.json()
        assert told["snapshot"] == publication.name
        assert told["as_of"] == publication.as_of.isoformat()
        assert told["name"] == row["name"]
        (result,) = told["results"]
        for key in ("model", "version", "score", "margin", "probability", "tier", "decided_by", "records"):
            assert result[key] == row[key]
        assert [reason["name"] for reason in result["top_reasons"]] == row["top_reasons"]


def test_sector_model_decides_where_there_is_one(client: Client, code_of: Callable[[str, str], str]) -> None:
    told = client.post("/classify", {"credit_code": code_of("food", "B")}).json()
    assert told["decisive"] == "food"
    assert [result["model"] for result in told["results"]] == ["general", "food"]


@pytest.mark.parametrize("path", ["/classify", "/explain"])
def test_unknown_enterprise_and_model(client: Client, code_of: Callable[[str, str], str], path: str) -> None:
    nobody = client.post(path, {"credit_code": NOBODY})
    assert_problem(nobody, 404, "credit_code")
    assert NOBODY in nobody.json()["detail"]
    other = client.post(path, {"credit_code": code_of("food", "A"), "model": "special_equipment"})
    assert_problem(other, 404, "model")


def test_code_is_normalised(client: Client, code_of: Callable[[str, str], str]) -> None:
    code = code_of("general", "A")
    answer = client.post("/classify", {"credit_code": f" {code[:9].lower()} {code[9:]} "})
    assert answer.json()["credit_code"] == code


def test_explanation_adds_up_and_is_that_of_the_command_line(
    client: Client, publication: Publication, code_of: Callable[[str, str], str]
) -> None:
    for model, tier in (("general", "A"), ("general", "D"), ("food", "C"), ("special_equipment", "B")):
        code = code_of(model, tier)
        told = client.post("/explain", {"credit_code": code, "model": model}).json()
        total = fsum([told["base_value"], *(f["contribution"] for f in told["features"])])
        assert abs(total - told["margin"]) <= 1e-6
        by_indicator = fsum([told["base_value"], *(g["contribution"] for g in told["indicators"])])
        assert abs(by_indicator - told["margin"]) <= 1e-6
        expected = explain_published(publication, code, model)
        assert told["snapshot"] == publication.name
        assert told["version"] == expected.version
        assert told["sentences"] == {"zh": expected.sentences("zh"), "en": expected.sentences("en")}


def test_explanation_in_one_language(client: Client, code_of: Callable[[str, str], str]) -> None:
    told = client.post("/explain", {"credit_code": code_of("food", "D"), "lang": "en"}).json()
    assert told["tier_label"] == "high risk"
    assert all(isinstance(sentence, str) for sentence in told["sentences"])


def test_explanation_that_does_not_add_up_is_no_answer(
    client: Client,
    code_of: Callable[[str, str], str],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    from dataclasses import replace

    def wrong(*arguments: object) -> object:
        found = explain_published(*arguments)  # type: ignore[arg-type]
        return replace(found, margin=found.margin + 2e-6)

    monkeypatch.setattr(lookup, "explain_published", wrong)
    code = code_of("general", "B")
    answer = client.post("/explain", {"credit_code": code})
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert "Traceback" not in answer.text
    assert answer.headers["x-request-id"]
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    lines = [record for record in caplog.records if record.name == "risk_model.serving.audit"]
    assert len(lines) == 1
    assert code in lines[0].getMessage()
    page = client.get(f"/enterprise/{code}")
    assert page.status_code == 500
    assert page.headers["content-type"].startswith("text/html")
    assert "Traceback" not in page.text


def assert_problem(answer: Response, status: int, field: str) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert set(problem) == {"type", "title", "status", "detail", "errors"}
    assert problem["status"] == status
    assert field in [error["field"] for error in problem["errors"]]
    assert all(error["message"] and error["fix"] for error in problem["errors"])
