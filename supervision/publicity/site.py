"""The public site: plain pages in two languages, with everything that they need beside them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from features.errors import InputError
from features.home import Home
from features.records import TABLES
from features.records.schema import Label
from features.store import RecordStore
from supervision.packages import DESCRIPTOR, PackageTable, write_package
from supervision.publicity.review import open_objections, withheld_on
from supervision.publicity.rules import Publicity, load_publicity
from supervision.publicity.selection import (
    Published,
    code_labels,
    publishable,
    records_for_publication,
    repeat_offenders,
)
from supervision.working_days import working_calendar
from supervision.writing import as_json

HERE = Path(__file__).resolve().parent
ASSETS = ("site.css", "lookup.js")
#: Rows of a table that its page shows; all are in the data package and in the look-up.
NEWEST = 200
TITLE = Label("企业信用信息公示", "Published credit information of enterprises")
UNTIL = Label("公示截止日期", "published until")


@dataclass(frozen=True)
class PublishReport:
    """What was published.

    Attributes
    ----------
    rows
        Table → rows.
    withheld
        Table → reason → rows that are not published.
    repeat_offenders
        Enterprises shown for repeated violations.
    withdrawn_late
        Records whose withdrawal was put on file later than the rules allow.
    objections_overdue
        Objections that should have been answered.
    """

    folder: Path
    on: date
    records: int
    rows: Mapping[str, int]
    withheld: Mapping[str, Mapping[str, int]]
    repeat_offenders: int
    withdrawn_late: tuple[str, ...]
    objections_open: int
    objections_overdue: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the report as plain data."""
        return {**self.__dict__, "folder": str(self.folder)}


def publish_site(home: Home, out: Path, on: date) -> PublishReport:
    """Write the site and the data package of a day.

    Parameters
    ----------
    home
        Where everything lies.
    out
        Folder to write; what an earlier publication left there is replaced as a whole.
    on
        The day.

    Raises
    ------
    InputError
        If the folder holds something else, or there are no records.
    """
    if out.exists() and not (out / "data" / DESCRIPTOR).is_file() and any(out.iterdir()):
        raise InputError(
            f"{out} is not empty and holds no publication", field="out", fix="Give another folder."
        )
    snapshot = RecordStore(home.store).snapshot()
    rules = load_publicity(on)
    records = records_for_publication(snapshot, rules)
    published = publishable(records, on, rules, withheld_on(home, on))
    waiting = open_objections(home, on)
    withdrawals = snapshot.read("penalty", columns=["record_id", "recorded_at", "withdrawn_at"])
    report = PublishReport(
        folder=out,
        on=on,
        records=snapshot.id,
        rows={name: table.num_rows for name, table in published.tables.items()},
        withheld=published.withheld,
        repeat_offenders=len(repeat_offenders(published, rules)),
        withdrawn_late=tuple(_late(withdrawals, rules, on)),
        objections_open=len(waiting),
        objections_overdue=tuple(o["record_id"] for o in waiting if date.fromisoformat(o["answer_by"]) < on),
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=".publishing-", dir=out.parent))
    try:
        # mkdtemp makes folders that only their owner may read.
        work.chmod(0o755)
        write_site(work, published, rules)
        _put_in_place(work, out)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return report


def write_site(folder: Path, published: Published, rules: Publicity) -> None:
    """Write pages, look-up and data package of what is published, and of nothing else.

    Parameters
    ----------
    folder
        An empty folder.
    published
        What may be told.
    rules
        The rules it follows, which the pages name.
    """
    package = {
        name: PackageTable(
            table,
            Label(rules.published[name].label.zh, rules.published[name].label.en),
            {"published_until": UNTIL},
            rules.published[name].source,
        )
        for name, table in published.tables.items()
    }
    write_package(
        folder / "data", name="published-credit-information", title=TITLE, on=published.on, tables=package
    )
    for asset in ASSETS:
        shutil.copyfile(HERE / asset, folder / asset)
    (folder / "lookup").mkdir()
    shards = []
    for shard, enterprises in _shards(published):
        shards.append(shard)
        text = as_json(enterprises).replace("</", "<\\/")
        (folder / "lookup" / f"{shard}.js").write_text(f"found({text});\n", encoding="utf-8")
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=select_autoescape(), undefined=StrictUndefined
    )
    page = environment.get_template("page.html")
    names = _names(published)
    sections = [{"name": name, "label": told.label} for name, told in rules.published.items()]
    for lang in ("zh", "en"):
        common = {
            "lang": lang,
            "title": TITLE[lang],
            "on": published.on,
            "sections": sections,
            "counts": {name: table.num_rows for name, table in published.tables.items()},
        }
        (folder / lang).mkdir()
        index = page.render(
            **common, kind="index", rules=rules, labels=_labels(published, lang), shards=shards
        )
        (folder / lang / "index.html").write_text(index, encoding="utf-8")
        for name, table in published.tables.items():
            text = page.render(
                **common,
                kind="table",
                told=rules.published[name],
                name=name,
                **_page(name, table, names, lang),
            )
            (folder / lang / f"{name}.html").write_text(text, encoding="utf-8")
        rows = _offenders(published, rules, names, lang)
        text = page.render(**common, kind="repeat", rules=rules, rows=rows)
        (folder / lang / "repeat.html").write_text(text, encoding="utf-8")
    shutil.copyfile(HERE / "index.html", folder / "index.html")


