"""Records of a simulated province that come late: one in a hundred, chosen in one of several ways."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
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
    sizes = {path: pq.read_metadata(path).num_rows for path in paths}
    may_be_late = [path for path in paths if path.stem not in ON_TIME]
    wanted = SHARE * sum(sizes.values())
    share = wanted / sum(sizes[path] for path in may_be_late)
    if way == OF_A_DISTRICT:
        chosen = _of_a_district(may_be_late, wanted)
    else:
        codes = pq.read_table(source / "enterprise.parquet", columns=["credit_code"])["credit_code"]
        codes = pc.unique(codes).drop_null()
        chosen = codes.filter(pa.array(rng.random(len(codes)) < share))
    counts = {"first": 0, "late": 0}
    parts: dict[str, list[str]] = {"first": [], "late": []}
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


def _of_a_district(paths: Sequence[Path], wanted: float) -> pa.Array:
    """Return enterprises of one district with as many records in some files: the first ones by code.

    It is the smallest district with so many.
    """
    districts: Counter[str] = Counter()
    for path in paths:
        districts += _counted(pc.utf8_slice_codeunits(_codes_in(path), 2, 8))
    large = {name: count for name, count in districts.items() if count >= wanted}
    chosen = min(large, key=lambda name: (large[name], name))
    records: Counter[str] = Counter()
    for path in paths:
        codes = _codes_in(path)
        records += _counted(codes.filter(pc.equal(pc.utf8_slice_codeunits(codes, 2, 8), chosen)))
    codes = sorted(records)
    gathered = np.cumsum([records[code] for code in codes])
    return pa.array(codes[: int(np.searchsorted(gathered, wanted)) + 1])


def _codes_in(path: Path) -> pa.ChunkedArray:
    return pq.read_table(path, columns=["credit_code"])["credit_code"].drop_null()


def _counted(texts: pa.ChunkedArray) -> Counter[str]:
    found = pc.value_counts(texts)
    return Counter(dict(zip(found.field(0).to_pylist(), found.field(1).to_pylist(), strict=True)))


def load_late(home: Path, files: Files) -> None:
    """Load the second part into the store of a home."""
    from features.sources import ingest
    from features.store import RecordStore

    ingest(RecordStore(home / "store"), "simulated", [Path(path) for path in files.late])
