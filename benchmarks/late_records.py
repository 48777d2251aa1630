"""Records of a simulated province that come late: one in a hundred, chosen in one of several ways."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

#: Share of all records that come late.
SHARE = 0.01
#: Tables whose records do not.
ON_TIME = ("enterprise", "relation")
OF_A_DISTRICT, OF_SOME, OF_ANYBODY = "of one district", "of some enterprises", "of anybody"
#: Whose records they are: a bureau's that hands its records over late; those of some enterprises anywhere;
#: any record of anybody.
LATE = (OF_A_DISTRICT, OF_SOME, OF_ANYBODY)


@dataclass(frozen=True)
class Files:
    """The files of a province in two loads.

    Attributes
    ----------
    first, late
        Paths.
    share
        Share of the records in the second.
    """

    first: list[str]
    late: list[str]
    share: float


def withheld(source: Path, out: Path, way: str, seed: int = 1) -> Files:
    """Divide the files of a simulated province.

    Parameters
    ----------
    source, out
        Folder of the files, and where the two parts go.
    way
        One of :data:`LATE`.
    seed
        Of the choice.
    """
    rng = np.random.default_rng(seed)
    paths = sorted(source.glob("*.parquet"))
    codes = pc.unique(pq.read_table(source / "enterprise.parquet", columns=["credit_code"])["credit_code"])
    share = _share_of_others(paths)
    chosen = _enterprises(codes.drop_null(), way, rng, share)
    counts, parts = {"first": 0, "late": 0}, {"first": [], "late": []}
    for path in paths:
        rows = pq.read_table(path)
        late = np.zeros(rows.num_rows, dtype=bool)
        # Registration is always on time: what comes late is what happened to those who are known.
        if path.stem not in ON_TIME:
            if way == OF_ANYBODY:
                late = rng.random(rows.num_rows) < share
            else:
                late = pc.is_in(rows["credit_code"], value_set=chosen).to_numpy()
        for name, mask in (("first", ~late), ("late", late)):
            part = rows.filter(pa.array(mask))
            counts[name] += part.num_rows
            if part.num_rows:
                target = out / name / path.name
                target.parent.mkdir(parents=True, exist_ok=True)
                pq.write_table(part, target, compression="zstd")
                parts[name].append(str(target))
    return Files(parts["first"], parts["late"], counts["late"] / sum(counts.values()))


def _share_of_others(paths: Sequence[Path]) -> float:
    """Return how many of the records that may come late must, so that they are so many of all."""
    rows = {path.stem: pq.read_metadata(path).num_rows for path in paths}
    return SHARE * sum(rows.values()) / sum(count for name, count in rows.items() if name not in ON_TIME)


def _enterprises(codes: pa.Array, way: str, rng: np.random.Generator, share: float) -> pa.Array:
    """Return the enterprises whose records come late."""
    if way == OF_A_DISTRICT:
        # The smallest district with more records than that: a part of it, by place in the list.
        own = codes.filter(pc.equal(pc.utf8_slice_codeunits(codes, 2, 8), _smallest(codes, share)))
        own = own.take(pc.array_sort_indices(own))
        return own.slice(0, round(share * len(codes)))
    return codes.filter(pa.array(rng.random(len(codes)) < share))


def _smallest(codes: pa.Array, share: float) -> str:
    counted: Mapping[str, int] = {
        row["values"]: row["counts"]
        for row in pc.value_counts(pc.utf8_slice_codeunits(codes, 2, 8)).to_pylist()
        if row["counts"] > share * len(codes)
    }
    return min(counted, key=lambda name: counted[name])


def load_late(home: Path, files: Files) -> None:
    """Load the second part into the store of a home."""
    from features.sources import ingest
    from features.store import RecordStore

    ingest(RecordStore(home / "store"), "simulated", [Path(path) for path in files.late])
