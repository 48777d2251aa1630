"""Every page in both languages, wide and on a phone: axe finds nothing, nothing scrolls sideways."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.serving.browser.conftest import PHONE, WIDE, Site, Watched

PAGES = (
    "entrance", "planner", "draw", "plan", "calendar", "warnings", "supervisor", "dossier", "improvement",
    "sheet", "models", "drift", "challenger", "quality", "public", "docs", "problem",
)  # fmt: skip
#: WCAG 2.2 A and AA, and what axe calls good practice.
RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}


def violations(page: Any) -> list[str]:
    """Return what axe finds, one line an element."""
    found = Axe().run(page, options=RULES).response["violations"]
    return [
        f"{one['id']} ({one['impact']}): {node['html'][:160]} {node['failureSummary'][:300]}"
        for one in found
        for node in one["nodes"]
    ]


def sideways(page: Any) -> int:
    """Return by how many pixels the page is wider than the window."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("name", PAGES)
def test_axe_is_content(site: Site, watched: Watched, name: str, lang: str) -> None:
    assert set(PAGES) == set(site.pages)
    page = watched.open(site.url + site.pages[name], lang=lang)
    assert page.locator("html").get_attribute("lang") == {"zh": "zh-CN", "en": "en"}[lang]
    assert violations(page) == []
    assert sideways(page) <= 0
    # The same page in a narrow window is what a phone shows: the style sheet asks for the width only. What
    # axe says of it depends on the width and on the words, but not on both together.
    page.set_viewport_size(PHONE)
    assert sideways(page) <= 0
    if lang == "zh":
        assert violations(page) == []


@pytest.mark.parametrize("name", ["dossier", "sheet"])
def test_axe_is_content_with_everything_open(site: Site, watched: Watched, name: str) -> None:
    page = watched.open(site.url + site.pages[name], lang="zh", viewport=PHONE)
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    assert violations(page) == []
    assert sideways(page) <= 0


def test_axe_finds_what_is_wrong(site: Site, watched: Watched) -> None:
    page = watched.open(site.url)
    page.evaluate(
        "document.querySelector('main').insertAdjacentHTML('beforeend', '<img src=\"/static/icon.svg\">')"
    )
    assert any(line.startswith("image-alt") for line in violations(page))


def test_the_published_site(site: Site, watched: Watched) -> None:
    for lang in ("zh", "en"):
        page = watched.open(f"{site.url}/public/{lang}/index.html", lang=lang)
        for viewport in (WIDE, PHONE):
            page.set_viewport_size(viewport)
            assert violations(page) == []


#: A sheet of paper has no navigation to skip.
@pytest.mark.parametrize("name", [name for name in PAGES if name != "sheet"])
def test_by_keyboard_the_first_stop_skips_to_the_content(site: Site, watched: Watched, name: str) -> None:
    page = watched.open(site.url + site.pages[name])
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('href')") == "#content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    page.keyboard.press("Tab")
    inside = "document.activeElement.closest('main') !== null || document.activeElement.tagName === 'BODY'"
    assert page.evaluate(inside)


def test_what_has_the_focus_is_seen(site: Site, watched: Watched) -> None:
    page = watched.open(site.url + site.pages["planner"])
    for _ in range(12):
        page.keyboard.press("Tab")
        outline = page.evaluate(
            "(() => { const s = getComputedStyle(document.activeElement);"
            " return [s.outlineStyle, parseFloat(s.outlineWidth)]; })()"
        )
        assert outline[0] != "none"
        assert outline[1] >= 2
