"""How the service is set up: a YAML file in its home, overridden by the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from features.errors import InputError
from features.home import Home
from risk_model.specification import Strict, read_yaml, validate

FILE = "serving.yaml"
PREFIX = "RISK_MODEL_SERVE_"


class Settings(Strict):
    """Settings of the service.

    Attributes
    ----------
    largest_body
        Bytes of a request body that are read.
    largest_bulk
        Enterprises in one bulk request.
    page_size
        Rows of a page when the caller does not say.
    watch_seconds
        How long a new champion may go unnoticed.
    access
        ``open``: nobody is asked for a key, and only this host is listened to; ``keys``: everybody is.
    database
        Address of the database of keys and audit log; by default a SQLite file in the home.
    requests_per_minute
        Of one key, or of one address without a key, in one worker.
    largest_batch
        Enterprises whose records are scored in one request.
    largest_batch_body
        Bytes of the body of such a request.
    idempotency_hours
        How long the answer to a request that changes something is kept for the same request.
    backdating_days
        How long ago a decision may have been made that is recorded now.
    webhook_targets
        Where webhooks may send: origins such as ``https://hub.example.cn``; nowhere by default.
    """

    largest_body: int = Field(2 * 1024 * 1024, ge=1024, le=1024**3)
    largest_bulk: int = Field(50_000, ge=1, le=1_000_000)
    page_size: int = Field(50, ge=1, le=1000)
    watch_seconds: float = Field(1.0, ge=0, le=3600)
    access: Literal["open", "keys"] = "open"
    database: str | None = None
    requests_per_minute: int = Field(6_000, ge=1)
    largest_batch: int = Field(5_000, ge=1, le=100_000)
    largest_batch_body: int = Field(32 * 1024 * 1024, ge=1024, le=1024**3)
    idempotency_hours: int = Field(48, ge=1, le=24 * 366)
    backdating_days: int = Field(31, ge=0, le=36_600)
    webhook_targets: tuple[str, ...] = ()

    @field_validator("webhook_targets", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        # In the environment a list is a text.
        return (
            [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value
        )

    @field_validator("webhook_targets")
    @classmethod
    def _origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for origin in value:
            parts = urlsplit(origin)
            if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/"):
                msg = f"{origin!r} is no origin; write scheme and host, such as https://hub.example.cn"
                raise ValueError(msg)
        return value


def load_settings(home: Home, environment: Mapping[str, str] | None = None) -> Settings:
    """Read ``<home>/serving.yaml`` if there is one, and ``RISK_MODEL_SERVE_<SETTING>`` over it.

    Parameters
    ----------
    home
        The home that is served.
    environment
        By default the process's.

    Raises
    ------
    InputError
        If a setting is unknown or out of range.
    """
    path = home.root / FILE
    content: Any = (read_yaml(path) or {}) if path.is_file() else {}
    if not isinstance(content, dict):
        raise InputError(f"{FILE} is not a mapping", field=FILE, fix="Write it as `setting: value` lines.")
    given = os.environ if environment is None else environment
    over = {
        key.removeprefix(PREFIX).lower(): value
        for key, value in given.items()
        if key.startswith(PREFIX) and key.removeprefix(PREFIX).lower() in Settings.model_fields
    }
    return validate(Settings, {**content, **over}, source=f"{FILE} and {PREFIX}*")
