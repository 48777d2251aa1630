"""Publication: nothing that the rules exclude is in it."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.errors import InputError
from features.records import TABLES, codes
from supervision.publicity.review import object_to
from supervision.publicity.rules import PUBLICITY, load_publicity
from supervision.publicity.selection import (
    BLOTTED,
    PERSONAL,
    Published,
    publishable,
    repeat_offenders,
)
from supervision.publicity.site import write_site
from supervision.writing import safe_in_spreadsheets
from tests.supervision.office import MakeRows, Office, credit_code

ON = date(2025, 9, 1)
NEVER = date(9999, 12, 31)
RULES = load_publicity(ON)


def versions(rows: MakeRows, table: str, *records: Mapping[str, Any]) -> pa.Table:
    """Return records with an interval of visibility: from their day of recording to ``visible_to``."""
    complete = [
        {"recorded_at": r["event_date"], "record_id": f"{table}{i}", **r} for i, r in enumerate(records)
    ]
    bare = [{k: v for k, v in r.items() if k != "visible_to"} for r in complete]
    made = rows(table, bare).drop(["source_line"])
    to = [r.get("visible_to", NEVER) for r in complete]
    return made.append_column("visible_from", made["recorded_at"]).append_column(
        "visible_to", pa.array(to, pa.date32())
    )


def enterprises(rows: MakeRows, *numbers: int, **changes: Any) -> pa.Table:
    return versions(
        rows,
        "enterprise",
        *(
            {
                "credit_code": credit_code(i),
                "name": f"企业{i}",
                "status": "1",
                "event_date": date(2015, 1, 1),
                "record_id": f"enterprise{i}",
                **changes,
            }
            for i in numbers
        ),
    )


def penalty(**changes: Any) -> dict[str, Any]:
    row = {"credit_code": credit_code(0), "event_date": date(2024, 6, 1), "kind": "confiscation"}
    return {**row, "severity": "general", "domain": "food", "amount": 9_900_000, **changes}


def shown(rows: MakeRows, *penalties: Mapping[str, Any], on: date = ON) -> list[str]:
    records = {"enterprise": enterprises(rows, 0), "penalty": versions(rows, "penalty", *penalties)}
    return publishable(records, on, RULES).tables["penalty"]["record_id"].to_pylist()


def test_periods_by_kind_run_from_the_first_day_on_file(rows: MakeRows) -> None:
    fine = penalty(kind="fine", amount=1_000_000, record_id="low")
    high = penalty(kind="fine", amount=1_000_001, record_id="high")
    criticism = penalty(kind="criticism", record_id="criticism")
    warning = penalty(kind="warning", record_id="warning")
    everything = (fine, high, criticism, warning)
    assert shown(rows, *everything, on=date(2024, 8, 31)) == ["low", "high", "criticism"]
    assert shown(rows, *everything, on=date(2024, 9, 1)) == ["high"]
    assert shown(rows, *everything, on=date(2027, 5, 31)) == ["high"]
    assert shown(rows, *everything, on=date(2027, 6, 1)) == []
    # A later version of the record does not begin the period anew.
    first = penalty(record_id="p", visible_to=date(2025, 1, 1))
    corrected = penalty(record_id="p", recorded_at=date(2025, 1, 1), amount=5)
    assert shown(rows, first, corrected, on=date(2027, 5, 31)) == ["p"]
    assert shown(rows, first, corrected, on=date(2027, 6, 1)) == []


def test_what_is_not_visible_is_not_published(rows: MakeRows) -> None:
    assert shown(rows, penalty(visible_to=ON)) == []
    assert shown(rows, penalty(recorded_at=ON + timedelta(days=1))) == []
    assert shown(rows, penalty(visible_to=ON + timedelta(days=1))) == ["penalty0"]


def test_only_registered_enterprises_and_no_withheld_record(rows: MakeRows) -> None:
    assert shown(rows, penalty(credit_code=credit_code(7))) == []
    records = {
        "enterprise": enterprises(rows, 0),
        "penalty": versions(rows, "penalty", penalty(record_id="a"), penalty(record_id="b")),
    }
    published = publishable(records, ON, RULES, {(credit_code(0), "a"), (credit_code(1), "b")})
    assert published.tables["penalty"]["record_id"].to_pylist() == ["b"]
    assert published.withheld["penalty"] == {"decision": 1}


def test_lists_show_who_is_on_them(rows: MakeRows) -> None:
    entry = {"credit_code": credit_code(0), "event_date": date(2025, 1, 1), "reason": "4"}
    records = {
        "enterprise": enterprises(rows, 0),
        "abnormal_list": versions(
            rows, "abnormal_list", entry, {**entry, "record_id": "gone", "removed_on": ON}
        ),
    }
    assert publishable(records, ON, RULES).tables["abnormal_list"]["record_id"].to_pylist() == [
        "abnormal_list0"
    ]


def test_the_newest_registration_counts(rows: MakeRows) -> None:
    state = {"credit_code": credit_code(0), "status": "1", "event_date": date(2015, 1, 1), "name": "旧名"}
    records = {
        "enterprise": versions(
            rows,
            "enterprise",
            state,
            {**state, "event_date": date(2020, 1, 1), "name": "新名", "record_id": "later"},
        )
    }
    assert publishable(records, ON, RULES).tables["enterprise"]["name"].to_pylist() == ["新名"]


@pytest.mark.parametrize(
    "text",
    [
        "当事人张某（51010419800101123X）",
        "510104198001011234",
        "联系电话：13812345678。",
        "+86 138 1234 5678",
        "身份证510104800101123",
    ],
)
def test_texts_that_point_to_a_person_are_blotted_out(rows: MakeRows, text: str) -> None:
    records = {
        "enterprise": enterprises(rows, 0),
        "penalty": versions(rows, "penalty", penalty(basis=text)),
    }
    assert publishable(records, ON, RULES).tables["penalty"]["basis"].to_pylist() == [BLOTTED]


@pytest.mark.parametrize(
    "text",
    [
        "《食品安全法》第一百二十四条",
        "川市监罚〔2024〕1234号",
        "SC10151010412345",
        credit_code(3),
        "2024-06-01",
    ],
)
def test_ordinary_texts_are_not(rows: MakeRows, text: str) -> None:
    records = {
        "enterprise": enterprises(rows, 0),
        "penalty": versions(rows, "penalty", penalty(basis=text)),
    }
    assert publishable(records, ON, RULES).tables["penalty"]["basis"].to_pylist() == [text]


def test_every_table_and_column_is_decided_on_and_persons_never(tmp_path: Path) -> None:
    assert set(RULES.published) | set(RULES.withheld) == set(TABLES)
    for name in ("relation", "complaint"):
        assert RULES.withheld[name].ground == "privacy"
    shown_columns = {column for told in RULES.published.values() for column in told.columns}
    assert not shown_columns & {
        "person_key",
        "address",
        "employees",
        "revenue",
        "profit",
        "inclusion_probability",
    }
    text = PUBLICITY.read_text(encoding="utf-8")
    for old, new in (
        ("      complaint: {", "      complaints: {"),
        ("never: {kind: [warning]}", "never: {kind: [reproof]}"),
        ("columns: [year]", "columns: [turnover]"),
    ):
        assert old in text
        wrong = tmp_path / "publicity.yaml"
        wrong.write_text(text.replace(old, new), encoding="utf-8")
        with pytest.raises(InputError):
            load_publicity(ON, wrong)


#: A mark that must never come out, wherever it stands.
SECRET = "机密标记"
days = st.dates(date(2019, 1, 1), date(2026, 12, 31))


@st.composite
def hidden_penalties(draw: st.DrawFn) -> dict[str, Any]:
    """Return a penalty that some rule excludes, and which carries the mark."""
    base = penalty(document_no=SECRET, basis=SECRET, record_id=f"hidden{draw(st.integers(0, 10**9))}")
    event = draw(st.dates(date(2019, 1, 1), ON))
    reason = draw(st.sampled_from(["warning", "old", "repaired", "future", "stranger", "withheld", "low"]))
    changes: dict[str, dict[str, Any]] = {
        "warning": {"kind": "warning", "event_date": event},
        "old": {"event_date": draw(st.dates(date(2019, 1, 1), date(2022, 9, 1)))},
        "repaired": {"event_date": event, "visible_to": draw(st.dates(event, ON))},
        "future": {
            "event_date": event,
            "recorded_at": draw(st.dates(ON + timedelta(days=1), date(2027, 1, 1))),
        },
        "stranger": {"credit_code": credit_code(99)},
        "withheld": {"event_date": date(2025, 5, 1), "domain": "other"},
        "low": {"kind": "fine", "amount": draw(st.integers(0, 1_000_000)), "event_date": date(2025, 6, 1)},
    }
    return {**base, **changes[reason], "reason": reason}


open_penalties = st.fixed_dictionaries(
    {
        "credit_code": st.sampled_from([credit_code(0), credit_code(1)]),
        "event_date": st.dates(date(2022, 10, 1), ON),
        "kind": st.sampled_from(sorted(set(codes.PENALTY_KIND) - {"warning", "fine", "criticism"})),
        "severity": st.sampled_from(sorted(codes.SEVERITY)),
        "domain": st.sampled_from(sorted(codes.DOMAIN)),
        "amount": st.none() | st.integers(0, 10**12),
        "basis": st.none() | st.text(max_size=40),
    }
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(hidden_penalties(), max_size=8), st.lists(open_penalties, max_size=8))
def test_nothing_excluded_is_published_and_nothing_else_is_lost(
    rows: MakeRows, hidden: list[dict[str, Any]], public: list[dict[str, Any]]
) -> None:
    unique = {row["record_id"]: row for row in hidden}.values()
    kept_back = {(row["credit_code"], row["record_id"]) for row in unique if row["reason"] == "withheld"}
    given_rows = [{k: v for k, v in row.items() if k != "reason"} for row in unique]
    records = {
        "enterprise": enterprises(rows, 0, 1),
        "penalty": versions(rows, "penalty", *given_rows, *public),
        # Tables that are withheld as a whole are not even looked at.
        "relation": versions(
            rows,
            "relation",
            {
                "credit_code": credit_code(0),
                "event_date": date(2020, 1, 1),
                "kind": "shareholder",
                "person_key": SECRET,
            },
        ),
    }
    published = publishable(records, ON, RULES, kept_back)
    assert set(published.tables) == {"enterprise", "penalty"}
    table = published.tables["penalty"]
    assert set(table.column_names) == {
        "credit_code", "event_date", "provider", "record_id", "kind", "domain", "amount", "document_no",
        "basis", "published_until",
    }  # fmt: skip
    assert SECRET not in str(table.to_pylist())
    assert table.num_rows == len(public)
    assert sum(published.withheld["penalty"].values()) + table.num_rows <= len(unique) + len(public)
    for row in table.to_pylist():
        assert row["published_until"] > ON
        assert not re.search(PERSONAL, row["basis"] or "")


def filled(rows: MakeRows) -> Published:
    records = {
        "enterprise": enterprises(rows, 0, 1),
        "penalty": versions(
            rows,
            "penalty",
            penalty(basis="=HYPERLINK(1)", document_no="</script><b>x</b>"),
            penalty(event_date=date(2025, 1, 5)),
        ),
        "serious_violation_list": versions(
            rows,
            "serious_violation_list",
            {"credit_code": credit_code(1), "event_date": date(2025, 1, 5), "ground": "food"},
        ),
    }
    return publishable(records, ON, RULES)


def test_package_and_descriptor_agree(rows: MakeRows, tmp_path: Path) -> None:
    published = filled(rows)
    write_site(tmp_path, published, RULES)
    data = tmp_path / "data"
    descriptor = json.loads((data / "datapackage.json").read_text(encoding="utf-8"))
    by_name = {resource["name"]: resource for resource in descriptor["resources"]}
    assert set(by_name) == {n + s for n in published.tables for s in ("", "-parquet")}
    convert: dict[str, Callable[[str], Any]] = {
        "string": str,
        "date": date.fromisoformat,
        "integer": int,
        "number": float,
        "boolean": {"true": True, "false": False}.__getitem__,
    }
    for name, table in published.tables.items():
        resource = by_name[name]
        fields = resource["schema"]["fields"]
        assert [f["name"] for f in fields] == table.column_names
        assert (data / resource["path"]).stat().st_size == resource["bytes"]
        with (data / resource["path"]).open(encoding="utf-8", newline="") as file:
            read = [
                {
                    f["name"]: None if row[f["name"]] == "" else convert[f["type"]](row[f["name"]])
                    for f in fields
                }
                for row in csv.DictReader(file)
            ]
        expected = [
            {k: safe_in_spreadsheets(v) if isinstance(v, str) else v for k, v in row.items()}
            for row in table.to_pylist()
        ]
        assert read == expected
        assert pq.read_table(data / by_name[f"{name}-parquet"]["path"]).equals(
            table.replace_schema_metadata(None)
        )
    dictionary = pd.read_csv(data / "dictionary.csv", dtype=str)
    assert set(dictionary.loc[dictionary["table"] == "penalty", "column"]) == set(
        published.tables["penalty"].column_names
    )


def test_pages_are_complete_escaped_and_ask_nobody_outside(rows: MakeRows, tmp_path: Path) -> None:
    write_site(tmp_path, filled(rows), RULES)
    pages = sorted(tmp_path.rglob("*.html"))
    assert len(pages) == 1 + 2 * (2 + 3)
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert not re.search(r"""(?:src|href|url)\s*=\s*["']?(?:https?:)?//""", text)
        assert "<b>x</b>" not in text
        for link in re.findall(r'(?:href|src)="([^"#]+)"', text):
            target = (page.parent / link).resolve()
            linked = target.stem
            # Tables that nobody has records of have no page here, as there is no such table in this test.
            assert target.is_file() or linked in RULES.published, link
    penalties = (tmp_path / "zh" / "penalty.html").read_text(encoding="utf-8")
    assert "99,000.00" in penalties
    assert "没收违法所得" in penalties
    assert "confiscation" in (tmp_path / "en" / "penalty.html").read_text(encoding="utf-8")
    assert "</script>" not in (tmp_path / "lookup" / f"{credit_code(0)[-2:]}.js").read_text(encoding="utf-8")


