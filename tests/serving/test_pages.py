"""The pages: what they show, in both languages, without anything from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any
from urllib.parse import unquote

import pytest

from features.home import Home
from features.store import RecordStore
from risk_model.explanation.explanation import explain_published
from risk_model.publication import Publication
from serving.application import application
from serving.settings import Settings
from supervision.plans import selected_codes
from supervision.publicity.site import publish_site
from tests.serving.conftest import Client

PLAN = "food-2025-07-1"
VOID = {"meta", "link", "input", "img", "br", "hr", "rect", "line"}


class Page(HTMLParser):
    """Collects what the tests ask of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag, f"</{tag}> closes another element"

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def find(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="session")
def addresses(code_of: Callable[[str, str], str]) -> list[str]:
    return [
        "/",
        "/planner",
        "/planner?model=food&tier=D&q=99&order=code",
        f"/planner/plans/{PLAN}",
        "/supervisor",
        f"/enterprise/{code_of('food', 'D')}",
        f"/enterprise/{code_of('general', 'insufficient_record')}",
        f"/enterprise/{code_of('food', 'D')}/improvement",
        f"/enterprise/{code_of('food', 'D')}/sheet",
        f"/enterprise/{code_of('general', 'insufficient_record')}/sheet",
        "/models",
        "/public",
        "/docs",
        "/enterprise/91350100M000100Y43",
    ]


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_page_is_well_formed_local_and_labelled(
    client: Client, addresses: list[str], lang: str
) -> None:
    for address in addresses:
        answer = client.get(address, headers={"cookie": f"lang={lang}"})
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        page = Page(answer.text)
        assert page.open == [], address
        assert page.find("html") == [{"lang": "zh-CN" if lang == "zh" else "en"}]
        assert len(page.find("h1")) == 1
        assert [len(page.find(tag)) for tag in ("header", "main", "footer")] == [1, 1, 1]
        for tag, attributes in page.elements:
            for name, value in attributes.items():
                assert name != "style", (address, tag)
                assert not name.startswith("on"), (address, tag)
                if name in ("href", "src", "action"):
                    assert value is not None
                    assert value.startswith(("/", "#", "?")), (address, value)
                    assert not value.startswith("//")
        assert not page.find("style")
        assert page.find("script") == [{"src": "/static/page.js", "defer": None}]
        ids = [a["id"] for _, a in page.elements if "id" in a]
        assert len(ids) == len(set(ids)), address
        for tag, attributes in page.elements:
            for name in ("aria-labelledby", "for"):
                if name in attributes:
                    assert attributes[name] in ids, (address, tag, attributes)


def test_fields_of_forms_have_labels(client: Client) -> None:
    for address in ("/planner", "/supervisor"):
        text = client.get(address).text
        page = Page(text)
        named = {a["for"] for a in page.find("label") if "for" in a}
        inside = re.findall(r"<label[^>]*>(.*?)</label>", text, re.DOTALL)
        for tag in ("input", "select"):
            for attributes in page.find(tag):
                own = attributes.get("id")
                assert own in named or any(f'name="{attributes["name"]}"' in label for label in inside)


def test_language_follows_address_then_cookie_then_browser(client: Client) -> None:
    chosen = client.get("/planner?lang=en")
    assert '<html lang="en">' in chosen.text
    assert "lang=en" in chosen.headers["set-cookie"]
    assert "HttpOnly" in chosen.headers["set-cookie"]
    assert '<html lang="zh-CN">' in client.get("/planner").text
    assert '<html lang="en">' in client.get("/planner", headers={"accept-language": "en-GB,zh;q=0.5"}).text
    assert '<html lang="zh-CN">' in client.get("/planner?lang=xx").text
    assert "/planner?tier=D&amp;lang=en" in client.get("/planner?tier=D").text


def test_planner_counts_and_lists_what_is_published(client: Client, publication: Publication) -> None:
    text = client.get("/planner?model=food").text
    tiers = publication.document["models"]["food"]["tiers"]
    for tier, count in tiers.items():
        assert re.search(rf"tier={tier}\".*?<strong>{count}</strong>", text, re.DOTALL), tier
    rows = publication.rows(model="food").to_pylist()
    highest = max(rows, key=lambda row: (row["score"], row["credit_code"]))["score"]
    assert f">{highest:.0f}<" in text


@pytest.mark.parametrize("order", ["risk", "code"])
def test_paging_meets_everybody_once_in_order(home: Home, publication: Publication, order: str) -> None:
    client = Client(application(home, Settings(page_size=37)))
    address: str | None = f"/planner?model=food&order={order}"
    found: list[str] = []
    while address:
        text = client.get(address).text
        found += re.findall(r'<span class="code block">([0-9A-Z]+)</span>', text)
        links = [a["href"] for a in Page(text).find("a") if a.get("rel") == "next"]
        address = links[0] if links else None
    rows = publication.rows(model="food").to_pylist()
    if order == "risk":
        rows.sort(key=lambda row: (-row["score"], row["credit_code"]))
    assert found == [row["credit_code"] for row in rows]


