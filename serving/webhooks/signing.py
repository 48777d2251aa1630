"""Signatures of messages, by which a receiver knows who sent them.

The headers are those of the Standard Webhooks specification (version 1): ``webhook-id``,
``webhook-timestamp`` and ``webhook-signature``, an HMAC-SHA256 of ``id.timestamp.body``.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

PREFIX = "whsec_"


def new_secret() -> str:
    """Return a new secret: 256 random bits."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def headers(secret: str, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Return the headers of a signed message.

    Parameters
    ----------
    secret
        From :func:`new_secret`; the receiver has it too.
    message_id
        The same every time that the message is sent.
    timestamp
        Seconds since 1970: a receiver refuses old ones.
    body
        As sent.
    """
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{signature(secret, message_id, timestamp, body)}",
    }


def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """Return the signature of a message.

    Examples
    --------
    >>> signature("whsec_c2VjcmV0", "m1", 1700000000, b"{}")
    '6a2BS7tv4ywWskEzv65tBIvuQ6lMqhUAxIXRZuEx1t4='
    """
    key = base64.b64decode(secret.removeprefix(PREFIX))
    digest = hmac.new(key, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return base64.b64encode(digest).decode()
