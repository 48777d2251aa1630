"""One text with tables and figures, written as Markdown and as one HTML file that needs nothing else."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Table:
    """Headings and rows of text; all columns but the first ``left`` hold numbers."""

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    left: int = 1


@dataclass(frozen=True)
class Section:
    """A heading and what stands under it: paragraphs, then points, a figure, tables.

    Attributes
    ----------
    title
        Heading.
    paragraphs, points
        Plain text; points are one line each.
    figure, caption
        Inline SVG that we drew, and what it shows. Markdown shows the caption only.
    tables
        In their order.
    alert
        Whether the section asks for attention.
    """

    title: str
    paragraphs: Sequence[str] = ()
    points: Sequence[str] = ()
    figure: str = ""
    caption: str = ""
    tables: Sequence[Table] = ()
    alert: bool = False


@dataclass(frozen=True)
class Document:
    """A titled text."""

    title: str
    subtitle: str
    sections: Sequence[Section] = field(default_factory=tuple)

    def markdown(self) -> str:
        """Return it as Markdown."""
        lines = [f"# {self.title}", "", self.subtitle, ""]
        for section in self.sections:
            lines += [f"## {section.title}", ""]
            for paragraph in section.paragraphs:
                lines += [paragraph, ""]
            if section.points:
                lines += [*(f"- {point}" for point in section.points), ""]
            for table in section.tables:
                lines += [*_pipe_table(table), ""]
        return "\n".join(lines).rstrip() + "\n"

    def html(self) -> str:
        """Return it as one HTML page; nothing is fetched from anywhere."""
        from jinja2 import Environment, FileSystemLoader
        from markupsafe import Markup

        environment = Environment(
            loader=FileSystemLoader(Path(__file__).parent),
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        # Drawn by us, with all text as paths: there is nothing in it to escape.
        figures = {id(section): Markup(section.figure) for section in self.sections}
        return environment.get_template("page.html").render(
            document=self, figure=lambda section: figures[id(section)]
        )


def _pipe_table(table: Table) -> list[str]:
    def line(cells: Sequence[Any]) -> str:
        return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"

    rule = ["---" if i < table.left else "---:" for i in range(len(table.headings))]
    return [line(table.headings), line(rule), *(line(row) for row in table.rows)]


def number(value: float | None, digits: int = 3) -> str:
    """Return a figure as text; nothing for what is not known."""
    return "" if value is None or math.isnan(value) else f"{value:.{digits}f}"


def with_interval(figure: dict[str, float], digits: int = 3) -> str:
    """Return a figure with its interval as text."""
    if math.isnan(figure["value"]):
        return ""
    return (
        f"{number(figure['value'], digits)} [{number(figure['low'], digits)}, "
        f"{number(figure['high'], digits)}]"
    )
