"""Whether a request was made to an address of this host only: who asks for no key answers nobody else."""

from __future__ import annotations

import ipaddress
from functools import lru_cache

from starlette.types import Scope

from serving.problems import FieldError, Problem

NO_KEYS = Problem(
    403,
    "forbidden",
    "The service asks for no key, so it answers its own host only.",
    [FieldError("", "it was reached from elsewhere", "Set RISK_MODEL_SERVE_ACCESS=keys and make keys.")],
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
