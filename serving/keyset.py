"""Cursors of lists that are read page by page: the place after the last row, in a state that stays."""

from __future__ import annotations

import base64
import json
from typing import Any

from features.errors import InputError


def cursor_of(*place: str | int) -> str:
    """Return a place as a token.

    Examples
    --------
    >>> read_cursor(cursor_of(7, "91"), (int, str))
    (7, '91')
    """
    text = json.dumps(place, ensure_ascii=False)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_cursor(token: str, kinds: tuple[type, ...]) -> tuple[Any, ...]:
    """Return the place in a token.

    Parameters
    ----------
    token
        From :func:`cursor_of`.
    kinds
        Types of its parts.

    Raises
    ------
    InputError
        If it is no token of this list.
    """
    try:
        parts = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except (ValueError, TypeError):
        parts = None
    if (
        not isinstance(parts, list)
        or len(parts) != len(kinds)
        or not all(type(part) is kind for part, kind in zip(parts, kinds, strict=True))
    ):
        raise InputError(
            "it is no cursor of this list",
            field="cursor",
            fix="Take it from the answer before, unchanged, or leave it out.",
        )
    return tuple(parts)
