"""Commitments: who may make one, verification, consequences."""

from __future__ import annotations

import json
from datetime import date

import pytest

from features.errors import InputError
from supervision.commitments.decide import register_commitment, verify_commitment
from supervision.commitments.rules import load_commitments
from supervision.lists.restrictions import load_restrictions
from tests.supervision.office import Office

MADE = date(2025, 3, 31)


def made(office: Office, code: str, on: date = MADE, kind: str = "notify_commit") -> str:
    done = register_commitment(office.home, code, kind, on=on, provider="甲局", subject="SC10151")
    assert done.new
    return str(done.row["record_id"])


def test_a_commitment_is_recorded_with_its_text_and_time_of_verification(office: Office) -> None:
    (code,) = office.register(0)
    done = register_commitment(office.home, code, "notify_commit", on=MADE, provider="甲局", subject="SC1")
    document = json.loads(done.document.read_text(encoding="utf-8"))
    assert document["verify_by"] == "2025-06-30"
    assert document["asked"]["verdict"] == "allowed"
    assert "承诺不实" in document["text"]["zh"]
    assert office.visible("commitment", code, MADE)[0]["outcome"] == "pending"


def test_a_broken_one_is_seen_from_its_verification_and_bars_from_the_next(office: Office) -> None:
    (code,) = office.register(0)
    record = made(office, code)
    _, follows = verify_commitment(
        office.home, code, record, "broken", on=date(2025, 6, 1), provider="甲局", finding="现场不符合条件"
    )
    assert [c["name"] for c in follows] == ["withdraw_licence", "barred", "published"]
    assert office.visible("commitment", code, date(2025, 5, 31))[0]["outcome"] == "pending"
    assert office.visible("commitment", code, date(2025, 6, 1))[0]["outcome"] == "broken"
    with pytest.raises(InputError, match="found broken within a year") as error:
        made(office, code, date(2025, 7, 1))
    assert "28号" in str(error.value)
    # Other kinds are not barred, and after a year neither is this one.
    made(office, code, date(2025, 7, 1), "proactive")
    made(office, code, date(2026, 6, 1))


def test_a_kept_one_has_no_consequences(office: Office) -> None:
    (code,) = office.register(0)
    record = made(office, code)
    done, follows = verify_commitment(office.home, code, record, "kept", on=date(2025, 6, 1), provider="甲局")
    assert (done.row["outcome"], follows) == ("kept", [])
    again, _ = verify_commitment(office.home, code, record, "kept", on=date(2025, 6, 1), provider="甲局")
    assert not again.new
    with pytest.raises(InputError, match="verified on 2025-06-01"):
        verify_commitment(
            office.home, code, record, "broken", on=date(2025, 7, 1), provider="甲局", finding="x"
        )


def test_tier_d_is_barred(office: Office) -> None:
    (code,) = office.register(0)
    office.publish(date(2025, 2, 28), {"credit_code": code, "tier": "D"})
    with pytest.raises(InputError, match="high credit risk"):
        made(office, code)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"kind": "oath"}, "kind"),
        ({"subject": " "}, "subject"),
        ({"on": date(2021, 7, 20)}, "on"),
    ],
)
def test_wrong_registrations_are_named(office: Office, change: dict[str, object], field: str) -> None:
    (code,) = office.register(0)
    given = {"kind": "notify_commit", "on": MADE, "provider": "甲局", "subject": "SC1", **change}
    with pytest.raises(InputError) as error:
        register_commitment(office.home, code, **given)  # type: ignore[arg-type]
    assert error.value.field == field


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"outcome": "good"}, "outcome"),
        ({"finding": ""}, "finding"),
        ({"record_id": "unknown"}, "record"),
        ({"on": MADE}, "on"),
    ],
)
def test_wrong_verifications_are_named(office: Office, change: dict[str, object], field: str) -> None:
    (code,) = office.register(0)
    given = {"record_id": made(office, code), "outcome": "broken", "finding": "x", "on": date(2025, 6, 1)}
    with pytest.raises(InputError) as error:
        verify_commitment(office.home, code, provider="甲局", **{**given, **change})  # type: ignore[arg-type]
    assert error.value.field == field


def test_the_commands(office: Office) -> None:
    (code,) = office.register(0)
    done = office.json(
        "commitments", "register", code, "--kind", "notify_commit", "--subject", "SC1", "--provider", "甲局",
        "--on", "2025-03-31",
    )  # fmt: skip
    record = done["record"]["record_id"]
    assert office.json("commitments", "due", "--on", "2025-06-30") == []
    (due,) = office.json("commitments", "due", "--on", "2025-07-02")
    assert (due["record_id"], due["days_over"]) == (record, 2)
    assert code in office.run("commitments", "due", "--on", "2025-07-02").output
    verified = office.run(
        "commitments", "verify", code, "--record", record, "--outcome", "broken", "--finding", "不符",
        "--provider", "甲局", "--on", "2025-07-02",
    )  # fmt: skip
    assert "行政许可法第六十九条" in verified.output
    assert office.json("commitments", "due", "--on", "2025-07-03") == []
    assert "verified within 3 months" in office.run_anywhere("commitments", "kinds").output


def test_kinds_ask_actions_that_exist() -> None:
    rules = load_commitments(date(2025, 1, 1))
    actions = load_restrictions().actions
    assert {k.asks for k in rules.kinds.values() if k.asks} <= set(actions)
