"""Who is sent what, and how far that has got."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Connection, Engine, insert, select, update

from serving.database.tables import WEBHOOKS
from serving.webhooks.signing import new_secret

LISTS, CLASSIFICATION = "lists", "classification"
#: Seconds until the first further attempt; each one after waits twice as long, up to the last.
FIRST_PAUSE, LONGEST_PAUSE = 5, 3600


@dataclass(frozen=True)
class Subscription:
    """One receiver.

    Attributes
    ----------
    id, url, topics
        Where which messages go: ``lists`` (entries, removals, repairs), ``classification``.
    secret
        Signs them.
    created_at, created_by, stopped_at
        When, by which key, and when it ended.
    told_snapshot
        The classification that it was told of last.
    batch, parts
        The batch in hand, and how many parts of it have arrived.
    delivered_at, failures, next_attempt_at, last_error
        How it goes: failures since the last success.
    """

    id: str
    url: str
    topics: list[str]
    secret: str = field(repr=False)
    created_at: str
    created_by: str
    stopped_at: str | None
    told_snapshot: str | None
    batch: str | None
    parts: int
    delivered_at: str | None
    failures: int
    next_attempt_at: str | None
    last_error: str | None

    @property
    def receiver(self) -> str:
        """Its name in the outbox."""
        return f"webhook-{self.id}"

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data, without the secret."""
        names = ("id", "url", "topics", "created_at", "created_by", "stopped_at", "told_snapshot",
                 "delivered_at", "failures", "next_attempt_at", "last_error")  # fmt: skip
        return {name: getattr(self, name) for name in names}


def origin_of(url: str) -> str:
    """Return scheme, host and port of an address.

    Examples
    --------
    >>> origin_of("https://Hub.example.cn:443/in?x=1"), origin_of("http://127.0.0.1:8080/")
    ('https://hub.example.cn', 'http://127.0.0.1:8080')
    """
    parts = urlsplit(url)
    usual = {"https": 443, "http": 80}.get(parts.scheme)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    port = "" if parts.port in (None, usual) else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"


class Subscriptions:
    """Subscriptions in the database.

    Parameters
    ----------
    engine
        The database.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._reading = engine.execution_options(read_only=True)

    @staticmethod
    def new(*, url: str, topics: list[str], created_by: str, told_snapshot: str | None) -> Subscription:
        """Return a subscription, not yet kept."""
        return Subscription(
            id=secrets.token_hex(6),
            url=url,
            topics=topics,
            secret=new_secret(),
            created_at=_now(),
            created_by=created_by,
            stopped_at=None,
            told_snapshot=told_snapshot,
            batch=None,
            parts=0,
            delivered_at=None,
            failures=0,
            next_attempt_at=None,
            last_error=None,
        )

    @staticmethod
    def keep(connection: Connection, subscription: Subscription) -> None:
        """Begin a subscription."""
        connection.execute(insert(WEBHOOKS).values(**subscription.__dict__))

    @staticmethod
    def stop(connection: Connection, subscription_id: str) -> None:
        """End a subscription; one that has ended stays as it is."""
        wanted = (WEBHOOKS.c.id == subscription_id) & WEBHOOKS.c.stopped_at.is_(None)
        connection.execute(update(WEBHOOKS).where(wanted).values(stopped_at=_now(), next_attempt_at=None))

    def get(self, subscription_id: str) -> Subscription | None:
        """Return a subscription by its id."""
        with self._reading.connect() as connection:
            row = connection.execute(select(WEBHOOKS).where(WEBHOOKS.c.id == subscription_id)).first()
        return None if row is None else Subscription(**row._mapping)

    def all(self) -> list[Subscription]:
        """Return all subscriptions, the oldest first."""
        with self._reading.connect() as connection:
            rows = connection.execute(select(WEBHOOKS).order_by(WEBHOOKS.c.created_at, WEBHOOKS.c.id)).all()
        return [Subscription(**row._mapping) for row in rows]

    def due(self) -> list[Subscription]:
        """Return the subscriptions that may be sent something now."""
        now = _now()
        return [
            one
            for one in self.all()
            if one.stopped_at is None and (one.next_attempt_at is None or one.next_attempt_at <= now)
        ]

    @staticmethod
    def arrived(connection: Connection, subscription_id: str, **progress: Any) -> None:
        """Note that a message has arrived.

        Parameters
        ----------
        connection
            In a transaction.
        subscription_id
            Where.
        progress
            Columns that say how far it has got.
        """
        calm = {"delivered_at": _now(), "failures": 0, "next_attempt_at": None, "last_error": None}
        connection.execute(
            update(WEBHOOKS).where(WEBHOOKS.c.id == subscription_id).values(**calm, **progress)
        )

    def finished(self, subscription_id: str) -> None:
        """Note that no batch is in hand."""
        with self._engine.begin() as connection:
            connection.execute(
                update(WEBHOOKS).where(WEBHOOKS.c.id == subscription_id).values(batch=None, parts=0)
            )

    @staticmethod
    def failed(connection: Connection, subscription: Subscription, error: str) -> None:
        """Note that a message has not arrived, and when it is sent again."""
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(subscription.failures, 20))
        connection.execute(
            update(WEBHOOKS)
            .where(WEBHOOKS.c.id == subscription.id)
            .values(
                failures=subscription.failures + 1,
                next_attempt_at=_now(timedelta(seconds=pause)),
                last_error=error[:300],
            )
        )


def _now(after: timedelta = timedelta()) -> str:
    return (datetime.now(UTC) + after).isoformat(timespec="microseconds")
