"""The examples of the pages on supervision: every command can be typed, every block of Python runs."""

from __future__ import annotations

import re
import shlex
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import typer

from features.store import RecordStore
from risk_model.cli import build
from supervision.repair.check import Shown
from supervision.repair.decide import grant_repair
from tests.supervision.office import Office

PAGES = sorted((Path(__file__).resolve().parents[2] / "docs" / "supervision").glob("*.md"))
NAMES = [page.stem for page in PAGES]
#: Needs trained models: tests/supervision/test_improvement.py does what its page shows.
NOT_RUN = {"improvement"}
DAY, LATER = date(2025, 9, 1), date(2025, 12, 1)


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL)


def commands(page: Path) -> list[list[str]]:
    """Return the arguments of every ``risk-model`` line of a page, continued lines put together."""
    found = []
    for language in ("console", "sh", "bash", ""):
        for block in blocks(page, language):
            for line in re.sub(r"\\\n\s*", " ", block).splitlines():
                text = line.removeprefix("$ ").strip()
                if text.startswith("risk-model "):
                    found.append(shlex.split(text)[1:])
    return found


def parsed(arguments: list[str]) -> None:
    """Parse a command without running it; raises what the command line would say of a mistake."""
    command: Any = typer.main.get_command(build())
    rest, parent, name = arguments, None, "risk-model"
    while True:
        context = command.make_context(name, list(rest), parent=parent)
        rest = [*getattr(context, "_protected_args", []), *context.args]
        if not hasattr(command, "commands") or not rest:
            return
        name, command, rest = command.resolve_command(context, rest)
        parent = context


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_command_can_be_typed(page: Path) -> None:
    for arguments in commands(page):
        try:
            parsed(arguments)
        except Exception as error:
            pytest.fail(f"risk-model {' '.join(arguments)}: {getattr(error, 'message', error)}")


def test_a_wrong_command_would_be_seen() -> None:
    for wrong in (["plan", "--sektor", "food"], ["repair", "revoke"], ["nothing"], ["lists", "push"]):
        with pytest.raises(Exception, match=r"(?i)no such|missing"):
            parsed(wrong)


def test_every_article_has_a_command_and_a_block_of_python() -> None:
    pages = set(NAMES)
    rows = {
        "key-areas", "publicity", "commitments", "measures", "plans", "lists", "repair", "sharing", "reports",
        "warnings",
    }  # fmt: skip
    assert rows <= pages
    for page in PAGES:
        if page.stem in rows:
            assert blocks(page, "python"), page.name
            assert "risk-model" in page.read_text(encoding="utf-8"), page.name


@pytest.fixture
def furnished(office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return the names that the blocks use: an office with records and published classifications."""
    codes = office.register(*range(12), district="510104")
    code = codes[0]
    monkeypatch.setenv("RISK_MODEL_HOME", str(office.home.root))
    fine = {
        "credit_code": code, "event_date": date(2024, 3, 15), "record_id": "CF-2024-17", "kind": "fine",
        "severity": "general", "domain": "pricing", "amount": 60_000_000,
    }  # fmt: skip
    office.put(
        penalty=[fine],
        licence=[
            {
                "credit_code": one, "event_date": date(2023, 12, 1), "kind": "food_production",
                "status": "valid", "licence_no": f"SC{one[-6:]}", "valid_from": date(2023, 12, 1),
                "valid_to": date(2028, 11, 30), "issuer_level": "county",
            }
            for one in codes
        ],
        inspection=[
            {
                "credit_code": one, "event_date": date(2025, 3, 3), "kind": "random", "domain": "food",
                "selection": "random", "inclusion_probability": 0.2, "outcome": "no_problem",
                "full_item": True,
            }
            for one in codes
        ],
    )  # fmt: skip
    rows = [
        {"credit_code": one, "model": model, "tier": tier, "probability": p, "district": "510104"}
        for model in ("general", "food")
        for one, tier, p in zip(codes, "AAAAAABBBBCD", [0.02] * 6 + [0.08] * 4 + [0.2, 0.4], strict=True)
    ]
    office.publish(date(2025, 8, 31), *rows)
    pool = tmp_path / "pool.csv"
    lines = [f"i{i},检查员{i},510100,food;general,20," for i in range(4)]
    pool.write_text("\n".join(["inspector_id,name,districts,competences,visits,conflicts", *lines]) + "\n")
    return {
        "home": office.home,
        "office": office,
        "code": code,
        "day": DAY,
        "later": LATER,
        "snapshot": RecordStore(office.home.store).snapshot(),
        "folder": tmp_path / "out",
        "pool": pool,
        "results": tmp_path / "results.csv",
    }


@pytest.mark.parametrize("page", [p for p in PAGES if p.stem not in NOT_RUN], ids=lambda p: p.stem)
def test_every_block_of_python_runs(page: Path, furnished: dict[str, Any]) -> None:
    for place, block in enumerate(blocks(page, "python")):
        if "revoke_repair" in block:
            shown = Shown(performed=True, harm_removed=True)
            grant_repair(
                furnished["home"], furnished["code"], "CF-2024-17", on=DAY, provider="甲局", shown=shown
            )
        exec(compile(block, f"{page.name}[{place}]", "exec"), furnished)


@pytest.mark.parametrize("page", [p for p in PAGES if p.stem in NOT_RUN], ids=lambda p: p.stem)
def test_blocks_that_are_not_run_can_be_imported(page: Path) -> None:
    for block in blocks(page, "python"):
        imports = [line for line in block.splitlines() if line.startswith(("from ", "import "))]
        exec("\n".join(imports), {})