def _offenders(
    published: Published, rules: Publicity, names: Mapping[str, str], lang: str
) -> list[tuple[Any, ...]]:
    domains = code_labels("penalty", "domain")
    return [
        (
            row["credit_code"],
            names.get(row["credit_code"], ""),
            domains[row["domain"]][lang],
            row["penalties"],
            row["last"],
        )
        for row in repeat_offenders(published, rules).to_dict("records")
    ]


def _page(name: str, table: pa.Table, names: Mapping[str, str], lang: str) -> dict[str, Any]:
    """Return headings and the newest rows of a table in words."""
    columns = [c for c in table.column_names if c != "record_id"]
    newest = table.sort_by([("event_date", "descending"), ("credit_code", "ascending")]).slice(0, NEWEST)
    words = {column: code_labels(name, column) for column in TABLES[name].arrow_schema.names}
    rows = []
    for row in newest.to_pylist():
        cells = [_word(words.get(c, {}), row[c], lang, money=_is_money(name, c)) for c in columns]
        rows.append((names.get(row["credit_code"], ""), cells))
    headings = [_heading(name, column, lang) for column in columns]
    return {"headings": headings, "rows": rows, "shown": newest.num_rows, "all": table.num_rows}


def _heading(table: str, column: str, lang: str) -> str:
    if column == "published_until":
        return UNTIL[lang]
    if column == "event_date":
        return TABLES[table].event[lang]
    label = TABLES[table].column(column).label[lang]
    yuan = {"zh": "（元）", "en": " (yuan)"}
    return label + (yuan[lang] if _is_money(table, column) else "")


def _is_money(table: str, column: str) -> bool:
    return column != "published_until" and TABLES[table].column(column).type == "fen"


def _word(words: Mapping[str, Mapping[str, str]], value: Any, lang: str, *, money: bool) -> str:
    if value is None:
        return ""
    if money:
        return f"{value / 100:,.2f}"
    return words[value][lang] if value in words else str(value)


def _labels(published: Published, lang: str) -> str:
    """Return the words of columns and codes that the look-up needs, as JSON."""
    told = {
        name: {
            "title": TABLES[name].label[lang],
            "columns": {
                column: {
                    "title": _heading(name, column, lang),
                    "money": _is_money(name, column),
                    "codes": {
                        code: words[lang]
                        for code, words in (
                            code_labels(name, column) if column != "published_until" else {}
                        ).items()
                    },
                }
                for column in table.column_names
                if column not in ("credit_code", "record_id")
            },
        }
        for name, table in published.tables.items()
    }
    # Inside a script element nothing may end it.
    return as_json(told).replace("</", "<\\/")


def _names(published: Published) -> dict[str, str]:
    rows = published.tables["enterprise"]
    return dict(zip(rows["credit_code"].to_pylist(), rows["name"].to_pylist(), strict=True))


def _shards(published: Published) -> Iterator[tuple[str, dict[str, dict[str, list[dict[str, Any]]]]]]:
    """Yield the look-up in files by the last two characters of the credit code.

    One last character after the other, so that only a part of the rows is in memory as text.
    """
    buckets: dict[str, list[str]] = {}
    # Everything that is published stands under an enterprise of this table.
    for code in published.tables["enterprise"]["credit_code"].to_pylist():
        buckets.setdefault(_shard(code)[-1], []).append(code)
    for _, codes in sorted(buckets.items()):
        wanted = pa.array(codes, pa.string())
        shards: dict[str, dict[str, dict[str, list[dict[str, Any]]]]] = {}
        for name, table in published.tables.items():
            for row in table.filter(pc.is_in(table["credit_code"], value_set=wanted)).to_pylist():
                code = row.pop("credit_code")
                row.pop("record_id")
                shown = {column: value for column, value in row.items() if value is not None}
                shards.setdefault(_shard(code), {}).setdefault(code, {}).setdefault(name, []).append(shown)
        yield from sorted(shards.items())


def _shard(code: str) -> str:
    """Return the name of the file that an enterprise is looked up in, as lookup.js finds it."""
    return "".join(c for c in code[-2:].upper() if c.isascii() and c.isalnum()) or "other"


def _late(withdrawals: pa.Table, rules: Publicity, on: date) -> Iterator[str]:
    """Yield records whose withdrawal came on file after the days that the rules give."""
    calendar = working_calendar()
    for row in withdrawals.filter(withdrawals["withdrawn_at"].is_valid()).to_pylist():
        due = calendar.after(row["withdrawn_at"], rules.withdraw_working_days)
        if due < row["recorded_at"] <= on:
            yield row["record_id"]


def _put_in_place(work: Path, out: Path) -> None:
    if not out.exists():
        work.rename(out)
        return
    old = Path(tempfile.mkdtemp(prefix=".replaced-", dir=out.parent))
    out.rename(old / "old")
    work.rename(out)
    shutil.rmtree(old)
