"""What a planner does: filter, search, preview and draw a plan, export, see what falls due and what warns."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from supervision.plans import selected_codes
from tests.serving.browser.conftest import PHONE, Site, Watched


def number(text: str) -> int:
    """Return the first number of a text."""
    return int(re.findall(r"[\d,]+", text)[0].replace(",", ""))


def test_filters_and_search_narrow_the_list(
    site: Site, watched: Watched, picture: Callable[..., Path]
) -> None:
    page = watched.open(f"{site.url}/planner?model=food")
    every = number(page.locator("#list-title .quiet").inner_text())
    assert every == site.publication.document["models"]["food"]["rows"]
    picture(page, "planner")
    first = max(
        site.publication.rows(model="food").to_pylist(), key=lambda row: (row["score"], row["credit_code"])
    )
    page.locator("select[name=district]").select_option(first["district"])
    page.locator("select[name=tier]").select_option(first["tier"])
    page.get_by_role("button", name="Show").click()
    rows = [
        row
        for row in site.publication.rows(model="food").to_pylist()
        if (row["district"], row["tier"]) == (first["district"], first["tier"])
    ]
    assert number(page.locator("#list-title .quiet").inner_text()) == len(rows)
    shown = page.locator("tbody th .code.block").all_inner_texts()
    assert set(shown) <= {row["credit_code"] for row in rows}
    # What was asked for stays in the form.
    assert page.locator("select[name=district]").input_value() == first["district"]
    page.get_by_role("link", name="Reset").click()
    page.get_by_role("searchbox", name="Search").fill(rows[0]["name"])
    page.keyboard.press("Enter")
    page.get_by_role("link", name=rows[0]["name"]).first.click()
    assert rows[0]["credit_code"] in page.url


def test_a_tier_of_the_chart_and_a_district_lead_to_their_enterprises(site: Site, watched: Watched) -> None:
    page = watched.open(f"{site.url}/planner?model=general")
    count = number(page.locator(".legend a", has_text="high risk").locator("strong").inner_text())
    page.locator(".legend a", has_text="high risk").click()
    assert number(page.locator("#list-title .quiet").inner_text()) == count
    page.locator(".bars").first.get_by_role("link", name="990102").click()
    assert "district=" in page.url
    assert page.locator("#industries-title .quiet").inner_text() in page.url
    page.locator(".wide-names").get_by_role("link").first.click()
    assert "industry=" in page.url


def test_a_plan_is_previewed_drawn_and_exported(
    site: Site, watched: Watched, picture: Callable[..., Path]
) -> None:
    page = watched.open(f"{site.url}/planner")
    page.get_by_role("navigation", name="planner's pages").get_by_role("link", name="Draw a plan").click()
    page.locator("select[name=sector]").select_option("food")
    page.get_by_label("Month").fill("2025-09")
    page.get_by_label("Capacity").fill("18")
    page.get_by_role("button", name="Preview").click()
    figures = dict(
        zip(
            page.locator(".figures dt").all_inner_texts(),
            page.locator(".figures dd").all_inner_texts(),
            strict=True,
        )
    )
    assert figures["Selected"] == "18"
    assert number(figures["Candidates"]) > 18
    before = set(site.home.plans.iterdir())
    picture(page, "plan-preview")
    page.get_by_label("Seed (its SHA-256").fill("the seed of September")
    page.get_by_role("button", name="Draw and keep the plan").click()
    page.wait_for_url("**/planner/plans/food-2025-09-1")
    assert {path.name for path in set(site.home.plans.iterdir()) - before} == {"food-2025-09-1"}
    chosen = selected_codes(site.home.plans / "food-2025-09-1")
    assert page.locator("tbody th .code.block").all_inner_texts() == chosen
    assert "the seed of September" not in page.content()
    with page.expect_download() as started:
        page.get_by_role("link", name="Download the list").click()
    with Path(started.value.path()).open(encoding="utf-8-sig", newline="") as file:
        assert [row["统一社会信用代码 credit_code"].strip() for row in csv.DictReader(file)] == chosen
    # The same form sent again is the same plan.
    page.goto(f"{site.url}/planner/draw?sector=food&month=2025-09&capacity=18")
    page.get_by_label("Seed (its SHA-256").fill("the seed of September")
    page.get_by_role("button", name="Draw and keep the plan").click()
    page.wait_for_url("**/planner/plans/food-2025-09-1")


def test_a_plan_that_cannot_be_drawn_says_why(site: Site, watched: Watched) -> None:
    page = watched.open(f"{site.url}/planner/draw?sector=food&month=2025-13&capacity=18")
    assert "2025-13" in page.get_by_role("alert").inner_text()
    page.goto(f"{site.url}/planner/draw?sector=nothing&month=2025-09&capacity=18")
    assert "sector" in page.get_by_role("alert").inner_text()


def test_the_calendar_counts_what_it_lists(
    site: Site, watched: Watched, picture: Callable[..., Path]
) -> None:
    page = watched.open(f"{site.url}/planner/calendar?days=92")
    counts = [int(text.replace(",", "")) for text in page.locator(".month td a").all_inner_texts()]
    every = number(page.locator("#list-title .quiet").inner_text())
    assert sum(counts) == every > 0
    picture(page, "calendar")
    busiest = counts.index(max(counts))
    page.locator(".month td a").nth(busiest).click()
    assert number(page.locator("#list-title .quiet").inner_text()) == max(counts)
    days = set(page.locator("td.date").all_inner_texts())
    assert len(days) == 1
    page.get_by_role("link", name="all days").click()
    page.locator("select[name=kind]").select_option("equipment_due")
    page.get_by_role("button", name="Show").click()
    assert "equipment inspection due" in page.locator("tbody").last.inner_text()
    with page.expect_download() as started:
        page.get_by_role("link", name="Download all").click()
    with Path(started.value.path()).open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == number(page.locator("#list-title .quiet").inner_text())
    assert {row["kind"] for row in rows} == {"equipment_due"}


def test_warnings_by_kind_and_urgency(site: Site, watched: Watched, picture: Callable[..., Path]) -> None:
    page = watched.open(f"{site.url}/planner/warnings")
    picture(page, "warnings")
    overdue = page.locator("section").first.locator("tbody tr", has_text="equipment inspection overdue")
    high = overdue.locator("td").first
    count = number(high.inner_text())
    assert count > 0
    high.get_by_role("link").click()
    assert number(page.locator("#list-title .quiet").inner_text()) == count
    assert set(page.locator(".urgency").all_inner_texts()) == {"high"}
    with page.expect_download() as started:
        page.get_by_role("link", name="Download all").click()
    text = Path(started.value.path()).read_text(encoding="utf-8-sig")
    # The pseudonyms of persons are not handed out.
    assert "evidence" not in text.splitlines()[0]
    assert len(list(csv.DictReader(text.splitlines()))) == count


def test_a_planner_on_the_phone(site: Site, watched: Watched, picture: Callable[..., Path]) -> None:
    page = watched.open(f"{site.url}/planner?model=food", lang="zh", viewport=PHONE)
    picture(page, "planner-phone")
    page.locator("select[name=tier]").select_option("D")
    page.get_by_role("button", name="查询").click()
    assert "tier=D" in page.url
    row: Any = page.locator("#list-title + .scroll tbody tr").first
    box = row.bounding_box()
    assert box["width"] <= PHONE["width"]
