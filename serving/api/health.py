"""Whether the process answers, and whether it has something to answer with."""

from __future__ import annotations

from starlette.responses import Response

from serving.endpoints import Call, plain


async def healthz(call: Call) -> Response:
    """Answer that the process lives; nothing else is looked at."""
    return plain({"status": "alive"})


def readyz(call: Call) -> Response:
    """Answer what is served; 503 if no classification or no champion can be loaded."""
    return plain(call.context.current.ready())
