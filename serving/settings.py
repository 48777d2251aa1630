"""How the service is set up: a YAML file in its home, overridden by the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

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
        Of one key, in one worker.
    """

    largest_body: int = Field(2 * 1024 * 1024, ge=1024, le=1024**3)
    largest_bulk: int = Field(50_000, ge=1, le=1_000_000)
    page_size: int = Field(50, ge=1, le=1000)
    watch_seconds: float = Field(1.0, ge=0, le=3600)
    access: Literal["open", "keys"] = "open"
    database: str | None = None
    requests_per_minute: int = Field(6_000, ge=1)


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
