"""The tables of the operational state."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Boolean, Column, ForeignKey, Integer, MetaData, String, Table, Text

METADATA = MetaData()

#: Times are ISO 8601 in UTC, so that they compare as text and are the same in every database.
TIME = String(32)

KEYS = Table(
    "api_key",
    METADATA,
    Column("id", String(16), primary_key=True),
    Column("name", String(100), nullable=False),
    Column("token_sha256", String(64), nullable=False, unique=True),
    Column("roles", JSON, nullable=False),
    Column("districts", JSON(none_as_null=True)),
    Column("sectors", JSON(none_as_null=True)),
    Column("created_at", TIME, nullable=False),
    Column("expires_at", TIME),
    Column("revoked_at", TIME),
)

SESSIONS = Table(
    "session",
    METADATA,
    Column("token_sha256", String(64), primary_key=True),
    Column("key_id", String(16), ForeignKey("api_key.id"), nullable=False),
    Column("created_at", TIME, nullable=False),
    Column("expires_at", TIME, nullable=False),
)

AUDIT = Table(
    "audit_entry",
    METADATA,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("at", TIME, nullable=False),
    Column("actor", String(120), nullable=False),
    Column("action", String(160), nullable=False),
    Column("subject", Text, nullable=False),
    Column("status", Integer, nullable=False),
    Column("request_id", String(64), nullable=False),
    Column("previous_hash", String(64), nullable=False),
    Column("hash", String(64), nullable=False, unique=True),
)

#: Requests that change something, by the key that their sender gave them.
ONCE = Table(
    "idempotent_request",
    METADATA,
    Column("caller", String(120), primary_key=True),
    Column("key", String(200), primary_key=True),
    Column("request_sha256", String(64), nullable=False),
    Column("begun_at", TIME, nullable=False),
    Column("expires_at", TIME, nullable=False, index=True),
    # The process that is at work on it; none: nobody is.
    Column("owner", String(300)),
    Column("owned_until", TIME),
    # None until it is done.
    Column("status", Integer),
    Column("answer", Text),
)

#: Applications for credit repair.
APPLICATIONS = Table(
    "repair_application",
    METADATA,
    Column("id", String(16), primary_key=True),
    Column("credit_code", String(64), nullable=False, index=True),
    Column("record", String(500), nullable=False),
    Column("applied_on", String(10), nullable=False),
    Column("received_at", TIME, nullable=False, index=True),
    Column("received_by", String(120), nullable=False),
    Column("performed", Boolean, nullable=False),
    Column("harm_removed", Boolean, nullable=False),
    Column("materials", JSON, nullable=False),
    Column("decide_by", String(10), nullable=False),
    Column("state", String(16), nullable=False),
    Column("decided_on", String(10)),
    Column("decision_record", String(700)),
)

#: Where messages are sent, and how far that has got.
WEBHOOKS = Table(
    "webhook",
    METADATA,
    Column("id", String(16), primary_key=True),
    Column("url", String(2000), nullable=False),
    Column("topics", JSON, nullable=False),
    # In clear: what is sent is signed with it.
    Column("secret", String(100), nullable=False),
    Column("created_at", TIME, nullable=False),
    Column("created_by", String(120), nullable=False),
    Column("stopped_at", TIME),
    # The classification that was told of last.
    Column("told_snapshot", String(200)),
    # Parts of the batch in hand that have arrived.
    Column("batch", String(300)),
    Column("parts", Integer, nullable=False),
    Column("delivered_at", TIME),
    Column("failures", Integer, nullable=False),
    Column("next_attempt_at", TIME),
    Column("last_error", String(300)),
)
