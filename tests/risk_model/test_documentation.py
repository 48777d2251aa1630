"""The page on models: its commands and options exist, its example runs."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer

from benchmarks.models import CASES
from risk_model.cli import build

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "models.md").read_text(encoding="utf-8")
COMMANDS = [
    shlex.split(line, comments=True)
    for block in re.findall(r"```sh\n(.*?)```", PAGE, re.S)
    for line in block.splitlines()
    if line.strip()
]


def test_the_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, re.S)
    exec(compile(example, "docs/models.md", "exec"), {})
    assert capsys.readouterr().out.startswith("[0.")


@pytest.mark.parametrize("words", [c for c in COMMANDS if c[0] == "risk-model"], ids=" ".join)
def test_a_command_and_its_options_exist(words: list[str]) -> None:
    root = typer.main.get_command(build())
    command = root.commands[words[1]]  # type: ignore[attr-defined]
    options = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= options
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    assert sum(p.required for p in arguments) <= len(words) - 2


def test_the_cases_of_the_benchmark_exist() -> None:
    named = [words[words.index("--case") + 1] for words in COMMANDS if "--case" in words]
    assert named
    assert set(named) <= set(CASES)


def test_links_lead_somewhere() -> None:
    for link in re.findall(r"\]\(([^)]+)\)", PAGE):
        assert (Path(__file__).resolve().parents[2] / "docs" / link).is_file(), link
