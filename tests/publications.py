"""Classifications that no model made."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa

from risk_model.publication import PublicationWriter, layout


def publish_rows(published: Path, as_of: date, rows: pa.Table, models: Mapping[str, Any]) -> Path:
    """Publish rows of a classification, sorted by credit code; columns that they lack are missing."""
    schema = layout.CLASSIFICATION_SCHEMA
    columns = [
        rows[field.name].cast(field.type)
        if field.name in rows.column_names
        else pa.nulls(len(rows), field.type)
        for field in schema
    ]
    codes = rows["credit_code"]
    facts = {"first": codes[0].as_py(), "last": codes[-1].as_py(), "enterprises": len(codes)}
    with PublicationWriter(published, as_of, "test") as writer:
        writer.shard({layout.CLASSIFICATION: pa.table(columns, schema=schema)}, facts)
        return writer.publish({"models": dict(models)})
