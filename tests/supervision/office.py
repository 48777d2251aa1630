"""A home filled by hand, and the commands on it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import typer
from typer.testing import CliRunner, Result

from features.home import Home
from features.records.credit_code import check_character, organisation_check_character
from features.store import RecordStore
from risk_model.publication import layout
from supervision.commands import register
from tests.publications import publish_rows

MakeRows = Callable[[str, Iterable[Mapping[str, Any]]], pa.Table]


def credit_code(number: int) -> str:
    """Return a valid credit code of a division that does not exist."""
    subject = f"MA{number:06d}"
    first = f"91990101{subject}{organisation_check_character(subject)}"
    return first + check_character(first)


class Office:
    """A home filled by hand, and the commands on it.

    Attributes
    ----------
    codes
        Credit codes of a few enterprises.
    """

    def __init__(self, root: Path, rows: MakeRows) -> None:
        self.home = Home(root)
        self.codes = [credit_code(i) for i in range(20)]
        self._rows = rows
        self._loads = 0
        self._app = typer.Typer()
        register(self._app)

    def put(self, **tables: Iterable[Mapping[str, Any]]) -> int:
        """Load records; ``recorded_at`` is the day of the event and ``record_id`` a number by default."""
        self._loads += 1
        filled = {
            table: self._rows(
                table,
                [
                    {"recorded_at": row["event_date"], "record_id": f"{table}-{self._loads}-{i}", **row}
                    for i, row in enumerate(records)
                ],
            )
            for table, records in tables.items()
        }
        return RecordStore(self.home.store).load(filled, load_id=str(self._loads), source="test").snapshot_id

    def register(self, *numbers: int, **changes: Any) -> list[str]:
        """Register enterprises, in business since 2015, and return their codes."""
        codes = [self.codes[i] for i in numbers]
        row = {
            "event_date": date(2015, 3, 2),
            "status": "1",
            "established_on": date(2015, 3, 2),
            "enterprise_type": "company",
            "district": "990101",
            **changes,
        }
        self.put(enterprise=[{"credit_code": code, "name": f"企业{code[-4:]}", **row} for code in codes])
        return codes

    def publish(self, as_of: date, *rows: Mapping[str, Any]) -> None:
        """Publish a classification: rows of ``credit_code`` and ``tier``, and what else they name."""
        filled = {
            "model": "general",
            "name": "企业",
            "district": "990101",
            "industry": "C1411",
            "probability": 0.1,
            "score": 400.0,
            "margin": -2.0,
            "records": 3,
            "top_reasons": [],
        }
        given = sorted(({**filled, **row} for row in rows), key=lambda r: r["credit_code"])
        table = pa.Table.from_pylist(given, schema=layout.CLASSIFICATION_SCHEMA)
        publish_rows(self.home.published, as_of, table, {"general": {}})

    def run(self, *arguments: str) -> Result:
        """Run a command on this home."""
        return CliRunner().invoke(
            self._app, [*arguments, "--home", str(self.home.root)], env={"COLUMNS": "200"}
        )

    def run_anywhere(self, *arguments: str) -> Result:
        """Run a command that needs no home."""
        return CliRunner().invoke(self._app, list(arguments), env={"COLUMNS": "200"})

    def json(self, *arguments: str) -> Any:
        """Run a command and return its JSON answer."""
        done = self.run(*arguments, "--json")
        assert done.exit_code == 0, done.output + repr(done.exception)
        return json.loads(done.stdout)

    def visible(self, table: str, code: str, on: date) -> list[dict[str, Any]]:
        """Return what features of a day see, by the store's own interval of visibility."""
        rows = RecordStore(self.home.store).snapshot().read(table, codes=(code, code)).to_pylist()
        return [r for r in rows if r["visible_from"] <= on < r["visible_to"]]
