"""Opening the database and bringing its schema up to date."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError

from features.errors import InputError
from features.home import Home

FILE = "serving.db"
MIGRATIONS = Path(__file__).resolve().parent / "migrations"
#: Seconds that a writer waits for another one.
PATIENCE = 10
#: Number of the lock by which processes that start at once take turns; any number, the same in all versions.
_LOCK = 4_206_202_202


def database_url(home: Home, given: str | None) -> str:
    """Return the database of a home: the one given, else a SQLite file in the home."""
    return given or f"sqlite:///{home.root / FILE}"


def open_database(url: str) -> Engine:
    """Open a database.

    Parameters
    ----------
    url
        ``sqlite:///…`` or ``postgresql://…``; PostgreSQL is spoken to through psycopg.

    Raises
    ------
    InputError
        If the address is of no such database.
    """
    try:
        address = make_url(url)
    except ArgumentError:
        raise InputError(
            "it is no database address",
            field="database",
            fix="Write sqlite:///FILE or postgresql://HOST/NAME.",
        ) from None
    backend = address.get_backend_name()
    if backend == "sqlite":
        engine = create_engine(address, connect_args={"timeout": PATIENCE})
        event.listen(engine, "connect", _sqlite)
        event.listen(engine, "begin", _take_turns)
        return engine
    if backend == "postgresql":
        return create_engine(
            address.set(drivername="postgresql+psycopg"),
            # A connection that a restarted server has dropped is replaced before it is used.
            pool_pre_ping=True,
            pool_size=4,
            connect_args={"connect_timeout": PATIENCE},
        )
    raise InputError(
        f"databases of kind {backend!r} are not supported", field="database", fix="Use sqlite or postgresql."
    )


def _sqlite(connection: Any, record: Any) -> None:
    # SQLAlchemy begins transactions, not the driver: so that a writer takes its turn at the beginning.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _take_turns(connection: Any) -> None:
    options = connection.get_execution_options()
    connection.exec_driver_sql("BEGIN" if options.get("read_only") else "BEGIN IMMEDIATE")


def upgrade(engine: Engine) -> None:
    """Bring the schema to the newest revision; nothing happens if it is there."""
    from alembic import command
    from alembic.config import Config

    if engine.dialect.name == "sqlite" and engine.url.database:
        Path(engine.url.database).parent.mkdir(parents=True, exist_ok=True)
    configuration = Config()
    configuration.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
        configuration.attributes["connection"] = connection
        command.upgrade(configuration, "head")
