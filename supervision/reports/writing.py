"""The yearly report as pages, tables and one JSON document."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from features.errors import InputError
from features.records.schema import Label
from supervision.reports.figures import Figure, YearlyReport, code_word
from supervision.writing import as_json, csv_of, rows_of, write_whole

HERE = Path(__file__).resolve().parent
DOCUMENT = "report.json"
TITLE = Label("年企业信用监管报告", "Yearly report on credit supervision of enterprises")
#: Rows of a figure that a page draws; the tables hold all.
DRAWN = 40


def write_report(report: YearlyReport, out: Path) -> Path:
    """Write a report.

    Parameters
    ----------
    report
        The figures.
    out
        Folder: ``zh.html``, ``en.html``, ``report.json`` and one CSV a table; an earlier report there is
        written over.

    Raises
    ------
    InputError
        If the folder holds something else.
    """
    if out.exists() and any(out.iterdir()) and not (out / DOCUMENT).is_file():
        raise InputError(f"{out} is not empty and holds no report", field="out", fix="Give another folder.")
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=select_autoescape(), undefined=StrictUndefined
    )
    page = environment.get_template("report.html")
    css = (HERE.parent / "publicity" / "site.css").read_text(encoding="utf-8")
    for lang in ("zh", "en"):
        title = f"{report.year}{TITLE.zh}" if lang == "zh" else f"{TITLE.en} {report.year}"
        text = page.render(
            lang=lang,
            title=title,
            on=report.on,
            css=css,
            figures=[_drawn(name, figure, lang) for name, figure in report.figures.items()],
            cases=_cases(report.cases, lang),
        )
        write_whole(out / f"{lang}.html", text)
    for name, figure in report.figures.items():
        write_whole(out / f"{name}.csv", csv_of(figure.rows))
    write_whole(out / "typical_cases.csv", csv_of(report.cases))
    write_whole(out / DOCUMENT, as_json(as_dict(report), indent=2) + "\n")
    return out


def as_dict(report: YearlyReport) -> dict[str, Any]:
    """Return the report as plain data."""
    return {
        "year": report.year,
        "on": report.on,
        "records": report.records,
        "figures": {
            name: {
                "label": {"zh": figure.label.zh, "en": figure.label.en},
                "columns": {c: {"zh": w.zh, "en": w.en} for c, w in figure.columns.items()},
                "rows": rows_of(figure.rows),
            }
            for name, figure in report.figures.items()
        },
        "typical_cases": rows_of(report.cases),
    }


def _drawn(name: str, figure: Figure, lang: str) -> dict[str, Any]:
    rows = figure.rows.head(DRAWN)
    highest = float(rows[figure.bar].max()) if figure.bar and len(rows) else 0.0
    lines = []
    for row in rows.to_dict("records"):
        value = row[figure.bar] if figure.bar else None
        width = 0.0
        if value is not None and highest > 0 and value == value:  # noqa: PLR0124 - NaN is not itself
            width = round(100 * float(value) / highest, 2)
        lines.append({"cells": [_cell(str(c), v, lang) for c, v in row.items()], "width": width})
    return {
        "name": name,
        "title": figure.label[lang],
        "headings": [figure.columns[c][lang] for c in rows.columns],
        "drawn": figure.columns[figure.bar][lang] if figure.bar else "",
        "rows": lines,
        "left_out": len(figure.rows) - len(rows),
    }


def _cell(column: str, value: Any, lang: str) -> str:
    if isinstance(value, float):
        if value != value:  # noqa: PLR0124 - NaN is not itself
            return "–"
        return f"{100 * value:.1f} %" if column in ("share", "estimated_rate") else f"{value:,.2f}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return code_word(column, value, lang)


def _cases(cases: pd.DataFrame, lang: str) -> list[dict[str, Any]]:
    told = []
    for row in cases.to_dict("records"):
        amount = row["amount"]
        told.append(
            {
                "domain": code_word("domain", row["domain"], lang),
                "name": row["name"],
                "credit_code": row["credit_code"],
                "day": f"{row['event_date']:%Y-%m-%d}",
                "kind": code_word("kind", row["kind"], lang),
                "amount": "" if pd.isna(amount) else f"{amount / 100:,.2f}",
                "document_no": row["document_no"] or "",
                "basis": row["basis"] or "",
            }
        )
    return told
