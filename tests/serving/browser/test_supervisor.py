"""What a supervisor does: find an enterprise, see how its tier came about, down to the records; print."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from risk_model.explanation.explanation import explain_published
from tests.serving.browser.conftest import Site, Watched

#: Enough for a dossier down to its waterfall.
TALL = {"width": 1280, "height": 1500}


def test_from_search_to_the_records_behind_a_bar(
    site: Site, watched: Watched, picture: Callable[..., Path]
) -> None:
    row = next(r for r in site.publication.rows(codes=[site.code]).to_pylist() if r["model"] == "food")
    page = watched.open(f"{site.url}/supervisor")
    page.get_by_label("Name or credit code").fill(row["name"][:6])
    page.get_by_role("button", name="Search").click()
    page.locator("tbody tr", has_text=site.code).get_by_role("link").click()
    page.goto(f"{site.url}/enterprise/{site.code}?model=food")
    told = explain_published(site.publication, site.code, "food")
    bars = page.locator("#waterfall > details")
    assert bars.count() == sum(1 for group in told.indicators if group.contribution)
    # By keyboard: the strongest indicator opens to its features, a feature to its records.
    bars.first.locator("summary").first.focus()
    page.keyboard.press("Enter")
    strongest = told.indicators[0]
    assert bars.first.get_by_text(strongest.features[0].feature.label.en).first.is_visible()
    page.set_viewport_size(TALL)
    page.evaluate("document.activeElement.blur(); window.scrollTo(0, 0)")
    picture(page, "dossier")
    # Every number of the waterfall: base and bars sum to the score.
    edges = [float(text) for text in page.locator(".edge .step-points").all_inner_texts()]
    moves = [
        float(text.replace("−", "-"))
        for text in page.locator("#waterfall summary .step-points").all_inner_texts()
    ]
    assert abs(edges[0] + sum(moves) - edges[1]) <= 0.05 * len(moves) + 1
    opened = page.locator("#waterfall details.opens")
    assert opened.count() > 0
    page.get_by_role("button", name="Open all").first.click()
    opened.first.locator("summary").click()
    opened.first.locator("summary").click()
    assert opened.first.locator("tbody tr").first.is_visible()
    link = page.locator("#waterfall a[href^='#records-']").first
    target = link.get_attribute("href")
    link.click()
    assert page.locator(f"{target}").get_attribute("open") is not None


def test_history_and_what_would_lower_the_tier(
    site: Site, watched: Watched, picture: Callable[..., Path]
) -> None:
    page = watched.open(f"{site.url}/enterprise/{site.code}?model=food", lang="zh")
    history = page.locator("h3", has_text="历次类别").locator("xpath=following-sibling::table[1]")
    assert history.locator("time").all_inner_texts() == ["2025-06-30", "2025-03-31"]
    page.get_by_role("link", name="如何降低风险类别").click()
    assert page.get_by_role("heading", level=1).inner_text() == "如何降低风险类别"
    picture(page, "improvement")
    page.get_by_role("link", name="中文").or_(page.get_by_role("link", name="English")).click()
    assert page.get_by_role("heading", level=1).inner_text() == "What would lower the tier"


def test_print_is_one_page_of_paper(site: Site, watched: Watched, tmp_path: Path) -> None:
    page = watched.open(f"{site.url}/enterprise/{site.code}/sheet?model=food", lang="zh")
    assert page.get_by_role("button", name="打印").is_visible()
    printed = page.pdf(path=tmp_path / "sheet.pdf", format="A4")
    assert printed.startswith(b"%PDF")
    assert printed.count(b"/Type /Page\n") + printed.count(b"/Type /Page ") <= 1


def test_printing_a_dossier_opens_what_is_folded(site: Site, watched: Watched) -> None:
    page = watched.open(f"{site.url}/enterprise/{site.code}?model=food")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details:not([open])").count() == 0
    page.emulate_media(media="print")
    assert not page.locator("header.top").is_visible()
    assert page.locator("#waterfall .features").first.is_visible()


def test_an_enterprise_that_is_not_classified_is_said_so(site: Site, watched: Watched) -> None:
    page = watched.open(f"{site.url}/enterprise/91350100M000100Y43", lang="en")
    assert "404" in page.get_by_role("alert").inner_text()
    page.get_by_role("link", name="Back to the start").click()
    assert page.url == f"{site.url}/"
