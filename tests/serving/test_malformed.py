"""Whatever is malformed gets a 4xx that names field and fix; nothing gets a 500."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.home import Home
from serving.application import application
from serving.settings import Settings
from tests.serving.conftest import Client
from tests.serving.test_classification import assert_problem

JSON = {"content-type": "application/json"}
GOOD: dict[str, Any] = {
    "credit_code": "91350100M000100Y43",
    "as_of": "2025-06-30",
    "records": {
        "inspection": [
            {
                "event_date": "2025-01-10",
                "kind": "routine",
                "domain": "food",
                "selection": "random",
                "outcome": "problem",
                "critical_items": 1,
                "points": 80.5,
                "full_item": True,
            }
        ]
    },
}
ROW = "records.inspection[0]"


def changed(**changes: Any) -> dict[str, Any]:
    """Return the good request with fields of its inspection changed."""
    body = json.loads(json.dumps(GOOD))
    body["records"]["inspection"][0] |= changes
    return dict(body)


def test_the_good_request_is_good(client: Client) -> None:
    assert client.post("/score", GOOD).status_code == 200


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[1,", b"\xff\xfe", b'{"credit_code": "\\ud800"}', b"NaN", b"nul", b"{'a': 1}", b"[" * 5000],
    ids=["empty", "open", "cut", "bytes", "surrogate", "NaN", "word", "quotes", "deep"],
)
@pytest.mark.parametrize("path", ["/classify", "/explain", "/score"])
def test_no_json(client: Client, path: str, body: bytes) -> None:
    answer = client("POST", path, content=body, headers=JSON)
    assert answer.status_code in (400, 422)
    assert_problem(answer, answer.status_code, "")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400"])
@pytest.mark.parametrize("field", ["points", "critical_items", "inclusion_probability", "event_date", "kind"])
def test_not_a_number(client: Client, field: str, number: str) -> None:
    body = json.dumps(changed(**{field: "@"})).replace('"@"', number)
    answer = client("POST", "/score", content=body.encode(), headers=JSON)
    assert_problem(answer, 422, f"{ROW}.{field}")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"outcome": "bad"}, f"{ROW}.outcome"),
        ({"outcome": None}, f"{ROW}.outcome"),
        ({"event_date": "2025-02-30"}, f"{ROW}.event_date"),
        ({"event_date": 20250110}, f"{ROW}.event_date"),
        ({"critical_items": "1"}, f"{ROW}.critical_items"),
        ({"critical_items": 1.5}, f"{ROW}.critical_items"),
        ({"critical_items": -1}, f"{ROW}.critical_items"),
        ({"critical_items": 2**70}, f"{ROW}.critical_items"),
        ({"full_item": 1}, f"{ROW}.full_item"),
        ({"inclusion_probability": 1.5}, f"{ROW}.inclusion_probability"),
        ({"outcom": "problem"}, f"{ROW}.outcom"),
        ({"visible_from": "2025-01-01"}, f"{ROW}.visible_from"),
        ({"credit_code": "91350100M000100Y4Z"}, f"{ROW}.credit_code"),
        ({"provider": "x" * 3000}, f"{ROW}.provider"),
    ],
    ids=lambda value: value if isinstance(value, str) else json.dumps(value)[:40],
)
def test_wrong_field(client: Client, changes: dict[str, Any], field: str) -> None:
    assert_problem(client.post("/score", changed(**changes)), 422, field)


def test_misspelt_names_are_answered_with_the_right_one(client: Client) -> None:
    answer = client.post("/score", changed(outcom="problem"))
    assert answer.json()["errors"][0]["fix"] == "Did you mean outcome?"
    table = client.post("/score", {**GOOD, "records": {"inspections": []}})
    assert_problem(table, 422, "records.inspections")
    assert table.json()["errors"][0]["fix"] == "Did you mean inspection?"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("91310115MA1G4L1WXK", "expected '7'"),
        ("91350100M000100Y4Z", "a credit code has 18"),
        ("9135", "4 characters"),
        (" ", "empty"),
        ("９１３５", "4 characters"),
    ],
)
@pytest.mark.parametrize("path", ["/classify", "/explain", "/score"])
def test_wrong_code_is_explained(client: Client, path: str, code: str, words: str) -> None:
    answer = client.post(path, {**(GOOD if path == "/score" else {}), "credit_code": code})
    assert_problem(answer, 422, "credit_code")
    assert words in answer.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content-type": "text/plain"},
        {"content-type": "application/vnd.bentoml+pickle"},
        {"content-type": "application/json; charset=gbk"},
        {"content-type": "multipart/form-data; boundary=x"},
    ],
    ids=["none", "text", "pickle", "charset", "form"],
)
def test_wrong_media_type(client: Client, headers: dict[str, str]) -> None:
    answer = client("POST", "/score", content=json.dumps(GOOD).encode(), headers=headers)
    assert_problem(answer, 415, "Content-Type")


def test_body_that_is_too_large(home: Home) -> None:
    small = Client(application(home, Settings(largest_body=2000)))
    long = json.dumps(changed(provider="x" * 1900)).encode()
    assert_problem(small("POST", "/score", content=long, headers=JSON), 413, "")

    async def parts() -> Any:
        for _ in range(100):
            yield b" " * 100

    # Without a length: what comes is counted.
    assert_problem(small("POST", "/score", content=parts(), headers=JSON), 413, "")


def test_wrong_address_and_method(client: Client) -> None:
    assert_problem(client.get("/nowhere"), 404, "")
    assert_problem(client.get("/healthz/"), 404, "")
    wrong = client("DELETE", "/classify")
    assert_problem(wrong, 405, "")
    assert wrong.headers["allow"] == "POST"


@pytest.mark.parametrize(
    "query",
    [
        "tier=E",
        "model=x",
        "order=up",
        "cursor=abc",
        "cursor=WzEsMl0",
        "page=2",
        "q=" + "x" * 200,
        "changed=2",
    ],
)
def test_wrong_query_of_a_page(client: Client, query: str) -> None:
    answer = client.get(f"/planner?{query}")
    assert answer.status_code == 422
    assert answer.headers["content-type"].startswith("text/html")


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FIELDS = (
    "credit_code",
    "event_date",
    "kind",
    "outcome",
    "critical_items",
    "points",
    "record_id",
    "repaired_at",
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    top=st.dictionaries(
        st.sampled_from(["credit_code", "as_of", "records", "lang", "x"]), anything, max_size=2
    ),
    row=st.dictionaries(st.sampled_from(FIELDS), anything, max_size=3),
    drop=st.lists(st.sampled_from(["credit_code", "as_of", "records"]), max_size=1),
)
def test_no_body_makes_the_service_fail(
    client: Client, top: dict[str, Any], row: dict[str, Any], drop: list[str]
) -> None:
    body = {key: value for key, value in {**changed(**row), **top}.items() if key not in drop}
    for path in ("/score", "/classify", "/explain"):
        answer = client("POST", path, content=json.dumps(body).encode("utf-8", "replace"), headers=JSON)
        assert answer.status_code in (200, 400, 404, 422), (answer.status_code, body)
        if answer.status_code != 200:
            assert answer.headers["content-type"] == "application/problem+json"


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=200))
def test_no_bytes_make_the_service_fail(client: Client, body: bytes) -> None:
    answer = client("POST", "/score", content=body, headers=JSON)
    assert answer.status_code in (400, 422)


ADDRESSES = (
    "/planner",
    "/supervisor",
    "/v1/enterprises",
    "/v1/enterprises/{}",
    "/v1/enterprises/{}/explanation",
    "/v1/enterprises/{}/history",
    "/enterprise/{}",
    "/planner/plans/{}",
    "/sign-in",
    "/models",
    "/public/{}",
    "/static/{}",
    "/{}",
)
PARAMETERS = (
    "q",
    "tier",
    "model",
    "district",
    "industry",
    "cursor",
    "limit",
    "order",
    "changed",
    "lang",
    "to",
    "x",
)
rough = st.text(max_size=30) | st.sampled_from(
    ["\0", "%", "'", '"', "\\", "../", "..", "．", "é", "0", "-1", "9" * 30]
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    address=st.sampled_from(ADDRESSES),
    part=rough,
    query=st.dictionaries(st.sampled_from(PARAMETERS), rough, max_size=3),
    raw=st.binary(max_size=8),
)
def test_no_address_makes_the_service_fail(
    client: Client, address: str, part: str, query: dict[str, str], raw: bytes
) -> None:
    path = address.replace("{}", quote(part, safe=""))
    tail = "&".join(f"{key}={quote(value, safe='')}" for key, value in query.items())
    tail += "&q=" + "".join(f"%{byte:02x}" for byte in raw)
    headers = {"cookie": b"lang=" + raw.hex().encode(), "x-request-id": raw.hex()}
    answer = client.get(f"{path}?{tail}", headers=headers)
    assert answer.status_code in (200, 303, 404, 422), (path, tail, answer.text[:300])
