"""Early warnings: dates, rising risk, clusters, and whether they were right."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from features.errors import InputError
from features.store import RecordStore
from supervision.early_warning.clusters import clusters, improbable
from supervision.early_warning.rules import load_warning_rules
from supervision.early_warning.warning import Warnings, early_warnings, measure
from tests.supervision.office import Office

ON = date(2025, 9, 1)
RULES = load_warning_rules(ON)


def found(office: Office, on: date = ON) -> list[tuple[str, str, str]]:
    rows = early_warnings(office.home, on).rows
    return list(zip(rows["credit_code"], rows["kind"], rows["urgency"], strict=True))


def licence(code: str, ends: date, **changes: Any) -> dict[str, Any]:
    row = {"credit_code": code, "event_date": date(2020, 9, 1), "kind": "catering", "status": "valid"}
    return {**row, "valid_to": ends, **changes}


def test_licences_that_end_soon_or_have_ended(office: Office) -> None:
    codes = office.register(0, 1, 2, 3, 4, 5, 6)
    office.put(
        licence=[
            licence(codes[0], ON + timedelta(days=90)),
            licence(codes[1], ON + timedelta(days=91)),
            licence(codes[2], ON + timedelta(days=20)),
            licence(codes[3], ON - timedelta(days=1)),
            licence(codes[4], ON - timedelta(days=366)),
            # Renewed under another number; and given up.
            licence(codes[5], ON - timedelta(days=10)),
            licence(codes[5], ON + timedelta(days=1000)),
            licence(codes[6], ON - timedelta(days=10), status="cancelled"),
        ]
    )
    assert found(office) == [
        (codes[3], "licence_expired", "high"),
        (codes[2], "licence_due", "medium"),
        (codes[0], "licence_due", "low"),
    ]
    (row,) = early_warnings(office.home, ON).rows.query("kind == 'licence_expired'").to_dict("records")
    assert row["reason_zh"] == "食品经营许可证（餐饮服务）已于2025-08-31到期"
    assert row["reason_en"] == "catering licence ended on 2025-08-31"


def test_equipment_by_its_newest_state(office: Office) -> None:
    (code,) = office.register(0)
    device = {"credit_code": code, "event_date": date(2024, 1, 1), "category": "3000", "status": "in_use"}
    due = {"L1": 30, "L2": 31, "L3": -5, "L4": -5, "L5": -5}
    office.put(
        equipment=[
            *({**device, "equipment_id": i, "next_due": ON + timedelta(days=d)} for i, d in due.items()),
            {**device, "equipment_id": "L4", "event_date": date(2025, 8, 1), "next_due": date(2026, 8, 1)},
            {
                **device,
                "equipment_id": "L5",
                "event_date": date(2025, 8, 1),
                "status": "scrapped",
                "next_due": date(2025, 8, 1),
            },
        ]
    )
    rows = early_warnings(office.home, ON).rows
    assert list(zip(rows["kind"], rows["reason_en"], strict=True)) == [
        ("equipment_overdue", "lift L3: inspection overdue by 5 days"),
        ("equipment_due", "lift L1: inspection due on 2025-10-01"),
    ]
    assert rows["trust"].tolist() == ["law", "law"]


def test_who_is_gone_is_not_warned_about(office: Office) -> None:
    (code,) = office.register(0, status="4")
    office.put(licence=[licence(code, ON - timedelta(days=1))])
    assert found(office) == []


def test_what_is_known_later_does_not_count(office: Office) -> None:
    (code,) = office.register(0)
    office.put(licence=[licence(code, ON + timedelta(days=5), recorded_at=ON + timedelta(days=1))])
    assert found(office) == []


def test_rising_risk_names_the_new_reasons_first(office: Office) -> None:
    codes = office.register(0, 1, 2, 3, 4)
    before = {"version": "1", "tier": "B", "score": 500.0}
    office.publish(
        date(2025, 7, 31), *({"credit_code": c, **before, "top_reasons": ["licences_lost"]} for c in codes)
    )
    # Too close to be compared with.
    office.publish(date(2025, 8, 20), *({"credit_code": c, **before, "tier": "D"} for c in codes))
    after = {"version": "1", "top_reasons": ["licences_lost", "commitments_broken"]}
    office.publish(
        date(2025, 8, 31),
        {"credit_code": codes[0], "tier": "D", "score": 640.0, **after},
        {"credit_code": codes[1], "tier": "C", "score": 520.0, **after},
        {"credit_code": codes[2], "tier": "B", "score": 540.0, **after},
        {"credit_code": codes[3], "tier": "B", "score": 539.9, **after},
        {"credit_code": codes[4], "tier": "insufficient_record", "score": 500.0, **after},
    )
    assert found(office) == [
        (codes[0], "rising_risk", "high"),
        (codes[1], "rising_risk", "medium"),
        (codes[2], "rising_risk", "low"),
    ]
    told = early_warnings(office.home, ON)
    assert told.compared == ("2025-07-31-1", "2025-08-31-1")
    assert told.rows["reason_en"][0].startswith("tier B → D, score +140: ")
    assert told.rows["reason_zh"][0].split("：")[1].startswith("信用承诺不实")


def test_scores_of_two_model_versions_are_not_compared(office: Office) -> None:
    codes = office.register(0, 1)
    office.publish(
        date(2025, 7, 31), *({"credit_code": c, "version": "1", "tier": "B", "score": 500.0} for c in codes)
    )
    office.publish(
        date(2025, 8, 31),
        {"credit_code": codes[0], "version": "2", "tier": "B", "score": 700.0},
        {"credit_code": codes[1], "version": "2", "tier": "C", "score": 510.0},
    )
    assert found(office) == [(codes[1], "rising_risk", "medium")]


def test_without_two_classifications_there_is_no_rising_risk(office: Office) -> None:
    (code,) = office.register(0)
    office.publish(date(2025, 8, 31), {"credit_code": code, "tier": "D"})
    assert early_warnings(office.home, ON).compared is None


def test_the_tail_probability_is_the_binomial_one() -> None:
    members, hits = np.array([3, 10, 50, 2, 500, 40]), np.array([3, 4, 9, 2, 400, 1])
    got = improbable(members, hits, 0.07, RULES.clusters)
    for i in (0, 1, 2):
        expected = binomtest(int(hits[i]), int(members[i]), 0.07, alternative="greater").pvalue
        assert got[i] == pytest.approx(expected)
    # Too small, too large, too few adverse.
    assert got[3:].tolist() == [1, 1, 1]


def fined(code: str, day: date = date(2025, 5, 1)) -> dict[str, Any]:
    return {"credit_code": code, "event_date": day, "kind": "fine", "severity": "general", "domain": "food"}


def test_an_address_and_a_person_with_too_many_adverse_enterprises(office: Office) -> None:
    together = office.register(0, 1, 2, 3, address="某路 1号")
    alone = office.register(*range(4, 20), address=None)
    holds = {"event_date": date(2020, 1, 1), "kind": "shareholder", "person_key": "P1"}
    agent = [{"credit_code": code, **holds} for code in alone[:3]]
    office.put(
        penalty=[*(fined(code) for code in together[:3]), fined(alone[5], date(2024, 8, 1))],
        relation=[*agent, {**agent[0], "credit_code": together[0], "ended_on": date(2025, 1, 1)}],
    )
    snapshot = RecordStore(office.home.store).snapshot()
    # Three of twenty are adverse; three of four at one address: p = 0.012; the rule asks for 0.001.
    assert len(clusters(snapshot, ON, RULES.clusters)) == 0
    loose = RULES.clusters.model_copy(update={"p_value": 0.02})
    rows = clusters(snapshot, ON, loose)
    assert sorted(rows["credit_code"]) == sorted(together)
    assert set(rows["kind"]) == {"cluster_address"}
    assert rows["reason_zh"].iloc[0] == "同一住所（某路1号）名下4户中3户一年内有不良记录"
    # The person's enterprises become adverse too: now they are a group, without the one who left.
    office.put(penalty=[fined(code, date(2025, 6, 1)) for code in alone[:3]])
    rows = clusters(RecordStore(office.home.store).snapshot(), ON, loose.model_copy(update={"p_value": 0.03}))
    persons = rows[rows["kind"] == "cluster_person"]
    assert sorted(persons["credit_code"]) == sorted(alone[:3])
    assert "P1" not in "".join(persons["reason_zh"])
    assert set(persons["evidence"]) == {"P1"}


def test_a_producer_a_product_and_a_maker(office: Office) -> None:
    codes = office.register(*range(12))
    (maker,) = office.register(15, name="坏食品厂")
    test = {"event_date": date(2025, 6, 1), "level": "provincial"}
    bad = {"producer": "坏食品厂", "product": "糕点"}
    good = {"producer": "好食品厂", "product": "糖果"}
    office.put(
        sampling_test=[
            *({**test, "credit_code": c, "result": "fail", **bad} for c in codes[:4]),
            *({**test, "credit_code": c, "result": "pass", **good} for c in codes * 4),
        ],
        equipment=[
            {
                "credit_code": codes[i % 12],
                "event_date": date(2024, 1, 1),
                "equipment_id": f"D{i}",
                "category": "3000",
                "status": "in_use",
                "maker": "险电梯厂" if i < 5 else "稳电梯厂",
            }
            for i in range(100)
        ],
        incident=[
            {
                "credit_code": codes[i],
                "event_date": date(2025, 3, 1),
                "domain": "special_equipment",
                "grade": "incident",
                "equipment_id": f"D{i}",
            }
            for i in range(3)
        ],
    )
    rows = clusters(RecordStore(office.home.store).snapshot(), ON, RULES.clusters)
    by_kind = {k: sorted(g["credit_code"]) for k, g in rows.groupby("kind")}
    assert by_kind == {
        "cluster_producer": sorted([*codes[:4], maker]),
        "cluster_product": sorted(codes[:4]),
        "cluster_maker": sorted(codes[:5]),
    }
    own = rows[(rows["credit_code"] == maker) & (rows["kind"] == "cluster_producer")]
    assert own["reason_zh"].tolist() == ["生产的产品4批次抽检中4批次不合格"]


def test_measuring_counts_what_followed(office: Office) -> None:
    codes = office.register(*range(10))
    office.put(licence=[licence(c, ON - timedelta(days=1)) for c in codes[:4]])
    warned = early_warnings(office.home, ON)
    office.put(
        penalty=[
            fined(codes[0], ON + timedelta(days=10)),
            fined(codes[0], ON + timedelta(days=3)),
            fined(codes[1], ON + timedelta(days=31)),
            fined(codes[2], ON),
            {**fined(codes[3], ON + timedelta(days=5)), "withdrawn_at": ON + timedelta(days=6)},
            fined(codes[9], ON + timedelta(days=30)),
        ]
    )
    kinds = measure(warned, RecordStore(office.home.store).snapshot(), 30)
    assert [row["kind"] for row in kinds] == ["licence_expired", "all"]
    told = kinds[0]
    assert (told["enterprises"], told["followed"], told["precision"], told["lead_days"]) == (4, 1, 0.25, 3.0)
    assert told["base"] == pytest.approx(0.2)
    assert told["lift"] == pytest.approx(1.25)
    exact = binomtest(1, 4).proportion_ci(method="wilson")
    assert told["interval"] == pytest.approx((exact.low, exact.high))


def test_measuring_nothing_says_nothing(office: Office) -> None:
    office.register(0)
    empty = Warnings(ON, 1, pd.DataFrame({"credit_code": [], "kind": []}), None)
    (told,) = measure(empty, RecordStore(office.home.store).snapshot(), 30)
    assert told["enterprises"] == 0
    assert np.isnan(told["precision"])


def test_the_command(office: Office, tmp_path: Any) -> None:
    codes = office.register(0, 1)
    office.register(2, district="990202")
    office.put(
        licence=[licence(codes[0], ON - timedelta(days=1)), licence(office.codes[2], ON - timedelta(days=1))]
    )
    told = office.json("warnings", "--on", "2025-09-01", "--measure", "90")
    assert told["counts"] == [{"kind": "licence_expired", "urgency": "high", "warnings": 2, "enterprises": 2}]
    assert told["followed"][0]["precision"] == 0
    assert told["compared"] is None
    out = tmp_path / "w.csv"
    narrowed = office.json("warnings", "--on", "2025-09-01", "--district", "9901", "--out", str(out))
    assert narrowed["counts"][0]["enterprises"] == 1
    assert pd.read_csv(out, dtype=str)["credit_code"].tolist() == [codes[0]]
    spoken = office.run("warnings", "--on", "2025-09-01", "--measure", "90").output
    assert "已于2025-08-31到期" in spoken
    assert "needs two published classifications" in spoken
    assert office.json("warnings", "--on", "2025-09-01", "--kind", "licence_due")["counts"] == []
    assert isinstance(office.run("warnings", "--on", "2021-09-01").exception, InputError)
