"""Changes of the lists for other departments: at least once, in batches that can be repeated."""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from features.errors import InputError
from features.home import Home
from features.records import TABLES as RECORD_TABLES
from features.store import RecordStore, Snapshot
from supervision.writing import as_json, write_whole

logger = logging.getLogger("risk_model.supervision")

#: What other departments hear of; a repair tells them to stop using what they were told before.
TABLES = ("abnormal_list", "serious_violation_list", "credit_repair")


@dataclass(frozen=True)
class Delivery:
    """One batch.

    Attributes
    ----------
    file
        Where it lies; none if there was nothing to tell.
    first, last
        Snapshots of the record store: changes after the first, up to and with the last.
    messages
        How many.
    """

    file: Path | None
    first: int
    last: int
    messages: int

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {**self.__dict__, "file": str(self.file) if self.file else None}


def push(home: Home, receiver: str, out: Path) -> Delivery:
    """Write what has changed since the receiver's last batch, then remember how far it got.

    Parameters
    ----------
    home
        Where everything lies.
    receiver
        Name of the department.
    out
        Folder that it collects its batches from.

    Raises
    ------
    InputError
        If the name cannot be one of a file.

    Notes
    -----
    A batch is one file of JSON lines, put in place by a rename; only then is the position moved on. If
    it is interrupted in between, the next batch tells the same again: a message has the same
    ``message_id`` every time, by which the receiver knows it. So it is, too, if the snapshot of the last
    batch is no longer kept: then everything is told again.
    """
    first = told_until(home, receiver)
    store = RecordStore(home.store)
    latest = store.snapshot()
    before = _kept(store, first) if first else None
    messages = list(_messages(before, latest))
    file = None
    if messages:
        file = out / f"{receiver}-{first:06d}-{latest.id:06d}.jsonl"
        lines = [as_json(message) for message in messages]
        write_whole(file, "\n".join(lines) + "\n")
    write_whole(_position(home, receiver), json.dumps({"snapshot": latest.id}) + "\n")
    return Delivery(file, first, latest.id, len(messages))


def _kept(store: RecordStore, number: int) -> Snapshot | None:
    with suppress(InputError):
        return store.snapshot(number)
    logger.warning("snapshot %d is no longer kept: the batch tells everything again", number)
    return None


def told_until(home: Home, receiver: str) -> int:
    """Return the snapshot of the record store up to which a receiver has its batches; 0: none yet.

    Raises
    ------
    InputError
        If the name cannot be one of a file.
    """
    if not re.fullmatch(r"[\w\-]+", receiver):
        raise InputError(
            f"{receiver!r} cannot name a receiver", field="receiver", fix="Use letters, digits, - and _."
        )
    position = _position(home, receiver)
    return int(json.loads(position.read_text(encoding="utf-8"))["snapshot"]) if position.is_file() else 0


def _position(home: Home, receiver: str) -> Path:
    return home.root / "outbox" / f"{receiver}.json"


def _messages(before: Snapshot | None, latest: Snapshot) -> Iterator[dict[str, Any]]:
    for table in TABLES:
        columns = RECORD_TABLES[table].arrow_schema.names
        known: set[tuple[str, int]] = set()
        if before is not None:
            rows = before.read(table, columns=["record_id", "content_hash"])
            known = set(zip(rows["record_id"].to_pylist(), rows["content_hash"].to_pylist(), strict=True))
        for row in latest.read(table, columns=[*columns, "content_hash"]).to_pylist():
            key = (row["record_id"], row.pop("content_hash"))
            if key in known:
                continue
            # A record whose repair was revoked is read once for each time that it may be seen.
            known.add(key)
            del row["visible_from"], row["visible_to"]
            digest = hashlib.sha256(f"{table}\n{key[0]}\n{row['recorded_at']}\n{key[1]}".encode())
            yield {
                "message_id": digest.hexdigest(),
                "table": table,
                "change": _change(table, row),
                "record": {name: value for name, value in row.items() if value is not None},
            }


def _change(table: str, row: dict[str, Any]) -> str:
    if table == "credit_repair":
        return f"repair_{row['decision']}"
    if row["withdrawn_at"] is not None:
        return "withdrawn"
    return "entered" if row["removed_on"] is None else "removed"
