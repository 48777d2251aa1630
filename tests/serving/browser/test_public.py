"""What the public does: look up what is published of an enterprise."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.serving.browser.conftest import PHONE, Site, Watched
from tests.serving.browser.test_accessibility import violations


def published_code(site: Site) -> tuple[str, str]:
    """Return an enterprise with a published penalty, and its document's number."""
    with (site.home.root / "public" / "data" / "penalty.csv").open(encoding="utf-8-sig", newline="") as file:
        row = next(iter(csv.DictReader(file)))
    return row["credit_code"], row["document_no"]


def test_looking_up_an_enterprise(site: Site, watched: Watched, picture: Callable[..., Path]) -> None:
    code, document_no = published_code(site)
    page = watched.open(f"{site.url}/public", lang="zh", viewport=PHONE)
    page.get_by_role("link", name="查询公示信息").click()
    page.get_by_label("统一社会信用代码").fill(code)
    page.keyboard.press("Enter")
    answer = page.locator("#answer")
    answer.get_by_role("heading", name=code).wait_for()
    picture(page, "publicity-phone")
    assert document_no in answer.inner_text()
    page.get_by_label("统一社会信用代码").fill("91350100M000100Y43")
    page.keyboard.press("Enter")
    answer.get_by_text("没有公示信息。").wait_for()
    page.go_back()
    answer.get_by_role("heading", name=code).wait_for()
    page.get_by_role("link", name="English").click()
    answer.get_by_text("confiscation").first.wait_for()
    assert page.get_by_label("Unified social credit code").input_value() == code


def test_a_look_up_has_an_address(site: Site, watched: Watched) -> None:
    code, document_no = published_code(site)
    page = watched.open(f"{site.url}/public/zh/index.html?code={code.lower()}", lang="zh")
    answer = page.locator("#answer")
    answer.get_by_role("heading", name=code).wait_for()
    assert document_no in answer.inner_text()
    page.locator("#answer h2:focus").wait_for()
    assert violations(page) == []


def test_a_look_up_sent_before_the_script_has_come_is_answered(site: Site, watched: Watched) -> None:
    code, _ = published_code(site)
    page = watched.open(f"{site.url}/public", lang="zh")
    waiting: list[Any] = []

    def first_waits(route: Any) -> None:
        if waiting:
            route.continue_()
        waiting.append(route)

    page.route("**/lookup.js", first_waits)
    page.goto(f"{site.url}/public/zh/index.html", wait_until="commit")
    page.get_by_label("统一社会信用代码").fill(code)
    page.keyboard.press("Enter")
    page.locator("#answer").get_by_role("heading", name=code).wait_for()
    assert len(waiting) == 2


def test_a_look_up_that_fails_does_not_say_that_nothing_is_published(site: Site, watched: Watched) -> None:
    code, _ = published_code(site)
    page = watched.open(f"{site.url}/public", lang="en")
    page.route("**/lookup/*.js", lambda route: route.abort())
    page.goto(f"{site.url}/public/en/index.html?code={code}")
    page.locator("#answer").get_by_text("The look-up failed.").wait_for()


def test_no_tier_of_an_enterprise_is_public(site: Site, watched: Watched) -> None:
    page = watched.open(f"{site.url}/public", lang="en")
    assert site.code not in page.content()
    assert page.get_by_text("is not published").is_visible()
