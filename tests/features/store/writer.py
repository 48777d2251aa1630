"""A process that writes to a record store, and may be told to kill itself on the way.

``writer.py STORE load NAME FIRST COUNT | compact | retain LAST  [--die-at N]`` writes ``begin`` to stdout
once it is about to write and, at the end, ``done`` and the number of steps taken.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from types import FrameType
from typing import Any

import pyarrow as pa

from features.records import TABLES
from features.store import RecordStore

steps = 0


@contextmanager
def counted(die_at: int | None) -> Iterator[None]:
    """Count what the store and the table format do; die at a step, without any clearing up."""

    def step(frame: FrameType, event: str, _: Any) -> None:
        global steps  # noqa: PLW0603 - the process has no other state
        name = frame.f_code.co_filename
        if event in {"call", "c_call"} and ("features/store" in name or "deltalake" in name):
            steps += 1
            if steps == die_at:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(step)
    try:
        yield
    finally:
        sys.setprofile(None)


def tables(first: int, count: int) -> dict[str, pa.Table]:
    """Return penalties and changes of some numbers; the last penalty contradicts the first."""
    shared = [
        {
            "credit_code": f"test:{n % 97:03d}",
            "event_date": date(2020, 1, 1) + timedelta(days=n % 700),
            "recorded_at": date(2022, 1, 1),
            "provider": "甲县市场监督管理局",
        }
        for n in range(first, first + count)
    ]
    penalties = [
        {**row, "record_id": f"P{n}", "kind": "fine", "severity": "minor", "domain": "food", "amount": n}
        for n, row in enumerate(shared, start=first)
    ]
    penalties.append({**penalties[0], "amount": -1})
    changes = [{**row, "record_id": f"C{n}", "item": "address"} for n, row in enumerate(shared, start=first)]
    return {"penalty": table("penalty", penalties), "change": table("change", changes)}


def table(name: str, rows: list[dict[str, Any]]) -> pa.Table:
    """Return canonical rows."""
    schema = pa.schema([*TABLES[name].arrow_schema, pa.field("source_line", pa.int64())])
    return pa.Table.from_pylist([{**row, "source_line": n} for n, row in enumerate(rows, 1)], schema)


def main(arguments: list[str]) -> None:
    """Do what the arguments say."""
    die_at = None
    if "--die-at" in arguments:
        place = arguments.index("--die-at")
        die_at = int(arguments[place + 1])
        arguments = arguments[:place]
    folder, what, *rest = arguments
    store = RecordStore(Path(folder))
    rows = tables(int(rest[1]), int(rest[2])) if what == "load" else {}
    sys.stdout.write("begin\n")
    sys.stdout.flush()
    with counted(die_at):
        if what == "load":
            store.load(rows, load_id=rest[0], source="province")
        elif what == "compact":
            store.compact()
        else:
            store.retain(int(rest[0]))
    sys.stdout.write(f"done {steps}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
