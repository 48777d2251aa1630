"""Enterprises, their records and plans, as far as a caller may see them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter, ValidationError

from features.errors import InputError
from features.home import Home
from features.store import RecordStore, Snapshot
from serving.access.principal import Principal
from serving.endpoints import Call
from serving.problems import FieldError, Problem
from serving.schemas.base import CreditCode
from supervision.joint import JOINED
from supervision.records import EnterpriseRecords, enterprise_records, known_on

#: Of enterprises that no model speaks of, the general one would.
GENERAL_MODEL = "general"
_CODE: TypeAdapter[str] = TypeAdapter(CreditCode)


def today() -> date:
    """Return the date in China."""
    return datetime.now(ZoneInfo("Asia/Shanghai")).date()


def checked_code(text: str) -> str:
    """Return a credit code from an address, or refuse it as a body's would be.

    Raises
    ------
    Problem
        422 if it is none.
    """
    try:
        return _CODE.validate_python(text)
    except ValidationError as error:
        found = error.errors(include_url=False)[0]
        fix = str((found.get("ctx") or {}).get("fix") or "Give 1 to 64 characters.")
        raise Problem(
            422,
            "invalid-path",
            f"credit_code: {found['msg']}.",
            [FieldError("credit_code", str(found["msg"]), fix)],
        ) from None


def latest_records(home: Home) -> Snapshot:
    """Return the latest state of the record store.

    Raises
    ------
    Problem
        503 if nothing was ever loaded.
    """
    try:
        return RecordStore(home.store).snapshot()
    except InputError as error:
        raise Problem(
            503,
            "no-records",
            "There are no records to answer from.",
            [FieldError("", "the record store is empty", error.fix or "Load records on the server.")],
            {"Retry-After": "30"},
        ) from None


def unlimited(principal: Principal) -> bool:
    """Return whether a caller sees every enterprise."""
    return principal.districts is None and principal.sectors is None


def visible(call: Call, snapshot: Snapshot, codes: Collection[str]) -> set[str]:
    """Return which enterprises are in a caller's scope.

    One is if one of its published results is, or, if it is not classified, its registered district is: what
    is to be known is where it is now, whatever day is asked about.

    Parameters
    ----------
    call, snapshot
        Who asks, and the state of the records.
    codes
        Credit codes.
    """
    principal, asked = call.principal, sorted(set(codes))
    if unlimited(principal) or not asked:
        return set(asked)
    try:
        publication = call.context.current.publication()
        rows = publication.rows(codes=asked, columns=["credit_code", "district", "model"]).to_pylist()
    except Problem:
        rows = []
    seen = {row["credit_code"] for row in rows if principal.sees(row)}
    if not principal.sees_sector(GENERAL_MODEL):
        return seen
    unclassified = set(asked) - {row["credit_code"] for row in rows}
    if unclassified:
        states = known_on(
            snapshot,
            "enterprise",
            today(),
            columns=["credit_code", "event_date", "district"],
            codes=(min(unclassified), max(unclassified)),
        ).to_pylist()
        # They follow each other; the last one is what the enterprise is.
        newest = {state["credit_code"]: state["district"] for state in states}
        seen |= {code for code in unclassified & set(newest) if principal.sees_district(newest[code])}
    return seen


def sees_enterprise(call: Call, snapshot: Snapshot, credit_code: str) -> bool:
    """Return whether an enterprise is in a caller's scope; see :func:`visible`."""
    return credit_code in visible(call, snapshot, [credit_code])


def records_in_scope(call: Call, credit_code: str, on: date) -> EnterpriseRecords:
    """Return what is known of an enterprise on a day, to a caller that may see it.

    Raises
    ------
    Problem
        404 if it is out of scope, which does not tell whether there is such an enterprise; 422 if the code
        is none.
    """
    snapshot = latest_records(call.context.home)
    if not sees_enterprise(call, snapshot, credit_code):
        raise no_enterprise(credit_code)
    return enterprise_records(snapshot, credit_code, on)


def no_enterprise(credit_code: str) -> Problem:
    """Return the refusal of an enterprise that is not there, or out of scope."""
    return Problem(
        404,
        "no-such-enterprise",
        f"There is no enterprise {credit_code} in the scope of the key.",
        [FieldError("credit_code", "there is no such enterprise", "Check the code.")],
    )


def day_of(on: date | None) -> date:
    """Return the day that is asked about, by default today's."""
    return on or today()


def decision_day(call: Call, on: date | None, field: str = "on") -> date:
    """Return the day of a decision that is recorded now.

    Raises
    ------
    Problem
        422 if it is to come, or longer ago than the settings allow: features of the days since have been
        computed without it.
    """
    now = today()
    chosen = on or now
    most = call.context.settings.backdating_days
    if chosen > now:
        message, fix = f"{chosen} is still to come", "Record it on its day."
    elif (now - chosen).days > most:
        message = f"{chosen} is more than {most} days ago"
        fix = "Give a later day, or raise backdating_days in serving.yaml."
    else:
        return chosen
    raise Problem(422, "invalid-body", f"{field}: {message}.", [FieldError(field, message, fix)])


def sees_plan(principal: Principal, sector: str, district: str | None) -> bool:
    """Return whether all of a plan is in a caller's scope: a plan is shown whole or not at all."""
    if not all(principal.sees_sector(one) for one in sector.split(JOINED)):
        return False
    return principal.districts is None or (district is not None and principal.sees_district(district))
