"""A service over a small home, asked in this process."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, create_engine, make_url, text
from starlette.applications import Starlette

from features.home import Home
from risk_model.publication import Publication
from serving import computed
from serving.application import application
from serving.database import open_database, upgrade
from serving.settings import Settings
from tests.serving.small_home import build_home

#: Of MLflow's own queries.
MLFLOW_WARNING = "ignore:The ``noload`` loader strategy is deprecated:DeprecationWarning"
HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings(MLFLOW_WARNING))


class Client:
    """Asks an application without a network, one request at a time.

    Parameters
    ----------
    app
        The application.
    headers
        Sent with every request.
    """

    def __init__(self, app: Starlette, headers: dict[str, str] | None = None) -> None:
        self.app = app
        self.headers = headers or {}

    def __call__(self, method: str, url: str, **options: Any) -> httpx.Response:
        return asyncio.run(self._ask(method, url, options))

    async def _ask(self, method: str, url: str, options: dict[str, Any]) -> httpx.Response:
        transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://service", headers=self.headers
        ) as client:
            return await client.request(method, url, **options)

    def get(self, url: str, **options: Any) -> httpx.Response:
        return self("GET", url, **options)

    def post(self, url: str, body: Any) -> httpx.Response:
        return self("POST", url, json=body)


@pytest.fixture(scope="session", autouse=True)
def _patience() -> Iterator[None]:
    """Let pages wait for slow figures: a test looks at the figures, not at the waiting."""
    before, computed.WAIT = computed.WAIT, 120.0
    yield
    computed.WAIT = before


@pytest.fixture(autouse=True)
def _heard() -> None:
    """Let tests hear the service's log, whatever a command or a library before set for its own process."""
    names = [
        "risk_model",
        *(name for name in logging.root.manager.loggerDict if name.startswith("risk_model.")),
    ]
    for name in names:
        log = logging.getLogger(name)
        log.disabled, log.propagate = False, True
    logging.disable(logging.NOTSET)


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Return a home that tests only read."""
    return build_home(tmp_path_factory.mktemp("serving") / "home")


@pytest.fixture(scope="session")
def publication(home: Home) -> Publication:
    return Publication.current(home)


@pytest.fixture(scope="session")
def client(home: Home) -> Client:
    return Client(application(home, Settings()))


@pytest.fixture
def own_home(home: Home, tmp_path: Path) -> Iterator[Home]:
    """Return a copy of the home that a test may change; its models stay where they are."""
    copy = Home(tmp_path / "home")
    shutil.copytree(home.root, copy.root, ignore=shutil.ignore_patterns("simulated", "scratch"))
    yield copy
    shutil.rmtree(copy.root)


@pytest.fixture(scope="session")
def code_of(publication: Publication) -> Callable[[str, str], str]:
    """Return a function that finds a classified enterprise by model and tier."""

    def find(model: str, tier: str) -> str:
        rows = publication.rows(model=model).to_pylist()
        return str(next(row["credit_code"] for row in rows if row["tier"] == tier))

    return find


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """Return a function that gives the address of a new, empty database of a kind."""
    made: list[tuple[str, str]] = []

    def make(kind: str) -> str:
        if kind == "sqlite":
            return f"sqlite:///{tmp_path / 'database' / 'serving.db'}"
        server = os.environ.get("RISK_MODEL_TEST_POSTGRES")
        if not server:
            pytest.skip("RISK_MODEL_TEST_POSTGRES is not set")
        name = f"serving_test_{uuid.uuid4().hex[:12]}"
        _on_server(server, f'CREATE DATABASE "{name}"')
        made.append((server, name))
        return make_url(server).set(database=name).render_as_string(hide_password=False)

    yield make
    for server, name in made:
        _on_server(server, f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def engine(request: pytest.FixtureRequest, database: Callable[[str], str]) -> Iterator[Engine]:
    """Return a database with the newest schema, of either kind."""
    opened = open_database(database(request.param))
    upgrade(opened)
    yield opened
    opened.dispose()


def _on_server(server: str, statement: str) -> None:
    url = make_url(server).set(drivername="postgresql+psycopg")
    if not url.database:
        url = url.set(database="postgres")
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()
