"""The sheet of an enterprise as a file: HTML that needs nothing else, or PDF."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from features.errors import InputError
from features.home import Home
from risk_model.explanation.evidence import evidence_of
from risk_model.explanation.evidence.published import seen_records
from risk_model.explanation.explanation import explain_published
from risk_model.publication import Publication
from serving.pages.rendering import TEMPLATES, text_of
from serving.sheet.content import sheet_content
from supervision.improvement.search import Improver

#: Names under which a browser that prints is found, in this order; RISK_MODEL_BROWSER comes first.
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
SECONDS = 120
#: Smallest type on paper: 6.4 points.
DENSEST = 3
_STATIC = TEMPLATES.parent / "static"


def sheet_html(
    home: Home, credit_code: str, model: str | None = None, lang: str = "zh"
) -> Callable[[int], str]:
    """Return what writes the sheet of an enterprise in the classification in force, as one HTML file.

    Parameters
    ----------
    home
        Records, models, classifications.
    credit_code
        The enterprise.
    model
        By default the sector model of the riskiest tier that speaks of it, else the general one.
    lang
        ``zh`` or ``en``.

    Returns
    -------
    callable
        Takes a density, 0 to :data:`DENSEST`: the denser, the smaller the type on paper.

    Raises
    ------
    InputError
        If the enterprise is not classified.
    """
    publication = Publication.current(home)
    row = publication.find(credit_code, model)
    explanation = explain_published(publication, credit_code, row["model"])
    snapshot = seen_records(home, publication)
    evidence = None if snapshot is None else evidence_of(snapshot, explanation)
    improvement = None if snapshot is None else Improver(home, publication).find(credit_code, row["model"])
    return partial(
        _text,
        lang,
        {
            "style": (_STATIC / "sheet.css").read_text(encoding="utf-8"),
            "script": (_STATIC / "page.js").read_text(encoding="utf-8"),
            **sheet_content(home, publication, row, explanation, evidence, improvement, lang),
        },
    )


def _text(lang: str, content: dict[str, Any], density: int) -> str:
    return text_of("sheet.html", lang, alone=True, density=density, **content)


def write_sheet(home: Home, credit_code: str, path: Path, model: str | None = None, lang: str = "zh") -> Path:
    """Write the sheet of an enterprise.

    Parameters
    ----------
    home, credit_code, model, lang
        As for :func:`sheet_html`.
    path
        Ends in ``.html`` or ``.pdf``.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    InputError
        If the enterprise is not classified, the file has another ending or no folder, or there is no
        browser to print a PDF.
    """
    ending = path.suffix.lower()
    if ending not in {".html", ".pdf"}:
        raise InputError(
            f"{path.name} is neither HTML nor PDF", field="--output", fix="End it in .html or .pdf."
        )
    if not path.resolve().parent.is_dir():
        raise InputError(f"there is no folder {path.resolve().parent}", field="--output")
    browser = find_browser() if ending == ".pdf" else None
    text = sheet_html(home, credit_code, model, lang)
    if browser is None:
        path.write_text(text(0), encoding="utf-8")
        return path
    for density in range(DENSEST + 1):
        print_pdf(text(density), path, browser)
        if pages(path) == 1:
            break
    return path


def pages(path: Path) -> int:
    """Return the number of pages of a PDF as the browser writes it, its page objects uncompressed."""
    return len(re.findall(rb"/Type\s*/Page(?![a-zA-Z])", path.read_bytes()))


def find_browser() -> str:
    """Return the browser that prints.

    Raises
    ------
    InputError
        If there is none.
    """
    named = os.environ.get("RISK_MODEL_BROWSER")
    for name in (named,) if named else BROWSERS:
        found = shutil.which(name)
        if found:
            return found
    raise InputError(
        f"there is no {named}" if named else "there is no Chromium or Chrome to print a PDF",
        field="--output",
        fix="Install one (apt-get install chromium fonts-noto-cjk), name it in RISK_MODEL_BROWSER, "
        "or write .html and print that.",
    )


def print_pdf(html: str, path: Path, browser: str) -> None:
    """Print HTML to a PDF file with a browser without a window, which asks no other host for anything.

    Parameters
    ----------
    html
        A page that needs nothing else.
    path
        The file.
    browser
        From :func:`find_browser`.

    Raises
    ------
    RuntimeError
        If the browser fails.
    """
    with tempfile.TemporaryDirectory(prefix="risk-model-sheet-") as scratch:
        page, printed = Path(scratch) / "sheet.html", Path(scratch) / "sheet.pdf"
        page.write_text(html, encoding="utf-8")
        command = [
            browser,
            "--headless",
            "--disable-gpu",
            "--disable-background-networking",
            "--no-first-run",
            # Nothing that a page could name is to be found.
            "--host-resolver-rules=MAP * ~NOTFOUND",
            f"--user-data-dir={scratch}/profile",
            "--no-pdf-header-footer",
            f"--print-to-pdf={printed}",
            page.as_uri(),
        ]
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            # The browser refuses to shut root into its sandbox; the page is ours and has no foreign code.
            command.insert(1, "--no-sandbox")
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
        if done.returncode or not printed.is_file():
            message = f"{browser} could not print the sheet (exit {done.returncode}): {done.stderr[-500:]}"
            raise RuntimeError(message)
        shutil.copyfile(printed, path)
