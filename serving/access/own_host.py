"""Whether a request was made to an address of this host only: who asks for no key answers nobody else."""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from urllib.parse import urlsplit

from starlette.types import Scope

from serving.problems import FieldError, Problem

NO_KEYS = Problem(
    403,
    "forbidden",
    "The service asks for no key, so it answers its own host only.",
    [FieldError("", "it was reached from elsewhere", "Set RISK_MODEL_SERVE_ACCESS=keys and make keys.")],
)
OTHER_NAME = Problem(
    421,
    "misdirected-request",
    "The service asks for no key, so it answers only to the names of its own host.",
    [
        FieldError(
            "Host",
            "it is neither localhost nor a loopback address",
            "Ask http://127.0.0.1, or set RISK_MODEL_SERVE_ACCESS=keys and make keys.",
        )
    ],
)


def reached_locally(scope: Scope) -> bool:
    """Return whether the connection was made to a loopback address or a socket file.

    ``risk-model serve`` refuses to listen elsewhere without keys; whoever starts the server otherwise, such
    as by ``bentoml serve``, does not pass there.
    """
    server = scope.get("server")
    if server is None or server[1] is None:
        # A socket file.
        return True
    return _is_loopback(server[0])


@lru_cache(maxsize=64)
def _is_loopback(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


def named_locally(scope: Scope) -> bool:
    """Return whether the request is addressed to this host by its own name.

    A page from elsewhere can have its own name resolved to this host, and a browser then takes the service
    for a part of that page (DNS rebinding). The name stays its own, so that it is known by it. Who sends no
    name is no browser.
    """
    return all(_is_own_name(value) for name, value in scope["headers"] if name == b"host")


@lru_cache(maxsize=64)
def _is_own_name(host: bytes) -> bool:
    try:
        address = urlsplit(f"//{host.decode('ascii')}")
    except ValueError:
        return False
    name = address.hostname or ""
    if address.netloc.encode() != host or "@" in address.netloc:
        return False
    return name == "localhost" or name.endswith(".localhost") or _is_loopback(name)
