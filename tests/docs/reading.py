"""Pages as tests read them: blocks by language, commands, links."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
#: Every page that people read, wherever it lies.
PAGES = sorted(
    [
        *DOCS.rglob("*.md"),
        *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")),
        *(ROOT / "examples").rglob("*.md"),
        ROOT / "features/sources/mappings/README.md",
    ]
)


def name_of(page: Path) -> str:
    """Return a page's path within the repository."""
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path, language: str) -> list[str]:
    """Return the fenced blocks of a language."""
    found = re.findall(r"^```([a-z]*)[^\n]*\n(.*?)^```$", page.read_text(encoding="utf-8"), re.S | re.M)
    return [text for kind, text in found if kind == language]


def commands(page: Path) -> list[list[str]]:
    """Return the words of every ``risk-model`` line of a page, continued lines put together."""
    found = []
    for language in ("sh", "console", "bash", ""):
        for block in blocks(page, language):
            for line in re.sub(r"\\\n\s*", " ", block).splitlines():
                text = line.strip().removeprefix("$ ")
                if text.startswith("risk-model "):
                    found.append(shlex.split(text, comments=True)[1:])
    return found


def links(page: Path) -> list[str]:
    """Return the addresses that a page links to, code left out."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.S | re.M)
    return re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`\n]*`", "", text))
