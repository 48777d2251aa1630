"""What the authority decides about single records: withhold, release; objections and their answers."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from filelock import FileLock

from features.errors import InputError
from features.home import Home
from features.store import RecordStore
from supervision.publicity.rules import Publicity, load_publicity
from supervision.records import enterprise_records
from supervision.working_days import working_calendar
from supervision.writing import as_json, write_whole

Note = dict[str, Any]
#: Held by whoever keeps a note.
LOCK = "notes.lock"


@dataclass(frozen=True)
class Reviewed:
    """A note that was kept: its content and its file."""

    note: Note
    file: Path

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {**self.note, "file": str(self.file)}


def withhold(
    home: Home, credit_code: str, record_id: str, ground: str, *, on: date, provider: str, reason: str
) -> Reviewed:
    """Decide that a record is not published from a day on.

    Parameters
    ----------
    home
        Where everything lies.
    credit_code, record_id
        The enterprise and its record.
    ground
        One of the grounds of the rules in force.
    on, provider, reason
        Day, authority, why in words.

    Raises
    ------
    InputError
        If there is no such record or ground, or no reason is given.
    """
    rules = load_publicity(on)
    if ground not in rules.grounds:
        known = ", ".join(f"{name} ({words.en})" for name, words in rules.grounds.items())
        raise InputError(f"there is no ground {ground!r}", field="ground", fix=f"Use one of {known}.")
    _find(home, rules, credit_code, record_id, on)
    _said(reason)
    note = _note("withhold", credit_code, record_id, on) | {
        "ground": ground,
        "label": rules.grounds[ground].model_dump(),
        "source": rules.grounds_source,
        "trust": rules.grounds_trust,
        "provider": provider,
        "reason": reason.strip(),
    }
    return _keep(home, note)


def release(
    home: Home, credit_code: str, record_id: str, *, on: date, provider: str, reason: str
) -> Reviewed:
    """Decide that a withheld record is published again.

    Raises
    ------
    InputError
        If it is not withheld on that day.
    """
    if (credit_code, record_id) not in withheld_on(home, on):
        raise InputError(f"record {record_id!r} is not withheld on {on}", field="record")
    _said(reason)
    note = _note("release", credit_code, record_id, on) | {"provider": provider, "reason": reason.strip()}
    return _keep(home, note)


def object_to(home: Home, credit_code: str, record_id: str, *, on: date, reason: str) -> Reviewed:
    """Register an objection to a published record; says by when it is to be answered.

    Raises
    ------
    InputError
        If there is no such record, or no reason is given.
    """
    rules = load_publicity(on)
    _find(home, rules, credit_code, record_id, on)
    _said(reason)
    note = _note("objection", credit_code, record_id, on) | {
        "reason": reason.strip(),
        "answer_by": working_calendar().after(on, rules.answer_working_days),
        "source": rules.answer_source,
        "trust": rules.answer_trust,
    }
    return _keep(home, note)


def answer(
    home: Home, credit_code: str, record_id: str, *, upheld: bool, on: date, provider: str, reason: str
) -> Reviewed:
    """Answer an objection; one that is upheld withholds the record until it is corrected.

    Raises
    ------
    InputError
        If there is no open objection, or no reason is given.
    """
    waiting = [o for o in open_objections(home, on) if (o["credit_code"], o["record_id"]) == (credit_code, record_id)]  # noqa: E501  # fmt: skip
    if not waiting:
        raise InputError(f"there is no open objection to {record_id!r} on {on}", field="record")
    _said(reason)
    kept = _keep(
        home,
        _note("answer", credit_code, record_id, on)
        | {
            "upheld": upheld,
            "provider": provider,
            "reason": reason.strip(),
            "late": on > date.fromisoformat(waiting[0]["answer_by"]),
        },
    )
    if upheld:
        withhold(home, credit_code, record_id, "incorrect", on=on, provider=provider, reason=reason)
    return kept


def withheld_on(home: Home, on: date) -> set[tuple[str, str]]:
    """Return credit code and record of all that are withheld on a day."""
    state: dict[tuple[str, str], bool] = {}
    for note in _notes(home, on):
        if note["kind"] in ("withhold", "release"):
            state[note["credit_code"], note["record_id"]] = note["kind"] == "withhold"
    return {key for key, kept_back in state.items() if kept_back}


def open_objections(home: Home, on: date) -> list[Note]:
    """Return the objections that have no answer by a day, the oldest first."""
    waiting: dict[tuple[str, str], Note] = {}
    for note in _notes(home, on):
        key = (note["credit_code"], note["record_id"])
        if note["kind"] == "objection":
            waiting.setdefault(key, note)
        elif note["kind"] == "answer":
            waiting.pop(key, None)
    return list(waiting.values())


def _find(home: Home, rules: Publicity, credit_code: str, record_id: str, on: date) -> None:
    records = enterprise_records(RecordStore(home.store).snapshot(), credit_code, on)
    for table in rules.published:
        if any(row["record_id"] == record_id for row in records.rows(table)):
            return
    raise InputError(
        f"{credit_code} has no record {record_id!r} of a published kind on {on}",
        field="record",
        fix="Give the record_id as published.",
    )


def _said(reason: str) -> None:
    if not reason.strip():
        msg = "no reason is given"
        raise InputError(msg, field="reason", fix="Say why, in words.")


def _note(kind: str, credit_code: str, record_id: str, on: date) -> Note:
    return {"kind": kind, "credit_code": credit_code, "record_id": record_id, "on": on}


def _keep(home: Home, note: Note) -> Reviewed:
    folder = home.root / "publicity"
    text = as_json(note, indent=2)
    digest = hashlib.sha256(as_json(note, sort=True).encode()).hexdigest()[:12]
    folder.mkdir(parents=True, exist_ok=True)
    # One after the other, so that no two notes get one number, and none is kept twice.
    with FileLock(folder / LOCK):
        again = sorted(folder.glob(f"*-{digest}.json"))
        if again:
            # The same note once more: nothing new.
            return Reviewed(note, again[0])
        # Numbered, so that notes of one day keep their order.
        number = 1 + max((int(path.name[:6]) for path in folder.glob("[0-9]*.json")), default=0)
        file = folder / f"{number:06d}-{note['kind']}-{digest}.json"
        write_whole(file, text + "\n")
    return Reviewed(note, file)


def _notes(home: Home, on: date) -> list[Note]:
    folder = home.root / "publicity"
    notes = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("[0-9]*.json"))]
    known: list[Note] = [note for note in notes if date.fromisoformat(note["on"]) <= on]
    return sorted(known, key=lambda note: str(note["on"]))
