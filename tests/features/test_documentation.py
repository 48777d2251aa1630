"""The page on features runs, and the data dictionary is that of the declarations."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from features.definitions import LIBRARY
from features.definitions.dictionary import data_dictionary
from features.store import RecordStore

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_the_dictionary_is_printed_from_the_declarations() -> None:
    """If it is not: ``risk-model features --describe``, below the first lines of the file."""
    text = (DOCS / "feature-dictionary.md").read_text(encoding="utf-8")
    assert text.split("\n\n", 2)[2] == data_dictionary(LIBRARY) + "\n"


def test_the_number_of_features_is_told() -> None:
    assert f"All {len(LIBRARY)} are listed" in (DOCS / "features.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("place", range(3))
def test_examples_run(
    place: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, canonical: Mapping[str, Any]
) -> None:
    monkeypatch.chdir(tmp_path)
    RecordStore(Path("var/store")).load(
        {name: table.rows for name, table in canonical.items()}, load_id="1", source="s"
    )
    examples = re.findall(r"```python\n(.*?)```", (DOCS / "features.md").read_text(encoding="utf-8"), re.S)
    assert len(examples) == 3
    exec(compile(examples[place], "docs/features.md", "exec"), {})
