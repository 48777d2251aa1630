"""Reading the published classification and a real record store."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
import typer
from typer.testing import CliRunner

from features.home import Home
from features.records import TABLES
from features.store import RecordStore
from supervision.commands import register
from supervision.inputs import read_inputs
from tests.publications import publish_rows


def rows(table: str, *records: dict[str, Any]) -> pa.Table:
    """Return records of a table with its schema and where they came from."""
    schema = TABLES[table].arrow_schema.append(pa.field("source_line", pa.int64()))
    common = {"provider": "市场监管局"}
    return pa.Table.from_pylist(
        [
            {
                **common,
                "recorded_at": record["event_date"],
                "record_id": f"{table}{i}",
                "source_line": i,
                **record,
            }
            for i, record in enumerate(records)
        ],
        schema=schema,
    )


@pytest.fixture
def home(tmp_path: Path, candidates: Callable[..., pd.DataFrame]) -> Home:
    home = Home(tmp_path)
    frame = candidates(30, tier="B")[["credit_code", "name", "district", "tier", "probability"]]
    both = [frame.assign(model=model, industry="C1411") for model in ("food", "general")]
    classified = pa.Table.from_pandas(pd.concat(both).sort_values("credit_code"), preserve_index=False)
    publish_rows(home.published, date(2025, 8, 31), classified, {})
    inspected = {"kind": "routine", "domain": "food", "selection": "targeted", "outcome": "no_problem"}
    RecordStore(home.store).load(
        {
            "inspection": rows(
                "inspection",
                *(
                    {"credit_code": code, "event_date": date(2025, 2, 1), "full_item": True, **inspected}
                    for code in frame["credit_code"][:25]
                ),
                # Known only after the month has begun.
                {
                    "credit_code": frame["credit_code"][29],
                    "event_date": date(2025, 8, 1),
                    "recorded_at": date(2025, 9, 20),
                    "full_item": True,
                    **inspected,
                },
            )
        },
        load_id="1",
        source="test",
    )
    return home


def test_inputs_come_from_the_store_and_the_published_snapshot(home: Home) -> None:
    inputs = read_inputs(home, "food")
    assert len(inputs.classification) == 30
    assert len(inputs.inspections) == 26
    assert inputs.licences is None
    assert (inputs.snapshot, inputs.classified_at) == ("2025-08-31-1", date(2025, 8, 31))


def test_a_plan_of_a_real_store(home: Home) -> None:
    app = typer.Typer()
    register(app)
    arguments = [
        "plan",
        "--sector",
        "food",
        "--month",
        "2025-09",
        "--capacity",
        "12",
        "--seed",
        "s",
        "--json",
    ]
    made = CliRunner().invoke(app, [*arguments, "--home", str(home.root)])
    assert made.exit_code == 0, made.output
    summary = json.loads(made.stdout)["summary"]
    # Five were never seen inspected: statutory. The rest of the capacity is drawn.
    assert (summary["mandatory"], summary["selected"], summary["shortfall"]) == (5, 12, 0)
    name = json.loads(made.stdout)["plan"]
    assert CliRunner().invoke(app, ["plan", "verify", name, "--home", str(home.root)]).exit_code == 0
