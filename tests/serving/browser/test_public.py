"""What the public does: look up what is published of an enterprise."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

from tests.serving.browser.conftest import PHONE, Site, Watched


def test_looking_up_an_enterprise(site: Site, watched: Watched, picture: Callable[..., Path]) -> None:
    page = watched.open(f"{site.url}/public", lang="zh", viewport=PHONE)
    page.get_by_role("link", name="查询公示信息").click()
    with (site.home.root / "public" / "data" / "penalty.csv").open(encoding="utf-8-sig", newline="") as file:
        row = next(iter(csv.DictReader(file)))
    page.get_by_label("统一社会信用代码").fill(row["credit_code"])
    page.keyboard.press("Enter")
    answer = page.locator("#answer")
    answer.get_by_role("heading", name=row["credit_code"]).wait_for()
    picture(page, "publicity-phone")
    assert row["document_no"] in answer.inner_text()
    page.get_by_label("统一社会信用代码").fill("91350100M000100Y43")
    page.keyboard.press("Enter")
    answer.get_by_text("没有公示信息。").wait_for()


def test_no_tier_of_an_enterprise_is_public(site: Site, watched: Watched) -> None:
    page = watched.open(f"{site.url}/public", lang="en")
    assert site.code not in page.content()
    assert page.get_by_text("is not published").is_visible()
