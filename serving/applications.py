"""Applications for credit repair: received, decided or withdrawn."""

from __future__ import annotations

import secrets
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Connection, Engine, insert, select, update

from serving.database.tables import APPLICATIONS
from serving.problems import FieldError, Problem

OPEN = "open"


@dataclass(frozen=True)
class Application:
    """One application.

    Attributes
    ----------
    id
        Of this application; stands in its address.
    credit_code, record
        The enterprise and its record.
    applied_on, decide_by
        Day of the application, and the last day for its decision.
    received_at, received_by
        When it was put on file, and by which key.
    performed, harm_removed
        What the applicant says.
    materials
        What was handed in: titles or file numbers.
    state
        ``open``, ``granted``, ``refused`` or ``withdrawn``.
    decided_on, decision_record
        Day of the decision, and the record of it in the store.
    """

    id: str
    credit_code: str
    record: str
    applied_on: str
    received_at: str
    received_by: str
    performed: bool
    harm_removed: bool
    materials: list[str]
    decide_by: str
    state: str
    decided_on: str | None
    decision_record: str | None

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self)


class Applications:
    """Applications in the database.

    Parameters
    ----------
    engine
        The database.
    """

    def __init__(self, engine: Engine) -> None:
        self._reading = engine.execution_options(read_only=True)

    @staticmethod
    def new(
        *,
        credit_code: str,
        record: str,
        applied_on: date,
        performed: bool,
        harm_removed: bool,
        materials: list[str],
        decide_by: date,
        received_by: str,
    ) -> Application:
        """Return an open application, not yet kept."""
        return Application(
            id=secrets.token_hex(8),
            credit_code=credit_code,
            record=record,
            applied_on=applied_on.isoformat(),
            received_at=datetime.now(UTC).isoformat(timespec="microseconds"),
            received_by=received_by,
            performed=performed,
            harm_removed=harm_removed,
            materials=materials,
            decide_by=decide_by.isoformat(),
            state=OPEN,
            decided_on=None,
            decision_record=None,
        )

    @staticmethod
    def keep(connection: Connection, application: Application) -> None:
        """Put an application on file.

        Raises
        ------
        Problem
            409 if there is an open one for the record.
        """
        table = APPLICATIONS.c
        same = (table.credit_code == application.credit_code) & (table.record == application.record)
        waiting = connection.execute(select(table.id).where(same & (table.state == OPEN))).first()
        if waiting is not None:
            raise Problem(
                409,
                "already-applied-for",
                f"Application {waiting.id} for the repair of this record is open.",
                [FieldError("record", f"application {waiting.id} is open", "Decide or withdraw that one.")],
            )
        connection.execute(insert(APPLICATIONS).values(**application.as_dict()))

    @staticmethod
    def close(connection: Connection, application_id: str, state: str, on: date, record: str | None) -> None:
        """Note what became of an open application.

        Raises
        ------
        Problem
            409 if it is not open any more.
        """
        wanted = (APPLICATIONS.c.id == application_id) & (APPLICATIONS.c.state == OPEN)
        values = {"state": state, "decided_on": on.isoformat(), "decision_record": record}
        if connection.execute(update(APPLICATIONS).where(wanted).values(**values)).rowcount != 1:
            raise decided_already(application_id)

    def get(self, application_id: str) -> Application | None:
        """Return an application by its id."""
        with self._reading.connect() as connection:
            row = connection.execute(select(APPLICATIONS).where(APPLICATIONS.c.id == application_id)).first()
        return None if row is None else Application(**row._mapping)

    def after(
        self, place: tuple[str, str], *, state: str | None, credit_code: str | None, limit: int
    ) -> list[Application]:
        """Return applications in the order in which they were received.

        Parameters
        ----------
        place
            ``received_at`` and ``id`` of the one before.
        state, credit_code
            Only those.
        limit
            How many.
        """
        table = APPLICATIONS.c
        at, last = place
        query = select(APPLICATIONS).where(
            (table.received_at > at) | ((table.received_at == at) & (table.id > last))
        )
        if state is not None:
            query = query.where(table.state == state)
        if credit_code is not None:
            query = query.where(table.credit_code == credit_code)
        with self._reading.connect() as connection:
            rows = connection.execute(query.order_by(table.received_at, table.id).limit(limit)).all()
        return [Application(**row._mapping) for row in rows]


def decided_already(application_id: str) -> Problem:
    """Return the refusal of a decision about an application that has one."""
    return Problem(
        409,
        "already-decided",
        f"Application {application_id} is not open any more.",
        [FieldError("application", "it was decided or withdrawn", "Read it again; apply anew if need be.")],
    )
