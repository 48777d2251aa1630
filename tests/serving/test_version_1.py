"""``/v1``: by code, in bulk, by filter."""

from __future__ import annotations

import io
from typing import Any

import pyarrow as pa
import pytest

from features.home import Home
from risk_model.publication import Publication
from risk_model.publication.writing import set_current
from serving.access.principal import EVERYBODY, Principal
from serving.api.version_1 import ARROW, in_scope
from serving.application import application
from serving.listing import Filter, enterprises
from serving.settings import Settings
from supervision.improvement.search import Improver
from tests.serving.conftest import Client
from tests.serving.small_home import AS_OF, EARLIER
from tests.serving.test_classification import NOBODY, assert_problem


@pytest.fixture(scope="session")
def rows(publication: Publication) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = publication.rows().to_pylist()
    return found


def stream(**columns: Any) -> bytes:
    table = pa.table(columns)
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def pages(client: Client, query: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        told = client.get(f"/v1/enterprises?{query}&cursor={cursor}").json()
        found += told["results"]
        cursor = told["next"]
    return found


@pytest.mark.parametrize("limit", [1000, 173])
@pytest.mark.parametrize("order", ["risk", "code"])
def test_pages_hold_every_row_once(
    client: Client, rows: list[dict[str, Any]], order: str, limit: int
) -> None:
    expected = [row for row in rows if row["model"] == "general"]
    if order == "risk":
        expected = sorted(expected, key=lambda row: (-row["score"], row["credit_code"]))
    assert pages(client, f"order={order}&limit={limit}") == expected


def test_filters_are_those_of_the_rows(client: Client, rows: list[dict[str, Any]]) -> None:
    found = pages(client, "model=food&tier=B&district=990100&industry=H&order=code")
    expected = [
        row
        for row in rows
        if row["model"] == "food" and row["tier"] == "B" and (row["industry"] or "").startswith("H")
    ]
    assert found == expected
    assert expected


def test_pages_stay_in_one_classification(own_home: Home) -> None:
    client = Client(application(own_home, Settings()))
    first = client.get("/v1/enterprises?limit=10").json()
    set_current(own_home.published, f"{EARLIER}-1")
    second = client.get(f"/v1/enterprises?limit=10&cursor={first['next']}").json()
    assert (first["snapshot"], second["snapshot"]) == (f"{AS_OF}-1", f"{AS_OF}-1")
    assert client.get("/v1/enterprises?limit=10").json()["snapshot"] == f"{EARLIER}-1"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=many", "limit"),
        ("tier=E", "tier"),
        ("district=x", "district"),
        ("industry=f", "industry"),
        ("page=1", "page"),
        ("model=none", "model"),
        ("cursor=e30", "cursor"),
        ("cursor=%00", "cursor"),
    ],
)
def test_wrong_queries(client: Client, query: str, field: str) -> None:
    assert_problem(client.get(f"/v1/enterprises?{query}"), 422, field)


def test_a_cursor_of_another_order_or_classification_is_refused(client: Client) -> None:
    cursor = client.get("/v1/enterprises?order=code&limit=5").json()["next"]
    assert_problem(client.get(f"/v1/enterprises?order=risk&cursor={cursor}"), 422, "order")
    from serving.listing import Cursor

    for name in ("1999-01-01-1", "../x", ".."):
        gone = Cursor(name, "risk", 1.0, "9").text()
        assert_problem(client.get(f"/v1/enterprises?cursor={gone}"), 422, "snapshot")


def test_one_enterprise(client: Client, rows: list[dict[str, Any]]) -> None:
    code = next(row["credit_code"] for row in rows if row["model"] == "food")
    assert (
        client.get(f"/v1/enterprises/{code}").json() == client.post("/classify", {"credit_code": code}).json()
    )
    told = client.get(f"/v1/enterprises/{code}/explanation?model=general&lang=zh").json()
    assert told == client.post("/explain", {"credit_code": code, "model": "general", "lang": "zh"}).json()
    history = client.get(f"/v1/enterprises/{code}/history?model=food").json()["results"]
    assert [row["as_of"] for row in history] == [AS_OF.isoformat(), EARLIER.isoformat()]
    assert history[0]["previous_tier"] == history[1]["tier"]
    for path in ("", "/explanation", "/history"):
        assert_problem(client.get(f"/v1/enterprises/{NOBODY}{path}"), 404, "credit_code")


