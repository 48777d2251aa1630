"""What lies in the folder of a published classification.

``snapshot.json`` says what it is, ``context`` what features across enterprises knew of the others, and every
shard (a folder with a number) holds a stretch of enterprises, sorted by credit code: their rows, the values
of their features, and for each model what every feature adds to the margin. Rates of the neighbourhood are in
a file of their own, with what they were made of: they change with every record of anybody near.

A classification that renews an earlier one of the same date shares its large files (they are links to the
same bytes), and has beside them what became of those enterprises whose rows are no longer true: ``changed-``
files, of the same columns, that count before the others. Features of tied enterprises change in every shard
for a few: those lie in one file for all shards, ``tied.parquet``, and count before all else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

FORMAT = 4
#: Formats that can be read; the second had no file of neighbourhoods, the third none of tied enterprises.
READABLE = (2, 3, 4)
CURRENT = "CURRENT"
DOCUMENT = "snapshot.json"
#: Of a shard: the stretch, and what is counted of it. It is written last: without it the shard is not done.
SHARD = "shard.json"
CLASSIFICATION = "classification.parquet"
FEATURES = "features.parquet"
NEIGHBOURHOOD = "neighbourhood.parquet"
#: Put before the name of a file that counts before it.
CHANGED = "changed-"
#: Features of tied enterprises that are others than the shards say.
TIED = "tied.parquet"
#: What all enterprises told for features across them, those included that are tied to nobody: to renew it.
SURVEY = "survey"
#: What features across enterprises know of the others at the date: to score one enterprise alone.
CONTEXT = "context"

#: One row an enterprise and model, sorted by credit code.
CLASSIFICATION_SCHEMA = pa.schema(
    [
        pa.field("credit_code", pa.string()),
        pa.field("name", pa.string()),
        pa.field("district", pa.string()),
        pa.field("industry", pa.string()),
        pa.field("enterprise_type", pa.string()),
        pa.field("model", pa.string()),
        pa.field("version", pa.string()),
        pa.field("score", pa.float64()),
        pa.field("margin", pa.float64()),
        pa.field("probability", pa.float64()),
        pa.field("tier", pa.string()),
        #: Of the score alone, before hysteresis, thin records and floors.
        pa.field("tier_by_score", pa.string()),
        pa.field("decided_by", pa.string()),
        pa.field("previous_tier", pa.string()),
        #: Records of supervision that are known.
        pa.field("records", pa.int64()),
        #: Declarations (feature groups) that raise the score most, the strongest first.
        pa.field("top_reasons", pa.list_(pa.string())),
    ]
)

#: Enterprises of a shard: what is done again after an interruption, and what bounds the memory.
ENTERPRISES_A_SHARD = 10_000
#: Small enough that a look-up by code decodes little beside it.
ROWS_A_GROUP = 250
#: Of files with longer rows. In stretches of a hundred a look-up takes a third, and the file 5 % more.
ROWS_A_GROUP_OF: Mapping[str, int] = {FEATURES: 100, f"{CHANGED}{FEATURES}": 100}
#: How files are packed. Rows are looked up more than all else: a third larger, they are read in half of it.
PACKED: Mapping[str, Mapping[str, Any]] = {CLASSIFICATION: {"compression": "snappy", "use_dictionary": False}}
PACKED_ELSE: Mapping[str, Any] = {"compression": "zstd"}


def contributions_file(model: str) -> str:
    """Return the name of the file with a model's contributions."""
    return f"contributions-{model}.parquet"


def contributions_schema(features: int) -> pa.Schema:
    """Return credit code, base value, and a list: what each feature adds to the margin.

    One list in place of one column a feature, because a look-up costs by the column.
    """
    return pa.schema(
        [
            pa.field("credit_code", pa.string()),
            pa.field("base_value", pa.float64()),
            pa.field("contributions", pa.list_(pa.float64(), features)),
        ]
    )


def features_schema(features: int) -> pa.Schema:
    """Return credit code and a list: the value of each feature, all of them or some."""
    return pa.schema(
        [pa.field("credit_code", pa.string()), pa.field("values", pa.list_(pa.float64(), features))]
    )


def shard_name(number: int) -> str:
    """Return the name of a shard's folder."""
    return f"{number:05d}"
