"""Requests about webhooks."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from serving.schemas.base import Request


def _address(text: str) -> str:
    try:
        parts = urlsplit(text)
        sound = (
            parts.scheme in ("http", "https")
            and bool(parts.hostname)
            and parts.username is None
            and not parts.fragment
            and (parts.port is None or parts.port > 0)
        )
    except ValueError:
        sound = False
    if not sound or not text.isascii() or not text.isprintable() or " " in text:
        raise PydanticCustomError(
            "url",
            "it is no address that can be sent to",
            {"fix": "Write it as https://HOST/PATH, without user name and fragment."},
        )
    return text


class WebhookRequest(Request):
    """A receiver, and what it is told."""

    url: Annotated[
        str,
        Field(
            min_length=8,
            max_length=2000,
            description="Where messages are posted; its origin must be among webhook_targets.",
            examples=["https://hub.example.cn/credit"],
        ),
        AfterValidator(_address),
    ]
    topics: Annotated[
        list[Literal["lists", "classification"]],
        Field(
            min_length=1,
            max_length=2,
            description="lists: entries, removals, repairs; classification: a new one is in force.",
        ),
    ]
    start: Annotated[
        Literal["now", "beginning"],
        Field(description="Only what changes from now on, or also all that is on record."),
    ] = "now"

    @property
    def audit_subject(self) -> str:
        """What the audit log says of it; a path may hold a secret of the receiver."""
        parts = urlsplit(self.url)
        return f"receiver={parts.scheme}://{parts.hostname}, topics={' '.join(self.topics)}"
