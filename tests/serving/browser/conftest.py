"""A service on a port, and a browser in front of it."""

from __future__ import annotations

import os
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from features.home import Home
from risk_model.publication import Publication
from risk_model.registry import Registry
from serving.application import application
from serving.settings import Settings
from supervision.publicity.site import publish_site

playwright = pytest.importorskip("playwright.sync_api")

CHROMIUM = "RISK_MODEL_TEST_CHROMIUM"
#: Where pictures for the documentation go, if they are to be made anew.
PICTURES = "RISK_MODEL_PICTURES"
HERE = Path(__file__).parent
WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)


class Served:
    """An application that answers on a port of this host, from a thread.

    Parameters
    ----------
    home
        What it serves.
    settings
        How.
    """

    def __init__(self, home: Home, settings: Settings) -> None:
        self.app = application(home, settings)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        self.url = f"http://127.0.0.1:{port}"
        self._server = uvicorn.Server(
            uvicorn.Config(self.app, host="127.0.0.1", port=port, log_level="error", lifespan="off")
        )
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        for _ in range(200):
            if self._server.started:
                return
            time.sleep(0.05)
        raise AssertionError("the server did not start")

    def close(self) -> None:
        """Stop it."""
        self._server.should_exit = True
        self._thread.join(timeout=20)


@dataclass(frozen=True)
class Site:
    """A served home and what is in it."""

    url: str
    home: Home
    publication: Publication
    code: str

    @property
    def pages(self) -> dict[str, str]:
        """Name → address of every page."""
        return {
            "entrance": "/",
            "planner": "/planner?model=food",
            "draw": "/planner/draw?sector=food&month=2025-08&capacity=20",
            "plan": "/planner/plans/food-2025-07-1",
            "calendar": "/planner/calendar?days=92",
            "warnings": "/planner/warnings",
            "supervisor": "/supervisor",
            "dossier": f"/enterprise/{self.code}?model=food",
            "improvement": f"/enterprise/{self.code}/improvement?model=food",
            "sheet": f"/enterprise/{self.code}/sheet?model=food",
            "models": "/models",
            "drift": "/models/drift",
            "challenger": "/models/challenger",
            "quality": "/models/quality",
            "public": "/public",
            "docs": "/docs",
            "problem": "/planner/plans/food-1999-01-1",
        }


@pytest.fixture(scope="package")
def full_home(home: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Return a home with a challenger and a published site beside what others have."""
    root = tmp_path_factory.mktemp("browser") / "home"
    shutil.copytree(home.root, root, ignore=shutil.ignore_patterns("simulated", "scratch", "computed"))
    full = Home(root)
    registry = Registry(full)
    model, _ = registry.load("general")
    registry.log(model, metrics={}, documents={}, scratch=root / "scratch")
    publish_site(full, root / "public", date(2025, 6, 30))
    return full


@pytest.fixture(scope="package")
def site(full_home: Home) -> Iterator[Site]:
    """Serve the home to its own host, without keys."""
    served = Served(full_home, Settings())
    publication = Publication.current(full_home)
    rows = [row for row in publication.rows(model="food").to_pylist() if row["tier"] == "D"]
    # The one of most records has most to show.
    code = max(rows, key=lambda row: (row["records"], row["credit_code"]))["credit_code"]
    yield Site(served.url, full_home, publication, code)
    served.close()


@pytest.fixture(scope="module")
def browser(site: Site) -> Iterator[Any]:
    """Return Chromium; the home is built before, since Playwright keeps an event loop in this thread.

    Of one module: without ``__init__.py`` a package ends with the session, and so would that loop, beside
    which the tests after could not run their own.
    """
    path = os.environ.get(CHROMIUM)
    if not path:
        pytest.skip(f"{CHROMIUM} is not set")
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield chromium
        chromium.close()


class Watched:
    """Opens pages and notes what goes wrong in them."""

    def __init__(self, browser: Any) -> None:
        self._browser = browser
        self._contexts: list[Any] = []
        self.troubles: list[str] = []

    def open(self, url: str, *, lang: str = "en", viewport: dict[str, int] | None = None) -> Any:
        """Open an address in a new window."""
        locale = {"zh": "zh-CN", "en": "en-GB"}[lang]
        context = self._browser.new_context(
            locale=locale, viewport=viewport or WIDE, color_scheme="light", accept_downloads=True
        )
        self._contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.troubles.append(f"error: {error}"))
        page.on("request", lambda request: self._inside(request.url, url))
        page.goto(url, wait_until="load")
        return page

    def _console(self, message: Any) -> None:
        # That an answer is a refusal is the server's to say, not a trouble of the page.
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            self.troubles.append(f"{message.type}: {message.text}")

    def _inside(self, asked: str, url: str) -> None:
        host = url.split("/", 3)[2]
        if not asked.startswith((f"http://{host}/", "data:", "blob:")):
            self.troubles.append(f"asks elsewhere: {asked}")

    def close(self) -> None:
        """Close all windows."""
        for context in self._contexts:
            context.close()


@pytest.fixture
def watched(browser: Any) -> Iterator[Watched]:
    """Return what opens pages; the test fails if a page had an error or asked another host for anything."""
    opened = Watched(browser)
    yield opened
    opened.close()
    assert opened.troubles == []


@pytest.fixture
def picture(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that takes a picture of a page, for the documentation if it is being made anew."""
    folder = Path(os.environ.get(PICTURES) or tmp_path)

    def take(page: Any, name: str, **options: Any) -> Path:
        path = folder / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=path, animations="disabled", **options)
        return path

    return take


@pytest.fixture
def guarded(full_home: Home, tmp_path: Path) -> Iterator[Served]:
    """Serve the home to those who have a key."""
    database = f"sqlite:///{tmp_path / 'serving.db'}"
    served = Served(full_home, Settings(access="keys", database=database))
    yield served
    served.close()
    served.app.state.context.gate.engine.dispose()
