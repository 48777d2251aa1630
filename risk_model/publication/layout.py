"""What lies in the folder of a published classification."""

from __future__ import annotations

import pyarrow as pa

FORMAT = 1
CURRENT = "CURRENT"
DOCUMENT = "snapshot.json"
CLASSIFICATION = "classification.parquet"
FEATURES = "features.parquet"
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

#: Small enough that a look-up by code reads one row group.
ROWS_A_GROUP = 20_000


def contributions_file(model: str) -> str:
    """Return the name of the file with a model's contributions."""
    return f"contributions-{model}.parquet"


def contributions_schema(features: tuple[str, ...]) -> pa.Schema:
    """Return credit code, base value, and one column a feature: what it adds to the margin."""
    return pa.schema(
        [
            pa.field("credit_code", pa.string()),
            pa.field("base_value", pa.float64()),
            *(pa.field(name, pa.float64()) for name in features),
        ]
    )


def features_schema(features: tuple[str, ...]) -> pa.Schema:
    """Return credit code and one column a feature: its value."""
    return pa.schema(
        [pa.field("credit_code", pa.string()), *(pa.field(name, pa.float64()) for name in features)]
    )
