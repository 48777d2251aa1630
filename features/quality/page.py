"""The quality report as one HTML file that needs nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from features.quality import plots
from features.quality.words import CAPTIONS, MEASURE_LABELS, TITLE
from features.records import TABLES

if TYPE_CHECKING:
    from features.quality.assessment import QualityReport

#: Columns that are shares, written as percentages.
_SHARES = {"late", "share", "share_duplicate", "share_quarantined"}


def page(report: QualityReport, lang: plots.Lang = "zh") -> str:
    """Return the report as HTML: what asks for attention, figures, and all tables.

    Figures are inline SVG; nothing is fetched from anywhere.
    """
    from jinja2 import Environment, FileSystemLoader
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    # The latest months tell how things stand; ten years of all of them are in the JSON.
    volumes = report.volumes[report.volumes["flag"] != ""] if len(report.volumes) else report.volumes
    frames = {
        "attention": _in_language(report.attention, lang),
        "timeliness": report.timeliness,
        "acceptance": report.acceptance,
        "quarantine": report.quarantine,
        "references": report.references,
        "codes": report.codes,
        "completeness": report.completeness,
        "volumes": volumes,
    }
    # Drawn by us, with all text as paths: there is nothing in it to escape.
    drawn = {name: Markup(svg) for name, svg in plots.figures(report, lang).items()}
    sections = [
        {
            "name": name,
            "label": MEASURE_LABELS[name],
            "caption": CAPTIONS.get(name),
            "figure": drawn.get(name),
            "headings": list(frame.columns),
            "numeric": [_is_number(frame[name]) for name in frame.columns],
            "rows": _cells(frame),
        }
        for name, frame in frames.items()
    ]
    return environment.get_template("quality.html").render(
        title=TITLE,
        lang=lang,
        report=report,
        sections=sections,
        labels={name: table.label for name, table in TABLES.items()},
    )


def _in_language(attention: pd.DataFrame, lang: plots.Lang) -> pd.DataFrame:
    words = attention["what_zh"] if lang == "zh" else attention["what"]
    return attention.drop(columns="what_zh").assign(what=words)


def _is_number(column: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def _cells(frame: pd.DataFrame) -> list[list[str]]:
    columns = [_words(frame[name]) for name in frame.columns]
    return [list(row) for row in zip(*columns, strict=True)]


def _words(column: pd.Series) -> list[str]:
    missing = column.isna()
    if column.name in _SHARES:
        words = [
            f"{100 * value:.2f} %" if not gone else "" for value, gone in zip(column, missing, strict=True)
        ]
    elif pd.api.types.is_bool_dtype(column):
        words = ["yes" if value else "no" for value in column]
    elif pd.api.types.is_numeric_dtype(column):
        words = [
            "" if gone else f"{value:,.0f}" if float(value).is_integer() else f"{value:,.3g}"
            for value, gone in zip(column, missing, strict=True)
        ]
    else:
        words = ["" if gone else str(value) for value, gone in zip(column, missing, strict=True)]
    return words
