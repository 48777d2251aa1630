"""References that lead nowhere."""

from __future__ import annotations

import duckdb
import pandas as pd

from features.records import TABLES, Label
from features.store import Snapshot
from features.store.versions import parquet

#: Name of a check → what leads nowhere.
CHECKS = {
    "enterprise_not_registered": Label(
        "记录所属企业无登记信息", "records of an enterprise whose registration is not known"
    ),
    "repair_of_unknown_record": Label(
        "信用修复所指记录不存在", "decisions on repair of a record that the enterprise does not have"
    ),
    "related_enterprise_unknown": Label(
        "关联企业无登记信息", "relations to an enterprise whose registration is not known"
    ),
    "equipment_unknown": Label("事故所涉设备未登记", "incidents of equipment that is not on record"),
}
COLUMNS = ["check", "table", "provider", "checked", "gaps", "share"]


def references(connection: duckdb.DuckDBPyConnection, snapshot: Snapshot) -> pd.DataFrame:
    """Return what was checked and what leads nowhere, by check, table and provider.

    Notes
    -----
    A check whose target table was never loaded is left out: nothing could be found in it.
    """
    files = {name: parquet(snapshot.files(name)) for name in snapshot.counts()}
    queries = []
    if "enterprise" in files:
        registered = f"(SELECT credit_code FROM {files['enterprise']})"
        queries += [
            _query("enterprise_not_registered", table, source, "credit_code", f"credit_code IN {registered}")
            for table, source in files.items()
            if table != "enterprise"
        ]
        if "relation" in files:
            known = f"related_code IN {registered}"
            queries.append(
                _query("related_enterprise_unknown", "relation", files["relation"], "related_code", known)
            )
    if {"incident", "equipment"} <= files.keys():
        known = f"equipment_id IN (SELECT equipment_id FROM {files['equipment']})"
        queries.append(_query("equipment_unknown", "incident", files["incident"], "equipment_id", known))
    if "credit_repair" in files:
        targets = " UNION ALL ".join(
            f"SELECT '{name}' AS target_table, record_id AS target_record_id, credit_code FROM {source}"
            for name, source in files.items()
        )
        known = f"(target_table, target_record_id, credit_code) IN ({targets})"
        queries.append(
            _query(
                "repair_of_unknown_record",
                "credit_repair",
                files["credit_repair"],
                "target_record_id",
                known,
            )
        )
    parts = [connection.execute(query).df() for query in queries]
    whole = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=COLUMNS[:-1])
    whole["gaps"] = whole["gaps"].astype("int64")
    whole["share"] = whole["gaps"] / whole["checked"]
    return whole[COLUMNS]


def _query(check: str, table: str, source: str, column: str, known: str) -> str:
    """Return the SQL of one check; records count once, whatever the number of their versions."""
    assert check in CHECKS, check
    assert table in TABLES, table
    return f"""
    WITH named AS (
        SELECT provider, record_id, bool_and({known}) AS found
        FROM {source} WHERE {column} IS NOT NULL GROUP BY provider, record_id
    )
    SELECT '{check}' AS "check", '{table}' AS "table", provider, count(*) AS checked,
        count(*) FILTER (NOT found) AS gaps
    FROM named GROUP BY provider ORDER BY provider
    """
