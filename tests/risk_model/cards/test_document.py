"""One text, two renderings."""

from __future__ import annotations

from html.parser import HTMLParser

from risk_model.cards import figures
from risk_model.cards.document import Document, Section, Table, number, with_interval


class Cells(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.cells: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag == "td":
            self.cells.append("")

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1] == "td" and data.strip():
            self.cells[-1] += data


def test_both_renderings_hold_the_same_cells_and_html_escapes_what_is_told() -> None:
    table = Table(("kind", "n"), [("<script>alert(1)</script>", "1"), ("甲|乙", "2")])
    document = Document("Title & more", "sub", [Section("One", ["text"], ["point"], tables=[table])])
    page = document.html()
    parser = Cells()
    parser.feed(page)
    assert parser.cells == ["<script>alert(1)</script>", "1", "甲|乙", "2"]
    assert "script" not in parser.tags
    assert "<title>Title &amp; more</title>" in page
    text = document.markdown()
    assert "| kind | n |\n| --- | ---: |" in text
    assert "| 甲\\|乙 | 2 |" in text
    assert text.startswith("# Title & more\n\nsub\n\n## One\n\ntext\n\n- point\n")


def test_figures_are_drawn_within_the_page_and_the_same_every_time() -> None:
    bins = [{"predicted": 0.1, "observed": 0.2, "rows": 5}, {"predicted": 0.3, "observed": 0.25, "rows": 5}]
    first, second = figures.reliability(bins), figures.reliability(bins)
    assert first == second
    assert first.startswith("<svg ")
    assert 'role="img" aria-label="Reliability"' in first
    page = Document("t", "s", [Section("f", figure=first, caption="what it shows")]).html()
    assert "<svg " in page
    assert "<figcaption>what it shows</figcaption>" in page
    for source in ("src=", "http-equiv", "@import", "<link", "url(http"):
        assert source not in page


def test_what_is_not_known_is_left_blank() -> None:
    assert number(float("nan")) == number(None) == ""
    nothing = float("nan")
    assert with_interval({"value": nothing, "low": nothing, "high": nothing}) == ""
    assert with_interval({"value": 0.5, "low": 0.25, "high": 0.75}, 2) == "0.50 [0.25, 0.75]"
