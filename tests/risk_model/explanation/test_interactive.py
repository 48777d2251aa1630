"""The interactive page: everything that the explanation says, in both languages, from one file."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from features.errors import InputError
from risk_model.explanation.evidence import evidence_of
from risk_model.explanation.explanation import explain_published
from risk_model.explanation.geometry import waterfall
from risk_model.explanation.interactive import interactive, write_interactive
from risk_model.publication import Publication

CHROMIUM = Path("/usr/bin/chromium")


class Text(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.attributes: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.words.append(data)


@pytest.fixture(scope="module")
def told(publication: Publication, trainings: Any) -> tuple[Any, Any]:
    code = publication.rows(model="food").to_pandas().nlargest(1, "records")["credit_code"].iloc[0]
    found = explain_published(publication, code, "food")
    return found, evidence_of(trainings.snapshot, found)


def test_it_holds_everything_in_both_languages_and_asks_nobody(told: tuple[Any, Any]) -> None:
    found, evidence = told
    html = interactive(found, evidence=evidence)
    text = Text(html)
    words = "".join(text.words)
    for lang in ("zh", "en"):
        for sentence in found.sentences(lang):
            assert sentence in words
        for group in (*found.first_levels, *found.indicators):
            if group.contribution:
                assert group.label[lang] in words
        for reason in found.reasons:
            if reason.contribution:
                assert reason.feature.label[lang] in words
        for group in found.told:
            for record in evidence.of(group).records:
                assert record.sentence(lang) in words
    assert not text.attributes & {"src", "href", "style", "action"}
    assert "default-src 'none'" in html


def test_amounts_sum_to_the_score(told: tuple[Any, Any]) -> None:
    found, _ = told
    moves = [found.points(group.contribution) for group in found.first_levels if group.contribution]
    base = found.score - found.points(found.margin - found.base_value)
    drawn = waterfall(base, moves)
    assert base + sum(moves) == pytest.approx(found.score, abs=1e-6)
    assert drawn.steps[-1].end == pytest.approx(drawn.total)


def test_names_cannot_smuggle_markup_in(told: tuple[Any, Any]) -> None:
    from dataclasses import replace

    html = interactive(replace(told[0], name='<script>alert("x")</script>'))
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert" in html


def test_wrong_folders_and_languages_are_refused(told: tuple[Any, Any], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no folder"):
        write_interactive(told[0], tmp_path / "nowhere" / "x.html")
    with pytest.raises(InputError, match="no language 'fr'"):
        write_interactive(told[0], tmp_path / "x.html", lang="fr")


@pytest.mark.browser
def test_it_can_be_clicked_through_without_a_network(told: tuple[Any, Any], tmp_path: Path) -> None:
    playwright = pytest.importorskip("playwright.sync_api")
    if not CHROMIUM.exists():
        pytest.skip("no Chromium")
    path = write_interactive(told[0], tmp_path / "why.html", evidence=told[1])
    strongest = max((r for r in told[0].reasons), key=lambda r: abs(r.contribution))
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        page = browser.new_page()
        errors: list[str] = []
        asked: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(path.as_uri())
        feature = page.locator(f'[data-feature^="{strongest.feature.name} "]')
        assert not feature.is_visible()
        page.fill("#find", strongest.feature.name)
        assert feature.is_visible()
        page.click("[data-show=en]")
        assert strongest.feature.label.en in feature.inner_text()
        assert strongest.feature.label.zh not in feature.inner_text()
        page.click("[data-measure=logodds]")
        assert f"{strongest.contribution:+.4f}".replace("-", "−") in feature.inner_text()
        assert errors == []
        assert asked == [path.as_uri()]
        browser.close()
