"""``risk-model features``: computes the feature table; prints the data dictionary."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from features.terminal import AddressOption, HomeOption, JsonOption, RunnerOption, print_json, progress

if TYPE_CHECKING:
    import pyarrow as pa

    from features.definitions.feature import Feature
    from features.kernel import Plan


def register(app: typer.Typer) -> None:
    """Add the command ``features``."""
    app.command("features")(features)


def features(
    *,
    as_of: Annotated[
        list[datetime] | None,
        typer.Option(
            formats=["%Y-%m-%d"], help="Date of the features; may be given several times.", metavar="DATE"
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Parquet file to write.", metavar="FILE", show_default=False)
    ] = None,
    sector: Annotated[
        list[str] | None,
        typer.Option(help="Only features of this sector; may be given several times.", show_default=False),
    ] = None,
    everybody: Annotated[
        bool,
        typer.Option("--everybody", help="Every enterprise that has a record, not only those in business."),
    ] = False,
    runner: RunnerOption = "threads",
    address: AddressOption = None,
    snapshot: Annotated[
        int | None, typer.Option(help="Snapshot of the records; by default the latest.", show_default=False)
    ] = None,
    context: Annotated[
        Path | None,
        typer.Option(
            help="Also write what features across enterprises know of others, for scoring single ones.",
            metavar="DIR",
            show_default=False,
        ),
    ] = None,
    describe: Annotated[
        bool, typer.Option("--describe", help="Print the data dictionary and compute nothing.")
    ] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compute the features of enterprises at dates, as they were known then."""
    from features.home import Home

    chosen = _chosen(sector)
    if describe:
        _describe(chosen, as_json=as_json)
        return
    report = _compute(
        chosen,
        dates=[moment.date() for moment in as_of or []],
        out=out,
        everybody=everybody,
        runner=runner,
        address=address,
        snapshot=snapshot,
        context=context,
        home=Home.locate(home),
    )
    if as_json:
        print_json(report)
    else:
        typer.echo(
            f"{report['rows']:,} rows ({report['enterprises']:,} enterprises, {len(report['as_of'])} dates), "
            f"{report['features']} features of snapshot {report['snapshot']}: {report['out']}"
        )


def _chosen(sectors: list[str] | None) -> tuple[Feature, ...]:
    from features.definitions import LIBRARY, SECTORS
    from features.errors import InputError

    unknown = [sector for sector in sectors or [] if sector not in SECTORS]
    if unknown:
        raise InputError(
            f"there is no sector {unknown[0]!r}", field="--sector", fix=f"Sectors: {', '.join(SECTORS)}."
        )
    return tuple(feature for feature in LIBRARY if not sectors or feature.sector in sectors)


def _describe(chosen: tuple[Feature, ...], *, as_json: bool) -> None:
    from features.definitions.dictionary import data_dictionary, describe

    if as_json:
        print_json({"features": [describe(feature) for feature in chosen]})
    else:
        typer.echo(data_dictionary(chosen))


def _compute(
    chosen: tuple[Feature, ...],
    *,
    dates: list[date],
    out: Path | None,
    everybody: bool,
    runner: str,
    address: str | None,
    snapshot: int | None,
    context: Path | None,
    home: Any,
) -> dict[str, Any]:
    import pyarrow.compute as pc

    from features.cohort import everyone, registered
    from features.errors import InputError
    from features.kernel import Plan
    from features.runners import context_of, scheduler_of, stream
    from features.store import RecordStore

    if not dates:
        raise InputError("no date was given", field="--as-of", fix="Give --as-of 2025-01-01, say.")
    if out is None:
        raise InputError("no file was given", field="--out", fix="Give --out features.parquet, say.")
    records = RecordStore(home.store).snapshot(snapshot)
    dates = sorted(set(dates))
    pairs = everyone(records, dates) if everybody else registered(records, dates)
    if not pairs.num_rows:
        raise InputError(
            f"no enterprise is known to be in business at {', '.join(map(str, dates))}",
            field="--as-of",
            fix="Choose a date within the records, or give --everybody.",
        )
    plan = Plan(chosen)
    with scheduler_of(runner, records, address) as scheduler, progress("features") as advance:
        known = context_of(records, plan, pairs, scheduler=scheduler)
        parts = stream(records, plan, pairs, scheduler=scheduler, context=known, progress=advance)
        rows = _write(parts, plan, out)
    if context is not None and known is not None:
        known.save(context)
    return {
        "out": str(out),
        "snapshot": records.id,
        "as_of": [str(day) for day in dates],
        "rows": rows,
        # At one date each is there once; looking that up again would take as much memory as all codes.
        "enterprises": pairs.num_rows if len(dates) == 1 else pc.count_distinct(pairs["credit_code"]).as_py(),
        "features": len(plan.names),
        "definitions": plan.fingerprint,
        "runner": runner,
        "context": None if context is None or known is None else str(context),
    }


def _write(parts: Iterator[pa.Table], plan: Plan, out: Path) -> int:
    """Write tables one after another, the file in its place only when it is complete."""
    import pyarrow.parquet as pq

    from features.runners.work import empty_result

    out.parent.mkdir(parents=True, exist_ok=True)
    unfinished = out.with_name(f".{out.name}.part")
    schema = empty_result(plan).schema.with_metadata({"definitions": plan.fingerprint})
    rows = 0
    try:
        with pq.ParquetWriter(unfinished, schema, compression="zstd") as writer:
            for part in parts:
                writer.write_table(part.replace_schema_metadata(schema.metadata))
                rows += part.num_rows
        unfinished.replace(out)
    finally:
        unfinished.unlink(missing_ok=True)
    return rows
