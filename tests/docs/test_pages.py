"""What pages say exists: commands, options, files, articles, features."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from features.definitions.written import read_declarations
from features.sources.mapping import load_mapping
from risk_model.cli import build
from tests.docs.reading import DOCS, PAGES, ROOT, blocks, commands, links, name_of

#: Pages that the site makes when it is built (docs/hooks/reference.py).
GENERATED = {
    "reference/command-line.md",
    "reference/interface.md",
    "reference/openapi.json",
    "reference/records.md",
    "reference/rules.md",
    "contributing.md",
    "changelog.md",
    "mapping-guide.md",
    "decisions/index.md",
}


@pytest.mark.parametrize("page", [p for p in PAGES if commands(p)], ids=name_of)
def test_every_command_and_option_exists(page: Path) -> None:
    for words in commands(page):
        command: Any = typer.main.get_command(build())
        rest = list(words)
        while rest and hasattr(command, "commands") and rest[0] in command.commands:
            command = command.commands[rest.pop(0)]
        # A group without a command of its own must have got one.
        assert not hasattr(command, "commands") or command.invoke_without_command, words
        options = {
            option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)
        }
        given = {word.partition("=")[0] for word in rest if word.startswith("--")}
        assert given <= options | {"--help"}, f"risk-model {' '.join(words)}"


@pytest.mark.parametrize("page", [p for p in PAGES if links(p)], ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    for link in links(page):
        if link.startswith(("http://", "https://", "mailto:", "#")):
            continue
        target = (page.parent / link.partition("#")[0]).resolve()
        generated = target.is_relative_to(DOCS) and target.relative_to(DOCS).as_posix() in GENERATED
        assert target.exists() or generated, link


def test_the_legal_map_names_every_article_and_only_what_exists() -> None:
    page = DOCS / "legal-map.md"
    text = page.read_text(encoding="utf-8")
    numbers = "四五六七八九十"
    articles = [
        "（一）–（三）",
        *(f"（{n}）" for n in numbers),
        "（十一）",
        "（十二）",
        "（十三）",
        "（十四）",
    ]
    rows = [line for line in text.splitlines() if line.startswith("| （")]
    assert [row.split()[1] for row in rows] == articles
    for row in rows:
        _, _, code, pages, test = (cell.strip() for cell in row.strip("|").split("|"))
        assert re.search(r"`(features|risk_model|models|supervision)/", code), row
        assert "](" in pages, row
        assert "`tests/" in test, row
    paths = re.findall(r"`([a-z_]+/[\w./-]+)`", text)
    assert len(paths) > 50
    for path in paths:
        assert (ROOT / path).is_file(), path
    for path in {path for path in paths if path.startswith("tests/")}:
        assert "def test_" in (ROOT / path).read_text(encoding="utf-8"), path


def test_paths_that_pages_name_exist() -> None:
    for page in PAGES:
        if page.name == "CHANGELOG.md":
            continue
        text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.S | re.M)
        rooms = "features|risk_model|supervision|serving|models|tests|benchmarks"
        others = "docs|examples|locks|deploy|notebooks"
        for path in re.findall(rf"`((?:{rooms}|{others})/[\w./-]*\w)`", text):
            assert (ROOT / path).exists(), f"{name_of(page)}: {path}"


def test_yaml_of_the_tutorials_is_that_of_the_examples() -> None:
    """An excerpt may be shorter, but says nothing that the example does not."""
    (excerpt,) = blocks(DOCS / "tutorials" / "your-files.md", "yaml")
    shown = yaml.safe_load(excerpt)["inspections"]["records"][0]["columns"]
    real = load_mapping(ROOT / "examples/your_province/jia.yaml").files["inspections"].records[0].columns
    assert set(shown) <= set(real)
    for name in ("credit_code", "record_id", "event_date", "recorded_at", "outcome"):
        told = shown[name]
        column = told if isinstance(told, str) else told["column"]
        assert column == real[name].column


def test_yaml_of_the_guides_can_be_read(tmp_path: Path) -> None:
    (declared,) = blocks(DOCS / "how-to" / "add-a-sector.md", "yaml")
    path = tmp_path / "features.yaml"
    path.write_text(declared, encoding="utf-8")
    (found,) = read_declarations(path, "food")
    assert found in tuple(
        type(one)(**{**vars(one), "sector": "food", "basis": found.basis})
        for one in read_declarations(ROOT / "examples/industrial_products/features.yaml", "food")
        if one.name == found.name
    )


def test_the_glossary_names_what_exists() -> None:
    from features.records import TABLES

    text = (DOCS / "glossary.md").read_text(encoding="utf-8")
    for table in ("penalty", "inspection", "licence", "sampling_test", "credit_repair", "abnormal_list"):
        assert f"`{table}`" in text
        assert TABLES[table].label.zh.split("信息")[0] in text or table == "finding"
