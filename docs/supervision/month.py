"""One scripted month of an office, through the command line, on a simulated province.

    python docs/supervision/month.py [--home DIR] [--enterprises N]

classify → plan → inspection results → list decision → repair → publish → retrain → next classification.
After each step it says what state the home is in. Everything is done by `risk-model`; the script only hands
what one command answers to the next. What the inspections find comes from the province's true risk, which no
other step ever reads.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

CLASSIFIED, MONTH, DECIDED, NEXT = "2025-12-31", "2026-01", "2026-01-30", "2026-01-31"
AUTHORITY = "甲县市场监督管理局"
COMMAND = Path(sys.executable).with_name("risk-model")


class Office:
    """The home of an office, and the commands on it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.state: dict[str, dict[str, Any]] = {}

    def run(self, *arguments: str) -> Any:
        """Run a command and return its JSON answer."""
        done = subprocess.run(
            [str(COMMAND), *arguments, "--json"],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "RISK_MODEL_HOME": str(self.home)},
        )
        if done.returncode:
            raise SystemExit(f"risk-model {' '.join(arguments)}\n{done.stdout}{done.stderr}")
        return json.loads(done.stdout)

    def told(self, step: str, **state: Any) -> None:
        """Print the state after a step."""
        self.state[step] = state
        print(f"\n{len(self.state)}. {step}")
        for name, value in state.items():
            print(f"   {name}: {value}", flush=True)


def month(home: Path, enterprises: int) -> dict[str, dict[str, Any]]:
    """Work through the month and return the state after each step."""
    office = Office(home)
    run, told = office.run, office.told

    run("simulate", "--enterprises", str(enterprises), "--seed", "3")
    records = home / "simulated" / "records"
    run("ingest", "simulated", *map(str, sorted(records.glob("*.parquet"))))
    run("train", "all")
    first = run("classify", "--as-of", CLASSIFIED)
    told("classify", **tiers(first))

    capacity = max(20, first["models"]["food"]["rows"] // 5)
    plan = run(
        "plan",
        "--sector",
        "food",
        "--month",
        MONTH,
        "--capacity",
        str(capacity),
        "--seed",
        "公开的种子 2026-01",
    )
    verified = run("plan", "verify", plan["plan"], "--commitment", plan["seed_commitment"])
    summary = plan["summary"]
    told(
        "plan",
        plan=plan["plan"],
        verified=verified["passed"],
        **{name: summary[name] for name in ("candidates", "mandatory", "selected", "shortfall", "precision")},
        expected_findings=round(summary["expected_findings"], 1),
        as_many_drawn_uniformly=round(summary["expected_findings_uniform"], 1),
    )

    results = home / "results.csv"
    run(
        "simulate-inspections", plan["files"]["selected.csv"], "--domain", "food", "--month", MONTH,
        "--out", str(results),
    )  # fmt: skip
    back = run("plan", "results", plan["plan"], str(results), "--provider", AUTHORITY, "--on", DECIDED)
    told(
        "inspection results",
        **{name: back[name] for name in ("reported", "accepted", "problems", "outcomes", "drawn")},
        records=f"snapshot {back['snapshot']}",
    )

    listed = who_was_not_there(results)
    entry = run(
        "lists", "enter", listed, "--list", "abnormal", "--ground", "4", "--found", f"{MONTH}-20",
        "--provider", AUTHORITY, "--on", DECIDED,
    )  # fmt: skip
    may = run("lists", "check", listed, "--action", "simplified_cancellation", "--on", DECIDED)
    told("list decision", enterprise=listed, record=entry["record"]["record_id"], may_cancel=may["verdict"])

    repaired, record = who_can_be_repaired(office, records / "penalty.parquet")
    shown = ("--performed", "--harm-removed", "--provider", AUTHORITY, "--on", DECIDED)
    granted = run("repair", "grant", repaired, "--record", record, *shown)
    told("repair", enterprise=repaired, record=record, decision=granted["record"]["decision"])

    site = run("publish", "--out", str(home / "site"), "--on", DECIDED)
    told("publish", site=site["folder"], rows=site["rows"], withheld=site["withheld"]["penalty"])

    trained = run("train", "all")
    gate = {one["model"]: run("compare", one["model"], "--repetitions", "100")["gate"] for one in trained}
    for one in trained:
        if gate[one["model"]]["passed"]:
            run("promote", one["model"], "challenger")
    told(
        "retrain",
        **{
            one["model"]: f"version {one['version']}, "
            + ("promoted" if gate[one["model"]]["passed"] else "kept as challenger: the gate says no")
            for one in trained
        },
    )

    second = run("classify", "--as-of", NEXT)
    changes = run("compare", "general", "--publications", first["name"], second["name"])
    told(
        "next classification",
        **tiers(second),
        share_of_tiers_changed=round(changes["share_changed"], 4),
        listed_now=tier_of(office, listed),
        repaired_now=tier_of(office, repaired),
    )
    return office.state


def tiers(classified: dict[str, Any]) -> dict[str, Any]:
    """Return the tiers of each model of a classification."""
    return {
        "classification": classified["name"],
        **{model: told["tiers"] for model, told in classified["models"].items()},
    }


def tier_of(office: Office, code: str) -> str:
    """Return an enterprise's tier by the general model, and what decided it."""
    told = office.run("explain", code, "--model", "general")
    return f"{told['tier']} ({told['decided_by']})"


def who_was_not_there(results: Path) -> str:
    """Return the first enterprise that was not met at its registered address."""
    rows = [line.split(",") for line in results.read_text(encoding="utf-8").splitlines()]
    outcome = rows[0].index("outcome")
    for row in rows[1:]:
        if row[outcome] == "censored":
            return row[0]
    raise SystemExit("everybody was met: simulate a larger province")


def who_can_be_repaired(office: Office, penalties: Path) -> tuple[str, str]:
    """Return an enterprise that applies for a repair and can have it, and the record."""
    rows = pq.read_table(penalties, columns=["credit_code", "record_id", "event_date"]).to_pandas()
    # A penalty of the summer is old enough for an ordinary repair, and still published.
    rows = rows[rows["event_date"].between("2025-06-01", "2025-09-30")]
    for code in dict.fromkeys(rows["credit_code"]):
        if not str(code).startswith("9") or len(str(code)) != 18:
            continue
        for found in office.run("repair", "check", str(code), "--on", DECIDED):
            if found["earliest"] is None or found["earliest"] > DECIDED or found["table"] != "penalty":
                continue
            shown = ("--performed", "--harm-removed", "--on", DECIDED)
            if office.run("repair", "check", str(code), "--record", found["record_id"], *shown)["eligible"]:
                return str(code), found["record_id"]
    raise SystemExit("nobody can have a repair")


def main() -> None:
    """Run the month of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--home", type=Path)
    parser.add_argument("--enterprises", type=int, default=4_000)
    arguments = parser.parse_args()
    if arguments.home is not None:
        month(arguments.home, arguments.enterprises)
        return
    with tempfile.TemporaryDirectory(prefix="risk-model-month-") as folder:
        month(Path(folder), arguments.enterprises)


if __name__ == "__main__":
    main()