@pytest.mark.parametrize("sent", ["json", "arrow"])
@pytest.mark.parametrize("wanted", ["json", "arrow"])
@pytest.mark.parametrize("model", [None, "food"])
def test_bulk(client: Client, rows: list[dict[str, Any]], sent: str, wanted: str, model: str | None) -> None:
    codes = [*dict.fromkeys(row["credit_code"] for row in rows[::3]), NOBODY, rows[0]["credit_code"]]
    headers = {"accept": ARROW} if wanted == "arrow" else {}
    if sent == "json":
        body: dict[str, Any] = {"json": {"credit_codes": codes, "model": model}}
        answer = client("POST", "/v1/enterprises/bulk", headers=headers, **body)
    else:
        headers["content-type"] = ARROW
        query = f"?model={model}" if model else ""
        answer = client(
            "POST", f"/v1/enterprises/bulk{query}", headers=headers, content=stream(credit_code=codes)
        )
    assert answer.status_code == 200, answer.text
    chosen = set(codes)
    expected = [r for r in rows if r["credit_code"] in chosen and model in (None, r["model"])]
    if wanted == "arrow":
        table = pa.ipc.open_stream(answer.content).read_all()
        assert table.schema.metadata[b"snapshot"].decode() == f"{AS_OF}-1"
        assert table.to_pylist() == expected
    else:
        told = answer.json()
        assert told["results"] == expected
        assert NOBODY in told["missing"]


def test_malformed_bulk(client: Client, home: Home) -> None:
    address, headers = "/v1/enterprises/bulk", {"content-type": ARROW}
    for body, status, field in (
        (b"", 400, ""),
        (b"ARROW1 no", 400, ""),
        (stream(credit_code=["a"])[:-30], 400, ""),
        (stream(code=["a"]), 422, "credit_code"),
        (stream(credit_code=[1]), 422, "credit_code"),
        (stream(credit_code=["a", None]), 422, "credit_code"),
    ):
        assert_problem(client("POST", address, content=body, headers=headers), status, field)
    assert_problem(client.post(address, {"credit_codes": []}), 422, "credit_codes")
    assert_problem(client.post(address, {"credit_codes": [NOBODY, "x"]}), 422, "credit_codes[1]")
    assert_problem(client.post(address, {"credit_codes": [NOBODY], "model": "none"}), 422, "model")
    small = Client(application(home, Settings(largest_bulk=2)))
    assert_problem(small.post(address, {"credit_codes": [NOBODY] * 3}), 413, "credit_codes")
    assert_problem(
        client("POST", address, content=b"x", headers={"content-type": "text/csv"}), 415, "Content-Type"
    )


def test_in_force(client: Client, publication: Publication) -> None:
    told = client.get("/v1/in-force").json()
    assert told["snapshot"] == publication.name
    assert [model["model"] for model in told["models"]] == list(publication.models)
    assert told["champions"] == {"general": "1", "food": "1", "special_equipment": "1"}


def test_score_without_explanation_is_the_same_score(client: Client) -> None:
    from tests.serving.test_malformed import GOOD

    (full, *_), (short, *_) = (
        client.post("/v1/score", {**GOOD, "explain": explain}).json()["results"] for explain in (True, False)
    )
    assert "features" not in short
    assert short == {key: full[key] for key in short}


def test_scope_holds_for_lists_and_bulk(publication: Publication, rows: list[dict[str, Any]]) -> None:
    narrow = Principal("narrow", EVERYBODY, districts=("990103", "990110"), sectors=("food",))
    expected = [row for row in rows if narrow.sees(row)]
    assert 0 < len(expected) < len(rows)
    assert in_scope(publication.rows(), narrow).to_pylist() == expected
    page = enterprises(publication, Filter(model="food"), narrow, order="code", limit=10_000)
    assert page.rows == expected
    assert not enterprises(publication, Filter(model="general"), narrow).rows
    nobody = Principal("nobody", EVERYBODY, districts=())
    assert not enterprises(publication, Filter(model="general"), nobody).rows
    assert in_scope(publication.rows(), nobody).num_rows == 0


def test_improvement_is_that_of_the_command_line(
    client: Client, home: Home, rows: list[dict[str, Any]]
) -> None:
    improver = Improver(home)
    for row in [row for row in rows if row["tier"] in ("C", "D")][:6]:
        address = f"{row['credit_code']}/improvement?model={row['model']}"
        told = client.get(f"/v1/enterprises/{address}").json()
        expected = improver.find(row["credit_code"], row["model"]).as_dict()
        assert told == {"snapshot": f"{AS_OF}-1", **expected}
        page = client.get(f"/enterprise/{address}&lang=en")
        assert page.status_code == 200
        for action in told["actions"]:
            assert action["label"]["en"] in page.text
    assert_problem(client.get(f"/v1/enterprises/{NOBODY}/improvement"), 404, "credit_code")
