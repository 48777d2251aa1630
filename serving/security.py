"""Headers that keep a browser from what a page did not ask for; request ids and their log lines."""

from __future__ import annotations

import logging
import re
import time
import uuid

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving import metrics

logger = logging.getLogger("risk_model.serving.requests")

#: Everything from this host, nothing inline, nowhere else to send a form to.
CONTENT_POLICY = (
    "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
STRICT_TRANSPORT = "max-age=31536000"
_GUARDS = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
_CACHE = b"cache-control"
_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")


class SecurityHeaders:
    """Adds the headers to every answer; what is not static is not stored either."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer through the application within."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                # As raw pairs: nothing within sets any of these but the one about storing.
                headers = message.setdefault("headers", [])
                headers += _GUARDS
                if not any(name == _CACHE for name, _ in headers):
                    headers.append((_CACHE, b"no-store"))
                if scope.get("scheme") == "https":
                    headers.append((b"strict-transport-security", STRICT_TRANSPORT.encode()))
            await send(message)

        await self.app(scope, receive, guarded)


class RequestLog:
    """Gives each request an id and writes one line about it, without what it asked for.

    The line names the route, not the address: an address can hold the code of an individual business.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer through the application within."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        began = time.perf_counter()
        metrics.began()
        status = 500

        async def told(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                # Nothing within sets it.
                message.setdefault("headers", []).append((b"x-request-id", request_id.encode("latin-1")))
            await send(message)

        try:
            await self.app(scope, receive, told)
        finally:
            seconds = time.perf_counter() - began
            metrics.ended(scope["method"], scope["state"].get("route", "none"), status, seconds)
            if logger.isEnabledFor(logging.INFO):
                facts = {
                    "request_id": request_id,
                    "method": scope["method"],
                    "route": scope["state"].get("route", "none"),
                    "status": status,
                    "milliseconds": round(1000 * seconds, 2),
                    "caller": scope["state"].get("caller"),
                }
                logger.info("request", extra={"facts": facts})


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            given: str = value.decode("latin-1")
            if _ID.fullmatch(given):
                return given
    return uuid.uuid4().hex
