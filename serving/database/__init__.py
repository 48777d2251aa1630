"""Operational state: keys, sessions and the audit log, in SQLite or PostgreSQL."""

from serving.database.engine import open_database, upgrade

__all__ = ["open_database", "upgrade"]
