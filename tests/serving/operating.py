"""An office behind the service: a home filled by hand, no models, and who asks for what."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import date, timedelta
from typing import Any

import httpx
import pyarrow as pa

from features.home import Home
from serving.application import application
from serving.scope import today
from serving.settings import Settings
from tests.serving.conftest import Client
from tests.supervision.office import Office

MakeRows = Callable[[str, Iterable[Mapping[str, Any]]], pa.Table]
AUTHORITY = "甲县市场监督管理局"
#: Far enough back for any test.
LONG = 36_000


def send(
    client: Client, method: str, address: str, body: Any = None, key: str | None = None, **headers: str
) -> httpx.Response:
    """Send a request that changes something, by default with a key of its own."""
    own = {"idempotency-key": key or str(uuid.uuid4()), **headers}
    return client(method, address, headers=own, **({} if body is None else {"json": body}))


def guarded_client(home: Home, url: str, **changes: Any) -> Client:
    """Return a service over a home that asks for keys."""
    settings = Settings(access="keys", database=url, **{"backdating_days": LONG, **changes})
    return Client(application(home, settings))


def bearer(client: Client, *roles: str, **scope: Any) -> dict[str, str]:
    """Return the header of a new key."""
    _, token = client.app.state.context.gate.keys.create("test", roles, **scope)
    return {"authorization": f"Bearer {token}"}


def days_ago(days: int) -> date:
    """Return a day before today's in China."""
    return today() - timedelta(days=days)


def penalised(office: Office, number: int = 0, record: str = "fine", on: date | None = None) -> str:
    """Register an enterprise with a fine whose repair can be granted today, and return its code."""
    (code,) = office.register(number)
    day = on or days_ago(400)
    office.put(
        penalty=[
            {
                "credit_code": code,
                "event_date": day,
                "recorded_at": day,
                "record_id": record,
                "kind": "fine",
                "severity": "general",
                "domain": "pricing",
                "amount": 600_000,
            }
        ]
    )
    return code
