"""The dossier on one page: what it says, that it needs nothing else, and that it is one page."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from features.errors import InputError
from features.home import Home
from features.store import RecordStore
from risk_model.cli import build
from risk_model.explanation.evidence import evidence_of
from risk_model.explanation.explanation import explain_published
from risk_model.publication import Publication
from serving.sheet.files import DENSEST, pages, sheet_html, write_sheet
from supervision.improvement.search import Improver
from tests.serving.conftest import Client
from tests.serving.test_pages import Page

CHROMIUM = Path("/usr/bin/chromium")


@contextmanager
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api")
    if not CHROMIUM.exists():
        pytest.skip("no Chromium")
    with playwright.sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture(scope="module")
def codes(publication: Publication) -> dict[str, str]:
    """Return enterprises that differ most: of high risk, with most records, with the least."""
    rows = publication.rows(model="food").to_pandas()
    return {
        "highest": rows.nlargest(1, "score")["credit_code"].iloc[0],
        "most records": rows.nlargest(1, "records")["credit_code"].iloc[0],
        "fewest records": rows.nsmallest(1, "records")["credit_code"].iloc[0],
    }


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_sheet_says_what_the_explanation_the_evidence_and_the_improvement_say(
    home: Home, publication: Publication, codes: dict[str, str], lang: str
) -> None:
    code = codes["most records"]
    text = sheet_html(home, code, lang=lang)(0)
    page = Page(text)
    assert page.open == []
    words = re.sub(r"\s+", " ", "".join(page.text))
    found = explain_published(publication, code)
    for sentence in found.sentences(lang):
        assert sentence in words
    snapshot = RecordStore(home.store).snapshot(publication.document["data_snapshot"])
    evidence = evidence_of(snapshot, found)
    linked = 0
    for group in found.told:
        for record in evidence.of(group).records:
            assert f'datetime="{record.event_date}"' in text
            assert record.number in words
            linked += 1
    assert linked
    told = Improver(home, publication).find(code, found.model)
    for action in told.actions:
        assert action.rule.label.model_dump()[lang] in words
    weakest = "其他指标" if lang == "zh" else "Other indicators"
    for group in found.indicators[:11]:
        if group.contribution:
            assert group.label[lang] in words
    assert (weakest in words) == (sum(bool(g.contribution) for g in found.indicators) > 13)


def test_the_file_asks_nobody_for_anything(home: Home, codes: dict[str, str]) -> None:
    text = sheet_html(home, codes["highest"])(0)
    page = Page(text)
    for _, attributes in page.elements:
        assert not set(attributes) & {"src", "href", "action", "style", "srcset"}
    assert "url(" not in text
    assert "@import" not in text
    assert "default-src 'none'" in text


def test_the_page_of_the_service_says_the_same_and_has_nothing_inline(
    client: Client, home: Home, codes: dict[str, str]
) -> None:
    code = codes["highest"]
    text = client.get(f"/enterprise/{code}/sheet?lang=en").text
    alone = sheet_html(home, code, lang="en")(0)

    def body(html: str) -> str:
        return html[html.index("<header>") : html.index("</footer>")]

    assert body(text) == body(alone)
    assert not re.search(r"<style|<script(?![^>]* src=)| style=", text)
    assert f'href="/enterprise/{code}/sheet?model=food"' in client.get(f"/enterprise/{code}").text


def test_wrong_files_and_languages_are_refused(
    home: Home, codes: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = codes["highest"]
    with pytest.raises(InputError, match=r"x\.txt is neither HTML nor PDF"):
        write_sheet(home, code, tmp_path / "x.txt")
    with pytest.raises(InputError, match="there is no folder"):
        write_sheet(home, code, tmp_path / "nowhere" / "x.html")
    monkeypatch.setenv("RISK_MODEL_BROWSER", "no-such-browser")
    with pytest.raises(InputError, match="there is no no-such-browser"):
        write_sheet(home, code, tmp_path / "x.pdf")
    assert not (tmp_path / "x.pdf").exists()
    with pytest.raises(InputError, match="is not classified"):
        write_sheet(home, "91350100M000100Y43", tmp_path / "x.html")
    done = CliRunner().invoke(
        build(),
        ["dossier", code, "--output", str(tmp_path / "x.html"), "--lang", "fr", "--home", str(home.root)],
    )
    assert isinstance(done.exception, InputError)


def test_the_command_writes_html(home: Home, codes: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "x.html"
    options = ["--output", str(path), "--json", "--home", str(home.root)]
    done = CliRunner().invoke(build(), ["dossier", codes["highest"], *options])
    assert done.exit_code == 0
    assert json.loads(done.stdout) == {"credit_code": codes["highest"], "file": str(path)}
    assert path.read_text(encoding="utf-8") == sheet_html(home, codes["highest"])(0)


@pytest.mark.browser
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_pdf_is_one_page(home: Home, codes: dict[str, str], tmp_path: Path, lang: str) -> None:
    if not CHROMIUM.exists():
        pytest.skip("no Chromium")
    for code in codes.values():
        path = write_sheet(home, code, tmp_path / "sheet.pdf", lang=lang)
        assert path.read_bytes().startswith(b"%PDF-")
        assert pages(path) == 1


@pytest.mark.browser
def test_what_does_not_fit_is_set_in_smaller_type(home: Home, codes: dict[str, str], tmp_path: Path) -> None:
    """Twice the reasons do not fit at the usual size: a denser sheet is shorter, down to the densest."""
    text = sheet_html(home, codes["most records"], lang="en")
    heights = []
    with browser() as found:
        page = found.new_page(viewport={"width": 710, "height": 100})
        page.emulate_media(media="print")
        for density in range(DENSEST + 1):
            (tmp_path / "sheet.html").write_text(text(density), encoding="utf-8")
            page.goto((tmp_path / "sheet.html").as_uri())
            heights.append(page.evaluate("document.documentElement.scrollHeight"))
    assert heights == sorted(heights, reverse=True)
    assert len(set(heights)) == len(heights)


@pytest.mark.browser
def test_the_sheet_opens_to_all_records_without_any_network(
    home: Home, codes: dict[str, str], tmp_path: Path
) -> None:
    path = write_sheet(home, codes["most records"], tmp_path / "sheet.html", lang="en")
    with browser() as found:
        page = found.new_page()
        errors: list[str] = []
        asked: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(path.as_uri())
        folded = page.locator("main details:not([open])").count()
        assert folded > 0
        page.click("button[data-open]")
        assert page.locator("main details:not([open])").count() == 0
        page.click("button[data-close]")
        assert page.locator("main details:not([open])").count() == folded
        assert errors == []
        assert asked == [path.as_uri()]


def test_a_state_of_the_records_that_is_gone_is_said(
    own_home: Home, code_of: Callable[[str, str], str], publication: Publication
) -> None:
    document = own_home.published / publication.name / "snapshot.json"
    content = json.loads(document.read_text(encoding="utf-8"))
    document.write_text(json.dumps(content | {"data_snapshot": 99}), encoding="utf-8")
    text = sheet_html(own_home, code_of("food", "D"), lang="en")(0)
    assert "The record store does not hold this state." in text
    assert "What would lower the tier" not in text
