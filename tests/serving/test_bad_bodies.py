"""Bad bodies for every endpoint that takes one, from the table of endpoints: a 4xx with field and fix."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.home import Home
from serving.application import application
from serving.endpoints import Endpoint
from serving.routes import ENDPOINTS
from serving.settings import Settings
from tests.serving.conftest import Client
from tests.serving.samples import OPERATIONS, Desk
from tests.serving.test_access import SAMPLES
from tests.serving.test_pages import PLAN

TAKERS = [endpoint for endpoint in ENDPOINTS if endpoint.body is not None]
HEADERS = {"content-type": "application/json", "idempotency-key": "a-bad-body"}
#: What no field of ours is.
WRONG: tuple[Any, ...] = ({"x": [{}]}, [[[]]], -1.5e300, "\x00", "x" * 100_000)


@pytest.fixture(scope="module")
def client(home: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Return a service over a copy: a body that is not bad after all must not change the home."""
    import shutil

    own = Home(tmp_path_factory.mktemp("bad") / "home")
    shutil.copytree(home.root, own.root, ignore=shutil.ignore_patterns("simulated", "scratch"))
    yield Client(application(own, Settings()))
    shutil.rmtree(own.root)


@pytest.fixture(scope="module")
def sound(client: Client, code_of: Callable[[str, str], str]) -> Callable[[Endpoint], dict[str, Any]]:
    """Return a function that gives a sound body of an endpoint."""

    def body(endpoint: Endpoint) -> dict[str, Any]:
        code = code_of("food", "B")
        sample = OPERATIONS.get((endpoint.method, endpoint.path))
        if sample is not None:
            found: dict[str, Any] = sample(Desk(client, code))["json"]
            return found
        text = json.dumps(SAMPLES[endpoint.method, endpoint.path]["json"])
        known: dict[str, Any] = json.loads(text.replace("{code}", code))
        return known

    return body


def send(client: Client, endpoint: Endpoint, body: bytes, **headers: str) -> Any:
    address = endpoint.path.replace("{plan}", PLAN).replace("{application}", "0")
    return client(endpoint.method, address, content=body, headers={**HEADERS, **headers})


def refused(answer: Any, told: Any) -> None:
    assert 400 <= answer.status_code < 500, (told, answer.status_code, answer.text[:300])
    assert answer.headers["content-type"] == "application/problem+json", told
    errors = answer.json()["errors"]
    assert errors, told
    assert all(error["message"] and error["fix"] for error in errors), told


by_endpoint = pytest.mark.parametrize("endpoint", TAKERS, ids=lambda e: f"{e.method} {e.path}")


def test_whatever_reads_a_body_is_asked() -> None:
    unread = {e.path for e in ENDPOINTS if e.read is not None and e.body is None and not e.page}
    assert not unread


@by_endpoint
def test_no_json(client: Client, endpoint: Endpoint) -> None:
    for body in (
        b"",
        b"{",
        b"\xff\xfe",
        b"NaN",
        b"[]",
        b"1",
        b"null",
        b'"x"',
        b"{'a': 1}",
        b"[" * 5000,
        b"{}{}",
    ):
        answer = send(client, endpoint, body)
        refused(answer, body)
        assert answer.status_code in (400, 422), body
    for media_type in ("text/plain", "application/json; charset=gbk", "application/vnd.bentoml+pickle"):
        assert send(client, endpoint, b"{}", **{"content-type": media_type}).status_code == 415


@by_endpoint
def test_too_large(client: Client, endpoint: Endpoint, home: Home) -> None:
    small = Client(application(home, Settings(largest_body=2000, largest_batch_body=2000)))
    answer = send(small, endpoint, b'{"x": "' + b"x" * 3000 + b'"}')
    refused(answer, endpoint.path)
    assert answer.status_code == 413


@by_endpoint
def test_every_field_wrong_in_turn(
    client: Client, endpoint: Endpoint, sound: Callable[[Endpoint], dict[str, Any]]
) -> None:
    good = sound(endpoint)
    assert endpoint.body is not None
    refused(send(client, endpoint, json.dumps({**good, "no_such_field": 1}).encode()), "unknown")
    for name, field in endpoint.body.model_fields.items():
        for wrong in WRONG:
            answer = send(client, endpoint, json.dumps({**good, name: wrong}).encode())
            refused(answer, (name, str(wrong)[:20]))
            assert answer.json()["errors"][0]["field"].startswith(name), (name, str(wrong)[:20], answer.text)
        for number in ("NaN", "Infinity", "-Infinity", "1e999"):
            text = json.dumps({**good, name: "@number@"}).replace('"@number@"', number)
            refused(send(client, endpoint, text.encode()), (name, number))
        if field.is_required():
            without = {key: value for key, value in good.items() if key != name}
            answer = send(client, endpoint, json.dumps(without).encode())
            refused(answer, (name, "missing"))
            assert answer.json()["errors"][0]["field"] == name


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data(), endpoint=st.sampled_from(TAKERS))
def test_no_body_makes_the_service_fail(client: Client, data: st.DataObject, endpoint: Endpoint) -> None:
    assert endpoint.body is not None
    names = st.sampled_from([*endpoint.body.model_fields, "x"])
    body = data.draw(st.dictionaries(names, anything, max_size=5))
    answer = send(client, endpoint, json.dumps(body).encode("utf-8", "replace"))
    if answer.status_code >= 300:
        refused(answer, body)
