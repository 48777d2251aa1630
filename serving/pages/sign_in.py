"""Signing in with a key, and out again."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from starlette.responses import RedirectResponse, Response

from serving.access.gate import SESSION_COOKIE
from serving.access.keys import SESSION_HOURS
from serving.endpoints import Call
from serving.forms import reader
from serving.pages.rendering import render
from serving.schemas.base import Request


class SignInQuery(Request):
    """Where to go afterwards."""

    to: Annotated[str | None, Field(max_length=500)] = None


class SignInForm(Request):
    """A key, and where to go afterwards."""

    key: Annotated[str, Field(max_length=200)] = ""
    to: Annotated[str | None, Field(max_length=500)] = None


read_form = reader(SignInForm)


def sign_in(call: Call) -> Response:
    """Show the form."""
    return render(call, "sign_in.html", to=call.query.to or "", refused=False)


def signed_in(call: Call) -> Response:
    """Open a session for a key."""
    gate = call.context.gate
    key = gate.keys.of_token(call.body.key.strip()) if gate.keys is not None else None
    if gate.keys is None or key is None:
        gate.note(call.principal, "sign in", "refused", 401, call.http.state.request_id)
        return render(call, "sign_in.html", status=401, to=call.body.to or "", refused=True)
    gate.note(key.principal, "sign in", "accepted", 303, call.http.state.request_id)
    response = RedirectResponse(_local(call.body.to), status_code=303)
    response.set_cookie(
        SESSION_COOKIE,
        gate.keys.open_session(key),
        max_age=SESSION_HOURS * 3600,
        httponly=True,
        samesite="strict",
        secure=call.http.url.scheme == "https",
    )
    return response


def sign_out(call: Call) -> Response:
    """End the session."""
    gate = call.context.gate
    token = call.http.cookies.get(SESSION_COOKIE)
    if gate.keys is not None and token is not None:
        gate.keys.close_session(token)
        gate.forget()
    response = RedirectResponse("/", status_code=303)
    response.delete_cookie(SESSION_COOKIE)
    return response


def _local(to: str | None) -> str:
    """Return an address of this service only."""
    return to if to and to.startswith("/") and not to.startswith(("//", "/\\")) else "/"
