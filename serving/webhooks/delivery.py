"""Sending what is to be told: at least once, in order, from where it was interrupted.

The outbox of the lists (:mod:`supervision.lists.outbox`) writes what has changed as files, each receiver its
own; here they are sent part by part, and a file goes when all of it has arrived. A part that was sent, but
whose arrival could not be noted, is sent again under the same id.
"""

from __future__ import annotations

import hashlib
import json
import logging
import ssl
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
from filelock import FileLock, Timeout

from features.errors import InputError
from features.home import Home
from features.store import RecordStore
from risk_model.publication import Publication
from risk_model.publication.reading import current_name
from serving.database.operational import OperationalDatabase
from serving.endpoints import plain_text
from serving.once import BEGUN
from serving.webhooks.signing import headers
from serving.webhooks.subscriptions import (
    CLASSIFICATION,
    LISTS,
    Subscription,
    Subscriptions,
    origin_of,
)
from supervision.lists import outbox

logger = logging.getLogger("risk_model.serving")

#: Messages of one part.
PART = 100
#: Seconds between two looks for something new, and that a receiver has to answer.
PAUSE, PATIENCE = 5.0, 10.0
GONE = 410


class NotArrived(Exception):  # noqa: N818 - what happened, not whose error it is
    """A receiver has not taken a message."""


class Deliverer:
    """Sends to every receiver what it has not had yet.

    Parameters
    ----------
    home
        With the records, the classifications and the outbox.
    operational
        With the subscriptions.
    targets
        Origins that may be sent to; all others are left out, whatever the database says.
    """

    def __init__(self, home: Home, operational: OperationalDatabase, targets: Sequence[str]) -> None:
        self._home = home
        self._operational = operational
        self._targets = frozenset(origin_of(target) for target in targets)

    def run(self, stop: threading.Event) -> None:
        """Send until told to stop. Of several processes one at a time does."""
        while not stop.wait(PAUSE):
            try:
                self.deliver()
            except Exception:
                # Whatever it is, the next look may find it mended; what is not sent stays to be sent.
                logger.exception("webhooks cannot be sent now")

    def deliver(self) -> int:
        """Send what is due, and return how many messages have arrived; 0 if another process does it."""
        folder = self._home.root / "outbox"
        folder.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(folder / ".delivering", timeout=0):
                kept = Subscriptions(self._operational.engine)
                return sum(self._to(one) for one in kept.due())
        except Timeout:
            return 0

    def _to(self, subscription: Subscription) -> int:
        kept = Subscriptions(self._operational.engine)
        arrived = 0
        try:
            if origin_of(subscription.url) not in self._targets:
                message = "its origin is not in webhook_targets"
                raise NotArrived(message)
            with _client() as client:
                if CLASSIFICATION in subscription.topics:
                    arrived += self._classification(client, subscription)
                if LISTS in subscription.topics:
                    arrived += self._lists(client, subscription, kept)
        except (NotArrived, InputError, OSError) as failure:
            logger.warning("webhook %s: %s", subscription.id, failure)
            with self._operational.engine.begin() as connection:
                Subscriptions.failed(connection, subscription, str(failure))
        return arrived

    def _classification(self, client: httpx.Client, subscription: Subscription) -> int:
        name = current_name(self._home)
        if name is None or name == subscription.told_snapshot:
            return 0
        publication = Publication(self._home.published / name)
        message = {
            "message_id": hashlib.sha256(f"classification\n{name}".encode()).hexdigest(),
            "change": "published",
            "snapshot": name,
            "as_of": publication.as_of,
        }
        content = {"type": "classification.published", "messages": [message]}
        self._send(client, subscription, f"{subscription.id}-{name}", content, told_snapshot=name)
        return 1

    def _lists(self, client: httpx.Client, subscription: Subscription, kept: Subscriptions) -> int:
        folder = outbox_of(self._home, subscription.receiver)
        try:
            latest = RecordStore(self._home.store).snapshot().id
        except InputError:
            return 0
        if outbox.told_until(self._home, subscription.receiver) < latest:
            outbox.push(self._home, subscription.receiver, folder)
        arrived = 0
        for file in sorted(folder.glob("*.jsonl")):
            arrived += self._batch(client, subscription, file)
            file.unlink()
            kept.finished(subscription.id)
            subscription = replace(subscription, batch=None, parts=0)
        return arrived

    def _batch(self, client: httpx.Client, subscription: Subscription, file: Path) -> int:
        lines = file.read_text(encoding="utf-8").splitlines()
        parts = [lines[place : place + PART] for place in range(0, len(lines), PART)]
        done = subscription.parts if subscription.batch == file.name else 0
        arrived = 0
        for number, part in enumerate(parts[done:], start=done + 1):
            content = {
                "type": "lists.changed",
                "batch": file.stem,
                "part": number,
                "parts": len(parts),
                "messages": [json.loads(line) for line in part],
            }
            self._send(client, subscription, f"{file.stem}-{number}", content, batch=file.name, parts=number)
            arrived += len(part)
        return arrived

    def _send(
        self,
        client: httpx.Client,
        subscription: Subscription,
        message_id: str,
        content: dict[str, Any],
        **progress: Any,
    ) -> None:
        """Send one message and note that it has arrived.

        Raises
        ------
        NotArrived
            If it has not.
        """
        body = plain_text(content).encode()
        note = {
            "actor": f"webhook {subscription.id}",
            "action": f"POST {origin_of(subscription.url)}"[:160],
            "subject": f"{content['type']}, message={message_id}, messages={len(content['messages'])}",
            "request_id": message_id[-64:],
        }
        audit = self._operational.audit
        # Before it goes out: what cannot be noted is not told.
        audit.append(**note, status=BEGUN)
        try:
            signed = headers(subscription.secret, message_id, int(time.time()), body)
            answer = client.post(
                subscription.url, content=body, headers={"content-type": "application/json", **signed}
            )
        except httpx.HTTPError as error:
            raise NotArrived(type(error).__name__) from None
        with self._operational.engine.begin() as connection:
            audit.append_within(connection, **note, status=answer.status_code)
            if answer.is_success:
                Subscriptions.arrived(connection, subscription.id, **progress)
            elif answer.status_code == GONE:
                Subscriptions.stop(connection, subscription.id)
        if not answer.is_success:
            message = f"the receiver answered {answer.status_code}"
            raise NotArrived(message)


def outbox_of(home: Home, receiver: str) -> Path:
    """Return the folder in which a receiver's batches wait."""
    return home.root / "outbox" / receiver


def waiting(home: Home, receiver: str) -> int:
    """Return how many batches wait for a receiver."""
    return len(list(outbox_of(home, receiver).glob("*.jsonl")))


def start(home: Home, operational: OperationalDatabase, targets: Sequence[str]) -> threading.Event | None:
    """Send in a thread beside the requests, if there is anywhere to send to.

    Returns
    -------
    threading.Event or None
        Set, it ends the thread; None if nothing is ever sent.
    """
    if not targets:
        return None
    stop = threading.Event()
    deliverer = Deliverer(home, operational, targets)
    threading.Thread(target=deliverer.run, args=(stop,), name="webhooks", daemon=True).start()
    return stop


def _client() -> httpx.Client:
    # The host's own trust store, which holds the certificates of a closed network; no proxy, no redirect:
    # nothing is sent anywhere but where an administrator said.
    return httpx.Client(
        timeout=PATIENCE, follow_redirects=False, trust_env=False, verify=ssl.create_default_context()
    )