def test_repeat_offenders_are_counted_by_domain_and_period(rows: MakeRows) -> None:
    def found(*days: date) -> int:
        records = {
            "enterprise": enterprises(rows, 0),
            "penalty": versions(rows, "penalty", *(penalty(event_date=day) for day in days)),
        }
        return len(repeat_offenders(publishable(records, ON, RULES), RULES))

    assert found(date(2023, 9, 2), date(2025, 1, 1)) == 1
    # 24 months ago to the day no longer counts.
    assert found(date(2023, 9, 1), date(2025, 1, 1)) == 0


@pytest.fixture
def listed(office: Office) -> str:
    (code,) = office.register(0)
    office.put(
        penalty=[
            penalty(credit_code=code, record_id="p"),
            *(
                penalty(credit_code=code, record_id=name, withdrawn_at=date(2025, 7, 1), recorded_at=known)
                for name, known in (("late", date(2025, 7, 9)), ("prompt", date(2025, 7, 3)))
            ),
        ],
        relation=[
            {
                "credit_code": code,
                "event_date": date(2020, 1, 1),
                "kind": "legal_representative",
                "person_key": "P-0123456789",
            }
        ],
    )  # fmt: skip
    return code


def test_the_command_writes_replaces_and_withholds(office: Office, listed: str, tmp_path: Path) -> None:
    out = tmp_path / "site"
    report = office.json("publish", "--out", str(out), "--on", "2025-09-01")
    assert report["rows"]["penalty"] == 1
    assert report["withdrawn_late"] == ["late"]
    everything = b"".join(path.read_bytes() for path in out.rglob("*") if path.is_file())
    assert b"P-0123456789" not in everything
    assert b"score" not in everything

    decide = (listed, "--record", "p", "--provider", "甲局", "--reason", "涉及配方", "--on", "2025-09-02")
    office.json("publish", "withhold", *decide, "--ground", "trade_secret")
    assert office.json("publish", "--out", str(out), "--on", "2025-09-01")["rows"]["penalty"] == 1
    report = office.json("publish", "--out", str(out), "--on", "2025-09-02")
    assert report["withheld"]["penalty"] == {"decision": 1}
    assert '"p"' not in (out / "data" / "penalty.csv").read_text(encoding="utf-8")
    office.json("publish", "release", *decide[:-1], "2025-09-03")
    assert office.json("publish", "--out", str(out), "--on", "2025-09-03")["rows"]["penalty"] == 1
    assert not list(tmp_path.glob(".*"))
    assert "penalty" in office.run("publish", "--out", str(out), "--on", "2025-09-03").output


