"""What is in force: the published classification and the champion models, swapped without a restart."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from features.errors import InputError
from features.home import Home
from risk_model.publication import Publication
from risk_model.publication.layout import CURRENT
from risk_model.publication.reading import current_name
from serving.champions import BUNDLED, VERSIONS, Champions, database_file, load_champions
from serving.problems import FieldError, Problem, nothing_published

if TYPE_CHECKING:
    from supervision.improvement.search import Improver

logger = logging.getLogger("risk_model.serving")

#: Earlier classifications kept open for callers in the middle of their pages.
KEPT_OPEN = 4


class Current:
    """Gives each request what is in force when it comes in.

    A request that has begun keeps what it was given: a change in between drops nothing.

    Parameters
    ----------
    home
        Where classifications and models lie.
    watch_seconds
        Least time between two looks at the registry.
    """

    def __init__(self, home: Home, watch_seconds: float = 1.0) -> None:
        self.home = home
        self._current = home.published / CURRENT
        self._open: OrderedDict[str, Publication] = OrderedDict()
        self._in_force: Publication | None = None
        self._name_read: tuple[tuple[int, int, int], str | None] | None = None
        self._publication_lock = threading.Lock()
        self._watch = _Watch(watch_seconds)
        self._champions: Champions | None = None
        self._champions_lock = threading.Lock()
        self._improver: Improver | None = None
        self._improver_lock = threading.Lock()

    def publication(self) -> Publication:
        """Return the classification in force.

        Raises
        ------
        Problem
            503 if nothing is published.
        """
        try:
            name = self._name()
        except OSError as error:
            logger.exception("the name of the classification in force cannot be read")
            raise nothing_published(InputError(f"CURRENT cannot be read: {error.strerror}")) from None
        held = self._in_force
        if held is not None and name == held.name:
            return held
        if name is None:
            self._in_force = None
            raise nothing_published(InputError("no classification is in force"))
        try:
            self._in_force = self.named(name)
        except (InputError, OSError, ValueError) as error:
            # A broken new classification must not take the service down: the old one still stands.
            logger.exception("classification %s cannot be read", name)
            if held is not None:
                return held
            raise nothing_published(InputError(f"classification {name} cannot be read")) from error
        logger.info("classification %s is in force", name)
        return self._in_force

    def _name(self) -> str | None:
        """Return the name of the classification in force; the file is read when it is another one."""
        try:
            found = self._current.stat()
        except FileNotFoundError:
            return None
        stamp = (found.st_ino, found.st_mtime_ns, found.st_size)
        held = self._name_read
        if held is None or held[0] != stamp:
            # What is put there between the two looks has another stamp, and is read by the next.
            held = self._name_read = (stamp, current_name(self.home))
        return held[1]

    def named(self, name: str) -> Publication:
        """Return a classification by name; it is kept open for a while.

        Raises
        ------
        InputError
            If there is none of this name.
        """
        with self._publication_lock:
            found = self._open.get(name)
            if found is None:
                if not name or Path(name).name != name or name.startswith("."):
                    raise InputError(f"there is no published classification {name!r}", field="snapshot")
                found = Publication(self.home.published / name)
                # Now, so that a damaged file is noticed before the classification is put in force.
                found.check()
                self._open[name] = found
                while len(self._open) > KEPT_OPEN:
                    self._open.popitem(last=False)
            return found

    def champions(self) -> Champions:
        """Return the champions; a change is loaded beside the work in hand and then takes their place.

        Raises
        ------
        Problem
            503 if no model is registered, or the champions cannot be used.
        """
        held = self._champions
        if held is None:
            with self._champions_lock:
                if self._champions is None:
                    self._champions = self._first_champions()
                held = self._champions
        elif self._watch.changed(self._stamp):
            threading.Thread(target=self._reload, name="champions", daemon=True).start()
        if held is None:
            raise _no_model(
                InputError("no model is registered", fix="Run risk-model train all on the server.")
            )
        return held

    @property
    def at_hand(self) -> bool:
        """Whether a classification and champions are loaded, so that asking for them takes no time."""
        return self._in_force is not None and self._champions is not None

    def improver(self, publication: Publication) -> Improver:
        """Return what finds improvements in a classification; kept for the one asked for last."""
        from supervision.improvement.search import Improver

        with self._improver_lock:
            held = self._improver
            if held is None or held.publication.name != publication.name:
                held = self._improver = Improver(self.home, publication)
            return held

    def ready(self) -> dict[str, Any]:
        """Return what is served; raises if the service cannot answer."""
        publication = self.publication()
        return {
            "status": "ready",
            "snapshot": publication.name,
            "as_of": publication.as_of.isoformat(),
            "models": {name: told["version"] for name, told in publication.document["models"].items()},
            "champions": self.champions().versions,
        }

    def _first_champions(self) -> Champions | None:
        self._watch.changed(self._stamp)
        try:
            return load_champions(self.home, self._published())
        except InputError as error:
            logger.exception("the champions cannot be loaded")
            raise _no_model(error) from error

    def _published(self) -> Publication | None:
        try:
            return self.publication()
        except Problem:
            return None

    def _reload(self) -> None:
        with self._champions_lock:
            try:
                found = load_champions(self.home, self._published(), self._champions)
            except Exception:
                # Whatever it is, the champions at hand go on serving.
                logger.exception("new champions cannot be loaded")
                return
            if found is not None and found is not self._champions:
                logger.info("champions are now %s, beside %s", found.versions, found.snapshot)
                self._champions = found

    def _stamp(self) -> object:
        """Return what changes when the registry or the classification in force does."""
        path = database_file(self.home)
        if path is None:
            # A database elsewhere tells nothing from outside: look again each time.
            return time.monotonic()
        files = [path, path.with_name(path.name + "-wal"), self.home.root / BUNDLED / VERSIONS]
        written = [(found.stat().st_mtime_ns, found.stat().st_size) for found in files if found.exists()]
        return current_name(self.home), written


class _Watch:
    """Says whether something changed, without looking more often than it should."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._looked = float("-inf")
        self._seen: object = None
        self._lock = threading.Lock()

    def changed(self, stamp: Callable[[], object]) -> bool:
        now = time.monotonic()
        if now - self._looked < self._seconds:
            return False
        with self._lock:
            if now - self._looked < self._seconds:
                return False
            self._looked = now
            seen, self._seen = self._seen, stamp()
            return seen != self._seen


def _no_model(error: InputError) -> Problem:
    return Problem(
        503,
        "no-model",
        "There is no champion model to score with.",
        [FieldError("", error.message, error.fix or "Run risk-model train all on the server.")],
        {"Retry-After": "30"},
    )
