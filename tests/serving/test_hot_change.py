"""New classifications and champions are picked up without a restart; broken ones are not."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from features.home import Home
from risk_model.publication import Publication, layout
from risk_model.publication.writing import set_current
from risk_model.registry import Registry
from serving.application import application
from serving.settings import Settings
from tests.serving.conftest import Client
from tests.serving.small_home import AS_OF, EARLIER, publish
from tests.serving.test_malformed import GOOD

SETTINGS = Settings(watch_seconds=0)


def until(condition: Callable[[], bool]) -> bool:
    """Return whether a condition comes true within half a minute."""
    for _ in range(300):
        if condition():
            return True
        time.sleep(0.1)
    return False


def test_a_new_classification_is_answered_from_at_once(
    own_home: Home, code_of: Callable[[str, str], str]
) -> None:
    client = Client(application(own_home, SETTINGS))
    code = code_of("general", "A")
    assert client.post("/classify", {"credit_code": code}).json()["as_of"] == AS_OF.isoformat()
    later = publish(own_home, date(2025, 9, 30))
    told = client.post("/classify", {"credit_code": code}).json()
    assert (told["snapshot"], told["as_of"]) == (later.name, "2025-09-30")
    # Back to the one before: CURRENT is all that decides.
    set_current(own_home.published, f"{EARLIER}-1")
    assert client.post("/classify", {"credit_code": code}).json()["snapshot"] == f"{EARLIER}-1"


def test_a_page_in_the_middle_stays_in_its_classification(own_home: Home) -> None:
    client = Client(application(own_home, Settings(page_size=20)))
    first = client.get("/planner?order=code").text
    following = first.partition('href="/planner?order=code&amp;cursor=')[2].partition('"')[0]
    set_current(own_home.published, f"{EARLIER}-1")
    second = client.get(f"/planner?order=code&cursor={following}").text
    assert f"{AS_OF}-1" in second
    assert f"{EARLIER}-1" in client.get("/planner").text


def test_a_new_champion_scores_without_restart(own_home: Home, tmp_path: Path) -> None:
    client = Client(application(own_home, SETTINGS))
    assert client.post("/score", GOOD).json()["results"][0]["version"] == "1"
    registry = Registry(own_home)
    model, _ = registry.load("general")
    second = registry.log(model, metrics={}, documents={}, scratch=tmp_path / "scratch")
    assert client.post("/score", GOOD).json()["results"][0]["version"] == "1"
    registry.promote("general", second.version)
    assert until(lambda: client.post("/score", GOOD).json()["results"][0]["version"] == second.version)
    assert client.get("/readyz").json()["champions"]["general"] == second.version


def test_a_broken_classification_does_not_take_the_place_of_a_sound_one(
    own_home: Home, code_of: Callable[[str, str], str], caplog: pytest.LogCaptureFixture
) -> None:
    client = Client(application(own_home, SETTINGS))
    code = code_of("general", "A")
    assert client.post("/classify", {"credit_code": code}).status_code == 200
    current = Publication.current(own_home)
    broken = own_home.published / "2026-01-31-1"
    shutil.copytree(current.folder, broken)
    (broken / layout.shard_name(0) / layout.CLASSIFICATION).write_bytes(b"PAR1 not")
    set_current(own_home.published, broken.name)
    assert client.post("/classify", {"credit_code": code}).json()["snapshot"] == current.name
    assert any(broken.name in record.getMessage() for record in caplog.records)
    # A service that starts now has nothing sound to fall back to.
    fresh = Client(application(own_home, SETTINGS))
    assert fresh.post("/classify", {"credit_code": code}).status_code == 503
    set_current(own_home.published, current.name)
    assert fresh.post("/classify", {"credit_code": code}).status_code == 200


def test_with_nothing_published_the_answers_say_what_to_run(tmp_path: Path, home: Home) -> None:
    empty = Client(application(Home(tmp_path / "empty"), SETTINGS))
    assert empty.get("/healthz").status_code == 200
    for method, path, body in (
        ("GET", "/readyz", None),
        ("POST", "/classify", {"credit_code": GOOD["credit_code"]}),
        ("POST", "/explain", {"credit_code": GOOD["credit_code"]}),
        ("POST", "/score", GOOD),
    ):
        answer = empty(method, path, json=body) if body else empty(method, path)
        assert answer.status_code == 503, path
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["retry-after"]
        assert "Run risk-model " in answer.json()["errors"][0]["fix"]
    assert not (tmp_path / "empty").exists(), "asking must not write"
    page = empty.get("/planner?lang=en")
    assert page.status_code == 503
    assert "Run risk-model classify" in page.text
    assert empty.get("/").status_code == 200


def test_published_later_is_picked_up(tmp_path: Path, home: Home) -> None:
    late = Home(tmp_path / "late")
    client = Client(application(late, SETTINGS))
    assert client.get("/readyz").status_code == 503
    shutil.copytree(home.root, late.root, ignore=shutil.ignore_patterns("simulated", "scratch"))
    assert client.get("/readyz").json()["snapshot"] == f"{AS_OF}-1"
    assert client.post("/score", GOOD).status_code == 200


def test_ready_means_that_the_champions_load(own_home: Home) -> None:
    (own_home.root / "mlflow.db").unlink()
    client = Client(application(own_home, SETTINGS))
    assert client.get("/readyz").status_code == 503
    assert client.post("/score", GOOD).status_code == 503