def test_objections_are_answered_in_working_days(office: Office, listed: str, tmp_path: Path) -> None:
    made = office.json(
        "publish", "object", listed, "--record", "p", "--reason", "金额有误", "--on", "2025-09-01"
    )
    # Twenty working days over the National Day holidays of the calendar's file.
    assert made["answer_by"] == "2025-09-28"
    out = tmp_path / "site"
    report = office.json("publish", "--out", str(out), "--on", "2025-09-29")
    assert (report["objections_open"], report["objections_overdue"]) == (1, ["p"])
    answered = office.json(
        "publish", "answer", listed, "--record", "p", "--upheld", "--provider", "甲局",
        "--reason", "确有错误", "--on", "2025-10-09",
    )  # fmt: skip
    assert answered["late"] is True
    report = office.json("publish", "--out", str(out), "--on", "2025-10-09")
    assert (report["objections_open"], report["rows"]["penalty"]) == (0, 0)


def test_notes_that_are_kept_at_once_are_all_kept_in_an_order(office: Office, listed: str) -> None:
    on = date(2025, 9, 1)
    with ThreadPoolExecutor(8) as pool:
        reasons = [f"理由 {number % 12}" for number in range(24)]
        kept = list(
            pool.map(lambda reason: object_to(office.home, listed, "p", on=on, reason=reason), reasons)
        )
    files = {one.file.name for one in kept}
    # Each reason came twice, which is one note.
    assert sorted(int(name[:6]) for name in files) == list(range(1, 13))
    assert {one.note["reason"] for one in kept} == set(reasons)


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        (("withhold", "--ground", "taste"), "ground"),
        (("withhold", "--ground", "privacy", "--record", "unknown"), "record"),
        (("release",), "record"),
        (("answer", "--dismissed"), "record"),
    ],
)
def test_wrong_decisions_are_named(
    office: Office, listed: str, arguments: tuple[str, ...], field: str
) -> None:
    record = () if "--record" in arguments else ("--record", "p")
    done = office.run(
        "publish", arguments[0], listed, *arguments[1:], *record, "--provider", "甲局", "--reason", "x",
        "--on", "2025-09-01",
    )  # fmt: skip
    assert isinstance(done.exception, InputError)
    assert done.exception.field == field


