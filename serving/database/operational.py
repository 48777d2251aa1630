"""The database of a running service, opened when it is first needed."""

from __future__ import annotations

import threading

from sqlalchemy import Engine

from serving.access.audit import AuditLog
from serving.database.engine import open_database, upgrade


class OperationalDatabase:
    """Opens the database once; a service that only reads and asks for no key never does.

    Parameters
    ----------
    url
        Its address.
    engine
        The engine, where it is open already.
    """

    def __init__(self, url: str, engine: Engine | None = None) -> None:
        self._url = url
        self._engine = engine
        self._lock = threading.Lock()

    @property
    def engine(self) -> Engine:
        """The engine, its schema up to date."""
        with self._lock:
            if self._engine is None:
                opened = open_database(self._url)
                upgrade(opened)
                self._engine = opened
            return self._engine

    @property
    def audit(self) -> AuditLog:
        """The audit log."""
        return AuditLog(self.engine)