@pytest.mark.parametrize(
    ("query", "holds"),
    [
        ("district=990103", lambda row: row["district"] == "990103"),
        ("district=990100", lambda row: (row["district"] or "").startswith("9901")),
        ("industry=F", lambda row: (row["industry"] or "").startswith("F")),
        ("tier=C", lambda row: row["tier"] == "C"),
        ("changed=1", lambda row: row["previous_tier"] not in (None, row["tier"])),
        ("q=超市", lambda row: "超市" in (row["name"] or "")),
        ("q=9299010", lambda row: row["credit_code"].startswith("9299010")),
        ("q=%27%3B--", lambda row: False),
        (
            "district=990101&tier=B&q=公司",
            lambda row: (
                (row["district"], row["tier"]) == ("990101", "B") and "公司" in (row["name"] or "")
            ),
        ),
    ],
)  # fmt: skip
def test_filters(home: Home, publication: Publication, query: str, holds: Callable[[Any], bool]) -> None:
    client = Client(application(home, Settings(page_size=1000)))
    text = client.get(f"/planner?model=general&order=code&{query}").text
    expected = [row["credit_code"] for row in publication.rows(model="general").to_pylist() if holds(row)]
    assert re.findall(r'<span class="code block">([0-9A-Z]+)</span>', text) == expected[:1000]


def test_what_is_searched_for_is_never_markup(client: Client) -> None:
    for address in ("/planner", "/supervisor"):
        text = client.get(address, params={"q": '"><script>alert(1)</script>'}).text
        assert "<script>alert" not in text
        assert "&lt;script&gt;alert(1)" in text


def test_measures_of_every_tier(client: Client) -> None:
    text = client.get("/planner?model=food&lang=en").text
    assert "substantially raised" in text
    assert "Not inspected unless" in text
    assert "食品生产经营监督检查管理办法" not in text.partition("Measures by tier")[0]


def test_plans_are_listed_shown_and_sent(client: Client, home: Home) -> None:
    assert f'href="/planner/plans/{PLAN}"' in client.get("/planner").text
    shown = client.get(f"/planner/plans/{PLAN}")
    chosen = selected_codes(home.plans / PLAN)
    assert re.findall(r'<span class="code block">([0-9A-Z]+)</span>', shown.text) == chosen
    sent = client.get(f"/planner/plans/{PLAN}/selected.csv")
    assert sent.content == (home.plans / PLAN / "selected.csv").read_bytes()
    assert "a seed published before" not in shown.text


@pytest.mark.parametrize("name", ["food-1999-01-1", "%2e%2e%2fpublished", ".making-x", "a%00b", "x" * 300])
def test_no_plan_but_plans(client: Client, name: str) -> None:
    for address in (f"/planner/plans/{name}", f"/planner/plans/{name}/selected.csv"):
        assert client.get(address).status_code == 404, unquote(name)


def test_search_finds_names_and_opens_codes(client: Client, publication: Publication) -> None:
    row = publication.rows(model="general").to_pylist()[7]
    assert f"/enterprise/{row['credit_code']}" in client.get("/supervisor", params={"q": row["name"]}).text
    opened = client.get("/supervisor", params={"q": f" {row['credit_code'].lower()} "})
    assert opened.status_code == 303
    assert opened.headers["location"] == f"/enterprise/{row['credit_code']}"


def test_dossier_says_what_the_explanation_says(
    client: Client, publication: Publication, code_of: Callable[[str, str], str]
) -> None:
    code = code_of("food", "D")
    for lang in ("zh", "en"):
        text = client.get(f"/enterprise/{code}?lang={lang}").text
        told = explain_published(publication, code)
        words = "".join(Page(text).text)
        for sentence in told.sentences(lang):
            assert sentence in words
        for group in told.indicators:
            if group.contribution:
                assert group.label[lang] in words
        for reason in told.reasons:
            if reason.contribution:
                assert reason.feature.label[lang] in words
    assert 'href="#records-inspection"' in text
    assert 'id="records-inspection"' in text


def test_dossier_shows_records_in_force_and_no_person(
    client: Client, home: Home, publication: Publication
) -> None:
    snapshot = RecordStore(home.store).snapshot(publication.document["data_snapshot"])
    relations = snapshot.read("relation").to_pylist()
    known = {row["credit_code"] for row in publication.rows().to_pylist()}
    of_persons = [row for row in relations if row["person_key"] and row["credit_code"] in known]
    code = of_persons[0]["credit_code"]
    text = client.get(f"/enterprise/{code}").text
    assert 'id="records-relation"' in text
    for row in of_persons:
        assert row["person_key"] not in text
    repaired = [
        row
        for row in snapshot.read("penalty").to_pylist()
        if row["visible_to"] <= publication.as_of and row["credit_code"] in known and row["document_no"]
    ]
    assert repaired, "the fixture should hold a penalty that is no longer in force"
    for row in repaired[:5]:
        assert row["document_no"] not in client.get(f"/enterprise/{row['credit_code']}").text


def test_models_with_their_figures(client: Client, publication: Publication) -> None:
    text = client.get("/models?lang=en").text
    for told in publication.document["models"].values():
        assert told["title"]["en"] in text
        assert told["target"]["en"] in text
    assert text.count("ROC AUC, 0.4–1.0") == len(publication.models)
    assert text.count('class="curve"') == len(publication.models)
    assert "expert points card" in text
    assert "champion" in text
    assert "penalty.parquet" in text


def test_the_public_page_leads_to_the_published_site(own_home: Home, publication: Publication) -> None:
    client = Client(application(own_home, Settings(access="keys")))
    assert "No records are published here yet" in client.get("/public?lang=en").text
    assert client.get("/public/zh/index.html").status_code == 404
    publish_site(own_home, own_home.root / "public", publication.as_of)
    assert 'href="/public/zh/index.html"' in client.get("/public?lang=zh").text
    site = client.get("/public/zh/index.html")
    assert site.status_code == 200
    assert "default-src 'self'" in site.headers["content-security-policy"]
    assert not re.search(r"<script(?![^>]*(src=|application/json))|<style| style=", site.text)
    for outside in ("/public/../serving.db", "/public/%2e%2e/serving.db", "/public/..%2fserving.db"):
        assert client.get(outside).status_code in (404, 405)