def test_a_folder_of_something_else_is_not_replaced(office: Office, listed: str, tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "letter.txt").write_text("keep me")
    done = office.run("publish", "--out", str(tmp_path / "precious"), "--on", "2025-09-01")
    assert isinstance(done.exception, InputError)
    assert (tmp_path / "precious" / "letter.txt").is_file()


@contextmanager
def browser_page() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield browser.new_page()
        browser.close()


@pytest.mark.browser
def test_the_look_up_works_from_a_folder(rows: MakeRows, tmp_path: Path) -> None:
    if not Path("/usr/bin/chromium").exists():
        pytest.skip("no Chromium")
    write_site(tmp_path, filled(rows), RULES)
    with browser_page() as page:
        errors: list[str] = []
        asked: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto((tmp_path / "zh" / "index.html").as_uri())
        page.fill("#code", credit_code(0))
        page.click("button")
        page.wait_for_selector("#answer table")
        text = page.inner_text("#answer")
        assert "99,000.00" in text
        assert "没收违法所得" in text
        page.fill("#code", credit_code(5))
        page.click("button")
        # By its text: the page's own policy forbids a test to evaluate code in it.
        page.locator("#answer", has_text="没有公示信息").wait_for()
        assert errors == []
        assert all(url.startswith("file:") for url in asked)
