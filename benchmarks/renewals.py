"""A classification renewed after late records against a whole run, in turns, and what both say, compared."""

from __future__ import annotations

import os
import shutil
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.late_records import LATE, OF_A_DISTRICT, OF_ANYBODY, load_late, withheld
from benchmarks.stages import AS_OF, MONTH_BEFORE, START, stage

#: How rates of the neighbourhood are made: from the records that there are now, or as they were published.
FRESH, PUBLISHED = "rates from the records", "rates as published"


def renewals(
    folder: Path,
    enterprises: int,
    registry: Path,
    ways: tuple[str, ...] = LATE,
    kinds: tuple[str, ...] = (FRESH, PUBLISHED),
) -> dict[str, Any]:
    """Renew a classification after late records; compare with whole runs.

    Parameters
    ----------
    folder
        Where provinces are put, and removed again.
    enterprises
        Of the province.
    registry
        Home with champions.
    ways
        In which records may come late.
    kinds
        Of rates of the neighbourhood.
    """
    found: dict[str, Any] = {"enterprises": enterprises}
    source = folder / f"late-{enterprises}"
    stage(source, "simulate", "--enterprises", str(enterprises), "--start", START)
    for way in ways:
        home = folder / f"late-{enterprises}-{way.replace(' ', '-')}"
        files = withheld(source / "simulated" / "records", home / "files", way)
        if len(ways) == 1:
            shutil.rmtree(source)
        stage(home, "ingest", "simulated", *files.first)
        stage(home, "classify", "--as-of", AS_OF, registry=registry)
        load_late(home, files)
        shutil.rmtree(home / "files")
        found[way] = {"records_late": files.share, **_both(home, registry, kinds)}
        print(f"{enterprises:>10,} enterprises, late: {way:<30} {found[way]}", flush=True)
        if way == OF_ANYBODY:
            found["untouched by a month"] = untouched_by_a_month(home, registry, home / "whole-0")
        shutil.rmtree(home)
    shutil.rmtree(source, ignore_errors=True)
    return found


def late_delivery(folder: Path, enterprises: int, registry: Path) -> dict[str, Any]:
    """Renew the classification of a whole province after a bureau's late delivery, rates as published."""
    return renewals(folder, enterprises, registry, (OF_A_DISTRICT,), (PUBLISHED,))


def _both(home: Path, registry: Path, kinds: tuple[str, ...]) -> dict[str, Any]:
    """Renew, compute anew and renew again, with each kind of rates."""
    from features.home import Home
    from risk_model.publication import Publication

    base = Publication.current(Home(home))
    told: dict[str, Any] = {}
    whole = []
    for kind in kinds:
        pinned = ("--rates-of", base.name) if kind == PUBLISHED else ()
        seconds: dict[str, list[float]] = {"renewed": [], "whole": []}
        peaks: dict[str, float] = {}
        made = {}
        for how, options in (("renewed", ()), ("whole", ("--anew",)), ("renewed", ())):
            # What was loaded and classified just before is on the disk when late records are classified.
            os.sync()
            found = stage(home, "classify", "--as-of", AS_OF, *pinned, *options, registry=registry)
            seconds[how].append(round(found["of_the_command"], 2))
            peaks[how] = max(peaks.get(how, 0.0), round(found["bytes"] / 2**20, 1))
            made[how] = _aside(Publication.current(Home(home)), home / f"{how}-{len(told)}", base)
        whole.append(made["whole"])
        told[kind] = {
            "seconds": seconds,
            "peak_mib": peaks,
            "faster": statistics.median(seconds["whole"]) / statistics.median(seconds["renewed"]),
            "equal": equal(made["renewed"], made["whole"]),
            "margins_changed": _changed(base, made["whole"], "margin"),
            "files_taken_over": _taken_over(base, made["renewed"]),
        }
    if len(whole) > 1:
        told["tiers that differ by the kind of rates"] = _changed(whole[0], whole[1], "tier")
    return told


def _aside(publication: Any, folder: Path, base: Any) -> Any:
    """Put a classification where none after it is renewed from it, and another one back in force."""
    from risk_model.publication import Publication
    from risk_model.publication.writing import set_current

    set_current(base.folder.parent, base.name)
    shutil.rmtree(folder, ignore_errors=True)
    publication.folder.rename(folder)
    return Publication(folder)


