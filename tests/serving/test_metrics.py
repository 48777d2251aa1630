"""What Prometheus is told is what was asked and answered, and names no enterprise."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from features.home import Home
from risk_model.publication import Publication
from serving.application import application
from serving.computed import Figures
from serving.drift import kept
from tests.serving.conftest import Client
from tests.serving.test_malformed import GOOD


def _told(client: Client) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def _key(name: str, **labels: str) -> tuple[str, frozenset[tuple[str, str]]]:
    return name, frozenset(labels.items())


def test_requests_are_counted_by_route(client: Client, code_of: Callable[[str, str], str]) -> None:
    code = code_of("general", "A")
    route = "/v1/enterprises/{credit_code}"
    wanted = _key("risk_model_requests_total", method="GET", route=route, status="200")
    seconds = _key("risk_model_request_duration_seconds_count", method="GET", route=route)
    nowhere = _key("risk_model_requests_total", method="GET", route="none", status="404")
    before = _told(client)
    for _ in range(3):
        assert client.get(f"/v1/enterprises/{code}").status_code == 200
    client.get(f"/v1/enterprises/{code}/nowhere")
    after = _told(client)
    assert after[wanted] - before.get(wanted, 0) == 3
    assert after[seconds] - before.get(seconds, 0) == 3
    assert after[nowhere] - before.get(nowhere, 0) == 1
    # The one that asks is being answered.
    assert after[_key("risk_model_requests_in_progress")] == 1
    assert not any(code in str(key) for key in after)


def test_a_method_of_the_callers_making_makes_no_series(client: Client) -> None:
    client("BREW", "/healthz")
    assert not any("BREW" in str(key) for key in _told(client))


def test_tiers_are_counted_by_origin(client: Client, code_of: Callable[[str, str], str]) -> None:
    code = code_of("general", "A")
    before = _told(client)
    scored: list[dict[str, Any]] = []
    for _ in range(2):
        scored += client.post("/score", GOOD).json()["results"]
    published = client.post("/classify", {"credit_code": code}).json()["results"]
    bulk = client.post("/v1/enterprises/bulk", {"credit_codes": [code]}).json()["results"]
    after = _told(client)
    for origin, rows in (("scored", scored), ("published", published + bulk)):
        assert rows
        for model, tier in {(row["model"], row["tier"]) for row in rows}:
            key = _key("risk_model_tiers_answered_total", model=model, tier=tier, origin=origin)
            times = sum((row["model"], row["tier"]) == (model, tier) for row in rows)
            assert after[key] - before.get(key, 0) == times


def test_what_is_in_force(client: Client, home: Home) -> None:
    told = _told(client)
    document = Publication.current(home).document
    for model, of_model in document["models"].items():
        assert told[_key("risk_model_champion", model=model, version=of_model["version"])] == 1
        for tier, count in of_model["tiers"].items():
            assert told[_key("risk_model_classified_enterprises", model=model, tier=tier)] == count
    assert told[_key("risk_model_classification_age_days")] > 0


def test_drift_is_told_once_it_was_worked_out(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    found = Figures({"models": {"general": {"score": {"psi": 0.125}, "alarms": ["one", "two"]}}})
    monkeypatch.setattr("serving.metrics.drift.kept", lambda *_: found)
    told = _told(client)
    assert told[_key("risk_model_drift_psi", model="general")] == 0.125
    assert told[_key("risk_model_drift_alarms", model="general")] == 2


def test_drift_that_the_page_worked_out_is_kept(client: Client, home: Home) -> None:
    assert client.get("/models/drift").status_code == 200
    context = client.app.state.context
    assert kept(home, Publication.current(home), context.computed) is not None
    assert _key("risk_model_drift_psi", model="general") in _told(client)


def test_nothing_in_force_is_no_failure(tmp_path: Path) -> None:
    bare = Client(application(Home(tmp_path / "home")))
    told = _told(bare)
    assert not any(name == "risk_model_champion" for name, _ in told)
