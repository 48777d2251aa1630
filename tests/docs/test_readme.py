"""The README: ten lines of Python that work, the two commands, pictures that are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from features.home import Home
from features.simulation import simulate
from features.sources import ingest
from features.store import RecordStore
from tests.docs.reading import ROOT, blocks

README = ROOT / "README.md"


def test_the_two_commands_are_targets() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = re.findall(r"^make (\w+)", README.read_text(encoding="utf-8"), flags=re.M)
    assert named[:2] == ["demo", "test"]
    for target in named:
        assert re.search(rf"^{target}:", makefile, flags=re.M), target


def test_pictures_are_there() -> None:
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", README.read_text(encoding="utf-8"))
    assert len(pictures) >= 2
    for picture in pictures:
        assert (ROOT / picture).stat().st_size > 2_000


@pytest.mark.long
def test_the_example_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (example,) = blocks(README, "python")
    assert len([line for line in example.splitlines() if line.strip()]) <= 10
    monkeypatch.chdir(tmp_path)
    home = Home.locate("var/demo")
    simulate(enterprises=3_000, seed=5, out=home.simulated)
    ingest(RecordStore(home.store), "simulated", sorted(home.simulated.glob("records/*.parquet")))
    exec(compile(example, "README.md", "exec"), {})
    told = capsys.readouterr().out
    assert "Raises the score by" in told
