"""Rows that could not be used, each with where it stood and why; and where loads came from."""

from __future__ import annotations

import pyarrow as pa

UTC_TIME = pa.timestamp("us", tz="UTC")

#: What a reader hands over of a row that it cannot use.
REJECTED = pa.schema(
    [
        pa.field("table", pa.string()),
        pa.field("file", pa.string()),
        pa.field("source_line", pa.int64()),
        pa.field("reason", pa.string()),
        pa.field("detail", pa.string()),
        pa.field("field", pa.string()),
        pa.field("raw", pa.string()),
    ]
)

QUARANTINE = pa.schema(
    [
        *REJECTED,
        pa.field("source", pa.string()),
        pa.field("load_id", pa.string()),
        pa.field("quarantined_at", UTC_TIME),
        # Of table, source, file, line and raw row: the same bad row again is known, not stored twice.
        pa.field("row_hash", pa.int64()),
    ]
)

#: One row a file and table of a load.
LOADS = pa.schema(
    [
        pa.field("load_id", pa.string()),
        pa.field("source", pa.string()),
        pa.field("provider", pa.string()),
        pa.field("file", pa.string()),
        pa.field("sha256", pa.string()),
        pa.field("table", pa.string()),
        pa.field("rows_in", pa.int64()),
        pa.field("accepted", pa.int64()),
        pa.field("duplicate", pa.int64()),
        pa.field("quarantined", pa.int64()),
        pa.field("not_applicable", pa.int64()),
        pa.field("started_at", UTC_TIME),
        pa.field("finished_at", UTC_TIME),
    ]
)

#: By what the rows of these tables are sorted when their files are put together.
ORDER = {
    "quarantine": ("source", "file", "source_line", "row_hash"),
    "loads": ("started_at", "load_id", "file", "table"),
}

CONFLICT = "other content under the same record_id and recorded_at"
OTHER_ENTERPRISE = "record_id belongs to another enterprise"

#: The incoming rows that contradict the store, each as JSON.
REFUSED_ROWS = """
WITH refused AS (
    SELECT verdict, (SELECT row FROM (SELECT i.* EXCLUDE (load_id, place)) row) AS content
    FROM incoming i JOIN rejected USING (place)
    WHERE verdict <> 'duplicate'
)
SELECT $table AS "table", $file AS file, content.source_line AS source_line,
    CASE verdict WHEN 'conflict' THEN $conflict ELSE $other END AS reason,
    content.record_id AS detail,
    CASE verdict WHEN 'conflict' THEN 'record_id' ELSE 'credit_code' END AS field,
    to_json(content)::VARCHAR AS raw
FROM refused
ORDER BY source_line
"""

#: Adds hash and provenance; drops what is already known, in the store or earlier in the same rows.
NEW_ROWS = """
WITH hashed AS (
    SELECT rejected.*, $source AS source, $load_id AS load_id, $now::TIMESTAMPTZ AS quarantined_at,
        (md5_number_lower(concat_ws(chr(31), "table", $source, file, source_line::VARCHAR, raw)) >> 1)::BIGINT
            AS row_hash
    FROM rejected
)
SELECT * FROM hashed
WHERE row_hash NOT IN (SELECT row_hash FROM {known})
QUALIFY row_number() OVER (PARTITION BY row_hash ORDER BY reason) = 1
ORDER BY source, file, source_line
"""
