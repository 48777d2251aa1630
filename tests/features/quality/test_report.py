"""The whole report on a simulated province: counts, words, page, command."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
import typer
from typer.testing import CliRunner

from features.commands.quality import register
from features.errors import InputError
from features.quality import QualityReport, Thresholds, assess, plots
from features.quality.page import page
from features.records import TABLES
from features.store import RecordStore

Canonical = Any


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, canonical: Mapping[str, Canonical]) -> Path:
    """Return a home with the simulated province in its store, refused rows in quarantine."""
    home = tmp_path_factory.mktemp("home")
    store = RecordStore(home / "store")
    told = {"provider": "某省", "file": "x.parquet", "sha256": "", "not_applicable": 0}
    with store.begin(load_id="one", source="simulated") as load:
        accounts = []
        for name, table in canonical.items():
            counts = load.add(name, table.rows)
            refused = table.reasons[table.reasons != ""]
            load.quarantine(
                pa.table(
                    {
                        "table": [name] * len(refused),
                        "file": ["x.parquet"] * len(refused),
                        "source_line": refused.index.to_list(),
                        "reason": refused.to_list(),
                        "detail": [""] * len(refused),
                        "field": [""] * len(refused),
                        "raw": [f"{name} {line}" for line in refused.index],
                    }
                )
            )
            accounts.append(
                {
                    **told,
                    "table": name,
                    "rows_in": len(table.reasons),
                    "accepted": counts.accepted,
                    "duplicate": counts.duplicate,
                    "quarantined": len(refused),
                    "started_at": None,
                    "finished_at": None,
                }
            )
        load.commit(accounts)
    return home


@pytest.fixture(scope="module")
def report(home: Path) -> QualityReport:
    return assess(RecordStore(home / "store"))


def test_the_dirt_of_the_simulation_is_found_again(report: QualityReport, province: Path) -> None:
    dirt = json.loads((province / "simulation.json").read_text())["dirt"]
    refused = report.quarantine.groupby("table")["rows"].sum()
    known = report.acceptance.set_index("table")["duplicate"]
    legacy = report.codes[report.codes["kind"] == "legacy_registration"].groupby("table")["rows"].sum()
    for table, kinds in dirt.items():
        quarantined = ("wrong_check", "impossible_date", "unknown_code", "missing_required")
        assert refused.get(table, 0) == sum(kinds[kind] for kind in quarantined)
        assert known[table] == kinds["duplicate"]
        assert legacy.get(table, 0) == kinds["legacy_code"]
    unregistered = report.references[report.references["check"] == "enterprise_not_registered"]
    gaps = unregistered.groupby("table")["gaps"].sum()
    assert {table: int(n) for table, n in gaps.items() if n} == {
        table: kinds["legacy_code"] for table, kinds in dirt.items() if kinds["legacy_code"]
    }


def test_every_table_of_every_provider_is_measured(report: QualityReport) -> None:
    def pairs(frame: pd.DataFrame) -> set[tuple[str, str]]:
        return set(zip(frame["table"], frame["provider"], strict=True))

    measured = pairs(report.timeliness)
    assert {table for table, _ in measured} == set(TABLES)
    assert len({provider for _, provider in measured}) > 15
    assert pairs(report.completeness) == pairs(report.codes) == measured
    # A provider whose only records came in the last, unfinished month has no volume yet; here none is so.
    assert pairs(report.volumes) == measured
    assert report.completeness["share"].between(0, 1).all()
    assert (report.timeliness["median"] <= report.timeliness["p99"]).all()
    assert report.timeliness["before_event"].sum() == 0


def test_thresholds_decide_what_asks_for_attention(home: Path, report: QualityReport) -> None:
    assert "acceptance" in set(report.attention["measure"])
    nothing = dict.fromkeys(("late", "refused", "gap", "legacy", "surprise"), 1e9)
    calm = assess(RecordStore(home / "store"), thresholds=Thresholds(**nothing, least=10**9))
    assert calm.attention.empty


def test_the_report_as_plain_data(report: QualityReport) -> None:
    document = json.loads(json.dumps(report.as_dict(), allow_nan=False))
    assert document["rows"] == report.rows
    assert len(document["volumes"]) == len(report.volumes)
    # The first year of a provider has nothing to be compared with.
    assert document["volumes"][0]["surprise"] is None
    assert {row["limit"] for row in document["timeliness"]} == {None, 36.0}


class Tags(HTMLParser):
    """Collects what a page refers to, and whether its tags close."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.sections: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in {"meta", "link", "br", "img"}:
            self.open.append(tag)
        self.links += [value or "" for name, value in attrs if name in {"src", "href", "xlink:href"}]
        if tag == "section":
            self.sections.append(dict(attrs)["id"] or "")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_page_is_whole_and_refers_to_nothing_outside(report: QualityReport, lang: plots.Lang) -> None:
    text = page(report, lang)
    tags = Tags()
    tags.feed(text)
    assert tags.open == []
    assert all(link.startswith("#") for link in tags.links)
    # Names of XML vocabularies are no addresses that a browser opens.
    assert set(re.findall(r"https?://([^/\"]+)", text)) <= {"www.w3.org"}
    assert len(tags.sections) == 8
    assert text.count("<svg") == 4
    assert ("需要关注</a>" in text) == (lang == "zh")
    assert ("What asks for attention</a>" in text) == (lang == "en")


