"""The administrator's page: keys, and who saw or changed what."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import Field
from starlette.responses import RedirectResponse, Response

from features.errors import InputError
from risk_model.specification import MODEL_NAMES
from serving.access.keys import Key, Keys
from serving.access.principal import ROLE_LABELS, Principal, Role
from serving.endpoints import Call
from serving.forms import reader
from serving.pages.rendering import render
from serving.problems import FieldError, Problem
from serving.schemas.base import Request

#: Entries of the audit log that are searched, and shown.
SEARCHED, SHOWN = 10_000, 100
#: Roles that a key may have; the public needs none.
GIVEN = tuple(role for role in Role if role is not Role.PUBLIC)


class AdministratorQuery(Request):
    """Which entries of the audit log, and whether to verify all of it."""

    q: Annotated[str | None, Field(max_length=100)] = None
    verify: Literal["yes"] | None = None


class NewKeyForm(Request):
    """What a new key is for and what it may see."""

    name: Annotated[str, Field(max_length=100)] = ""
    planner: Literal["on"] | None = None
    supervisor: Literal["on"] | None = None
    data_scientist: Literal["on"] | None = None
    administrator: Literal["on"] | None = None
    districts: Annotated[str, Field(max_length=500)] = ""
    sectors: Annotated[str, Field(max_length=200)] = ""
    days: Annotated[str, Field(max_length=6)] = ""

    @property
    def roles(self) -> list[str]:
        """Roles that were ticked."""
        return [role for role in GIVEN if getattr(self, role) is not None]

    @property
    def audit_subject(self) -> str:
        """What the audit log says of it."""
        asked = {"name": self.name, "roles": " ".join(self.roles)}
        asked |= {name: getattr(self, name) for name in ("districts", "sectors", "days")}
        return ", ".join(f"{name}={value}" for name, value in asked.items() if value)


class Nothing(Request):
    """A form with a button only."""


read_new_key = reader(NewKeyForm)
read_nothing = reader(Nothing)


def administrator(call: Call) -> Response:
    """Show the page."""
    return _page(call, query=call.query)


def make_key(call: Call) -> Response:
    """Make a key, and show its token this once.

    Raises
    ------
    Problem
        409 if the service asks for no keys.
    """
    keys, form = _keys(call), call.body
    try:
        days = _days(form.days)
        districts, sectors = _within(call.principal, _listed(form.districts), _listed(form.sectors))
        key, token = keys.create(form.name, form.roles, districts=districts, sectors=sectors, days=days)
    except InputError as error:
        return _page(call, status=422, refused=str(error), form=form)
    return _page(call, created=(key, token))


def revoke_key(call: Call) -> Response:
    """Make a key useless, and show the page.

    Raises
    ------
    Problem
        404 if there is no such key in the scope, 409 if the service asks for no keys.
    """
    keys = _keys(call)
    key = next((key for key in keys.all() if key.id == call.path("key") and _oversees(call, key)), None)
    if key is None:
        raise Problem(
            404,
            "not-found",
            "There is no such key.",
            [FieldError("key", "it does not exist", "See the list of keys.")],
        )
    keys.revoke(key.id)
    call.context.gate.forget()
    return RedirectResponse("/administrator", status_code=303)


def _page(
    call: Call,
    *,
    status: int = 200,
    query: AdministratorQuery | None = None,
    created: tuple[Key, str] | None = None,
    refused: str = "",
    form: NewKeyForm | None = None,
) -> Response:
    gate = call.context.gate
    query = query or AdministratorQuery()
    unlimited = call.principal.districts is None and call.principal.sectors is None
    entries: list[Any] = []
    verified = None
    if gate.audit is not None and unlimited:
        wanted = (query.q or "").strip().casefold()
        found = gate.audit.entries(SEARCHED if wanted else SHOWN)
        entries = [e for e in found if wanted in f"{e.actor} {e.action} {e.subject}".casefold()][-SHOWN:]
        verified = gate.audit.verify() if query.verify else None
    return render(
        call,
        "administrator.html",
        status=status,
        guarded=gate.keys is not None,
        keys=[_shown(call, key) for key in (gate.keys.all() if gate.keys else ()) if _oversees(call, key)],
        roles=[(role.value, ROLE_LABELS[role][call.lang]) for role in GIVEN],
        created=created,
        refused=refused,
        form=form or NewKeyForm(),
        unlimited=unlimited,
        q=query.q or "",
        entries=entries[::-1],
        verified=verified,
        sectors=MODEL_NAMES,
    )


def _shown(call: Call, key: Key) -> dict[str, Any]:
    now = datetime.now(UTC).isoformat()
    expired = key.expires_at is not None and key.expires_at <= now
    state = "key_revoked" if key.revoked_at else "key_expired" if expired else "key_valid"
    principal = key.principal
    return {
        "id": key.id,
        "name": key.name,
        "roles": [ROLE_LABELS[role][call.lang] for role in sorted(principal.roles)],
        "districts": principal.districts,
        "sectors": principal.sectors,
        "created_at": key.created_at[:16].replace("T", " "),
        "expires_at": key.expires_at and key.expires_at[:16].replace("T", " "),
        "state": state,
    }


def _keys(call: Call) -> Keys:
    if call.context.gate.keys is None:
        raise Problem(
            409,
            "invalid-input",
            "The service asks for no keys.",
            [FieldError("access", "it is open to its own host", "Set access: keys in its configuration.")],
        )
    return call.context.gate.keys


def _oversees(call: Call, key: Key) -> bool:
    """Return whether a key sees nothing that the administrator does not see."""
    own, its = call.principal, key.principal
    if own.districts is not None and (
        its.districts is None or not all(own.sees_district(district) for district in its.districts)
    ):
        return False
    return own.sectors is None or (its.sectors is not None and set(its.sectors) <= set(own.sectors))


def _within(
    principal: Principal, districts: list[str] | None, sectors: list[str] | None
) -> tuple[Sequence[str] | None, Sequence[str] | None]:
    """Return the scope of a new key: nobody gives away more than they see.

    Raises
    ------
    InputError
        If more is asked for.
    """
    for district in districts or ():
        if not principal.sees_district(district):
            raise InputError(
                f"{district} is not in your scope", field="districts", fix="Give districts that you see."
            )
    for sector in sectors or ():
        if not principal.sees_sector(sector):
            raise InputError(
                f"{sector} is not in your scope", field="sectors", fix="Give sectors that you see."
            )
    return (
        districts if districts is not None else principal.districts,
        sectors if sectors is not None else principal.sectors,
    )


def _listed(text: str) -> list[str] | None:
    found = [part for part in text.replace("，", ",").replace(" ", ",").split(",") if part]
    return found or None


def _days(text: str) -> int | None:
    if not text.strip():
        return None
    if not text.strip().isdigit() or int(text) < 1:
        raise InputError(f"{text!r} is no number of days", field="days", fix="Give 1 or more, or nothing.")
    return int(text)