def equal(one: Any, other: Any) -> bool:
    """Return whether two classifications say the same, bit for bit, a shard at a time."""
    from risk_model.publication import layout

    files = [layout.CLASSIFICATION, layout.FEATURES, *map(layout.contributions_file, one.models)]
    if one.document["neighbourhood"]:
        files.append(layout.NEIGHBOURHOOD)
    return one.models == other.models and all(
        _same_rows(_shards(one, file), _shards(other, file)) for file in files
    )


def _shards(publication: Any, file: str) -> Iterator[pa.Table]:
    for number in range(len(publication.document["shards"])):
        yield publication.shard_table(number, file)


def _same_rows(ours: Iterator[pa.Table], theirs: Iterator[pa.Table]) -> bool:
    """Compare rows that come in pieces of any size."""
    left: list[pa.Table | None] = [None, None]
    sources = (ours, theirs)
    while True:
        for side in (0, 1):
            held = left[side]
            if held is None or not held.num_rows:
                left[side] = next(sources[side], None)
        one, other = left
        if one is None or other is None:
            return one is None and other is None
        count = min(one.num_rows, other.num_rows)
        if not _alike(one.slice(0, count), other.slice(0, count)):
            return False
        left = [one.slice(count), other.slice(count)]


def _alike(one: pa.Table, other: pa.Table) -> bool:
    """Return whether two tables are equal; missing numbers in lists are equal."""
    if one.schema != other.schema:
        return False
    for name in one.column_names:
        ours, theirs = one[name].combine_chunks(), other[name].combine_chunks()
        if pa.types.is_fixed_size_list(ours.type):
            if not np.array_equal(ours.flatten().to_numpy(), theirs.flatten().to_numpy(), equal_nan=True):
                return False
        elif not ours.equals(theirs):
            return False
    return True


def _changed(one: Any, other: Any, column: str) -> float:
    """Return the share of enterprises of whom the general model says something else in a column."""
    before, after = (
        found.rows(model="general", columns=["credit_code", column]).to_pandas().set_index("credit_code")
        for found in (one, other)
    )
    both = before.rename(columns={column: "before"}).join(after, how="outer")
    return float((both["before"] != both[column]).mean())


def _taken_over(base: Any, renewed: Any) -> float:
    """Return the share of the files of the shards that are the same bytes as before."""
    files = list(renewed.folder.glob("[0-9]*/*.parquet"))
    old = {path.stat().st_ino for path in base.folder.glob("[0-9]*/*.parquet")}
    return sum(path.stat().st_ino in old for path in files) / len(files)


def untouched_by_a_month(home: Path, registry: Path, folder: Path) -> float:
    """Return the share of enterprises of whom a month later the general model would say the same.

    Every feature is then between the same two thresholds as it was: that is what a renewal from one month to
    the next could leave alone.

    Parameters
    ----------
    home, registry
        Records and champions.
    folder
        Classification of the later date.
    """
    from features.definitions import LIBRARY
    from features.home import Home
    from risk_model.publication import Publication
    from risk_model.registry import Registry
    from risk_model.renewal import other_side
    from risk_model.shipping import Fleet, ModelVersion

    later = Publication(folder)
    stage(home, "classify", "--as-of", MONTH_BEFORE, registry=registry)
    before = Publication.current(Home(home))
    model, version = Registry(Home(registry)).load("general")
    thresholds = Fleet({"general": ModelVersion(model, version.version)}).thresholds
    both = [
        one.features_table(model.feature_names).to_pandas().set_index("credit_code")
        for one in (before, later)
    ]
    both = [one.loc[both[0].index.intersection(both[1].index)] for one in both]
    changed = np.zeros(len(both[0]), dtype=bool)
    for name in model.feature_names:
        old, new = (one[name].to_numpy() for one in both)
        if LIBRARY[name].categories is not None:
            changed |= ~((old == new) | (np.isnan(old) & np.isnan(new)))
        else:
            changed |= other_side(thresholds.get(name), old, new)
    return float(1 - changed.mean())