def test_names_from_files_are_escaped(report: QualityReport, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plots, "figures", lambda *_: {})
    strange = pd.DataFrame(
        [["acceptance", "penalty", "<script>x</script>", 1.0, "a", "b"]], columns=report.attention.columns
    )
    text = page(replace(report, attention=strange))
    assert "<script>" not in text
    assert "&lt;script&gt;x" in text


@pytest.fixture(scope="module")
def english(report: QualityReport) -> Mapping[str, str]:
    return plots.figures(report, "en")


def test_figures_are_the_same_each_time(report: QualityReport, english: Mapping[str, str]) -> None:
    assert set(english) == {"timeliness", "completeness", "quarantine", "volumes"}
    assert english == plots.figures(report, "en")


def test_labels_are_english_where_no_font_has_chinese(
    report: QualityReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plots, "chinese_font", lambda: None)
    assert plots.language("zh") == "en"
    # Warnings are errors: a missing glyph would be one.
    assert set(plots.figures(report, "zh")) == {"timeliness", "completeness", "quarantine", "volumes"}


def test_chinese_labels_have_glyphs(report: QualityReport, english: Mapping[str, str]) -> None:
    if plots.chinese_font() is None:
        pytest.skip("no font with Chinese glyphs on this machine")
    assert plots.figures(report, "zh")["timeliness"] != english["timeliness"]


@pytest.fixture
def app() -> typer.Typer:
    app = typer.Typer()
    app.callback()(lambda: None)
    register(app)
    return app


def test_the_command_prints_tables_and_writes_the_page(app: typer.Typer, home: Path, tmp_path: Path) -> None:
    file = tmp_path / "new" / "quality.html"
    done = CliRunner().invoke(app, ["quality", "--home", str(home), "--html", str(file)])
    assert done.exit_code == 0, done.output
    assert "Records of snapshot 1" in done.stdout
    assert "serious_violation_list" in done.stdout
    assert "Quarantined rows" in done.stdout
    assert "What asks for attention" in done.stdout
    assert "数据质量报告" in file.read_text(encoding="utf-8")


def test_the_command_as_json(app: typer.Typer, home: Path, report: QualityReport) -> None:
    done = CliRunner().invoke(app, ["quality", "--home", str(home), "--json", "--snapshot", "1"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout) == report.as_dict()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--lang", "fr"], "there is no language 'fr'"),
        (["--snapshot", "7"], "there is no snapshot 7"),
        (["--home", "nowhere"], "is empty"),
    ],
)
def test_mistakes(app: typer.Typer, home: Path, arguments: list[str], message: str) -> None:
    done = CliRunner().invoke(app, ["quality", "--home", str(home), *arguments])
    assert isinstance(done.exception, InputError)
    assert message in str(done.exception)
