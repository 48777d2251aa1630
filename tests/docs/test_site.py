"""The documentation site: built without a warning, and it loads nothing from elsewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml

from features.definitions import LIBRARY
from tests.docs.reading import DOCS, ROOT, name_of

pytestmark = pytest.mark.long

#: Where a browser loads from without being asked; links in the text are not loaded.
LOADED = {
    "script": "src", "img": "src", "iframe": "src", "source": "src", "video": "src", "audio": "src",
    "embed": "src", "object": "data", "link": "href", "input": "src", "use": "href", "image": "href",
}  # fmt: skip


class Loads(HTMLParser):
    """Gathers what a page loads."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        address = given.get(LOADED.get(tag, ""))
        if address:
            self.found.append(address)
        self.found += re.findall(r"url\(([^)]+)\)", given.get("style") or "")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the site."""
    out = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(out)],
        cwd=ROOT,
        # The theme's own notice about another program.
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    return out


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 40
    for page in pages:
        reader = Loads()
        text = page.read_text(encoding="utf-8")
        reader.feed(text)
        reader.found += re.findall(r"@import\s+[\"']([^\"']+)", text)
        outside = [address for address in reader.found if re.match(r"(?:[a-z]+:)?//", address.strip("\"'"))]
        assert not outside, f"{page}: {outside}"
    for sheet in site.rglob("*.css"):
        assert not re.search(
            r"(?:url\(|@import\s+)[\"']?(?:https?:)?//", sheet.read_text(encoding="utf-8")
        ), sheet


def test_every_page_is_in_the_navigation() -> None:
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    named = set(re.findall(r": ([\w/-]+\.md)$", text, flags=re.M))
    pages = {page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")}
    decisions = {page for page in pages if page.startswith("decisions/")}
    assert pages - decisions <= named, sorted(pages - decisions - named)
    assert yaml.safe_load(text)["strict"] is True


def test_the_reference_is_made_from_the_product(site: Path) -> None:
    def text(name: str) -> str:
        return (site / name).read_text(encoding="utf-8")

    lines = text("reference/command-line.html")
    for command in ("risk-model simulate", "risk-model plan verify", "risk-model lists enter", "--as-of"):
        assert command in lines
    interface = text("reference/interface.html")
    assert "/v1/in-force" in interface
    # Bodies are led to, and parameters of the address told.
    assert 'href="#drawrequest"' in interface
    assert 'id="drawrequest"' in interface
    assert "Idempotency-Key" in interface
    assert "inclusion_probability" in text("reference/records.html")
    assert "supervision/plan_rules.yaml" in text("reference/rules.html")
    python = text("reference/python.html")
    for name in ("FeatureBuilder", "RiskClassifier", "plan_month", "explain_published"):
        assert name in python
    assert "half_life" in text("reference/features.html")
    assert "lag_days" in text("reference/mappings.html")
    dictionary = text("feature-dictionary.html")
    assert all(feature.name in dictionary for feature in LIBRARY)


def test_decisions_are_all_listed(site: Path) -> None:
    listed = (site / "decisions" / "index.html").read_text(encoding="utf-8")
    for page in (DOCS / "decisions").glob("*.md"):
        assert f'{page.stem}.html"' in listed, name_of(page)
