"""List decisions, credit repair and publication through the service: done once, noted, and in scope."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from features.store import RecordStore
from serving import decided as decided_module
from serving.api import lists as lists_api
from serving.api import repair as repair_api
from serving.application import application
from serving.scope import today
from serving.settings import Settings
from supervision.lists.entries import enter_list
from tests.serving.conftest import Client
from tests.serving.operating import (
    AUTHORITY,
    MakeRows,
    bearer,
    days_ago,
    guarded_client,
    penalised,
    send,
)
from tests.serving.test_classification import assert_problem
from tests.supervision.office import Office

ENTRIES, REMOVALS = "/v1/lists/entries", "/v1/lists/removals"


@pytest.fixture
def office(tmp_path: Path, rows: MakeRows) -> Office:
    return Office(tmp_path / "home", rows)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def guarded(
    request: pytest.FixtureRequest, office: Office, database: Callable[[str], str]
) -> Iterator[Client]:
    client = guarded_client(office.home, database(request.param))
    yield client
    client.app.state.context.gate.engine.dispose()


@pytest.fixture
def supervisor(guarded: Client) -> Client:
    """Return the service as a supervisor asks it."""
    return Client(guarded.app, bearer(guarded, "supervisor"))


def entry(code: str, **changes: Any) -> dict[str, Any]:
    return {"credit_code": code, "list": "abnormal", "ground": "4", "provider": AUTHORITY, **changes}


def noted(client: Client) -> list[tuple[str, int]]:
    entries = client.app.state.context.gate.audit.entries()
    return [(one.action, one.status) for one in entries]


def count(office: Office, table: str, code: str) -> int:
    return int(RecordStore(office.home.store).snapshot().read(table, codes=(code, code)).num_rows)


def test_an_entry_is_decided_once_and_seen_by_everybody(office: Office, supervisor: Client) -> None:
    (code,) = office.register(0)
    check = f"/v1/enterprises/{code}/list-check?action=simplified_cancellation"
    assert supervisor.get(check).json()["verdict"] == "allowed"
    first = send(supervisor, "POST", ENTRIES, entry(code), key="decision-1")
    assert first.status_code == 201, first.text
    told = first.json()
    assert (told["table"], told["new"], told["record"]["reason"]) == ("abnormal_list", True, "4")
    assert told["decision"]["decision"] == "enter"
    assert "/" not in told["document"]
    assert (office.home.root / "decisions" / told["document"]).is_file()
    again = send(supervisor, "POST", ENTRIES, entry(code), key="decision-1")
    assert again.json() == told
    assert again.headers["idempotent-replayed"] == "true"
    assert count(office, "abnormal_list", code) == 1
    # What is there already is said so, whatever key it comes with.
    assert send(supervisor, "POST", ENTRIES, entry(code)).json()["new"] is False
    refused = supervisor.get(check).json()
    assert refused["verdict"] == "refused"
    assert refused["reasons"][0]["evidence"][0]["record_id"] == told["record"]["record_id"]
    state = supervisor.get(f"/v1/enterprises/{code}/lists").json()
    assert [one["ground"] for one in state["entries"]] == ["4"]
    writes = [one for one in noted(supervisor) if one[0] == f"POST {ENTRIES}"]
    assert writes == [(f"POST {ENTRIES}", status) for status in (102, 201, 201, 102, 201)]


def test_the_audit_log_names_the_decision_and_no_reason(office: Office, supervisor: Client) -> None:
    code = penalised(office, record="heavy")
    body = entry(code, list="serious", ground="food", reason="张三多次违法", penalty="heavy")
    assert send(supervisor, "POST", ENTRIES, body).status_code == 422
    subjects = {one.subject for one in supervisor.app.state.context.gate.audit.entries()}
    assert any(f"credit_code={code}" in one and "list=serious" in one for one in subjects)
    assert not any("张三" in one for one in subjects)


def test_what_the_rules_refuse_names_field_and_fix(office: Office, supervisor: Client) -> None:
    (code,) = office.register(0)
    for body, field in (
        (entry(code, ground="99"), "ground"),
        (entry(code, list="grey"), "list"),
        (entry(code, list="serious", ground="food", reason="因为"), "penalty"),
        (entry(code, on=f"{days_ago(-1)}"), "on"),
        (entry(code, found=f"{days_ago(-1)}"), "found"),
        (entry(code, provider=" "), "provider"),
        (entry(code, provider="a\x00b"), "provider"),
        (entry("9135"), "credit_code"),
        ({k: v for k, v in entry(code).items() if k != "provider"}, "provider"),
        ({**entry(code), "grund": "4"}, "grund"),
    ):
        assert_problem(send(supervisor, "POST", ENTRIES, body), 422, field)
    removal = {**entry(code), "condition": "4"}
    assert_problem(send(supervisor, "POST", REMOVALS, removal), 422, "ground")
    assert count(office, "abnormal_list", code) == 0


def test_keys_are_needed_and_are_of_one_request(office: Office, supervisor: Client) -> None:
    (code,) = office.register(0)
    assert_problem(supervisor("POST", ENTRIES, json=entry(code)), 400, "Idempotency-Key")
    for wrong in ("short", "with space", "x" * 201, "日本語日本語日本語"):
        answer = supervisor("POST", ENTRIES, json=entry(code), headers={"idempotency-key": wrong.encode()})
        assert_problem(answer, 400, "Idempotency-Key")
    assert send(supervisor, "POST", ENTRIES, entry(code), key='"quoted-key"').status_code == 201
    assert send(supervisor, "POST", ENTRIES, entry(code), key="quoted-key").headers["idempotent-replayed"]
    other = send(supervisor, "POST", ENTRIES, entry(code, ground="1"), key="quoted-key")
    assert_problem(other, 422, "Idempotency-Key")


def test_old_decisions_are_not_recorded_now(office: Office, database: Callable[[str], str]) -> None:
    (code,) = office.register(0)
    client = guarded_client(office.home, database("sqlite"), backdating_days=31)
    client.headers = bearer(client, "supervisor")
    assert_problem(send(client, "POST", ENTRIES, entry(code, on=f"{days_ago(32)}")), 422, "on")
    assert send(client, "POST", ENTRIES, entry(code, on=f"{days_ago(31)}")).status_code == 201


def test_an_entry_is_removed(office: Office, supervisor: Client) -> None:
    (code,) = office.register(0)
    send(supervisor, "POST", ENTRIES, entry(code, on=f"{days_ago(5)}"))
    listed = supervisor.get(f"{ENTRIES}?list=abnormal").json()
    assert [one["credit_code"] for one in listed["results"]] == [code]
    removal = {**entry(code), "condition": "4"}
    made = send(supervisor, "POST", REMOVALS, removal, key="removal-1")
    assert made.status_code == 201, made.text
    assert made.json()["record"]["removed_on"] == f"{today()}"
    assert supervisor.get(f"{ENTRIES}?list=abnormal").json()["results"] == []
    assert send(supervisor, "POST", REMOVALS, removal, key="removal-1").json() == made.json()


def interrupt(monkeypatch: pytest.MonkeyPatch, module: Any, name: str) -> None:
    """Let a decision be recorded, and the process fail right after it, once."""
    whole = getattr(module, name)

    def cut(*arguments: Any, **options: Any) -> Any:
        whole(*arguments, **options)
        monkeypatch.setattr(module, name, whole)
        message = "killed"
        raise RuntimeError(message)

    monkeypatch.setattr(module, name, cut)


@pytest.mark.parametrize("what", ["enter", "remove", "grant", "refuse", "revoke"])
def test_what_was_interrupted_is_not_lost_and_not_done_twice(
    office: Office, supervisor: Client, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    code = penalised(office)
    enter_list(office.home, code, "abnormal", "1", on=days_ago(3), provider=AUTHORITY)
    decision = {"credit_code": code, "record": "fine", "provider": AUTHORITY}
    shown = {"performed": True, "harm_removed": True}
    module: Any
    if what == "enter":
        address, body, module, name = ENTRIES, entry(code), lists_api, "enter_list"
    elif what == "remove":
        address, body = REMOVALS, entry(code, ground="1", condition="annulled")
        module, name = lists_api, "remove_from_list"
    else:
        # An open entry would stand in the way of a repair.
        removed = entry(code, ground="1", condition="annulled", on=f"{days_ago(2)}")
        assert send(supervisor, "POST", REMOVALS, removed).status_code == 201
        address, module = "/v1/repair/decisions", repair_api
        if what == "grant":
            body, name = {**decision, **shown, "decision": "granted"}, "grant_repair"
        elif what == "refuse":
            body, name = {**decision, "decision": "refused", "reason": "材料不全"}, "refuse_repair"
        else:
            granted = {**decision, **shown, "decision": "granted", "on": f"{days_ago(1)}"}
            made = send(supervisor, "POST", address, granted)
            assert made.status_code == 201, made.text
            address = "/v1/repair/revocations"
            body, name = {**decision, "ground": "false_materials", "reason": "材料虚假"}, "revoke_repair"
    interrupt(monkeypatch, module, name)
    broken = send(supervisor, "POST", address, body, key="interrupted")
    assert broken.status_code == 500
    before = RecordStore(office.home.store).snapshot().id
    again = send(supervisor, "POST", address, body, key="interrupted")
    assert again.status_code == 201, again.text
    assert again.json()["new"] is False
    assert RecordStore(office.home.store).snapshot().id == before
    assert supervisor.app.state.context.gate.audit.verify().passed


def test_a_document_without_a_record_is_of_an_attempt_that_got_no_further(
    office: Office, supervisor: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from supervision import decisions

    (code,) = office.register(0)
    load = RecordStore.load

    def fail(self: RecordStore, *arguments: Any, **options: Any) -> Any:
        monkeypatch.setattr(decisions.RecordStore, "load", load)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(decisions.RecordStore, "load", fail)
    refused = send(supervisor, "POST", ENTRIES, entry(code), key="disk-full")
    assert_problem(refused, 503, "")
    assert list((office.home.root / decided_module.DOCUMENTS).glob("*.json"))
    made = send(supervisor, "POST", ENTRIES, entry(code), key="disk-full")
    assert (made.status_code, made.json()["new"]) == (201, True)


def test_repair_from_application_to_revocation(office: Office, supervisor: Client) -> None:
    code = penalised(office)
    (found,) = supervisor.get(f"/v1/enterprises/{code}/repair").json()["results"]
    assert (found["record_id"], found["eligible"]) == ("fine", False)
    query = "record=fine&performed=true&harm_removed=true"
    assert supervisor.get(f"/v1/enterprises/{code}/repair?{query}").json()["results"][0]["eligible"]
    body = {"credit_code": code, "record": "fine", "performed": True, "materials": ["缴款书 2025-17"]}
    applied = send(supervisor, "POST", "/v1/repair/applications", body)
    assert applied.status_code == 201, applied.text
    application = applied.json()["application"]
    assert application["state"] == "open"
    assert application["decide_by"] == applied.json()["check"]["decide_by"]
    assert_problem(send(supervisor, "POST", "/v1/repair/applications", body), 409, "record")
    address = f"/v1/repair/applications/{application['id']}"
    assert supervisor.get(address).json() == application
    decision = {"decision": "granted", "provider": AUTHORITY, "performed": True}
    # Not all was shown: the rules refuse, and the application stays open.
    assert_problem(send(supervisor, "POST", f"{address}/decision", decision), 422, "record")
    assert supervisor.get("/v1/repair/applications?state=open").json()["results"] == [application]
    granted = send(
        supervisor, "POST", f"{address}/decision", {**decision, "harm_removed": True}, key="grant-01"
    )
    assert granted.status_code == 200, granted.text
    assert granted.json()["application"]["state"] == "granted"
    kept = supervisor.get(address).json()
    assert (kept["state"], kept["decided_on"]) == ("granted", f"{today()}")
    assert kept["decision_record"] == granted.json()["record"]["record_id"]
    late = send(supervisor, "POST", f"{address}/decision", {**decision, "harm_removed": True})
    assert_problem(late, 409, "application")
    repeated = send(
        supervisor, "POST", f"{address}/decision", {**decision, "harm_removed": True}, key="grant-01"
    )
    assert repeated.json() == granted.json()
    assert supervisor.get(f"/v1/enterprises/{code}/repair").json()["results"] == []
    revocation = {
        "credit_code": code,
        "record": "fine",
        "ground": "false_materials",
        "reason": "材料虚假",
        "provider": AUTHORITY,
    }
    revoked = send(supervisor, "POST", "/v1/repair/revocations", revocation)
    assert revoked.status_code == 201, revoked.text
    (back,) = supervisor.get(f"/v1/enterprises/{code}/repair").json()["results"]
    assert back["record_id"] == "fine"


def test_applications_are_withdrawn_and_paged(office: Office, supervisor: Client) -> None:
    ids = []
    for number in range(5):
        code = penalised(office, number, f"fine-{number}")
        body = {"credit_code": code, "record": f"fine-{number}"}
        ids.append(send(supervisor, "POST", "/v1/repair/applications", body).json()["application"]["id"])
    seen, cursor = [], ""
    while cursor is not None:
        page = supervisor.get(f"/v1/repair/applications?limit=2&cursor={cursor}").json()
        assert len(page["results"]) <= 2
        seen += [one["id"] for one in page["results"]]
        cursor = page["next"]
    assert seen == ids
    address = f"/v1/repair/applications/{ids[0]}"
    withdrawn = send(supervisor, "POST", f"{address}/withdrawal", {})
    assert withdrawn.json()["state"] == "withdrawn"
    assert_problem(send(supervisor, "POST", f"{address}/withdrawal", {}), 409, "application")
    assert_problem(supervisor.get("/v1/repair/applications/0000"), 404, "application")
    assert_problem(supervisor.get("/v1/repair/applications?cursor=abc"), 422, "cursor")


def test_publication_is_withheld_released_and_objected_to(office: Office, supervisor: Client) -> None:
    code = penalised(office, on=days_ago(60))
    anybody = Client(supervisor.app)
    address = f"/v1/publicity/enterprises/{code}"

    def penalties() -> list[str]:
        tables = {one["table"]: one["records"] for one in anybody.get(address).json()["tables"]}
        return [row["record_id"] for row in tables.get("penalty", [])]

    assert penalties() == ["fine"]
    assert anybody.get(f"{address}/partner-view").json()["view"]["penalties"] == 1
    about = {"credit_code": code, "record": "fine"}
    withheld = send(
        supervisor,
        "POST",
        "/v1/publicity/withholdings",
        {**about, "ground": "incorrect", "reason": "金额有误", "provider": AUTHORITY},
    )
    assert withheld.status_code == 201, withheld.text
    assert penalties() == []
    released = {**about, "reason": "已更正", "provider": AUTHORITY}
    assert send(supervisor, "POST", "/v1/publicity/releases", released).status_code == 201
    assert penalties() == ["fine"]
    assert_problem(send(supervisor, "POST", "/v1/publicity/releases", released), 422, "record")
    objected = send(supervisor, "POST", "/v1/publicity/objections", {**about, "reason": "处罚对象有误"})
    assert objected.json()["answer_by"] > f"{today()}"
    (waiting,) = supervisor.get("/v1/publicity/objections").json()["results"]
    assert waiting["record_id"] == "fine"
    upheld = {**about, "upheld": True, "reason": "属实", "provider": AUTHORITY}
    assert send(supervisor, "POST", "/v1/publicity/answers", upheld).status_code == 201
    assert penalties() == []
    assert supervisor.get("/v1/publicity/objections").json()["results"] == []
    assert_problem(send(supervisor, "POST", "/v1/publicity/answers", upheld), 422, "record")
    assert_problem(anybody.get(f"/v1/publicity/enterprises/{office.codes[9]}"), 404, "credit_code")
    assert_problem(anybody.get("/v1/publicity/enterprises/9135"), 422, "credit_code")


def test_nothing_is_told_or_done_out_of_scope(office: Office, guarded: Client) -> None:
    code, other = penalised(office, 0), penalised(office, 1, "other fine")
    office.register(1, district="990203", event_date=days_ago(10), status="2")
    # The same person is in charge of both.
    office.put(
        relation=[
            {
                "credit_code": one,
                "event_date": days_ago(300),
                "kind": "legal_representative",
                "person_key": "p1",
                "record_id": f"relation-{one}",
            }
            for one in (code, other)
        ]
    )
    wide = Client(guarded.app, bearer(guarded, "supervisor"))
    narrow = Client(guarded.app, bearer(guarded, "supervisor", districts=["990101"]))
    food = Client(guarded.app, bearer(guarded, "supervisor", sectors=["food"]))
    applied = send(wide, "POST", "/v1/repair/applications", {"credit_code": other, "record": "other fine"})
    send(wide, "POST", ENTRIES, entry(other))
    send(wide, "POST", ENTRIES, entry(code))
    question = "list-check?action=representative_elsewhere"
    assert narrow.get(f"/v1/enterprises/{code}/{question}").status_code == 200
    for client in (narrow, food):
        assert_problem(client.get(f"/v1/enterprises/{other}/{question}"), 404, "credit_code")
        assert_problem(client.get(f"/v1/enterprises/{other}/lists"), 404, "credit_code")
        assert_problem(client.get(f"/v1/enterprises/{other}/repair"), 404, "credit_code")
        assert_problem(send(client, "POST", ENTRIES, entry(other, ground="1")), 404, "credit_code")
        told = client.get(f"/v1/repair/applications/{applied.json()['application']['id']}")
        assert_problem(told, 404, "application")
        assert client.get("/v1/repair/applications").json()["results"] == []
        refused = client.post(
            "/v1/list-checks", {"checks": [{"credit_code": other, "action": "food_licence"}]}
        ).json()["results"][0]
        assert refused["answer"] is None
        assert refused["problem"]["status"] == 404
    listed = narrow.get(f"{ENTRIES}?list=abnormal").json()["results"]
    assert [one["credit_code"] for one in listed] == [code]
    assert food.get(f"{ENTRIES}?list=abnormal").json()["results"] == []
    told = narrow.get(f"/v1/enterprises/{code}/{question}").text
    assert other not in told
    assert "out of the scope of the key" in told
    assert other in wide.get(f"/v1/enterprises/{code}/{question}").text


def test_entries_are_paged_in_one_state_of_the_records(office: Office, supervisor: Client) -> None:
    codes = office.register(*range(6))
    for code in codes:
        enter_list(office.home, code, "abnormal", "4", on=days_ago(3), provider=AUTHORITY)
    first = supervisor.get(f"{ENTRIES}?list=abnormal&limit=4").json()
    # What is decided meanwhile is not in the pages after.
    removal = {**entry(sorted(codes)[-1]), "condition": "4"}
    assert send(supervisor, "POST", REMOVALS, removal).status_code == 201
    second = supervisor.get(f"{ENTRIES}?list=abnormal&limit=4&cursor={first['next']}").json()
    seen = [one["credit_code"] for one in first["results"] + second["results"]]
    assert seen == sorted(codes)
    assert second["next"] is None
    assert first["records"] == second["records"]
    cursor = first["next"]
    day = f"{days_ago(1)}"
    assert_problem(supervisor.get(f"{ENTRIES}?list=abnormal&on={day}&cursor={cursor}"), 422, "on")
    for wrong in ("abc", "WzEsMl0", cursor[:-4]):
        assert_problem(supervisor.get(f"{ENTRIES}?list=abnormal&cursor={wrong}"), 422, "cursor")


def test_an_open_service_does_it_too_and_notes_it(office: Office) -> None:
    (code,) = office.register(0)
    client = Client(application(office.home, Settings()))
    assert client.get(f"/v1/enterprises/{code}/lists").status_code == 200
    assert not (office.home.root / "serving.db").exists()
    assert send(client, "POST", ENTRIES, entry(code)).status_code == 201
    log = client.app.state.context.operational.audit
    assert [(one.actor, one.status) for one in log.entries()] == [("local", 102), ("local", 201)]
    assert log.verify().passed


def test_without_records_or_database_it_says_so(
    tmp_path: Path, rows: MakeRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = Office(tmp_path / "empty", rows)
    client = Client(application(office.home, Settings()))
    assert_problem(client.get(f"/v1/enterprises/{office.codes[0]}/lists"), 503, "")
    assert_problem(send(client, "POST", ENTRIES, entry(office.codes[0])), 503, "")
    (code,) = office.register(0)
    away = Settings(database="postgresql://nobody@127.0.0.1:1/none")
    gone = Client(application(office.home, away))
    assert_problem(send(gone, "POST", ENTRIES, entry(code)), 503, "")
    assert count(office, "abnormal_list", code) == 0
