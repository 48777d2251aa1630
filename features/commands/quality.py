"""``risk-model quality``: how good the records are, in the terminal, as JSON, as a page with figures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from features.terminal import required_language

if TYPE_CHECKING:
    import pandas as pd

    from features.quality import QualityReport

#: Lines that the terminal shows of what asks for attention.
SHOWN = 20
#: In which order: what never arrived, what cannot be used, what comes late, what was never told.
URGENCY = ("acceptance", "references", "codes", "volumes", "timeliness", "completeness")


def register(app: typer.Typer) -> None:
    """Add the command ``quality``."""
    app.command("quality")(quality)


def quality(
    *,
    snapshot: Annotated[
        int | None, typer.Option(help="Snapshot to assess; by default the latest.", show_default=False)
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(
            help="Also write a page with figures and all tables.", metavar="FILE", show_default=False
        ),
    ] = None,
    lang: Annotated[str, typer.Option(help="Language of the page: zh or en.")] = "zh",
    home: Annotated[
        Path | None,
        typer.Option(help="Folder of all state; by default RISK_MODEL_HOME, else ./var.", metavar="DIR"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Measure the records by provider: timeliness, completeness, refusals, codes, references, volumes."""
    import json

    from features.home import Home
    from features.quality import assess
    from features.store import RecordStore

    required_language(lang)
    store = RecordStore(Home.locate(home).store)
    report = assess(store, store.snapshot(snapshot))
    if html is not None:
        from features.quality.page import page

        html.parent.mkdir(parents=True, exist_ok=True)
        html.write_text(page(report, "zh" if lang == "zh" else "en"), encoding="utf-8")
    if as_json:
        typer.echo(json.dumps(report.as_dict(), ensure_ascii=False, indent=1))
    else:
        _show(report, html)


def _show(report: QualityReport, html: Path | None) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console()
    table = Table(
        title=f"Records of snapshot {report.snapshot_id}, {report.created_at}",
        caption="median, p99: days from event to record; filled: optional columns",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    table.add_column("table", no_wrap=True)
    for heading in ("versions", "providers", "median", "p99", "filled", "refused"):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, rows in report.rows.items():
        late, refused = _of(report.timeliness, name), _of(report.acceptance, name)
        filled = _of(report.completeness, name)
        filled = filled[filled["counts"].astype(bool)]
        delivered = int(refused["rows_in"].sum())
        table.add_row(
            name,
            f"{rows:,}",
            f"{late['provider'].nunique():,}",
            _weighted(late, "median"),
            _weighted(late, "p99"),
            f"{filled['filled'].sum() / filled['rows'].sum():.1%}" if len(filled) else "",
            f"{refused['quarantined'].sum() / delivered:.2%}" if delivered else "",
        )
    console.print(table)
    if len(report.quarantine):
        reasons = Table(title="Quarantined rows", box=SIMPLE_HEAD)
        for heading in ("source", "reason"):
            reasons.add_column(heading)
        reasons.add_column("rows", justify="right")
        by = ["source", "reason"]
        summed = report.quarantine.groupby(by, as_index=False).agg(rows=("rows", "sum"))
        for row in summed.sort_values("rows", ascending=False).head(SHOWN).itertuples():
            reasons.add_row(escape(str(row.source)), escape(str(row.reason)), f"{row.rows:,}")
        console.print(reasons)
    _show_attention(report)
    if html is not None:
        console.print(f"Page: {html}", soft_wrap=True)


def _show_attention(report: QualityReport) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console()
    if report.attention.empty:
        console.print("Nothing asks for attention.")
        return
    # The same of several providers on one line, with the worst of them.
    worst = report.attention.assign(
        rank=report.attention["measure"].map({name: rank for rank, name in enumerate(URGENCY)}),
        size=report.attention["value"].abs(),
    ).sort_values(["rank", "size"], ascending=[True, False])
    by = ["measure", "table", "what"]
    grouped = worst.groupby(by, sort=False, as_index=False).agg(
        providers=("provider", "nunique"), first=("provider", "first"), value=("value", "first")
    )
    table = Table(title=f"What asks for attention: {len(report.attention):,}", box=SIMPLE_HEAD)
    for heading in (*by, "worst provider or source"):
        table.add_column(heading, overflow="fold")
    table.add_column("value", justify="right", no_wrap=True)
    lines: Any = grouped.head(SHOWN).to_dict("records")
    for line in lines:
        others = f" and {line['providers'] - 1:,} more" if line["providers"] > 1 else ""
        words = (line["measure"], line["table"], line["what"], f"{line['first']}{others}")
        table.add_row(*map(escape, words), f"{line['value']:.3g}")
    console.print(table)
    if len(grouped) > SHOWN:
        console.print(f"{len(grouped) - SHOWN:,} more lines with --json or --html FILE.")


def _of(frame: pd.DataFrame, table: str) -> pd.DataFrame:
    return frame[frame["table"] == table]


def _weighted(frame: pd.DataFrame, column: str) -> str:
    """Return the mean over providers, each weighing as many records as it has."""
    records = frame["records"].sum()
    return f"{(frame[column] * frame['records']).sum() / records:,.0f}" if records else ""
