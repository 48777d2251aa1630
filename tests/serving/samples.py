"""A sound request to every address of :mod:`serving.api.operations`, about an enterprise of one's choice."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from typing import Any

import httpx

from features.home import Home
from features.store import RecordStore
from serving.applications import Application, Applications
from serving.endpoints import Endpoint
from serving.webhooks.subscriptions import Subscription, Subscriptions
from supervision.decisions import record_decision
from supervision.lists.entries import enter_list
from supervision.lists.rules import load_list_rules
from supervision.plans import read_plan
from supervision.publicity import review
from supervision.records import enterprise_records
from tests.conftest import make_rows
from tests.serving.conftest import Client
from tests.serving.operating import AUTHORITY, days_ago, send
from tests.serving.test_malformed import GOOD
from tests.serving.test_pages import PLAN

#: Where webhooks may go in the tests that use these samples.
TARGET = "https://hub.example"
DISTRICT = "990101"
_numbers = itertools.count(2)


class Desk:
    """What a request is about, with what must be on record before it can be made.

    Parameters
    ----------
    client
        The service.
    code
        The enterprise.
    """

    def __init__(self, client: Client, code: str) -> None:
        self.client = client
        self.code = code
        self.home: Home = client.app.state.context.home
        self.number = next(_numbers)

    def about(self, **more: Any) -> dict[str, Any]:
        return {"credit_code": self.code, "provider": AUTHORITY, **more}

    def ground(self, last: bool = False) -> str:
        """Return a ground for which the enterprise is not on the abnormal list."""
        records = enterprise_records(RecordStore(self.home.store).snapshot(), self.code, days_ago(0))
        taken = {entry["reason"] for entry in records.open_entries("abnormal_list")}
        free = [ground for ground in load_list_rules("abnormal", days_ago(0)).grounds if ground not in taken]
        return free[-1 if last else 0]

    def entry(self) -> str:
        """Return the ground of an entry on the abnormal list that can be removed today."""
        records = enterprise_records(RecordStore(self.home.store).snapshot(), self.code, days_ago(0))
        for entry in records.open_entries("abnormal_list"):
            if entry["recorded_at"] < days_ago(0):
                return str(entry["reason"])
        ground = self.ground(last=True)
        day = days_ago(self.number)
        enter_list(self.home, self.code, "abnormal", ground, on=day, provider=AUTHORITY)
        return ground

    def fine(self) -> str:
        """Put a fine on record and return its identifier."""
        record = f"fine-{self.code}-{self.number}"
        day = days_ago(60)
        row = {
            "credit_code": self.code,
            "event_date": day,
            "recorded_at": day,
            "record_id": record,
            "kind": "fine",
            "severity": "general",
            "domain": "pricing",
            "amount": 600_000,
        }
        store = RecordStore(self.home.store)
        store.load({"penalty": make_rows("penalty", [row])}, load_id=record, source="test")
        return record

    def application(self) -> Application:
        """Put an application on file."""
        made = Applications.new(
            credit_code=self.code,
            record=self.fine(),
            applied_on=days_ago(1),
            performed=True,
            harm_removed=True,
            materials=[],
            decide_by=days_ago(-10),
            received_by="test",
        )
        with self.client.app.state.context.operational.engine.begin() as connection:
            Applications.keep(connection, made)
        return made

    def granted(self) -> str:
        """Put a fine and its repair of yesterday on record, and return the fine."""
        record = self.fine()
        row = {
            "credit_code": self.code,
            "event_date": days_ago(1),
            "recorded_at": days_ago(1),
            "provider": AUTHORITY,
            "record_id": f"credit_repair:penalty:{record}:{days_ago(1)}",
            "target_table": "penalty",
            "target_record_id": record,
            "decision": "granted",
        }
        record_decision(self.home, "credit_repair", row, {"decision": "granted"})
        return record

    def withheld(self) -> str:
        record = self.fine()
        review.withhold(
            self.home, self.code, record, "incorrect", on=days_ago(1), provider=AUTHORITY, reason="有误"
        )
        return record

    def objected(self) -> str:
        record = self.fine()
        review.object_to(self.home, self.code, record, on=days_ago(1), reason="有误")
        return record

    def inspected(self) -> dict[str, Any]:
        """Return a result of the plan of the home."""
        frame = read_plan(self.home.plans / PLAN).frame
        code = frame[frame["selected"]]["credit_code"].iloc[0]
        return {"credit_code": code, "date": "2025-07-10", "outcome": "no_problem"}

    def webhook(self) -> Subscription:
        made = Subscriptions.new(
            url=f"{TARGET}/in", topics=["classification"], created_by="test", told_snapshot=None
        )
        with self.client.app.state.context.operational.engine.begin() as connection:
            Subscriptions.keep(connection, made)
        return made


Sample = Callable[[Desk], dict[str, Any]]

#: What to send; ``path`` fills the parameters of the address beside ``credit_code`` and ``plan``.
OPERATIONS: dict[tuple[str, str], Sample] = {
    ("POST", "/v1/score/batch"): lambda desk: {"json": {"enterprises": [GOOD]}},
    ("GET", "/v1/enterprises/{credit_code}/list-check"): lambda desk: {"params": {"action": "food_licence"}},
    ("POST", "/v1/list-checks"): lambda desk: {
        "json": {"checks": [{"credit_code": desk.code, "action": "food_licence"}]}
    },
    ("GET", "/v1/enterprises/{credit_code}/lists"): lambda desk: {},
    ("GET", "/v1/lists/actions"): lambda desk: {},
    ("GET", "/v1/lists/rules"): lambda desk: {},
    ("GET", "/v1/lists/entries"): lambda desk: {"params": {"list": "abnormal"}},
    ("POST", "/v1/lists/entries"): lambda desk: {
        "json": desk.about(list="abnormal", ground=desk.ground()),
    },
    ("POST", "/v1/lists/removals"): lambda desk: {
        "json": desk.about(list="abnormal", ground=desk.entry(), condition="annulled"),
    },
    ("GET", "/v1/enterprises/{credit_code}/repair"): lambda desk: {},
    ("GET", "/v1/repair/applications"): lambda desk: {},
    ("POST", "/v1/repair/applications"): lambda desk: {
        "json": {"credit_code": desk.code, "record": desk.fine()}
    },
    ("GET", "/v1/repair/applications/{application}"): lambda desk: {
        "path": {"application": desk.application().id}
    },
    ("POST", "/v1/repair/applications/{application}/decision"): lambda desk: {
        "path": {"application": desk.application().id},
        "json": {"decision": "refused", "reason": "材料不全", "provider": AUTHORITY},
    },
    ("POST", "/v1/repair/applications/{application}/withdrawal"): lambda desk: {
        "path": {"application": desk.application().id},
        "json": {},
    },
    ("POST", "/v1/repair/decisions"): lambda desk: {
        "json": desk.about(record=desk.fine(), decision="refused", reason="材料不全")
    },
    ("POST", "/v1/repair/revocations"): lambda desk: {
        "json": desk.about(record=desk.granted(), ground="false_materials", reason="材料虚假")
    },
    ("GET", "/v1/plans"): lambda desk: {},
    ("POST", "/v1/plans"): lambda desk: {
        "json": {
            "sector": "food",
            "month": "2025-09",
            "capacity": 3,
            "seed": "a text",
            "district": DISTRICT,
        }
    },
    ("GET", "/v1/plans/{plan}"): lambda desk: {},
    ("GET", "/v1/plans/{plan}/enterprises"): lambda desk: {},
    ("GET", "/v1/plans/{plan}/verification"): lambda desk: {},
    ("GET", "/v1/plans/{plan}/results"): lambda desk: {},
    ("POST", "/v1/plans/{plan}/results"): lambda desk: {
        "json": {"results": [desk.inspected()], "provider": AUTHORITY}
    },
    ("GET", "/v1/publicity/enterprises/{credit_code}"): lambda desk: {},
    ("GET", "/v1/publicity/enterprises/{credit_code}/partner-view"): lambda desk: {},
    ("GET", "/v1/publicity/objections"): lambda desk: {},
    ("POST", "/v1/publicity/withholdings"): lambda desk: {
        "json": desk.about(record=desk.fine(), ground="incorrect", reason="有误")
    },
    ("POST", "/v1/publicity/releases"): lambda desk: {
        "json": desk.about(record=desk.withheld(), reason="已更正")
    },
    ("POST", "/v1/publicity/objections"): lambda desk: {
        "json": {"credit_code": desk.code, "record": desk.fine(), "reason": "有误"}
    },
    ("POST", "/v1/publicity/answers"): lambda desk: {
        "json": desk.about(record=desk.objected(), upheld=True, reason="属实")
    },
    ("GET", "/v1/measures"): lambda desk: {},
    ("GET", "/v1/enterprises/{credit_code}/measures"): lambda desk: {},
    ("GET", "/v1/webhooks"): lambda desk: {},
    ("POST", "/v1/webhooks"): lambda desk: {"json": {"url": f"{TARGET}/in", "topics": ["lists"]}},
    ("GET", "/v1/webhooks/{webhook}"): lambda desk: {"path": {"webhook": desk.webhook().id}},
    ("DELETE", "/v1/webhooks/{webhook}"): lambda desk: {"path": {"webhook": desk.webhook().id}},
}


def bare_request(client: Client, endpoint: Endpoint, headers: dict[str, str]) -> httpx.Response:
    """Ask for nothing in particular: whoever may not ask at all is told so first."""
    return client(endpoint.method, re.sub(r"\{\w+\}", "x", endpoint.path), headers=headers)


def request(client: Client, endpoint: Endpoint, code: str, headers: dict[str, str]) -> httpx.Response:
    """Make what must be there, then ask."""
    made = OPERATIONS[endpoint.method, endpoint.path](Desk(client, code))
    values = {"credit_code": code, "plan": PLAN, **made.pop("path", {})}
    address = endpoint.path.format(**values)
    body = made.get("json")
    if endpoint.method == "GET":
        return client("GET", address, headers=headers, **made)
    return send(client, endpoint.method, address, body, **headers)
