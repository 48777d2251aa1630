"""Keys of systems and people, and the sessions that a key opens in a browser."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, Row, delete, insert, select, update

from features.errors import InputError
from risk_model.specification import MODEL_NAMES
from serving.access.principal import Principal, Role
from serving.database.tables import KEYS, SESSIONS

PREFIX = "rm_"
SESSION_HOURS = 12
#: How a key looks: 256 random bits, so that one pass of SHA-256 is all the hiding that it needs.
_BYTES = 32


@dataclass(frozen=True)
class Key:
    """A key as it is kept: without its token.

    Attributes
    ----------
    id, name
        Which key, and what it is for.
    principal
        What it may do and see.
    created_at, expires_at, revoked_at
        ISO 8601, UTC.
    """

    id: str
    name: str
    principal: Principal
    created_at: str
    expires_at: str | None
    revoked_at: str | None

    def as_dict(self) -> dict[str, Any]:
        """Return the key as plain data."""
        return {
            "id": self.id,
            "name": self.name,
            "roles": sorted(self.principal.roles),
            "districts": None if self.principal.districts is None else list(self.principal.districts),
            "sectors": None if self.principal.sectors is None else list(self.principal.sectors),
            "created_at": self.created_at,
            "expires_at": self.expires_at,
            "revoked_at": self.revoked_at,
        }


class Keys:
    """Keys and sessions in the database.

    Parameters
    ----------
    engine
        The database.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._reading = engine.execution_options(read_only=True)

    def create(
        self,
        name: str,
        roles: Sequence[str],
        *,
        districts: Sequence[str] | None = None,
        sectors: Sequence[str] | None = None,
        days: int | None = None,
    ) -> tuple[Key, str]:
        """Make a key.

        Parameters
        ----------
        name
            What it is for; stands in the audit log.
        roles
            At least one.
        districts, sectors
            What it may see; all by default.
        days
            Until it expires; never by default.

        Returns
        -------
        key, token
            The token is told this once; only its hash is kept.

        Raises
        ------
        InputError
            If a role, district or sector is unknown.
        """
        _check(name, roles, districts, sectors)
        token = PREFIX + secrets.token_urlsafe(_BYTES)
        key_id = secrets.token_hex(4)
        with self._engine.begin() as connection:
            connection.execute(
                insert(KEYS).values(
                    id=key_id,
                    name=name,
                    token_sha256=_hash(token),
                    roles=sorted(roles),
                    districts=None if districts is None else list(districts),
                    sectors=None if sectors is None else list(sectors),
                    created_at=_now(),
                    expires_at=None if days is None else _now(timedelta(days=days)),
                )
            )
        return self.get(key_id), token

    def get(self, key_id: str) -> Key:
        """Return a key by its id.

        Raises
        ------
        InputError
            If there is none.
        """
        with self._reading.connect() as connection:
            row = connection.execute(select(KEYS).where(KEYS.c.id == key_id)).first()
        if row is None:
            raise InputError(f"there is no key {key_id!r}", field="key", fix="See risk-model keys list.")
        return _key(row)

    def all(self) -> list[Key]:
        """Return all keys, the oldest first."""
        with self._reading.connect() as connection:
            rows = connection.execute(select(KEYS).order_by(KEYS.c.created_at, KEYS.c.id)).all()
        return [_key(row) for row in rows]

    def revoke(self, key_id: str) -> Key:
        """Make a key useless, with all sessions that it opened."""
        self.get(key_id)
        with self._engine.begin() as connection:
            connection.execute(
                update(KEYS).where(KEYS.c.id == key_id, KEYS.c.revoked_at.is_(None)).values(revoked_at=_now())
            )
            connection.execute(delete(SESSIONS).where(SESSIONS.c.key_id == key_id))
        return self.get(key_id)

    def of_token(self, token: str) -> Key | None:
        """Return the key of a token; None if it is unknown, expired or revoked."""
        with self._reading.connect() as connection:
            row = connection.execute(select(KEYS).where(KEYS.c.token_sha256 == _hash(token))).first()
        return _valid(row)

    def open_session(self, key: Key) -> str:
        """Open a session of a key and return its token."""
        token = secrets.token_urlsafe(_BYTES)
        now = _now()
        with self._engine.begin() as connection:
            connection.execute(delete(SESSIONS).where(SESSIONS.c.expires_at <= now))
            connection.execute(
                insert(SESSIONS).values(
                    token_sha256=_hash(token),
                    key_id=key.id,
                    created_at=now,
                    expires_at=_now(timedelta(hours=SESSION_HOURS)),
                )
            )
        return token

    def of_session(self, token: str) -> Key | None:
        """Return the key behind a session; None if either is no longer valid."""
        wanted = (SESSIONS.c.token_sha256 == _hash(token)) & (SESSIONS.c.expires_at > _now())
        query = select(KEYS).join(SESSIONS, SESSIONS.c.key_id == KEYS.c.id).where(wanted)
        with self._reading.connect() as connection:
            row = connection.execute(query).first()
        return _valid(row)

    def close_session(self, token: str) -> None:
        """End a session."""
        with self._engine.begin() as connection:
            connection.execute(delete(SESSIONS).where(SESSIONS.c.token_sha256 == _hash(token)))


def _check(
    name: str, roles: Sequence[str], districts: Sequence[str] | None, sectors: Sequence[str] | None
) -> None:
    if not name.strip() or len(name) > 100:
        raise InputError("a name has 1 to 100 characters", field="name", fix="Say what the key is for.")
    unknown = [role for role in roles if role not in set(Role)]
    if unknown or not roles:
        raise InputError(
            f"there is no role {unknown[0]!r}" if unknown else "there is no role",
            field="role",
            fix=f"Use {', '.join(Role)}.",
        )
    for district in districts or ():
        if not (district.isdigit() and 2 <= len(district) <= 12):
            raise InputError(
                f"{district!r} is no GB/T 2260 code", field="district", fix="Give digits, such as 510100."
            )
    for sector in sectors or ():
        if sector not in MODEL_NAMES:
            raise InputError(
                f"there is no sector {sector!r}", field="sector", fix=f"Use {', '.join(MODEL_NAMES)}."
            )


def _valid(row: Row[Any] | None) -> Key | None:
    if row is None or row.revoked_at is not None:
        return None
    if row.expires_at is not None and row.expires_at <= _now():
        return None
    return _key(row)


def _key(row: Row[Any]) -> Key:
    principal = Principal(
        f"{row.id} {row.name}",
        frozenset(Role(role) for role in row.roles),
        None if row.districts is None else tuple(row.districts),
        None if row.sectors is None else tuple(row.sectors),
    )
    return Key(row.id, row.name, principal, row.created_at, row.expires_at, row.revoked_at)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def _now(after: timedelta = timedelta()) -> str:
    return (datetime.now(UTC) + after).isoformat(timespec="microseconds")
